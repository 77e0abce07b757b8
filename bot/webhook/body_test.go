package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/webhook"
)

func gitHubDoor(t *testing.T, q webhook.Queue) *webhook.Door {
	t.Helper()
	verify, err := webhook.GitHub([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	return door(t, verify, q)
}

// unread fails the test when somebody reads it.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestNothingIsReadOfWhatIsNoForges(t *testing.T) {
	t.Parallel()
	d := gitHubDoor(t, &queue{})
	for _, header := range []map[string]string{
		{},
		{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1"},
		{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=00"},
	} {
		req := httptest.NewRequest(http.MethodPost, "/", unread{t})
		for name, value := range header {
			req.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		if d.ServeHTTP(w, req); w.Code != http.StatusUnauthorized {
			t.Errorf("%v: status %d", header, w.Code)
		}
	}
}

// Long bodies of strangers are held to a bound, over all doors, and small deliveries come in beside them.
func TestWhoSendsLongBodiesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	q := &queue{}
	one, other := gitHubDoor(t, q), gitHubDoor(t, q)
	other.Bodies = one.Bodies
	doors := http.NewServeMux()
	doors.Handle("/0", one)
	doors.Handle("/1", other)
	server := httptest.NewServer(doors)
	defer server.Close()
	send := func(door int, body io.Reader, size int64, signature string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprint(server.URL, "/", door), body)
		if err != nil {
			t.Error(err)
			return 0
		}
		req.ContentLength = size
		for name, value := range map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": signature} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	const strangers = 10
	ended := make(chan int, strangers)
	var bodies []*io.PipeWriter
	for n := range strangers {
		r, w := io.Pipe()
		bodies = append(bodies, w)
		go func() { ended <- send(n%2, r, webhook.MaxBody, "sha256=00") }()
	}
	refused := 0
	for ; refused < strangers-4; refused++ { // the others are held until their bodies come
		if status := <-ended; status != http.StatusServiceUnavailable {
			t.Errorf("a long body has status %d", status)
		}
	}
	if status := send(0, strings.NewReader("{}"), 2, hubSignature(secret, "{}")); status != http.StatusOK || len(q.taken) != 1 {
		t.Errorf("an honest delivery has status %d", status)
	}
	for _, w := range bodies {
		go func() { _, _ = w.Write(make([]byte, webhook.MaxBody)) }()
	}
	for range strangers - refused {
		if status := <-ended; status != http.StatusUnauthorized {
			t.Errorf("a long body that nobody signed has status %d", status)
		}
	}
	for _, w := range bodies {
		w.Close()
	}
}

func TestTheLogTellsOfStrangersOnceInAWhile(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	d := gitHubDoor(t, &queue{})
	d.Log = slog.New(slog.NewTextHandler(&log, nil))
	for range 50 {
		post(d, "{}", "X-GitHub-Event", "push", "X-GitHub-Delivery", "d-1", "X-Hub-Signature-256", "sha256=00")
	}
	if n := strings.Count(log.String(), "a request is refused"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// A form is what GitHub sends where nobody has chosen JSON.
func TestFormsAreRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{"payload=%7B%22ref%22%3A1%7D": http.StatusOK, "other=1": http.StatusUnsupportedMediaType, "payload=%zz": http.StatusUnsupportedMediaType} {
		var log bytes.Buffer
		q := &queue{}
		d := gitHubDoor(t, q)
		d.Log = slog.New(slog.NewTextHandler(&log, nil))
		w := post(d, body, "Content-Type", "application/x-www-form-urlencoded", "X-GitHub-Event", "push", "X-GitHub-Delivery", "d-1", "X-Hub-Signature-256", hubSignature(secret, body))
		switch {
		case w.Code != want:
			t.Errorf("%s: status %d", body, w.Code)
		case want == http.StatusOK && string(q.taken[0].Body) != `{"ref":1}`:
			t.Errorf("%s: stored %v", body, q.taken)
		case want != http.StatusOK && !strings.Contains(log.String(), "application/json"):
			t.Errorf("%s: the log says %s", body, &log)
		}
	}
}
