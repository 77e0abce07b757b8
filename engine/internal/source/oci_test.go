package source_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/weighlock/weighlock/engine/internal/source"
)

const fluxContent types.MediaType = "application/vnd.cncf.flux.content.v1.tar+gzip"

var bundle = files{"deploy/web.yaml": "image: web:1\n", "run.sh": "exec:#!/bin/sh\n", "latest": "link:deploy/web.yaml"}

// hub is a registry on loopback.
type hub struct {
	host  string
	plain http.Handler                                  // without before, for pushing
	user  string                                        // "user:password" if needed
	tweak func(http.ResponseWriter, *http.Request) bool // if set, called first; true ends the request
}

func (h *hub) start(t *testing.T) *httptest.Server {
	t.Helper()
	h.plain = registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		pushing := req.Header.Get("Pushing") != ""
		if user, password, _ := req.BasicAuth(); !pushing && h.user != "" && user+":"+password != h.user {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if !pushing && h.tweak != nil && h.tweak(w, req) {
			return
		}
		h.plain.ServeHTTP(w, req)
	}))
	t.Cleanup(srv.Close)
	h.host = strings.TrimPrefix(srv.URL, "http://")
	return srv
}

type pusher struct{}

func (pusher) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Pushing", "yes")
	return http.DefaultTransport.RoundTrip(req)
}

// push puts an image into the repository "team/app" and returns its digest.
func (h *hub) push(t *testing.T, tag string, image v1.Image) string {
	t.Helper()
	ref, err := name.ParseReference(h.host + "/team/app:" + tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, remote.WithTransport(pusher{})); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func (h *hub) url() string { return "oci://" + h.host + "/team/app" }

func image(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layers...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func layer(content []byte, media types.MediaType) v1.Layer { return static.NewLayer(content, media) }

// archive is a gzipped tar archive of files.
func archive(t *testing.T, f files) []byte {
	t.Helper()
	headers := []tar.Header{{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}}
	var contents []string
	for _, path := range slices.Sorted(maps.Keys(f)) {
		kind, rest, found := strings.Cut(f[path], ":")
		switch {
		case found && kind == "link":
			headers = append(headers, tar.Header{Typeflag: tar.TypeSymlink, Name: path, Linkname: rest})
		case found && kind == "exec":
			headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: "./" + path, Mode: 0o755, Size: int64(len(rest))})
			contents = append(contents, rest)
		default:
			headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: int64(len(f[path]))})
			contents = append(contents, f[path])
		}
	}
	return rawArchive(t, headers, contents...)
}

// rawArchive is one that need not make sense.
func rawArchive(t *testing.T, headers []tar.Header, contents ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, contents[0]); err != nil {
				t.Fatal(err)
			}
			contents = contents[1:]
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustOCI(t *testing.T, c *source.Cache, ref source.OCIRef) source.Tree {
	t.Helper()
	tree, err := c.OCI(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestOCIResolvesTagsAndDigests(t *testing.T) {
	t.Parallel()
	var h hub
	h.start(t)
	first := h.push(t, "v1", image(t, layer(archive(t, bundle), fluxContent)))
	second := h.push(t, "latest", image(t, layer([]byte("signature"), "text/plain"), layer(archive(t, shop2), fluxContent)))
	third := h.push(t, "docker", mutate.MediaType(image(t, layer(archive(t, shop2), types.DockerLayer)), types.DockerManifestSchema2))
	cases := []struct {
		name   string
		ref    source.OCIRef
		tag    string
		digest string
		files  files
	}{
		{"latest by default, Flux's layer among others", source.OCIRef{}, "latest", second, shop2},
		{"tag", source.OCIRef{Tag: "v1"}, "v1", first, bundle},
		{"digest", source.OCIRef{Digest: first}, "", first, bundle},
		{"digest before tag", source.OCIRef{Digest: first, Tag: "latest"}, "", first, bundle},
		{"any layer that is an archive", source.OCIRef{Tag: "docker"}, "docker", third, shop2},
	}
	c := source.NewCache(t.TempDir(), options())
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.ref.URL = h.url()
			wantTree(t, mustOCI(t, c, tc.ref), tc.tag, tc.digest, tc.files)
		})
	}
}

func TestAMovedTagIsSeenByTheNextRunAndADigestNeedsNoNetwork(t *testing.T) {
	t.Parallel()
	var h hub
	srv := h.start(t)
	first := h.push(t, "latest", image(t, layer(archive(t, bundle), fluxContent)))
	dir, now := t.TempDir(), time.Unix(1700000000, 0)
	run := func(age time.Duration) *source.Cache {
		return source.NewCache(dir, options(func(o *source.Options) {
			o.UpdateInterval, o.Now = time.Hour, func() time.Time { return now.Add(age) }
		}))
	}
	old := run(0)
	mustOCI(t, old, source.OCIRef{URL: h.url()})
	second := h.push(t, "latest", image(t, layer(archive(t, shop2), fluxContent)))
	wantTree(t, mustOCI(t, old, source.OCIRef{URL: h.url()}), "latest", first, bundle)
	wantTree(t, mustOCI(t, run(time.Minute), source.OCIRef{URL: h.url()}), "latest", first, bundle)
	wantTree(t, mustOCI(t, run(time.Hour), source.OCIRef{URL: h.url()}), "latest", second, shop2)
	wantTree(t, mustOCI(t, source.NewCache(dir, options()), source.OCIRef{URL: h.url()}), "latest", second, shop2)
	srv.Close()
	wantTree(t, mustOCI(t, source.NewCache(dir, options()), source.OCIRef{URL: h.url(), Digest: first}), "", first, bundle)
}

func TestCredentialsForRegistries(t *testing.T) {
	t.Parallel()
	h := hub{user: user + ":" + password}
	h.start(t)
	digest := h.push(t, "latest", image(t, layer(archive(t, bundle), fluxContent)))
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	good := source.Credential{Kind: source.KindOCI, Host: h.host, PathGlob: "team/*", Username: user, Password: password}
	docker := func(config string) func(*testing.T) func(*source.Options) {
		return func(t *testing.T) func(*source.Options) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "config.json"), config)
			program := filepath.Join(dir, "docker-credential-test")
			write(t, program, fmt.Sprintf("#!/bin/sh\nread server\n[ \"$server\" = %s ] && echo '{\"Username\":\"%s\",\"Secret\":\"%s\"}' || { echo credentials not found in native keychain; exit 1; }\n", h.host, user, password))
			chmod(t, program)
			return func(o *source.Options) {
				o.Environ = append([]string{"DOCKER_CONFIG=" + dir, "PATH=" + dir + ":/usr/bin:/bin"}, o.Environ[1:]...)
			}
		}
	}
	cases := []struct {
		name   string
		change func(*testing.T) func(*source.Options)
		fails  bool
	}{
		{"none", nil, true},
		{"ours", credentials(good), false},
		{"ours, with the host in the path", credentials(source.Credential{Kind: source.KindOCI, PathGlob: h.host + "/team/app", Username: user, Password: password}), false},
		{"for another path", credentials(source.Credential{Kind: source.KindOCI, Host: h.host, PathGlob: "other/*", Username: user, Password: password}), true},
		{"wrong", credentials(source.Credential{Kind: source.KindOCI, Host: h.host, Username: user, Password: "wrong-password"}), true},
		{"docker login", docker(`{"auths": {"` + h.host + `": {"auth": "` + auth + `"}}}`), false},
		{"docker login by address", docker(`{"auths": {"https://` + h.host + `": {"username": "` + user + `", "password": "` + password + `"}}}`), false},
		{"docker's helper for the host", docker(`{"credHelpers": {"` + h.host + `": "test"}}`), false},
		{"docker's store", docker(`{"auths": {"` + h.host + `": {}}, "credsStore": "test"}`), false},
		{"docker's helper for others", docker(`{"credHelpers": {"other.invalid": "test"}}`), true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			if c.change != nil {
				c.change(t)(&opts)
			}
			dir := t.TempDir()
			tree, err := source.NewCache(dir, opts).OCI(t.Context(), source.OCIRef{URL: h.url()})
			if c.fails {
				wantError(t, err, h.url(), "tag latest", "give credentials that can read the repository")
				if strings.Contains(err.Error(), "wrong-password") {
					t.Errorf("error %q shows a password", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantTree(t, tree, "latest", digest, bundle)
			wantNowhere(t, dir, password)
		})
	}
}

func TestHostileArtifactsAreNotWritten(t *testing.T) {
	t.Parallel()
	good := archive(t, bundle)
	reg := func(name string) []tar.Header {
		return []tar.Header{{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o644}}
	}
	cases := []struct {
		name    string
		content []byte
		want    string
	}{
		{"up", rawArchive(t, reg("../x"), "1"), `"../x" contains a name that no tree may have`},
		{"up in between", rawArchive(t, reg("a/../../x"), "1"), `"a/../../x"`},
		{"absolute", rawArchive(t, reg("/etc/x"), "1"), `"/etc/x" is an absolute path`},
		{"link out", rawArchive(t, []tar.Header{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc"}}), `"a" is a symbolic link that leads out`},
		{"through a link", rawArchive(t, append([]tar.Header{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "b"}}, reg("a/x")...), "1"), "twice"},
		{"hard link", rawArchive(t, []tar.Header{{Typeflag: tar.TypeLink, Name: "a", Linkname: "/etc/passwd"}}), "neither file, directory nor symbolic link"},
		{"device", rawArchive(t, []tar.Header{{Typeflag: tar.TypeChar, Name: "a"}}), "neither file"},
		{"twice", rawArchive(t, append(reg("x"), reg("./x")...), "1", "2"), `"x" is in the tree twice`},
		{"too many", rawArchive(t, slices.Concat(reg("1"), reg("2"), reg("3"), reg("4"), reg("5"), reg("6")), "1", "1", "1", "1", "1", "1"), "more than the 5 files"},
		{"too large when unpacked", rawArchive(t, []tar.Header{{Typeflag: tar.TypeReg, Name: "zeros", Size: 1 << 20}}, strings.Repeat("0", 1<<20)), "zeros: the files up to this one have more than the 65536 bytes"},
		{"too large in what is left out", rawArchive(t, []tar.Header{{Typeflag: tar.TypeReg, Name: ".git/zeros", Size: 1 << 20}}, strings.Repeat("0", 1<<20)), "more than the 65536 bytes"},
		{"too large when packed", []byte(noise(1 << 17)), "more than the 65536 allowed"},
		{"cut short", good[:len(good)-20], "run.sh: unexpected EOF"},
		{"no archive", []byte("plain text"), "not a gzipped tar archive"},
		{"empty", nil, "unpacking"},
	}
	var h hub
	h.start(t)
	for i, c := range cases {
		h.push(t, fmt.Sprintf("case-%d", i), image(t, layer(c.content, fluxContent)))
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := source.NewCache(dir, options(func(o *source.Options) {
				o.Limits = source.Limits{Files: 5, Bytes: 1 << 16}
			})).OCI(t.Context(), source.OCIRef{URL: h.url(), Tag: fmt.Sprintf("case-%d", i)})
			wantError(t, err, h.url(), c.want)
			if left, _ := filepath.Glob(filepath.Join(dir, "trees", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestARepositoryInAnArtifactIsLeftOut(t *testing.T) {
	t.Parallel()
	var h hub
	h.start(t)
	content := rawArchive(t, []tar.Header{
		{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "x"}},
		{Typeflag: tar.TypeDir, Name: ".git/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: "./.git/config", Size: 1, Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: "x.yaml", Size: 2, Mode: 0o644},
	}, "1", "2\n")
	digest := h.push(t, "latest", image(t, layer(content, fluxContent)))
	wantTree(t, mustOCI(t, source.NewCache(t.TempDir(), options()), source.OCIRef{URL: h.url()}), "latest", digest, files{"x.yaml": "2\n"})
}

func TestContentThatIsNotWhatItsDigestSaysIsRefused(t *testing.T) {
	t.Parallel()
	good := archive(t, bundle)
	other := slices.Clone(good)
	other[9]++ // the system that it was packed on: unpacked, it is the same
	manifest := func(tag string) string { return "/v2/team/app/manifests/" + tag }
	cases := []struct {
		name  string
		tweak func(w http.ResponseWriter, req *http.Request) bool
		want  string
	}{
		{"another layer", func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.Contains(req.URL.Path, "/blobs/") {
				return false
			}
			_, _ = w.Write(other)
			return true
		}, "checksum"},
		{"layer cut short", func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.Contains(req.URL.Path, "/blobs/") {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			_, _ = w.Write(good[:len(good)/2])
			return true
		}, "unexpected EOF"},
		{"another manifest", func(w http.ResponseWriter, req *http.Request) bool {
			if strings.HasPrefix(req.URL.Path, manifest("sha256:")) {
				w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
				_, _ = io.WriteString(w, `{"schemaVersion": 2, "layers": []}`)
				return true
			}
			return false
		}, "digest"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := hub{tweak: c.tweak}
			h.start(t)
			digest := h.push(t, "latest", image(t, layer(good, fluxContent)))
			dir := t.TempDir()
			_, err := source.NewCache(dir, options()).OCI(t.Context(), source.OCIRef{URL: h.url(), Digest: digest})
			wantError(t, err, h.url(), digest, c.want)
			if left, _ := filepath.Glob(filepath.Join(dir, "trees", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestOCIErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	var h hub
	h.start(t)
	h.push(t, "v1.2.3", image(t, layer(archive(t, bundle), fluxContent)))
	h.push(t, "container", image(t, layer([]byte("a"), types.OCILayer), layer([]byte("b"), types.OCILayer)))
	index, err := name.ParseReference(h.host + "/team/app:index")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(index, empty.Index, remote.WithTransport(pusher{})); err != nil {
		t.Fatal(err)
	}
	missing := "sha256:" + strings.Repeat("12", 32)
	cases := []struct {
		name string
		ref  source.OCIRef
		want []string
	}{
		{"unknown tag", source.OCIRef{URL: h.url(), Tag: "v1.2.4"}, []string{h.url(), `tag "v1.2.4" not found; there are: v1.2.3`}},
		{"unknown digest", source.OCIRef{URL: h.url(), Digest: missing}, []string{missing, "check the address and the digest"}},
		{"unknown repository", source.OCIRef{URL: h.url() + "/none"}, []string{"/none", "check the address"}},
		{"container image", source.OCIRef{URL: h.url(), Tag: "container"}, []string{"2 layers", "container image"}},
		{"index", source.OCIRef{URL: h.url(), Tag: "index"}, []string{"index of several images"}},
		{"tag in the address", source.OCIRef{URL: h.url() + ":v1"}, []string{"do not belong into the address"}},
		{"other scheme", source.OCIRef{URL: "https://host/x"}, []string{"begins with oci://"}},
		{"bad digest", source.OCIRef{URL: h.url(), Digest: "sha256:12"}, []string{"64 lower-case"}},
		{"bad tag", source.OCIRef{URL: h.url(), Tag: "a b"}, []string{`"a b" is not a tag`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := source.NewCache(t.TempDir(), options()).OCI(t.Context(), c.ref)
			wantError(t, err, c.want...)
		})
	}
	refuse := options(func(o *source.Options) {
		o.Allow = func(kind source.Kind, url string) error { return fmt.Errorf("%s %s is not allowed", kind, url) }
	})
	_, err = source.NewCache(t.TempDir(), refuse).OCI(t.Context(), source.OCIRef{URL: h.url()})
	wantError(t, err, "oci "+h.url()+" is not allowed")
}
