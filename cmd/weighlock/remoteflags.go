package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weighlock/weighlock/engine/project"
)

// remoteFlags say how the remotes that projects name are reached.
type remoteFlags struct {
	interval    time.Duration
	overrides   []overrideFlag
	credentials []credentialFlag
}

// overrideFlag is one of the flags of the form host/path=dir.
type overrideFlag struct {
	name   string
	kind   project.RemoteKind
	group  bool
	values []string
}

// credentialFlag is one of the flags of the form host/path-glob=value.
type credentialFlag struct {
	name   string
	usage  string
	kind   project.RemoteKind
	set    func(c *project.Credential, value string) error
	values []string
	bare   bool // has no value: host/path-glob alone says it
}

func (f *remoteFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.DurationVar(&f.interval, "git-cache-update-interval", 0, "how long (`duration`) what a remote said of its branches and tags is good enough; 0 asks it on every run")
	f.overrides = []overrideFlag{
		{name: "local-git-override", kind: project.KindGit},
		{name: "local-git-group-override", kind: project.KindGit, group: true},
		{name: "local-oci-override", kind: project.KindOCI},
		{name: "local-oci-group-override", kind: project.KindOCI, group: true},
	}
	for i := range f.overrides {
		o := &f.overrides[i]
		usage := "directory to use in place of a repository, `host/path=dir` (repeatable)"
		if o.group {
			usage = "directory that holds directories to use in place of all repositories below a path, `host/path=dir` (repeatable)"
		}
		flags.StringArrayVar(&o.values, o.name, nil, usage)
	}
	f.credentials = credentialFlags()
	for i := range f.credentials {
		cred := &f.credentials[i]
		form := "host/path=value"
		if cred.bare {
			form = "host/path"
		}
		credentialVar(flags, &cred.values, cred.name, cred.usage+", `"+form+"`; the path may hold * and ** (repeatable)")
	}
}

// skipEnv marks flags that are not looked for in the environment, where the sets of variables of project format §4.6
// have names that are alike.
const skipEnv = "skip-environment"

// credentialVar registers a flag that holds credentials.
func credentialVar(flags *pflag.FlagSet, values *[]string, name, usage string) {
	flags.StringArrayVar(values, name, nil, usage)
	// The flag was registered in the line above.
	_ = flags.SetAnnotation(name, skipEnv, []string{"true"})
}

func text(field func(*project.Credential) *string) func(*project.Credential, string) error {
	return func(c *project.Credential, value string) error {
		*field(c) = value
		return nil
	}
}

// file is a value that names a file.
func file(field func(*project.Credential) *string) func(*project.Credential, string) error {
	return func(c *project.Credential, value string) (err error) {
		*field(c), err = filepath.Abs(value)
		return err
	}
}

func credentialFlags() []credentialFlag {
	username := text(func(c *project.Credential) *string { return &c.Username })
	password := text(func(c *project.Credential) *string { return &c.Password })
	ca := file(func(c *project.Credential) *string { return &c.CAFile })
	cert := file(func(c *project.Credential) *string { return &c.CertFile })
	key := file(func(c *project.Credential) *string { return &c.KeyFile })
	creds := func(c *project.Credential, value string) error {
		user, secret, ok := strings.Cut(value, ":")
		if !ok {
			return errors.New("expected host/path=user:password")
		}
		c.Username, c.Password = user, secret
		return nil
	}
	return []credentialFlag{
		{name: "git-username", usage: "user name for git repositories", kind: project.KindGit, set: username},
		{name: "git-password", usage: "password or token for git repositories", kind: project.KindGit, set: password},
		{name: "git-ssh-key-file", usage: "private key for git repositories by ssh", kind: project.KindGit, set: file(func(c *project.Credential) *string { return &c.SSHKeyFile })},
		{name: "git-ssh-known-hosts-file", usage: "known hosts for git repositories by ssh", kind: project.KindGit, set: file(func(c *project.Credential) *string { return &c.KnownHostsFile })},
		{name: "git-ca-file", usage: "certificates to trust for git repositories", kind: project.KindGit, set: ca},
		{name: "registry-username", usage: "user name for OCI registries", kind: project.KindOCI, set: username},
		{name: "registry-password", usage: "password for OCI registries", kind: project.KindOCI, set: password},
		{name: "registry-creds", usage: "user:password for OCI registries", kind: project.KindOCI, set: creds},
		{name: "registry-identity-token", usage: "identity token for OCI registries", kind: project.KindOCI, set: text(func(c *project.Credential) *string { return &c.IdentityToken })},
		{name: "registry-token", usage: "bearer token for OCI registries", kind: project.KindOCI, set: text(func(c *project.Credential) *string { return &c.Token })},
		{name: "registry-key-file", usage: "key of the client certificate for OCI registries", kind: project.KindOCI, set: key},
		{name: "registry-cert-file", usage: "client certificate for OCI registries", kind: project.KindOCI, set: cert},
		{name: "registry-ca-file", usage: "certificates to trust for OCI registries", kind: project.KindOCI, set: ca},
		{name: "registry-plain-http", usage: "speak with an OCI registry without TLS", kind: project.KindOCI, bare: true, set: func(c *project.Credential, _ string) error { c.PlainHTTP = true; return nil }},
		{name: "registry-insecure-skip-tls-verify", usage: "trust any certificate of an OCI registry", kind: project.KindOCI, bare: true, set: func(c *project.Credential, _ string) error { c.InsecureSkipTLSVerify = true; return nil }},
		{name: "helm-username", usage: "user name for chart repositories", kind: project.KindHelm, set: username},
		{name: "helm-password", usage: "password for chart repositories", kind: project.KindHelm, set: password},
		{name: "helm-creds", usage: "user:password for chart repositories", kind: project.KindHelm, set: creds},
		{name: "helm-key-file", usage: "key of the client certificate for chart repositories", kind: project.KindHelm, set: key},
		{name: "helm-cert-file", usage: "client certificate for chart repositories", kind: project.KindHelm, set: cert},
		{name: "helm-ca-file", usage: "certificates to trust for chart repositories", kind: project.KindHelm, set: ca},
		{name: "helm-insecure-skip-tls-verify", usage: "trust any certificate of a chart repository", kind: project.KindHelm, bare: true, set: func(c *project.Credential, _ string) error { c.InsecureSkipTLSVerify = true; return nil }},
	}
}

// remotes reads the flags, then the environment. All that is wrong is reported at once; no error shows a value.
func (f *remoteFlags) remotes(p process) (project.Remotes, error) {
	r := project.Remotes{CacheDir: cacheDir(p.getenv), UpdateInterval: f.interval, Environ: p.environ}
	var errs []error
	for _, flag := range f.overrides {
		for _, v := range flag.values {
			key, dir, ok := strings.Cut(v, "=")
			if !ok || !strings.Contains(key, "/") && !flag.group || dir == "" {
				errs = append(errs, fmt.Errorf("--%s %s: expected host/path=directory", flag.name, v))
				continue
			}
			r.Overrides = append(r.Overrides, project.Override{Kind: flag.kind, RepoKey: key, Group: flag.group, Dir: dir})
		}
	}
	var err error
	r.Credentials, err = f.given()
	errs = append(errs, err)
	sets, err := project.CredentialsFromEnv(p.environ)
	r.Credentials = append(r.Credentials, sets...)
	return r, errors.Join(append(errs, err)...)
}

// given are the credentials of the flags, one for each host/path that any of them names.
func (f *remoteFlags) given() ([]project.Credential, error) {
	var out []project.Credential
	var errs []error
	for _, flag := range f.credentials {
		for _, v := range flag.values {
			place, value, ok := strings.Cut(v, "=")
			host, path, _ := strings.Cut(place, "/")
			if ok == flag.bare || host == "" {
				want := "host/path=value"
				if flag.bare {
					want = "host/path"
				}
				errs = append(errs, fmt.Errorf("--%s: expected %s", flag.name, want))
				continue
			}
			i := slices.IndexFunc(out, func(c project.Credential) bool { return c.Kind == flag.kind && c.Host == host && c.PathGlob == path })
			if i < 0 {
				i = len(out)
				out = append(out, project.Credential{Kind: flag.kind, Host: host, PathGlob: path})
			}
			if err := flag.set(&out[i], value); err != nil {
				errs = append(errs, fmt.Errorf("--%s for %s: %w", flag.name, place, err))
			}
		}
	}
	return out, errors.Join(errs...)
}

// cacheDir is where fetched trees are kept (project format §0.6); "" where there is no place.
func cacheDir(getenv func(string) string) string {
	for _, prefix := range envPrefixes {
		if dir := getenv(prefix + "CACHE_DIR"); dir != "" {
			return filepath.Join(dir, "sources")
		}
	}
	if dir := getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "weighlock", "sources")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache", "weighlock", "sources")
	}
	return ""
}
