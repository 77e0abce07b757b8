package source

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// setting is a line of git's configuration.
type setting struct{ key, value string }

// transport is the way to one remote.
type transport struct {
	url     string // without credentials, after the operator's rewriting
	config  []setting
	env     []string
	secrets []string
}

// passed are the variables that git, ssh and the certificate libraries need. No GIT_* variable is among them that could
// redirect git to another repository, trace secrets or run a program on content.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME",
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSH_VARIANT",
	"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
}

func isPassed(name string) bool { return slices.Contains(passed, name) }

func pick(environ []string, keep func(name string) bool) []string {
	var picked []string
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); keep(name) {
			picked = append(picked, kv)
		}
	}
	return picked
}

// neutral is what every run of git gets: no configuration but ours, and nobody to ask.
var neutral = []string{
	"LC_ALL=C", // messages are recognised, and shown to people who read English
	"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
	"GIT_NO_REPLACE_OBJECTS=1", "GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=0",
	"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
}

var neutralSettings = []setting{
	{"core.hookspath", "/dev/null"},
	{"core.attributesfile", "/dev/null"},
	{"core.fsmonitor", "false"},
	{"fetch.unpacklimit", "1"}, // packs are counted
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"submodule.recurse", "false"},
	{"fetch.recursesubmodules", "false"},
	{"safe.directory", "*"},
}

// offline is git on a mirror, without a network.
func (c *Cache) offline(mirror string) git {
	env := append(pick(c.opts.Environ, isPassed), neutral...)
	return git{dir: c.dir, gitDir: mirror, env: withSettings(append(env, "GIT_ALLOW_PROTOCOL=none"), neutralSettings)}
}

// online is git with the way to a remote, which it knows as origin.
func (c *Cache) online(mirror string, t transport) git {
	protocols := "https:http:ssh"
	if c.opts.AllowFile {
		protocols += ":file"
	}
	settings := slices.Concat(neutralSettings, []setting{
		// A server that is silent for this many seconds is given up.
		{"http.lowspeedlimit", "1"}, {"http.lowspeedtime", "120"},
	}, t.config, []setting{{"remote.origin.url", t.url}})
	env := slices.Concat(t.env, neutral, []string{
		"GIT_ALLOW_PROTOCOL=" + protocols,
		// The cache may lie in somebody's work tree, whose configuration is none of ours.
		"GIT_CEILING_DIRECTORIES=" + filepath.Dir(c.dir),
	})
	return git{dir: c.dir, gitDir: mirror, env: withSettings(env, settings), secrets: t.secrets}
}

func withSettings(env []string, settings []setting) []string {
	env = append(slices.Clip(env), "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s.key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s.value))
	}
	return env
}

// operatorConfig lists, in git's order, the machine's and the user's settings that say how a remote is reached. That list
// is closed: a setting that can make git run something on files is not on it.
func (c *Cache) operatorConfig(ctx context.Context) ([]setting, error) {
	return c.config.get(ctx, func() ([]setting, error) {
		env := pick(c.opts.Environ, func(name string) bool { return isPassed(name) || strings.HasPrefix(name, "GIT_CONFIG") })
		g := git{dir: c.dir, env: append(env, "LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(c.dir))}
		var settings []setting
		err := g.stream(ctx, nil, func(stdout *bufio.Reader) error {
			for {
				entry, err := stdout.ReadString(0)
				if err == io.EOF && entry == "" {
					return nil
				}
				if err != nil {
					return err
				}
				key, value, hasValue := strings.Cut(strings.TrimSuffix(entry, "\x00"), "\n")
				if !hasValue { // "[http] sslVerify" alone means yes
					value = "true"
				}
				settings = append(settings, setting{key, value})
			}
		}, "config", "--null", "--includes", "--get-regexp", `^(http\..*|credential\..*|core\.sshcommand|ssh\.variant|url\..*)$`)
		var failed *failure
		if errors.As(err, &failed) && failed.exit == 1 { // nothing matches
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading git's configuration: %w", err)
		}
		return settings, nil
	})
}

// transport finds the way to a remote: our own credentials first, or else the address's, or else all that git has.
func (c *Cache) transport(ctx context.Context, a address) (transport, error) {
	config, err := c.operatorConfig(ctx)
	if err != nil {
		return transport{}, err
	}
	cred, own := c.credential(KindGit, a)
	if !own {
		if a, err = rewrite(a, config); err != nil {
			return transport{}, err
		}
		cred, own = c.credential(KindGit, a)
	}
	if !own && a.isHTTP() && a.password != "" {
		cred, own = Credential{Kind: KindGit, Username: a.user, Password: a.password}, true
	}
	t := transport{env: pick(c.opts.Environ, isPassed)}
	for _, s := range config {
		if strings.HasSuffix(s.key, ".extraheader") {
			t.hide(headerSecrets(s.value)...)
		}
		if !strings.HasPrefix(s.key, "url.") { // applied
			t.config = append(t.config, s)
		}
	}
	switch {
	case a.isHTTP() && own:
		t.useHTTP(a, cred, c)
	case a.scheme == "ssh":
		if a.user == "" && cred.Username != "" {
			a.user = cred.Username
		}
		t.useSSH(cred, c.opts.Environ)
	}
	t.url = a.remote()
	return t, nil
}

// rewrite applies url.*.insteadOf, of which the longest match wins.
func rewrite(a address, config []setting) (address, error) {
	full := a.remote()
	best, result := "", ""
	for _, s := range config {
		base, isRewrite := strings.CutSuffix(strings.TrimPrefix(s.key, "url."), ".insteadof")
		if isRewrite && strings.HasPrefix(s.key, "url.") && len(s.value) > len(best) && strings.HasPrefix(full, s.value) {
			best, result = s.value, base+full[len(s.value):]
		}
	}
	if best == "" {
		return a, nil
	}
	b, err := parseAddress(result)
	if err != nil {
		return a, fmt.Errorf("rewritten by git's configuration (url.*.insteadOf): %w", err)
	}
	return b, nil
}

// helper is a credential helper in git's sense, which git starts by the shell. The secret itself is in the environment.
const helper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$WEIGHLOCK_USERNAME" "$WEIGHLOCK_PASSWORD"; }; f`

// useHTTP sets our credential up so that no other one is sent, and so that it is sent to its host only, also after a
// redirect to another one, which a header would follow.
func (t *transport) useHTTP(a address, cred Credential, c *Cache) {
	set := func(key, value string) {
		if value != "" {
			t.config = append(t.config, setting{"http." + a.origin() + "/." + key, value})
		}
	}
	home := lookup(t.env, "HOME")
	for i, s := range t.config {
		// What is relative to the home directory stays so when we take it away below.
		if rest, ok := strings.CutPrefix(s.value, "~/"); ok && strings.HasPrefix(s.key, "http.") {
			t.config[i].value = filepath.Join(home, rest)
		}
	}
	if cred.CAFile != "" || cred.InsecureSkipTLSVerify {
		t.env = slices.DeleteFunc(t.env, func(kv string) bool { return strings.HasPrefix(kv, "GIT_SSL_") })
	}
	set("sslcainfo", cred.CAFile)
	set("sslcert", cred.CertFile)
	set("sslkey", cred.KeyFile)
	if cred.InsecureSkipTLSVerify {
		set("sslverify", "false")
	}
	secret := cred.secret()
	if secret == "" {
		return
	}
	user := cred.Username
	if user == "" {
		user = "x-access-token" // GitHub's name for any token; GitLab and Gitea take any
	}
	t.config = slices.DeleteFunc(t.config, func(s setting) bool {
		name, _, _ := strings.Cut(s.value, ":")
		return strings.HasSuffix(s.key, ".extraheader") && strings.EqualFold(strings.TrimSpace(name), "authorization") ||
			strings.HasPrefix(s.key, "credential.")
	})
	t.config = append(t.config, setting{"credential." + a.origin() + ".helper", helper})
	// Without a home there is no .netrc, which would be asked first.
	t.env = slices.DeleteFunc(t.env, func(kv string) bool { return strings.HasPrefix(kv, "HOME=") })
	t.env = append(t.env, "HOME="+filepath.Join(c.dir, "nobody"), "WEIGHLOCK_USERNAME="+user, "WEIGHLOCK_PASSWORD="+secret)
	t.hide(secret, base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
}

// useSSH sets up the ssh command, unless the operator chose one and we have no key of our own for it.
func (t *transport) useSSH(cred Credential, environ []string) {
	chosen := len(pick(environ, func(name string) bool { return name == "GIT_SSH_COMMAND" || name == "GIT_SSH" })) > 0 ||
		slices.ContainsFunc(t.config, func(s setting) bool { return s.key == "core.sshcommand" })
	trusting := false
	for _, name := range []string{"WEIGHLOCK_SSH_DISABLE_STRICT_HOST_KEY_CHECKING", "KLUCTL_SSH_DISABLE_STRICT_HOST_KEY_CHECKING"} {
		on, err := strconv.ParseBool(lookup(environ, name))
		trusting = trusting || err == nil && on
	}
	if chosen && cred.SSHKeyFile == "" && cred.KnownHostsFile == "" && !trusting {
		return
	}
	command := "ssh -o BatchMode=yes"
	if cred.SSHKeyFile != "" {
		command += " -o IdentitiesOnly=yes -i " + shellQuote(cred.SSHKeyFile)
	}
	switch {
	case trusting:
		command += " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	case cred.KnownHostsFile != "":
		command += " -o StrictHostKeyChecking=yes -o " + shellQuote(`UserKnownHostsFile="`+cred.KnownHostsFile+`"`)
	}
	t.env = slices.DeleteFunc(t.env, func(kv string) bool { return strings.HasPrefix(kv, "GIT_SSH") })
	t.config = slices.DeleteFunc(t.config, func(s setting) bool { return s.key == "core.sshcommand" || s.key == "ssh.variant" })
	t.env = append(t.env, "GIT_SSH_COMMAND="+command)
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (t *transport) hide(secrets ...string) {
	for _, s := range secrets {
		if s != "" && !slices.Contains(t.secrets, s) {
			t.secrets = append(t.secrets, s)
		}
	}
}

// headerSecrets are the parts of a header that must not be shown; a short word is a scheme or a flag.
func headerSecrets(header string) []string {
	_, value, _ := strings.Cut(header, ":")
	return slices.DeleteFunc(strings.Fields(value), func(word string) bool { return len(word) < 8 })
}
