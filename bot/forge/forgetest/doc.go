// Package forgetest has a stand-in for each forge: an HTTP server that keeps
// state and speaks the forge's own API, so that tests, and demonstrations on a
// machine without a forge, run the real client.
//
// # What keeps a stand-in honest
//
// The forge's own OpenAPI description (testdata/openapi). Every request that
// reaches the server, every response that it gives and every webhook payload
// that it builds is checked against it. What the description refuses is
// reported to [Options.Violation] and answered with 500, so that it cannot
// pass unnoticed. We are stricter than the description in two points: a field
// in a request's body and a parameter in its query that it does not know are
// violations too.
//
// Answers and payloads are made from the forge's own examples
// (testdata/events), in which only what the state says is replaced.
//
// # Use
//
// A test starts one with [StartGitHub] or [StartGitLab], describes who and what there is
// (AddRepo, AddUser, AddToken, OpenPullRequest), gives its URL to the client,
// and afterwards looks at the state (Comments, Reactions) or at the
// [Exchange]s. Methods that describe the state panic when they are told of
// something that does not exist: the mistake is in the caller's source.
//
// [Conformance] is the suite that every adapter passes against its stand-in.
package forgetest
