package kustomize

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// repository is a directory of a git repository, as an entry of a kustomization names it.
type repository struct {
	url string
	ref string // tag, branch or commit; "" is the default branch
	dir string // slash path below the repository's root, "." for the root itself
}

var (
	forced   = regexp.MustCompile(`(?i)^git::`)
	schemeOf = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*://`)
	fileName = regexp.MustCompile(`(?i)\.(ya?ml|json)$`)
)

// isFileURL says whether an entry names a file on a web server, and not a repository. Kustomize asks the server; here the form
// decides, so that an entry means the same each time: a repository is told by a ref, by //, .git or _git/ in its path; what is
// left is a file where its name ends as manifests' do.
func isFileURL(entry string) bool {
	u, err := url.Parse(entry)
	if err != nil || !isURL(entry) || u.Host == "" {
		return false
	}
	query := u.Query()
	if query.Has("ref") || query.Has("version") {
		return false
	}
	if _, _, marked := splitMarked(strings.TrimPrefix(u.Path, "/")); marked {
		return false
	}
	return fileName.MatchString(u.Path) || strings.Count(strings.Trim(u.Path, "/"), "/") == 0
}

// parseRepository reads the forms of addresses that kustomize knows: https://host/org/repo/dir, https://host/path//dir,
// …/repo.git/dir, …/_git/repo/dir, ssh://, git@host:org/repo, github.com/org/repo, each with ?ref=. Its queries timeout and submodules
// mean nothing here.
func parseRepository(entry string) (repository, error) {
	rest, query, _ := strings.Cut(forced.ReplaceAllString(entry, ""), "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return repository{}, fmt.Errorf("its query cannot be read")
	}
	r := repository{ref: values.Get("version")}
	if ref := values.Get("ref"); ref != "" {
		r.ref = ref
	}
	host, rest := splitHost(rest)
	repo, dir, marked := splitMarked(rest)
	if !marked {
		parts := strings.Split(rest, "/")
		const orgRepo = 2
		if len(parts) < orgRepo {
			return repository{}, fmt.Errorf("names no repository: write host/org/repo, or put // behind the repository's path")
		}
		repo, dir = strings.Join(parts[:orgRepo], "/"), strings.Join(parts[orgRepo:], "/")
	}
	if slices.Contains(strings.Split(dir, "/"), "..") {
		return repository{}, fmt.Errorf("the directory %s leads out of the repository", dir)
	}
	r.url, r.dir = host+repo, path.Join(".", strings.Trim(dir, "/"))
	return r, nil
}

// splitHost cuts an address behind the scheme, user and host.
func splitHost(address string) (host, rest string) {
	scheme := strings.ToLower(schemeOf.FindString(address))
	rest = address[len(scheme):]
	if scheme == "" && github.MatchString(rest) {
		return "https://github.com/", rest[len("github.com/"):]
	}
	separators := "/"
	if scheme == "" {
		separators = "/:"
	}
	if i := strings.IndexAny(rest, separators); i >= 0 {
		return scheme + rest[:i+1], rest[i+1:]
	}
	return scheme + rest, ""
}

// splitMarked cuts a path behind the repository, where something marks its end.
func splitMarked(p string) (repo, dir string, marked bool) {
	if i := strings.Index(p, "_git/"); i >= 0 {
		name, dir, _ := strings.Cut(p[i+len("_git/"):], "/")
		return p[:i+len("_git/")] + name, dir, true
	}
	if repo, dir, ok := strings.Cut(p, "//"); ok {
		return repo, dir, true
	}
	if repo, dir, ok := strings.Cut(p+"/", ".git/"); ok {
		return repo + ".git", dir, true
	}
	return "", "", false
}

var userinfo = regexp.MustCompile(`(://|^)[^/\s@:]*:[^/\s@]*@`)

// shownEntry is an entry as messages have it: without a password, and of its query, which may hold a token, no more than the ref.
func shownEntry(entry string) string {
	address, query, found := strings.Cut(userinfo.ReplaceAllString(entry, "${1}"), "?")
	if !found || !isURL(entry) && !isRepository(entry) {
		return userinfo.ReplaceAllString(entry, "${1}")
	}
	values, err := url.ParseQuery(query)
	for _, key := range []string{"ref", "version"} {
		if ref := values.Get(key); err == nil && ref != "" {
			return address + "?" + key + "=" + ref
		}
	}
	return address
}
