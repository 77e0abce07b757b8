package actiontest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// frugal answers for git's backend what needs no program: which refs there are, and, once the backend has said it, what git is able to do.
// Jobs ask for the tip of a branch again and again, and each time the backend would start four programs.
//
// Source: gitprotocol-v2(5), gitprotocol-common(5) for pkt-lines.
type frugal struct {
	bare    string
	backend http.Handler
}

// advertised is what the backend says first to who speaks version 2 of the protocol: the same for all repositories.
var advertised struct {
	sync.Mutex
	answer *httptest.ResponseRecorder
}

func (f frugal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Git-Protocol") != "version=2" {
		f.backend.ServeHTTP(w, r)
		return
	}
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/info/refs") && r.URL.Query().Get("service") == "git-upload-pack":
		f.advertise(w, r)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-upload-pack") && r.Header.Get("Content-Encoding") == "":
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if prefixes, ok := listing(asked); ok {
			f.list(w, prefixes)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(asked))
		f.backend.ServeHTTP(w, r)
	default:
		f.backend.ServeHTTP(w, r)
	}
}

func (f frugal) advertise(w http.ResponseWriter, r *http.Request) {
	advertised.Lock()
	defer advertised.Unlock()
	answer := advertised.answer
	if answer == nil {
		answer = httptest.NewRecorder()
		f.backend.ServeHTTP(answer, r)
		if answer.Code == http.StatusOK {
			advertised.answer = answer
		}
	}
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// listing reads a command that lists refs by the beginnings of their names, all of them below refs/.
func listing(asked []byte) (prefixes []string, ok bool) {
	for len(asked) >= 4 {
		size, err := strconv.ParseUint(string(asked[:4]), 16, 16)
		size = max(size, 4) // less is a delimiter
		if err != nil || size > uint64(len(asked)) {
			return nil, false
		}
		line := strings.TrimSuffix(string(asked[4:size]), "\n")
		asked = asked[size:]
		if line == "command=ls-refs" {
			ok = true
		}
		if prefix, is := strings.CutPrefix(line, "ref-prefix "); is {
			prefixes = append(prefixes, prefix)
		}
	}
	other := slices.ContainsFunc(prefixes, func(p string) bool { return !strings.HasPrefix(p, "refs/") })
	return prefixes, ok && len(prefixes) > 0 && !other
}

// list tells the refs whose names begin with one of the prefixes.
func (f frugal) list(w http.ResponseWriter, prefixes []string) {
	var lines strings.Builder
	err := fs.WalkDir(os.DirFS(f.bare), "refs", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return nil
		}
		commit, err := os.ReadFile(filepath.Join(f.bare, filepath.FromSlash(name)))
		line := strings.TrimSpace(string(commit)) + " " + name + "\n"
		fmt.Fprintf(&lines, "%04x%s", len(line)+4, line)
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	_, _ = io.WriteString(w, lines.String()+"0000")
}
