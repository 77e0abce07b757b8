// Package report words change sets and results for people and programs: as text for a terminal, as Markdown for a pull
// request, and as a JSON document with stable names. It is pure: values in, text out.
//
// What it gets is masked already (package diff sees to that). What it must see to itself is that text from strangers'
// manifests stays text: code fences are longer than any inside, HTML is escaped, and characters that would hide or
// reorder what a reviewer reads are made visible.
package report
