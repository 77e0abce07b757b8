package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"
)

// chartServer is a chart repository at /charts and an OCI registry, on loopback. It needs a password at /private.
type chartServer struct {
	mu       sync.Mutex
	archives map[string][]byte // by NAME-VERSION.tgz
	index    map[string][]map[string]any
	registry http.Handler
}

const chartUser, chartPassword = "alice", "s3cr3t-of-alice"

func (s *chartServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p := req.URL.Path
	if strings.HasPrefix(p, "/v2/") {
		s.registry.ServeHTTP(w, req)
		return
	}
	if rest, ok := strings.CutPrefix(p, "/private"); ok {
		if user, password, _ := req.BasicAuth(); user != chartUser || password != chartPassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		p = rest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == "/charts/index.yaml" {
		data, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "entries": s.index})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(data)
		return
	}
	if data, ok := s.archives[strings.TrimPrefix(p, "/charts/")]; ok && strings.HasPrefix(p, "/charts/") {
		w.Write(data)
		return
	}
	http.NotFound(w, req)
}

// publish packs a chart and puts it into the repository and the registry.
func (s *chartServer) publish(host string, tree fs.FS) error {
	data, err := fs.ReadFile(tree, "Chart.yaml")
	if err != nil {
		return err
	}
	var meta struct{ Name, Version string }
	if err := yaml.Unmarshal(data, &meta); err != nil {
		return err
	}
	archive, err := packChart(meta.Name, tree)
	if err != nil {
		return err
	}
	file := meta.Name + "-" + meta.Version + ".tgz"
	s.mu.Lock()
	s.archives[file] = archive
	entries := s.index[meta.Name]
	for i, e := range entries {
		if e["version"] == meta.Version {
			entries = append(entries[:i:i], entries[i+1:]...)
			break
		}
	}
	s.index[meta.Name] = append(entries, map[string]any{
		"name": meta.Name, "version": meta.Version, "urls": []string{file}, "digest": fmt.Sprintf("%x", sha256.Sum256(archive)),
	})
	s.mu.Unlock()
	layer := static.NewLayer(archive, types.MediaType("application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		return err
	}
	ref, err := name.NewTag(fmt.Sprintf("%s/charts/%s:%s", host, meta.Name, meta.Version))
	if err != nil {
		return err
	}
	return remote.Write(ref, img)
}

func packChart(prefix string, tree fs.FS) ([]byte, error) {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		if err := tw.WriteHeader(&tar.Header{Name: path.Join(prefix, p), Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = tw.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	err = zw.Close()
	return b.Bytes(), err
}

type chartServerKey struct{}

// publishCharts is the script command "publish DIR…": it makes charts available. The first one starts the servers: $CHARTS is the
// repository's address, $REGISTRY the registry's host, $PORT the port of both. A directory is looked for in testdata/charts too.
func publishCharts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: publish DIR…")
	}
	s, _ := ts.Value(chartServerKey{}).(*chartServer)
	if s == nil {
		ts.Fatalf("the script has no chart server")
	}
	if ts.Getenv("PORT") == "" {
		srv := httptest.NewServer(s)
		ts.Defer(srv.Close)
		host := strings.TrimPrefix(srv.URL, "http://")
		ts.Setenv("REGISTRY", host)
		ts.Setenv("CHARTS", srv.URL+"/charts")
		ts.Setenv("PORT", strings.TrimPrefix(host, "127.0.0.1:"))
	}
	for _, arg := range args {
		dir := ts.MkAbs(arg)
		if _, err := os.Stat(dir); err != nil {
			dir = filepath.Join("..", "..", "testdata", "charts", arg)
		}
		ts.Check(s.publish(ts.Getenv("REGISTRY"), os.DirFS(dir)))
	}
}

// expandFiles is the script command "expand FILE…": it puts variables in the place of $NAME.
func expandFiles(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o644))
	}
}

// listObjects is the script command "objects FILE": it prints namespace/Kind/name of each YAML document.
func listObjects(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: objects FILE")
	}
	for doc := range strings.SplitSeq(ts.ReadFile(args[0]), "\n---\n") {
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		ts.Check(yaml.Unmarshal([]byte(doc), &o))
		fmt.Fprintln(ts.Stdout(), strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Kind+"/"+o.Metadata.Name, "/"))
	}
}

func newChartServer() *chartServer {
	return &chartServer{archives: map[string][]byte{}, index: map[string][]map[string]any{}, registry: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
}
