// Package chart is about helm-chart.yaml (project format §4): what the file says, where its chart comes from, and how the
// charts of a project are vendored and updated.
//
// A [Loader] finds and parses the charts of one run, each once. A chart of a repository or of git is one that [Pull] put below
// .helm-charts, or, where its file has skipPrePull, one from the cache that all runs share.
//
// # The lock file
//
// [Pull] writes helm-charts.lock beside .kluctl.yaml: the digest of each chart of a repository, and the commit of each tag of
// git. Rendering reads it and takes what is locked as long as it can be had; when a repository has another content under
// the same version, that is a warning. A project without the file works as before.
package chart
