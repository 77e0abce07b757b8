package source_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/source"
)

func TestAFileIsAskedForOnceInARunAndWithoutCredentials(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		if req.Header.Get("Authorization") != "" {
			t.Error("asked with credentials")
		}
		fmt.Fprint(w, "a: 1\n")
	}))
	t.Cleanup(server.Close)
	url := strings.Replace(server.URL, "http://", "http://user:secret@", 1) + "/a/x.yaml?token=secret"
	c := source.NewCache(t.TempDir(), options())
	for range 2 {
		file, err := c.File(t.Context(), url)
		const digest = "sha256:37b128c59f1f5097f73f82691cb519f1f568667faab5ced1b4ab979d36837eae"
		if err != nil || string(file.Data) != "a: 1\n" || file.URL != server.URL+"/a/x.yaml" || file.Digest != digest {
			t.Errorf("got %+v, %v", file, err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestAFileThatCannotBeHadSaysWhy(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/private":
			w.WriteHeader(http.StatusForbidden)
		case "/endless":
			for req.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "a")
		case "/circle":
			http.Redirect(w, req, "/circle?token=secret", http.StatusFound)
		case "/away":
			http.Redirect(w, req, "http://169.254.169.254/latest?token=secret", http.StatusFound)
		default:
			http.NotFound(w, req)
		}
	}))
	t.Cleanup(server.Close)
	c := source.NewCache(t.TempDir(), options(func(o *source.Options) {
		o.Allow = func(kind source.Kind, url string) error {
			if kind != source.KindFile || !strings.HasPrefix(url, server.URL+"/") {
				return errors.New("refused by the test")
			}
			return nil
		}
	}))
	for path, want := range map[string]string{
		"/gone": "404 Not Found; check the address", "/private": "403 Forbidden; files are asked for without credentials",
		"/endless": "more than the", "/cut": "cut off after 1 bytes", "/circle": "redirected without an end",
		"/away": "redirected to http://169.254.169.254/latest: refused by the test",
	} {
		_, err := c.File(t.Context(), server.URL+path+"?token=secret")
		wantError(t, err, server.URL+path, want)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the query: %v", err)
		}
	}
	for url, want := range map[string]string{
		"https://example.com/x.yaml": "refused by the test", "ftp://example.com/x": "must begin with https://", "https:///x": "must begin with https://",
		"http:x": "must begin with https://", "https://example.com/a/../x": ".. in its path",
	} {
		_, err := c.File(t.Context(), url)
		wantError(t, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.File(ctx, server.URL+"/endless?again")
	wantError(t, err, "context canceled")
}
