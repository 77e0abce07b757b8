package source

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	registry "github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/net/http/httpproxy"
)

// repository finds the way to an OCI repository: our own credentials first, or else Docker's.
func (c *Cache) repository(ctx context.Context, a address) (artifact, error) {
	cred, own := c.credential(KindOCI, a)
	var insecure []name.Option
	if cred.PlainHTTP {
		insecure = append(insecure, name.Insecure)
	}
	reg, err := name.NewRegistry(a.hostPort(), insecure...)
	if err != nil {
		return artifact{}, err
	}
	path := a.path
	if reg.Name() == name.DefaultRegistry && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	t := artifact{repo: reg.Repo(path)}
	rt, err := roundTripper(cred, c.opts.Environ)
	if err != nil {
		return t, err
	}
	auth := authn.AuthConfig{Username: cred.Username, Password: cred.Password, RegistryToken: cred.Token, IdentityToken: cred.IdentityToken}
	if !own || auth == (authn.AuthConfig{Username: cred.Username}) {
		if auth, err = dockerAuth(ctx, reg.Name(), path, c.opts.Environ); err != nil {
			return t, err
		}
	}
	for _, s := range []string{auth.Password, auth.RegistryToken, auth.IdentityToken} {
		if s != "" {
			t.secrets = append(t.secrets, s, base64.StdEncoding.EncodeToString([]byte(auth.Username+":"+s)))
		}
	}
	t.options = []registry.Option{
		registry.WithContext(ctx), registry.WithTransport(rt), registry.WithAuth(authn.FromConfig(auth)), registry.WithUserAgent("weighlock"),
	}
	return t, nil
}

// guard keeps to what was asked for: no address without TLS, also not by redirection, and no endless manifest.
type guard struct {
	next  http.RoundTripper
	plain bool
}

// plainHTTPError is a request that would go over the network for all to read.
type plainHTTPError struct{ host string }

func (e *plainHTTPError) Error() string {
	return fmt.Sprintf("the registry %s does not answer by https: use TLS, or allow plain http for it (WEIGHLOCK_REGISTRY_HOST=%s, WEIGHLOCK_REGISTRY_PLAIN_HTTP=true)", e.host, e.host)
}

const maxManifest = 8 << 20

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.plain && !isLoopback(req.URL.Hostname()) {
		return nil, &plainHTTPError{req.URL.Host}
	}
	res, err := g.next.RoundTrip(req)
	if err == nil && !strings.Contains(req.URL.Path, "/blobs/") && strings.HasPrefix(req.URL.Path, "/v2/") {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxManifest), res.Body}
	}
	return res, err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func roundTripper(cred Credential, environ []string) (http.RoundTripper, error) {
	base, err := httpTransport(cred, environ)
	if err != nil {
		return nil, err
	}
	return guard{next: base, plain: cred.PlainHTTP}, nil
}

// httpTransport is how a credential's hosts are spoken with.
func httpTransport(cred Credential, environ []string) (*http.Transport, error) {
	var trust tls.Config
	trust.InsecureSkipVerify = cred.InsecureSkipTLSVerify
	if cred.CAFile != "" {
		pem, err := os.ReadFile(cred.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates to trust: %w", err)
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", cred.CAFile)
		}
	}
	if cred.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(cred.CertFile, cred.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate %s: %w", cred.CertFile, err)
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	first := func(names ...string) string {
		for _, n := range names {
			if v := lookup(environ, n); v != "" {
				return v
			}
		}
		return ""
	}
	proxy := (&httpproxy.Config{
		HTTPProxy:  first("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: first("HTTPS_PROXY", "https_proxy"),
		NoProxy:    first("NO_PROXY", "no_proxy"),
	}).ProxyFunc()
	base := registry.DefaultTransport.(*http.Transport).Clone() // its timeouts
	base.TLSClientConfig = &trust
	base.Proxy = func(req *http.Request) (*url.URL, error) { return proxy(req.URL) }
	return base, nil
}

// dockerConfig is the part of Docker's config.json that matters for reading.
type dockerConfig struct {
	Auths       map[string]dockerEntry `json:"auths"`
	CredsStore  string                 `json:"credsStore"`
	CredHelpers map[string]string      `json:"credHelpers"`
}

type dockerEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// dockerAuth finds what `helm registry login` or `docker login` left for a registry; nothing is anonymous.
func dockerAuth(ctx context.Context, host, path string, environ []string) (authn.AuthConfig, error) {
	for _, file := range loginFiles(environ) {
		config, err := readDockerConfig(file)
		if err != nil {
			return authn.AuthConfig{}, err
		}
		auth, err := config.auth(ctx, serverNames(host, path), environ)
		if err != nil {
			return auth, fmt.Errorf("%s: %w", file, err)
		}
		if auth != (authn.AuthConfig{}) {
			return auth, nil
		}
	}
	return authn.AuthConfig{}, nil
}

// auth finds the entry for a registry, or for a part of it.
func (config dockerConfig) auth(ctx context.Context, servers []string, environ []string) (authn.AuthConfig, error) {
	for _, server := range servers {
		if helper, ok := config.CredHelpers[server]; ok {
			return askHelper(ctx, helper, server, environ)
		}
	}
	for _, server := range servers {
		entry, ok := config.Auths[server]
		if ok && entry != (dockerEntry{}) {
			auth, err := entry.config()
			if err != nil {
				return auth, fmt.Errorf("the entry for %s: %w", server, err)
			}
			return auth, nil
		}
		if config.CredsStore != "" && (ok || !strings.Contains(server, "/")) {
			if auth, err := askHelper(ctx, config.CredsStore, server, environ); err != nil || auth != (authn.AuthConfig{}) {
				return auth, err
			}
		}
	}
	return authn.AuthConfig{}, nil
}

// loginFiles are where the two programs keep logins: Helm's, and the first of Docker's that is there.
func loginFiles(environ []string) []string {
	var files []string
	if file := helmConfigFile(environ, "HELM_REGISTRY_CONFIG", "registry/config.json"); file != "" {
		files = append(files, file)
	}
	for _, place := range []struct{ env, file string }{
		{"DOCKER_CONFIG", "config.json"},
		{"HOME", ".docker/config.json"},
		{"REGISTRY_AUTH_FILE", ""},
		{"XDG_RUNTIME_DIR", "containers/auth.json"},
	} {
		dir := lookup(environ, place.env)
		if dir == "" {
			continue
		}
		file := filepath.Join(dir, place.file)
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			return append(files, file)
		}
	}
	return files
}

// readDockerConfig reads a login file; one that is not there is empty.
func readDockerConfig(file string) (config dockerConfig, err error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return config, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &config)
	}
	if err != nil {
		return config, fmt.Errorf("reading the logins in %s: %w", file, err)
	}
	return config, nil
}

// serverNames are the names that a registry, or a part of it, can have in Docker's configuration, the longest first.
func serverNames(host, path string) []string {
	var names []string
	for p := host + "/" + path; ; {
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			break
		}
		names = append(names, p)
		p = p[:i]
	}
	names = append(names, host, "https://"+host, "http://"+host, "https://"+host+"/", "https://"+host+"/v2/", "https://"+host+"/v1/")
	if host == name.DefaultRegistry {
		names = append(names, "docker.io", "https://docker.io")
	}
	return names
}

func (e dockerEntry) config() (authn.AuthConfig, error) {
	auth := authn.AuthConfig{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth == "" {
		return auth, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(e.Auth)
	user, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok {
		return auth, errors.New("auth is not the base64 form of user:password; run docker login again")
	}
	auth.Username, auth.Password = user, strings.TrimRight(password, "\x00")
	return auth, nil
}

var helperName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// askHelper asks one of Docker's credential helpers.
func askHelper(ctx context.Context, helper, server string, environ []string) (authn.AuthConfig, error) {
	if !helperName.MatchString(helper) {
		return authn.AuthConfig{}, fmt.Errorf("%q in Docker's configuration is not the name of a credential helper", helper)
	}
	program := "docker-credential-" + helper
	cmd := exec.CommandContext(ctx, program, "get")
	for _, dir := range filepath.SplitList(lookup(environ, "PATH")) {
		file := filepath.Join(dir, program)
		if stat, err := os.Stat(file); err == nil && stat.Mode()&0o111 != 0 && filepath.IsAbs(file) {
			cmd = exec.CommandContext(ctx, file, "get")
			break
		}
	}
	alone(cmd)
	var said bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stderr = environ, strings.NewReader(server), &said
	out, err := cmd.Output()
	if strings.Contains(string(out)+said.String(), "credentials not found") {
		return authn.AuthConfig{}, nil
	}
	var answer struct{ Username, Secret string }
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		return authn.AuthConfig{}, fmt.Errorf("asking Docker's credential helper %s for %s: %w", program, server, err)
	}
	if answer.Username == "<token>" {
		return authn.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return authn.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}
