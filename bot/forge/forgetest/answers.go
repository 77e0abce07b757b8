package forgetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

// An Answer is what a forge may say when it is asked for a pull request, in its own words, and what its adapter makes of it. The stand-ins do
// not say such things: the forges' descriptions do not know them.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
	// Kind is that of the error, Minutes is for how long it says to wait, and Want is a part of its text.
	Kind    error
	Minutes int
	Want    string
}

// Answers tests what an adapter makes of answers. Connect makes a client of it for an address, with the token, which no error may show.
func Answers(t *testing.T, repo forge.Repo, token string, connect func(*testing.T, string) forge.Forge, answers []Answer) {
	t.Helper()
	answering := func(a Answer) forge.Forge {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range a.Header {
				w.Header().Set(name, value)
			}
			w.WriteHeader(a.Status)
			_, _ = io.WriteString(w, a.Body)
		}))
		t.Cleanup(server.Close)
		return connect(t, server.URL)
	}
	for _, a := range answers {
		_, err := answering(a).PullRequest(t.Context(), repo, 1)
		var failed *forge.Error
		if !errors.Is(err, a.Kind) || !errors.As(err, &failed) || !strings.Contains(err.Error(), a.Want) {
			t.Errorf("HTTP %d %s: got %v\nwant %q and that it is: %v", a.Status, a.Body, err, a.Want, a.Kind)
			continue
		}
		if wait := failed.RetryAfter.Minutes(); wait > float64(a.Minutes) || wait < float64(a.Minutes)-1 {
			t.Errorf("HTTP %d: retry after %s, want %d minutes", a.Status, failed.RetryAfter, a.Minutes)
		}
		if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
			t.Errorf("HTTP %d: %q is not fit to be shown", a.Status, err)
		}
	}
	for _, body := range []string{"", "null"} { // not the same as an empty list
		if got, err := answering(Answer{Status: http.StatusOK, Body: body}).Comments(t.Context(), repo, 1); !errors.Is(err, forge.ErrUnavailable) {
			t.Errorf("%q: got %v, %v", body, got, err)
		}
	}
}

// Decoded tests that an event is what a golden file in testdata/decode says, which update rewrites.
func Decoded(t *testing.T, file string, event forge.Event, update bool) {
	t.Helper()
	fields, err := json.MarshalIndent(event, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%T\n%s\n", event, fields)
	golden := filepath.Join("testdata", "decode", file+".golden")
	if update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Errorf("%v (-update writes it)", err)
	} else if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// Changed is a payload, a JSON object, as change leaves it.
func Changed(t *testing.T, payload []byte, change func(map[string]any)) []byte {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(payload, &o); err != nil {
		t.Fatal(err)
	}
	change(o)
	out, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// At walks down an object; every step must be there.
func At(o map[string]any, path ...string) map[string]any {
	for _, name := range path {
		o = o[name].(map[string]any)
	}
	return o
}
