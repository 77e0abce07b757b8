// Package forge says what the bot needs from the place where pull requests
// live, in our own words, with the same meaning on GitHub and on GitLab.
//
// Two things cross this border. An [Event] comes in: something that happened,
// already verified, decoded by the adapter from a webhook's payload or from a
// CI job's event file. The verbs of [Forge] go out: read a pull request, write
// a comment. No type of a forge's SDK appears here; the adapters in the
// sub-packages are the only importers of those.
//
// # Words
//
// A pull request is also GitLab's merge request, a repository also GitLab's
// project, a comment also GitLab's note. Head is what is proposed, base is
// where it shall go.
//
// # Errors
//
// A verb that fails returns an [*Error]. Callers branch on its kind with
// errors.Is and the sentinels ([ErrNotFound], [ErrForbidden] and so on).
// An error never means "no": who cannot read a permission must refuse. No
// error text holds a token.
package forge
