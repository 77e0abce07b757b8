// Package queue keeps what a forge has delivered until it is done, in SQLite or PostgreSQL, and runs it.
//
// # What is kept
//
// One row an [Item]: the delivery as it came, whom it is for, and where it stands. Its delivery's ID is unique, so that what is
// delivered twice is there once. A row is written and flushed before [Store.Add] returns; from then on it ends in one of the
// final states and in no other way. What is put off is tried again at once when something new of its Key is added; what has failed, [Store.Again] takes up again.
//
// # Who runs what
//
// A replica claims an item for as long as it gives signs of life (a lease with a fence: a number that grows with each claim, and
// without which nothing is written about the item any more). Items of one Key, a pull request or a branch, run one at a time and
// in the order in which they came, over all replicas; between repositories, the one that was served longest ago is next. A
// replica that dies loses its leases, and what it ran is claimed again: [Run.Interrupted] tells.
//
// # What replaces what
//
// A [Preview] takes the place of older ones of its Key: those that wait are dropped, one that runs is cancelled, unless it is about
// the same Subject: it would never end where there are many events about one head. Nothing else
// is ever merged or dropped. [Store.Cancel] stops what runs for a Key and what waits for it, each of which is still run, to say
// so, with [Run.Cancelled] set.
package queue
