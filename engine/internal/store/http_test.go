package store_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/store"
)

// serve starts a web server and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// host is the host and port of an address.
func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func get(t *testing.T, env environ, r store.HTTPRequest) (store.Answer, error) {
	t.Helper()
	return store.NewClient(store.Options{Env: env.lookup}).HTTP(t.Context(), r)
}

func TestHTTPSendsWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("X-Team"), body)
	})
	a, err := get(t, nil, store.HTTPRequest{URL: server + "/vars?q=1", Method: "POST", Body: "hello", Headers: map[string]string{"x-team": "shop"}})
	want(t, a, err, "POST /vars?q=1 shop hello")
}

func TestHTTPAnswersAreSecretWhereCredentialsWereSent(t *testing.T) {
	t.Parallel()
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		headers map[string]string
		want    bool
	}{
		"no header":            {nil, false},
		"what everybody sends": {map[string]string{"accept": "application/json"}, false},
		"Authorization":        {map[string]string{"authorization": "Bearer s3cret"}, true},
		"a token by any name":  {map[string]string{"PRIVATE-TOKEN": "s3cret"}, true},
	} {
		a, err := get(t, nil, store.HTTPRequest{URL: server, Headers: c.headers})
		if err != nil {
			t.Fatal(err)
		}
		if a.Secret != c.want {
			t.Errorf("%s: got secret %v, want %v", name, a.Secret, c.want)
		}
	}
}

// locked answers to the user app with password s3cret only.
func locked(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "app" || password != "s3cret" {
		w.Header().Set("WWW-Authenticate", `Basic realm="shop"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fmt.Fprint(w, "a: 1")
}

func TestHTTPCredentialsAreFound(t *testing.T) {
	t.Parallel()
	server := serve(t, locked)
	h := host(t, server)
	for name, c := range map[string]struct {
		url string
		env environ
	}{
		"in the environment, for the port": {server, environ{"WEIGHLOCK_HTTP_HOST": h, "WEIGHLOCK_HTTP_USERNAME": "app", "WEIGHLOCK_HTTP_PASSWORD": "s3cret"}},
		"in the environment, for the host": {server, environ{"WEIGHLOCK_HTTP_HOST": "127.0.0.1", "WEIGHLOCK_HTTP_USERNAME": "app", "WEIGHLOCK_HTTP_PASSWORD": "s3cret"}},
		"in a numbered set": {server, environ{"WEIGHLOCK_HTTP_HOST": "example.com", "WEIGHLOCK_HTTP_PASSWORD": "other",
			"WEIGHLOCK_HTTP_7_HOST": h, "WEIGHLOCK_HTTP_7_USERNAME": "app", "WEIGHLOCK_HTTP_7_PASSWORD": "s3cret"}},
		"in netrc":           {server, environ{"NETRC": write(t, "netrc", "machine example.com login x password y\nmacdef m\nmachine 127.0.0.1\n\nmachine 127.0.0.1\n login app\n password s3cret\ndefault login z password z\n")}},
		"as netrc's default": {server, environ{"NETRC": write(t, "netrc", "machine example.com login x password y default login app password s3cret")}},
		"in the address":     {strings.Replace(server, "://", "://app:s3cret@", 1), nil},
		"in $HOME/.netrc":    {server, environ{"HOME": strings.TrimSuffix(write(t, ".netrc", "machine 127.0.0.1 login app password s3cret"), "/.netrc")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := get(t, c.env, store.HTTPRequest{URL: c.url})
			want(t, a, err, "a: 1")
			if !a.Secret {
				t.Error("what credentials were needed for is not secret")
			}
		})
	}
}

func TestHTTPRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ntlm":
			w.Header().Add("WWW-Authenticate", "Negotiate")
			w.Header().Add("WWW-Authenticate", "NTLM")
			w.WriteHeader(http.StatusUnauthorized)
		case "/forbidden":
			w.WriteHeader(http.StatusForbidden)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "/big":
			w.Write(make([]byte, 11<<20))
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "a: ")
		default:
			locked(w, r)
		}
	})
	for name, c := range map[string]struct {
		request store.HTTPRequest
		env     environ
		parts   []string
	}{
		"no credentials":     {store.HTTPRequest{URL: server + "/a?token=s3cret"}, nil, []string{server + "/a: ", "401", "WEIGHLOCK_HTTP_USERNAME", ".netrc", host(t, server)}},
		"wrong credentials":  {store.HTTPRequest{URL: server}, environ{"WEIGHLOCK_HTTP_HOST": "127.0.0.1", "WEIGHLOCK_HTTP_USERNAME": "app", "WEIGHLOCK_HTTP_PASSWORD": "s3cret-not"}, []string{"WEIGHLOCK_HTTP_*", "not valid"}},
		"wrong header":       {store.HTTPRequest{URL: server, Headers: map[string]string{"Authorization": "Bearer s3cret"}}, nil, []string{"Authorization header"}},
		"NTLM":               {store.HTTPRequest{URL: server + "/ntlm"}, nil, []string{"negotiate, ntlm", "does not speak"}},
		"forbidden":          {store.HTTPRequest{URL: server + "/forbidden"}, nil, []string{"refused (403)"}},
		"a broken server":    {store.HTTPRequest{URL: server + "/broken"}, nil, []string{"500 Internal Server Error"}},
		"a large answer":     {store.HTTPRequest{URL: server + "/big"}, nil, []string{"larger than 10 MiB"}},
		"a truncated answer": {store.HTTPRequest{URL: server + "/cut"}, nil, []string{"reading the answer", "unexpected EOF"}},
		"no server":          {store.HTTPRequest{URL: "http://127.0.0.1:1/x?token=s3cret"}, nil, []string{"http://127.0.0.1:1/x: ", "refused"}},
		"another protocol":   {store.HTTPRequest{URL: "file:///etc/passwd"}, nil, []string{"file:///etc/passwd", "https://"}},
		"no address":         {store.HTTPRequest{URL: "http://[s3cret"}, nil, []string{"cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, c.env, c.request)
			wantError(t, err, c.parts...)
		})
	}
}

func TestHTTPNotFoundIsMissing(t *testing.T) {
	t.Parallel()
	_, err := get(t, nil, store.HTTPRequest{URL: serve(t, http.NotFound) + "/vars.yaml"})
	wantMissing(t, err)
}

func TestHTTPRedirectsTakeNothingSecretToOtherHosts(t *testing.T) {
	t.Parallel()
	var seen http.Header
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		if r.URL.Path == "/locked" {
			locked(w, r)
		}
	})
	first := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch user, _, _ := r.BasicAuth(); {
		case r.URL.Path == "/post":
			http.Redirect(w, r, other+"/post", http.StatusTemporaryRedirect)
		case r.URL.Path == "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case r.URL.Path == "/to-locked":
			http.Redirect(w, r, other+"/locked", http.StatusFound)
		case user == "":
			locked(w, r)
		default:
			http.Redirect(w, r, other+"/", http.StatusFound)
		}
	})
	env := environ{"WEIGHLOCK_HTTP_HOST": "127.0.0.1", "WEIGHLOCK_HTTP_USERNAME": "app", "WEIGHLOCK_HTTP_PASSWORD": "s3cret"}
	_, err := get(t, env, store.HTTPRequest{URL: first, Headers: map[string]string{"PRIVATE-TOKEN": "s3cret", "Cookie": "s3cret", "Accept": "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(seen); strings.Contains(text, "s3cret") || strings.Contains(text, "Basic") {
		t.Errorf("the other host saw %v", seen)
	}
	if seen.Get("Accept") != "application/json" {
		t.Errorf("the other host saw %v, want the Accept header", seen)
	}
	_, err = get(t, env, store.HTTPRequest{URL: first + "/to-locked"})
	wantError(t, err, "another host", other+"/locked")
	_, err = get(t, env, store.HTTPRequest{URL: first + "/post", Method: "POST", Body: "s3cret"})
	wantError(t, err, "another host", "body")
	_, err = get(t, env, store.HTTPRequest{URL: first + "/loop"})
	wantError(t, err, "more than 10 redirects")
}

func TestHTTPRedirectsOutOfEncryptionAreRefused(t *testing.T) {
	t.Parallel()
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the plain server was asked") })
	secure := httptest.NewTLSServer(http.RedirectHandler(plain, http.StatusFound))
	t.Cleanup(secure.Close)
	c := store.NewClient(store.Options{Env: environ{}.lookup, Transport: secure.Client().Transport.(*http.Transport)})
	_, err := c.HTTP(t.Context(), store.HTTPRequest{URL: secure.URL})
	wantError(t, err, "out of encryption")
}

func TestHTTPGoesByTheProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "proxied: %s", r.URL) })
	a, err := get(t, environ{"HTTP_PROXY": proxy, "NO_PROXY": "example.org"}, store.HTTPRequest{URL: "http://example.com/vars"})
	want(t, a, err, "proxied: http://example.com/vars")
}
