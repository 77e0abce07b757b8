package source_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/weighlock/weighlock/engine/internal/source"
)

const (
	helmContent types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	provenance  types.MediaType = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

// chartRepo is a chart repository on loopback: what is at which path, and who may read it.
type chartRepo struct {
	files  map[string]string
	user   string // "user:password" if needed
	hits   map[string]*atomic.Int32
	before func(http.ResponseWriter, *http.Request) bool // if set, called first; true ends the request
}

func (r *chartRepo) start(t *testing.T) string {
	t.Helper()
	r.hits = map[string]*atomic.Int32{}
	for name := range r.files {
		r.hits[name] = &atomic.Int32{}
	}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return srv.URL
}

func (r *chartRepo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.before != nil && r.before(w, req) {
		return
	}
	if user, password, _ := req.BasicAuth(); r.user != "" && user+":"+password != r.user {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, ok := r.files[req.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	r.hits[req.URL.Path].Add(1)
	fmt.Fprint(w, body)
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// indexOf writes an index with versions of the chart web, by what is at web-VERSION.tgz.
func indexOf(archives map[string]string) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nentries:\n  other: [{version: 9.0.0, urls: [other.tgz]}]\n  web:\n  - null\n  - {version: not-semantic, urls: [x.tgz]}\n")
	for version, content := range archives {
		fmt.Fprintf(&b, "  - {name: web, version: %s, digest: %s, urls: [archives/web-%s.tgz], unknown: x}\n", version, strings.TrimPrefix(digestOf(content), "sha256:"), version)
	}
	return b.String()
}

// webRepo serves versions of the chart web, each with its version as content, at /charts.
func webRepo(versions ...string) *chartRepo {
	r := &chartRepo{files: map[string]string{}}
	contents := map[string]string{}
	for _, v := range versions {
		contents[v] = "content of " + v
		r.files["/charts/archives/web-"+v+".tgz"] = contents[v]
	}
	r.files["/charts/index.yaml"] = indexOf(contents)
	return r
}

func TestChartVersionsAreFoundExactlyOrByConstraint(t *testing.T) {
	t.Parallel()
	versions := []string{"1.9.0", "1.10.2", "v1.11.0", "2.0.0-rc.1", "1.2.3+build.5"}
	repo := webRepo(versions...).start(t) + "/charts"
	h := &hub{}
	h.start(t)
	for _, v := range versions {
		h.push(t, strings.ReplaceAll(v, "+", "_"), image(t, layer([]byte("a signature"), provenance), layer([]byte("content of "+v), helmContent)))
	}
	for _, from := range []source.ChartRef{{Repo: repo, Name: "web"}, {Repo: repo + "/", Name: "web"}, {Repo: h.url()}} {
		cache := source.NewCache(t.TempDir(), options())
		for _, c := range []struct{ wanted, found string }{
			{"1.9.0", "1.9.0"}, {"v1.11.0", "v1.11.0"}, {"~1.10", "1.10.2"}, {">=1.9 <1.11", "1.10.2"}, {"*", "v1.11.0"},
			{"2.0.0-rc.1", "2.0.0-rc.1"}, {">=2.0.0-0", "2.0.0-rc.1"}, {"1.2.3+build.5", "1.2.3+build.5"}, {"1.10.x", "1.10.2"},
		} {
			ref := from
			ref.Version = c.wanted
			chart, err := cache.Chart(t.Context(), ref)
			if err != nil || chart.Version != c.found || string(chart.Archive) != "content of "+c.found {
				t.Errorf("%s %s: got %s %q, %v; want %s", ref.Repo, c.wanted, chart.Version, chart.Archive, err, c.found)
			}
		}
		list, err := cache.ChartVersions(t.Context(), from.Repo, from.Name)
		if want := []string{"2.0.0-rc.1", "v1.11.0", "1.10.2", "1.9.0", "1.2.3+build.5"}; err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("%s: versions %q, %v; want %q", from.Repo, list, err, want)
		}
	}
}

func TestAChartIsAskedForOnceADay(t *testing.T) {
	t.Parallel()
	repo := webRepo("1.0.0")
	ref := source.ChartRef{Repo: repo.start(t) + "/charts", Name: "web", Version: "1.0.0"}
	dir, now := t.TempDir(), time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		later             time.Duration
		indexes, archives int32
	}{{0, 1, 1}, {23 * time.Hour, 1, 1}, {25 * time.Hour, 2, 1}, {-48 * time.Hour, 3, 1}} {
		at := now.Add(c.later)
		cache := source.NewCache(dir, options(func(o *source.Options) { o.Now = func() time.Time { return at } }))
		for range 2 {
			if _, err := cache.Chart(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
		indexes, archives := repo.hits["/charts/index.yaml"].Load(), repo.hits["/charts/archives/web-1.0.0.tgz"].Load()
		if indexes != c.indexes || archives != c.archives {
			t.Errorf("after %s: %d requests for the index, %d for the archive; want %d, %d", c.later, indexes, archives, c.indexes, c.archives)
		}
	}
}

func TestADamagedArchiveInTheCacheIsFetchedAgain(t *testing.T) {
	t.Parallel()
	ref := source.ChartRef{Repo: webRepo("1.0.0").start(t) + "/charts", Name: "web", Version: "1.0.0"}
	dir := t.TempDir()
	for range 2 {
		chart, err := source.NewCache(dir, options()).Chart(t.Context(), ref)
		if err != nil || string(chart.Archive) != "content of 1.0.0" {
			t.Fatalf("got %q, %v", chart.Archive, err)
		}
		found, _ := filepath.Glob(dir + "/charts/*.tgz")
		if len(found) != 1 {
			t.Fatalf("archives in the cache: %v", found)
		}
		if err := os.WriteFile(found[0], []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALockedDigestWinsAndAMovedVersionIsTold(t *testing.T) {
	t.Parallel()
	t.Run("repository", func(t *testing.T) {
		t.Parallel()
		repo := webRepo("1.0.0")
		ref := source.ChartRef{Repo: repo.start(t) + "/charts", Name: "web", Version: "1.0.0", Digest: digestOf("content of 1.0.0")}
		dir := t.TempDir()
		if chart, err := source.NewCache(dir, options()).Chart(t.Context(), ref); err != nil || chart.Moved != "" || chart.Digest != ref.Digest {
			t.Fatalf("got %+v, %v", chart, err)
		}
		repo.files["/charts/archives/web-1.0.0.tgz"] = "published again"
		repo.files["/charts/index.yaml"] = indexOf(map[string]string{"1.0.0": "published again"})
		chart, err := source.NewCache(dir, options()).Chart(t.Context(), ref)
		if err != nil || string(chart.Archive) != "content of 1.0.0" || chart.Moved != "" {
			t.Errorf("what is locked and in the cache is not used: %+v, %v", chart, err)
		}
		chart, err = source.NewCache(t.TempDir(), options()).Chart(t.Context(), ref)
		if err != nil || string(chart.Archive) != "published again" || chart.Moved != digestOf("published again") || chart.Digest != chart.Moved {
			t.Errorf("got %+v, %v", chart, err)
		}
	})
	t.Run("registry", func(t *testing.T) {
		t.Parallel()
		h := &hub{}
		h.start(t)
		locked := h.push(t, "1.0.0", image(t, layer([]byte("first"), helmContent)))
		moved := h.push(t, "1.0.0", image(t, layer([]byte("second"), helmContent)))
		chart, err := source.NewCache(t.TempDir(), options()).Chart(t.Context(), source.ChartRef{Repo: h.url(), Version: "1.0.0", Digest: locked})
		if err != nil || string(chart.Archive) != "first" || chart.Digest != locked || chart.Moved != moved {
			t.Errorf("got %+v, %v", chart, err)
		}
	})
}

func TestChartRepositoryCredentialsStayWithTheirHost(t *testing.T) {
	t.Parallel()
	var seen atomic.Value
	other := &chartRepo{files: map[string]string{"/web.tgz": "elsewhere"}, before: func(_ http.ResponseWriter, req *http.Request) bool {
		user, password, _ := req.BasicAuth()
		seen.Store(user + ":" + password)
		return false
	}}
	otherURL := other.start(t)
	home := &chartRepo{user: user + ":" + password, files: map[string]string{
		"/index.yaml": fmt.Sprintf("apiVersion: v1\nentries:\n  web:\n  - {version: 1.0.0, urls: [%s/web.tgz]}\n  - {version: 2.0.0, urls: [/web.tgz]}\n", otherURL),
		"/web.tgz":    "at home",
	}}
	url := home.start(t)
	host, otherHost := strings.TrimPrefix(url, "http://"), strings.TrimPrefix(otherURL, "http://")
	good := source.Credential{Kind: source.KindHelm, Host: host, Username: user, Password: password}
	all := good
	all.PassCredentialsAll = true
	// As `helm repo add` writes it; a trailing slash makes no difference.
	helmConfig := func(dir string, extra string) func(*source.Options) {
		file := filepath.Join(dir, "helm/repositories.yaml")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, file, fmt.Sprintf("apiVersion: \"\"\nrepositories:\n- {name: home, url: %s/, username: %s, password: %s%s}\n", url, user, password, extra))
		return func(o *source.Options) { o.Environ = append(bareEnv(), "XDG_CONFIG_HOME="+dir) }
	}
	with := func(c ...source.Credential) func(*source.Options) {
		return func(o *source.Options) { o.Credentials = c }
	}
	for _, c := range []struct {
		name   string
		repo   string
		change func(*source.Options)
		sent   string // to the other host
		fails  bool
	}{
		{"none", url, with(), "", true},
		{"wrong", url, with(source.Credential{Kind: source.KindHelm, Host: host, Username: user, Password: "wrong-password"}), "", true},
		{"another path's", url, with(source.Credential{Kind: source.KindHelm, Host: host, PathGlob: "stable", Username: user, Password: password}), "", true},
		{"a registry's", url, with(source.Credential{Kind: source.KindOCI, Host: host, Username: user, Password: password}), "", true},
		{"given", url, with(good), ":", false},
		{"passed to all", url, with(all), user + ":" + password, false},
		{"one for each host", url, with(good, source.Credential{Kind: source.KindHelm, Host: otherHost, Username: "bob", Password: "b"}), "bob:b", false},
		{"in the address", strings.Replace(url, "://", "://"+user+":"+password+"@", 1), with(), ":", false},
		{"helm repo add", url, helmConfig(t.TempDir(), ""), ":", false},
		{"helm repo add --pass-credentials", url, helmConfig(t.TempDir(), ", pass_credentials_all: true"), user + ":" + password, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen.Store("not asked")
			cache := source.NewCache(t.TempDir(), options(c.change))
			chart, err := cache.Chart(t.Context(), source.ChartRef{Repo: c.repo, Name: "web", Version: "1.0.0"})
			if c.fails {
				wantError(t, err, "401", "--helm-username", "chart web of "+url)
				if strings.Contains(err.Error(), "wrong-password") {
					t.Errorf("the error shows a password: %v", err)
				}
				return
			}
			if err != nil || string(chart.Archive) != "elsewhere" || chart.Digest != digestOf("elsewhere") {
				t.Fatalf("got %+v, %v", chart, err)
			}
			if got := seen.Load(); got != c.sent {
				t.Errorf("the other host got %q, want %q", got, c.sent)
			}
			if chart, err = cache.Chart(t.Context(), source.ChartRef{Repo: c.repo, Name: "web", Version: "2.0.0"}); err != nil || string(chart.Archive) != "at home" {
				t.Errorf("by an address without a host: %q, %v", chart.Archive, err)
			}
		})
	}
}

func TestChartRepositoriesWithTheirOwnCertificates(t *testing.T) {
	t.Parallel()
	repo := webRepo("1.0.0")
	repo.start(t)
	srv := httptest.NewUnstartedServer(repo)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	host := strings.TrimPrefix(srv.URL, "https://")
	ref := source.ChartRef{Repo: srv.URL + "/charts", Name: "web", Version: "1.0.0"}
	_, err := source.NewCache(t.TempDir(), options()).Chart(t.Context(), ref)
	wantError(t, err, "certificate")
	for _, cred := range []source.Credential{
		{Kind: source.KindHelm, Host: host, CAFile: ca},
		{Kind: source.KindHelm, Host: host, InsecureSkipTLSVerify: true},
	} {
		chart, err := source.NewCache(t.TempDir(), options(func(o *source.Options) { o.Credentials = []source.Credential{cred} })).Chart(t.Context(), ref)
		if err != nil || string(chart.Archive) != "content of 1.0.0" {
			t.Errorf("got %q, %v", chart.Archive, err)
		}
	}
}

func TestHelmRegistryLoginIsUsedForCharts(t *testing.T) {
	t.Parallel()
	h := &hub{user: user + ":" + password}
	h.start(t)
	h.push(t, "1.0.0", image(t, layer([]byte("private"), helmContent)))
	dir := t.TempDir()
	file := filepath.Join(dir, "registry.json")
	write(t, file, fmt.Sprintf(`{"auths": {"%s": {"username": "%s", "password": "%s"}}}`, h.host, user, password))
	ref := source.ChartRef{Repo: h.url(), Version: "1.0.0"}
	_, err := source.NewCache(t.TempDir(), options()).Chart(t.Context(), ref)
	wantError(t, err, "401", "give credentials")
	chart, err := source.NewCache(t.TempDir(), options(func(o *source.Options) { o.Environ = append(bareEnv(), "HELM_REGISTRY_CONFIG="+file) })).Chart(t.Context(), ref)
	if err != nil || string(chart.Archive) != "private" {
		t.Errorf("got %q, %v", chart.Archive, err)
	}
}

func TestBrokenChartRepositoriesAreErrorsThatSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	index := func(text string) *chartRepo {
		return &chartRepo{files: map[string]string{"/charts/index.yaml": text, "/charts/web.tgz": "x"}}
	}
	for _, c := range []struct {
		name string
		repo *chartRepo
		ref  source.ChartRef
		want []string
	}{
		{"no index", &chartRepo{}, source.ChartRef{}, []string{"/charts/index.yaml", "404", "check the address"}},
		{"a web page", index("<html>\n<p>hello: you"), source.ChartRef{}, []string{"index"}},
		{"no YAML", index("a: b: c"), source.ChartRef{}, []string{"index.yaml cannot be read"}},
		{"no entries", index("apiVersion: v1\n"), source.ChartRef{}, []string{"is not the index of a chart repository"}},
		{"a list", index("[1]"), source.ChartRef{}, []string{"index.yaml cannot be read"}},
		{"no such chart", webRepo("1.0.0"), source.ChartRef{Name: "wep"}, []string{"has no chart wep", "there are: web, other"}},
		{"no such version", webRepo("1.0.0", "1.1.0"), source.ChartRef{Version: "1.2.0"}, []string{"version 1.2.0", "no version fits", "1.1.0"}},
		{"no such version in a range", webRepo("1.0.0"), source.ChartRef{Version: ">3"}, []string{"no version fits"}},
		{"no constraint", webRepo("1.0.0"), source.ChartRef{Version: "newest"}, []string{`"newest" is neither a version nor a constraint`}},
		{"wrong digest", &chartRepo{files: map[string]string{"/charts/index.yaml": indexOf(map[string]string{"1.0.0": "good"}), "/charts/archives/web-1.0.0.tgz": "evil"}},
			source.ChartRef{}, []string{digestOf("evil"), digestOf("good"), "replaced, or damaged"}},
		{"archive is gone", index("apiVersion: v1\nentries: {web: [{version: 1.0.0, urls: [gone.tgz]}]}"), source.ChartRef{}, []string{"getting the archive", "/charts/gone.tgz", "404"}},
		{"second address works", index("apiVersion: v1\nentries: {web: [{version: 1.0.0, urls: [gone.tgz, web.tgz]}]}"), source.ChartRef{}, nil},
		{"no address", index("apiVersion: v1\nentries: {web: [{version: 1.0.0}]}"), source.ChartRef{}, []string{"names no address"}},
		{"a file's address", index("apiVersion: v1\nentries: {web: [{version: 1.0.0, urls: ['file:///etc/passwd']}]}"), source.ChartRef{}, []string{`scheme "file" is not supported`}},
		{"removed version", index("apiVersion: v1\nentries: {web: [{version: 1.0.0, urls: [web.tgz], removed: true}]}"), source.ChartRef{}, []string{"no version fits"}},
		{"cut off", &chartRepo{before: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "apiVersion")
			return true
		}}, source.ChartRef{}, []string{"cut off after 10 bytes"}},
		{"redirected for ever", &chartRepo{before: func(w http.ResponseWriter, req *http.Request) bool {
			http.Redirect(w, req, req.URL.Path, http.StatusFound)
			return true
		}}, source.ChartRef{}, []string{"redirected without an end"}},
		{"a name with slashes", webRepo("1.0.0"), source.ChartRef{Name: "../web"}, []string{`"../web" is not the name of a chart`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ref := source.ChartRef{Repo: c.repo.start(t) + "/charts", Name: "web", Version: "1.0.0"}
			if c.ref.Name != "" {
				ref.Name = c.ref.Name
			}
			if c.ref.Version != "" {
				ref.Version = c.ref.Version
			}
			chart, err := source.NewCache(t.TempDir(), options()).Chart(t.Context(), ref)
			if c.want == nil {
				if err != nil || string(chart.Archive) != "x" {
					t.Errorf("got %q, %v", chart.Archive, err)
				}
				return
			}
			wantError(t, err, append(c.want, ref.Repo)...)
		})
	}
}

func TestAChartRepositoryThatDoesNotAnswerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"at all": "", "to its end": "apiVersion: v1\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			repo := &chartRepo{before: func(w http.ResponseWriter, req *http.Request) bool {
				fmt.Fprint(w, begin)
				w.(http.Flusher).Flush()
				cancel(context.DeadlineExceeded)
				<-req.Context().Done()
				return true
			}}
			_, err := source.NewCache(t.TempDir(), options()).Chart(ctx, source.ChartRef{Repo: repo.start(t) + "/charts", Name: "web", Version: "1.0.0"})
			wantError(t, err, "/charts/index.yaml", "deadline exceeded")
		})
	}
}

func TestBrokenOCIChartsAreErrorsThatSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := &hub{}
	h.start(t)
	h.push(t, "1.0.0", image(t, layer([]byte("x"), helmContent)))
	h.push(t, "2.0.0", image(t, layer([]byte("x"), types.OCILayer)))
	for _, c := range []struct {
		repo, version string
		want          []string
	}{
		{h.url(), "1.1.0", []string{`tag "1.1.0" not found`, "1.0.0"}},
		{h.url(), ">3", []string{"no version fits"}},
		{h.url(), "2.0.0", []string{"it is not a chart", "is it a container image?"}},
		{"oci://" + h.host + "/Team/App", "1.0.0", []string{"lower-case"}},
		{"oci://" + h.host + "/team/none", "1.0.0", []string{"NAME_UNKNOWN", "check the address"}},
		{"ftp://example.com/charts", "1.0.0", []string{"scheme"}},
		{"git@example.com:charts", "1.0.0", []string{"https, http or oci"}},
	} {
		_, err := source.NewCache(t.TempDir(), options()).Chart(t.Context(), source.ChartRef{Repo: c.repo, Name: "web", Version: c.version})
		wantError(t, err, c.want...)
	}
}

func TestHelmCredentialsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	got, err := source.CredentialsFromEnv([]string{
		"KLUCTL_HELM_HOST=charts.example.com", "KLUCTL_HELM_USERNAME=u", "KLUCTL_HELM_PASSWORD=p", "KLUCTL_HELM_PASS_CREDENTIALS_ALL=true",
		"WEIGHLOCK_HELM_1_HOST=h", "WEIGHLOCK_HELM_1_PATH=stable/*", "WEIGHLOCK_HELM_1_CA_FILE=/ca", "WEIGHLOCK_HELM_1_CERT_FILE=/c", "WEIGHLOCK_HELM_1_KEY_FILE=/k",
		"WEIGHLOCK_HELM_1_INSECURE_SKIP_TLS_VERIFY=yes?", "WEIGHLOCK_HELM_1_PLAIN_HTTP=true",
	})
	wantError(t, err, `WEIGHLOCK_HELM_1_INSECURE_SKIP_TLS_VERIFY="yes?"`)
	want := []source.Credential{
		{Kind: source.KindHelm, Host: "h", PathGlob: "stable/*", CAFile: "/ca", CertFile: "/c", KeyFile: "/k"},
		{Kind: source.KindHelm, Host: "charts.example.com", Username: "u", Password: "p", PassCredentialsAll: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}
