package checkout

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// remote is where missing commits come from, and how.
type remote struct {
	url string // without credentials; empty if the clone has no such remote
	// configured is the address before it is rewritten for this machine.
	configured string
	partial    bool // the clone leaves contents out
	config     []setting
	secrets    []string
}

type setting struct{ key, value string }

// readRemote takes from the clone's configuration, the user's and the machine's what reaching the remote needs.
func readRemote(ctx context.Context, clone git, opts Options) (remote, error) {
	// This applies url.*.insteadOf; for a remote that does not exist git prints the name.
	out, err := clone.run(ctx, command{args: []string{"ls-remote", "--get-url", opts.Remote}})
	if err != nil {
		return remote{}, fmt.Errorf("reading the address of the remote %q: %w", opts.Remote, err)
	}
	address := strings.TrimSuffix(string(out), "\n")
	if address == opts.Remote {
		return remote{}, nil
	}
	read, err := remoteConfig(ctx, clone, opts.Remote)
	if err != nil {
		return remote{}, err
	}
	configured, partial := "", false
	taken := slices.DeleteFunc(read, func(s setting) bool {
		switch {
		case s.key == "remote."+opts.Remote+".url":
			configured = s.value
		case strings.HasPrefix(s.key, "remote."), s.key == "extensions.partialclone":
			partial = true
		default:
			return false
		}
		return true
	})
	rem, err := newRemote(address, opts.Auth, taken)
	rem.configured, rem.partial = configured, partial
	return rem, err
}

func newRemote(address string, auth Auth, taken []setting) (remote, error) {
	rem := remote{url: address, config: taken}
	if u, err := url.Parse(address); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		// Git would pass on credentials in an address as an argument of its helper: a header stays out of sight.
		if password, ok := u.User.Password(); ok && auth.Token == "" {
			auth = Auth{User: u.User.Username(), Token: password}
		}
		if auth.Token != "" {
			u.User = nil
			rem.url = u.String()
			rem.authenticate(auth)
		}
	}
	for _, s := range rem.config {
		if strings.HasSuffix(s.key, ".extraheader") {
			rem.addSecrets(headerSecrets(s.value)...)
		}
	}
	if strings.ContainsAny(rem.url, "\x00\n") {
		return remote{}, errors.New("the address of the remote contains a line break")
	}
	return rem, nil
}

// authenticate replaces all authentication that the configuration holds: two of a kind are refused by GitHub.
func (rem *remote) authenticate(auth Auth) {
	rem.config = slices.DeleteFunc(rem.config, func(s setting) bool {
		name, _, _ := strings.Cut(s.value, ":")
		return strings.HasSuffix(s.key, ".extraheader") && strings.EqualFold(strings.TrimSpace(name), "authorization") ||
			strings.HasPrefix(s.key, "credential.")
	})
	basic := base64.StdEncoding.EncodeToString([]byte(auth.User + ":" + auth.Token))
	rem.config = append(rem.config, setting{"http." + rem.url + ".extraheader", "Authorization: Basic " + basic})
	rem.addSecrets(auth.Token)
}

// isHTTP says whether the remote is one that takes a token.
func (rem *remote) isHTTP() bool {
	u, err := url.Parse(rem.url)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// A renewal is the way to a remote by a token that is another one from time to time.
type renewal struct {
	opts Options

	mu     sync.Mutex
	remote remote
	token  string
	env    environment
}

// now is what git is started with to reach the remote by the token of now, and what of that must not be shown.
func (n *renewal) now(ctx context.Context) (online, secrets []string, err error) {
	token, err := n.opts.Auth.Renew(ctx)
	if err != nil {
		return nil, nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if token != n.token {
		n.token, n.remote.config, n.remote.secrets = token, slices.Clone(n.remote.config), slices.Clone(n.remote.secrets)
		n.remote.authenticate(Auth{User: n.opts.Auth.User, Token: token})
		n.env = scratchEnv(n.opts, n.remote)
	}
	return n.env.online, n.remote.secrets, nil
}

// headerSecrets are the parts of a header that must not be shown; a short word is a scheme or a flag.
func headerSecrets(header string) []string {
	_, value, _ := strings.Cut(header, ":")
	return slices.DeleteFunc(strings.Fields(value), func(word string) bool { return len(word) < 8 })
}

func (rem *remote) addSecrets(secrets ...string) {
	for _, s := range secrets {
		if s != "" && !slices.Contains(rem.secrets, s) {
			rem.secrets = append(rem.secrets, s)
		}
	}
}

// remoteConfig lists, in git's order, the settings that say how a remote is reached, its address and whether the clone is
// a partial one. That list is closed: a setting that can make git run something on files is not on it.
func remoteConfig(ctx context.Context, clone git, name string) ([]setting, error) {
	out, err := clone.run(ctx, command{args: []string{"config", "--null", "--includes", "--get-regexp",
		`^(http\..*|credential\..*|core\.sshcommand|ssh\.variant|remote\.` + regexp.QuoteMeta(name) + `\.url|remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone)$`}})
	var failed *failure
	if errors.As(err, &failed) && failed.exit == 1 { // nothing matches
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading git's configuration: %w", err)
	}
	var settings []setting
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		key, value, hasValue := strings.Cut(entry, "\n")
		if !hasValue { // "[http] sslVerify" alone means yes
			value = "true"
		}
		settings = append(settings, setting{key, value})
	}
	return settings, nil
}

// patience ends what a server that has fallen silent would let last for ever; the operator's own configuration comes after it.
var patience = []setting{{"http.lowspeedlimit", "1000"}, {"http.lowspeedtime", "30"}}

// environment is what git is started with: the same settings, with and without the way to the remote.
type environment struct {
	offline, online []string
}

// passed are the variables that git, ssh and the certificate libraries need. No GIT_* variable is among them that could
// redirect git to another repository, trace secrets or run a program on content.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME",
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSH_VARIANT",
	"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
}

func pick(environ []string, keep func(name string) bool) []string {
	var picked []string
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); keep(name) {
			picked = append(picked, kv)
		}
	}
	return picked
}

func isPassed(name string) bool { return slices.Contains(passed, name) }

// cloneEnv is for reading the clone's paths and configuration with all that normally applies to it.
func cloneEnv(environ []string) environment {
	env := pick(environ, func(name string) bool {
		return isPassed(name) || strings.HasPrefix(name, "GIT_CONFIG")
	})
	return environment{offline: append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")}
}

// scratchEnv is for all else: no configuration but ours.
func scratchEnv(opts Options, rem remote) environment {
	protocols := "https:http:ssh"
	if opts.AllowFile {
		protocols += ":file"
	}
	env := append(pick(opts.Environ, isPassed),
		"LC_ALL=C", // messages are recognised, and shown to people who read English
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
	)
	settings := []setting{
		{"core.hookspath", "/dev/null"},
		{"core.attributesfile", "/dev/null"},
		{"core.fsmonitor", "false"},
		{"gc.auto", "0"},
		{"maintenance.auto", "false"},
		{"submodule.recurse", "false"},
		{"fetch.recursesubmodules", "false"},
		{"safe.directory", "*"},
	}
	offline := append(slices.Clone(env), "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1")
	online := append(slices.Clone(env), "GIT_ALLOW_PROTOCOL="+protocols)
	if !asksForItself(opts.Environ, rem) {
		online = append(online, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	}
	reach := settings
	if rem.url != "" {
		reach = append(append(slices.Clone(settings), patience...), rem.config...)
		reach = append(reach,
			setting{"remote.origin.url", rem.url},
			// Without these git would not look for the contents that a fetch left out.
			setting{"remote.origin.promisor", "true"},
			setting{"remote.origin.partialclonefilter", "blob:none"},
		)
	}
	return environment{offline: withSettings(offline, settings), online: withSettings(online, reach)}
}

// asksForItself reports whether the operator chose an ssh command, which is then used as it is.
func asksForItself(environ []string, rem remote) bool {
	chosen := pick(environ, func(name string) bool { return name == "GIT_SSH_COMMAND" || name == "GIT_SSH" })
	return len(chosen) > 0 || slices.ContainsFunc(rem.config, func(s setting) bool { return s.key == "core.sshcommand" })
}

func withSettings(env []string, settings []setting) []string {
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s.key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s.value))
	}
	return env
}
