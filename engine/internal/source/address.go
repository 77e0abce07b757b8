package source

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// address is where a remote is, taken apart. The text of a project's file decides it, so that nothing is passed on to git
// that was not understood here.
type address struct {
	scheme   string // http, https, ssh, file or oci
	user     string
	password string
	host     string // lower case, without a port; an IPv6 address in brackets
	port     string // empty if it is the scheme's own
	path     string // without leading and trailing slashes
	scp      string // what is between host and path of the short form git@host:path, without or with a slash: ":" or ":/"
}

// scpLike is the short form of an ssh address: no scheme, and a colon before the first slash.
var scpLike = regexp.MustCompile(`^(?:([A-Za-z0-9_][A-Za-z0-9_.+-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]):([^:].*)$`)

var defaultPorts = map[string]string{"http": "80", "https": "443", "ssh": "22", "oci": "443"}

func parseAddress(text string) (address, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return address{}, errors.New("the address contains a control character")
	}
	if !strings.Contains(text, "://") {
		m := scpLike.FindStringSubmatch(text)
		if m == nil {
			return address{}, fmt.Errorf("%q is not the address of a remote, such as https://host/path, ssh://git@host/path, git@host:path or oci://host/path", strip(text))
		}
		a := address{scheme: "ssh", user: m[1], host: strings.ToLower(m[2]), path: strings.Trim(m[3], "/"), scp: ":"}
		if strings.HasPrefix(m[3], "/") { // or else it is below the home directory
			a.scp = ":/"
		}
		if a.path == "" {
			return a, fmt.Errorf("%q names no repository", text)
		}
		return a, a.checkPath()
	}
	u, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("%q is not an address: it cannot be parsed", strip(text)) // the cause quotes the text, secrets and all
	}
	a := address{scheme: u.Scheme, user: u.User.Username(), host: strings.ToLower(u.Hostname()), port: u.Port(), path: strings.Trim(u.Path, "/")}
	a.password, _ = u.User.Password()
	if strings.Contains(a.host, ":") {
		a.host = "[" + a.host + "]"
	}
	if a.port == defaultPorts[a.scheme] {
		a.port = ""
	}
	switch {
	case a.scheme != "http" && a.scheme != "https" && a.scheme != "ssh" && a.scheme != "file" && a.scheme != "oci":
		return address{}, fmt.Errorf("%q: the scheme %q is not supported: use https, http, ssh or oci", strip(text), a.scheme)
	case a.scheme == "file" && a.host != "":
		return address{}, fmt.Errorf("%q: a file address has no host: write file:///path", strip(text))
	case a.scheme != "file" && (a.host == "" || strings.HasPrefix(a.host, "-") || strings.HasPrefix(a.user, "-")):
		return address{}, fmt.Errorf("%q has no valid host", strip(text))
	case a.path == "":
		return address{}, fmt.Errorf("%q names no repository", strip(text))
	case u.RawQuery != "" || u.Fragment != "":
		return address{}, fmt.Errorf("%q has a query or fragment, which the address of a repository has not", strip(text))
	}
	return a, a.checkPath()
}

// checkPath refuses a path that names another repository than it seems to: who asks for it would drop the dots, and so
// leave what the path was allowed for.
func (a address) checkPath() error {
	for part := range strings.SplitSeq(a.path, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("%q has an empty element, . or .. in its path", a)
		}
	}
	return nil
}

// hostPort is the host with the port, if that is not the usual one.
func (a address) hostPort() string {
	if a.port == "" {
		return a.host
	}
	return a.host + ":" + a.port
}

func (a address) isHTTP() bool { return a.scheme == "http" || a.scheme == "https" }

// origin is scheme and host, by which git scopes settings.
func (a address) origin() string { return a.scheme + "://" + a.hostPort() }

// remote is the address that git is given: with the user for ssh, where it is a part of the address, and without for http,
// where a token may stand in its place.
func (a address) remote() string {
	user := ""
	if a.user != "" && a.scheme == "ssh" {
		user = url.User(a.user).String() + "@"
	}
	if a.scp != "" {
		return user + a.host + a.scp + a.path
	}
	return a.scheme + "://" + user + a.hostPort() + (&url.URL{Path: "/" + a.path}).EscapedPath()
}

// String is the address as errors name it.
func (a address) String() string {
	a.user, a.password = "", ""
	return a.remote()
}

// key is the normal form.
func (a address) key() string {
	return a.hostPort() + "/" + repoPath(a.path)
}

func repoPath(path string) string {
	return strings.Trim(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
}

// RepoKey is the normal form of a repository's address: host/path, the host in lower case, without scheme, user, the
// scheme's own port and ".git". "https://Host/group/app.git", "ssh://git@host:22/group/app" and "git@host:group/app" all
// are "host/group/app". An address on the local disk has no such form, which is an error. No error shows a password.
func RepoKey(url string) (string, error) {
	a, err := parseAddress(url)
	if err != nil {
		return "", err
	}
	if a.scheme == "file" {
		return "", fmt.Errorf("%s is on this machine and has no host", a)
	}
	return a.key(), nil
}

var userinfo = regexp.MustCompile(`(://)[^/\s@]*(?:@[^/\s@]*)*@`)

// strip cuts user and password out of every address in a text.
func strip(text string) string { return userinfo.ReplaceAllString(text, "${1}") }
