package source

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gobwas/glob"
)

// Kind tells git repositories and OCI repositories apart.
type Kind string

// The kinds of remotes.
const (
	KindGit Kind = "git"
	KindOCI Kind = "oci"
	// KindHelm are chart repositories with an index.yaml; charts in OCI registries are of KindOCI.
	KindHelm Kind = "helm"
	// KindFile are single files on web servers.
	KindFile Kind = "file"
)

// Credential says how remotes of one kind are reached. Host and PathGlob say which; the first Credential in
// [Options] that matches a remote, and has something for its way of transport, is used.
type Credential struct {
	Kind Kind
	// Host is a host name, with a port if only that one is meant; "*" is any host. It may be empty where PathGlob
	// begins with the host.
	Host string
	// PathGlob is matched with the path of the repository, without ".git"; "*" stays within one element of the path,
	// "**" does not. Empty matches every path.
	PathGlob string

	// Username is, with git, also a condition: an address that names another user does not match.
	Username string
	Password string
	// Token is for git a password by another name, for OCI a bearer token that is sent as it is.
	Token string
	// IdentityToken is, for OCI, exchanged for a bearer token, as `docker login` stores it.
	IdentityToken string

	SSHKeyFile     string // a private key without passphrase
	KnownHostsFile string

	CAFile   string // certificates to trust in place of the system's
	CertFile string // client certificate
	KeyFile  string // key of CertFile
	// PlainHTTP is needed for an OCI registry without TLS, unless it is on the loopback interface.
	PlainHTTP bool
	// InsecureSkipTLSVerify trusts every certificate.
	InsecureSkipTLSVerify bool
	// PassCredentialsAll hands the credential of a chart repository to every host that its index names.
	PassCredentialsAll bool
}

// secret is the password of a git credential.
func (c Credential) secret() string { return cmp.Or(c.Token, c.Password) }

// check finds what cannot work, and what could be taken for something else by git or a shell.
func (c Credential) check() error {
	if c.Kind != KindGit && c.Kind != KindOCI && c.Kind != KindHelm {
		return fmt.Errorf("credential for %q: kind %q: want git, oci or helm", c.Host, c.Kind)
	}
	if c.Host == "" && c.PathGlob == "" {
		return fmt.Errorf("%s credential without a host: say which host it is for", c.Kind)
	}
	for _, v := range []string{c.Username, c.Password, c.Token, c.IdentityToken, c.SSHKeyFile, c.KnownHostsFile, c.CAFile, c.CertFile, c.KeyFile} {
		if strings.ContainsAny(v, "\x00\r\n") {
			return fmt.Errorf("%s credential for %s: a value contains a line break: is a file's content given as it is, with the line break at its end?", c.Kind, cmp.Or(c.Host, c.PathGlob))
		}
	}
	if _, err := c.glob(); err != nil {
		return fmt.Errorf("%s credential for %s: path %q: %w", c.Kind, cmp.Or(c.Host, c.PathGlob), c.PathGlob, err)
	}
	return nil
}

func (c Credential) glob() (glob.Glob, error) {
	pattern := repoPath(c.PathGlob)
	if pattern == "" {
		pattern = "**"
	}
	return glob.Compile(pattern, '/')
}

// serves reports whether the credential is for the remote, and has something for its transport.
func (c Credential) serves(kind Kind, a address) bool {
	if c.Kind != kind {
		return false
	}
	if kind == KindGit {
		if a.user != "" && c.Username != "" && a.user != c.Username {
			return false
		}
		if isSSH := a.scheme == "ssh"; isSSH && c.SSHKeyFile == "" && c.KnownHostsFile == "" ||
			!isSSH && c.secret() == "" && c.CAFile == "" && c.CertFile == "" && !c.InsecureSkipTLSVerify {
			return false
		}
	}
	pattern, err := c.glob()
	if err != nil {
		return false // check has told
	}
	path := repoPath(a.path)
	switch host := strings.ToLower(c.Host); host {
	case "":
		return pattern.Match(a.hostPort()+"/"+path) || pattern.Match(a.host+"/"+path)
	case "*", a.host, a.hostPort():
		return pattern.Match(path)
	}
	return false
}

func (c *Cache) credential(kind Kind, a address) (Credential, bool) {
	i := slices.IndexFunc(c.opts.Credentials, func(cred Credential) bool { return cred.serves(kind, a) })
	if i < 0 {
		return Credential{}, false
	}
	return c.opts.Credentials[i], true
}

// envCredential takes a credential's variable apart: the product, the kind, the number of the set, the field.
var envCredential = regexp.MustCompile(`^(WEIGHLOCK|KLUCTL)_(GIT|REGISTRY|HELM)(?:_(\d+))?_([A-Z][A-Z_]*)$`)

// envFields are the fields by the names that the variables give them, by kind.
var envFields = map[string]map[string]func(*Credential) *string{
	"GIT": {
		"HOST":      func(c *Credential) *string { return &c.Host },
		"PATH":      func(c *Credential) *string { return &c.PathGlob },
		"USERNAME":  func(c *Credential) *string { return &c.Username },
		"PASSWORD":  func(c *Credential) *string { return &c.Password },
		"SSH_KEY":   func(c *Credential) *string { return &c.SSHKeyFile },
		"CA_BUNDLE": func(c *Credential) *string { return &c.CAFile },
	},
	"REGISTRY": {
		"HOST":           func(c *Credential) *string { return &c.Host },
		"REPOSITORY":     func(c *Credential) *string { return &c.PathGlob },
		"PATH":           func(c *Credential) *string { return &c.PathGlob },
		"USERNAME":       func(c *Credential) *string { return &c.Username },
		"PASSWORD":       func(c *Credential) *string { return &c.Password },
		"TOKEN":          func(c *Credential) *string { return &c.Token },
		"IDENTITY_TOKEN": func(c *Credential) *string { return &c.IdentityToken },
		"CA_FILE":        func(c *Credential) *string { return &c.CAFile },
		"CERT_FILE":      func(c *Credential) *string { return &c.CertFile },
		"KEY_FILE":       func(c *Credential) *string { return &c.KeyFile },
	},
	"HELM": {
		"HOST":      func(c *Credential) *string { return &c.Host },
		"PATH":      func(c *Credential) *string { return &c.PathGlob },
		"USERNAME":  func(c *Credential) *string { return &c.Username },
		"PASSWORD":  func(c *Credential) *string { return &c.Password },
		"CA_FILE":   func(c *Credential) *string { return &c.CAFile },
		"CERT_FILE": func(c *Credential) *string { return &c.CertFile },
		"KEY_FILE":  func(c *Credential) *string { return &c.KeyFile },
	},
}

// envFlags are those that are true or false.
var envFlags = map[string]map[string]func(*Credential) *bool{
	"REGISTRY": {
		"PLAIN_HTTP":               func(c *Credential) *bool { return &c.PlainHTTP },
		"INSECURE_SKIP_TLS_VERIFY": func(c *Credential) *bool { return &c.InsecureSkipTLSVerify },
	},
	"HELM": {
		"INSECURE_SKIP_TLS_VERIFY": func(c *Credential) *bool { return &c.InsecureSkipTLSVerify },
		"PASS_CREDENTIALS_ALL":     func(c *Credential) *bool { return &c.PassCredentialsAll },
	},
}

var envKinds = map[string]Kind{"GIT": KindGit, "REGISTRY": KindOCI, "HELM": KindHelm}

// envSet is one numbered set of variables; the set without a number is -1.
type envSet struct {
	product, kind string
	number        int
}

// CredentialsFromEnv reads WEIGHLOCK_GIT[_n]_*, WEIGHLOCK_REGISTRY[_n]_*, WEIGHLOCK_HELM[_n]_* and the same of KLUCTL (project format §4.6) out
// of an environment as of [os.Environ]: ours before Kluctl's, the set without a number first, then by number. Other
// variables that begin alike are left alone. All that cannot be used is reported at once.
func CredentialsFromEnv(environ []string) ([]Credential, error) {
	sets := make(map[envSet]*Credential)
	var errs []error
	home := lookup(environ, "HOME")
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		m := envCredential.FindStringSubmatch(name)
		if m == nil || value == "" {
			continue
		}
		number := -1
		if m[3] != "" {
			n, err := strconv.Atoi(m[3])
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: the number is too large", name))
				continue
			}
			number = n
		}
		field := m[4]
		text, flag := envFields[m[2]][field], envFlags[m[2]][field]
		if text == nil && flag == nil {
			continue // an option's own variable, such as KLUCTL_GIT_CACHE_UPDATE_INTERVAL
		}
		set := envSet{m[1], m[2], number}
		if sets[set] == nil {
			sets[set] = &Credential{Kind: envKinds[m[2]]}
		}
		if text != nil {
			if rest, ok := strings.CutPrefix(value, "~/"); ok && (strings.HasSuffix(field, "_FILE") || field == "SSH_KEY" || field == "CA_BUNDLE") {
				value = filepath.Join(home, rest)
			}
			*text(sets[set]) = value
			continue
		}
		on, err := strconv.ParseBool(value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: want true or false", name, value))
		}
		*flag(sets[set]) = on
	}
	var found []envSet
	for set := range sets {
		found = append(found, set)
	}
	slices.SortFunc(found, func(a, b envSet) int {
		return cmp.Or(-strings.Compare(a.product, b.product), strings.Compare(a.kind, b.kind), a.number-b.number)
	})
	var credentials []Credential
	for _, set := range found {
		c := *sets[set]
		if c.Host == "" && (c.Kind != KindOCI || c.PathGlob == "") {
			prefix := set.product + "_" + set.kind + "_"
			if set.number >= 0 {
				prefix += strconv.Itoa(set.number) + "_"
			}
			errs = append(errs, fmt.Errorf("%s*: %sHOST is missing, which says which host these are for", prefix, prefix))
			continue
		}
		if err := c.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		credentials = append(credentials, c)
	}
	return credentials, errors.Join(errs...)
}

// lookup returns the last value of a variable, as a process would see it.
func lookup(environ []string, name string) string {
	value := ""
	for _, kv := range environ {
		if n, v, ok := strings.Cut(kv, "="); ok && n == name {
			value = v
		}
	}
	return value
}
