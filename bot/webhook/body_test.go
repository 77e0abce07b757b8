package webhook_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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

// A flood is strangers who send requests of a length whose bodies do not come.
type flood struct {
	address string
	open    []net.Conn
}

func newFlood(t *testing.T, server *httptest.Server) *flood {
	t.Helper()
	f := &flood{address: server.Listener.Addr().String()}
	t.Cleanup(func() {
		for _, c := range f.open {
			c.Close()
		}
	})
	return f
}

// begin opens a request of so many bytes, and sends the first ones.
func (f *flood) begin(t *testing.T, size, sent int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	f.open = append(f.open, c)
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: d-1\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: %d\r\n\r\n", size)
	_, _ = c.Write(make([]byte, sent)) // the server may have refused it by then
	return c
}

// status is the status of the answer.
func status(t *testing.T, c net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// deliver posts a signed delivery.
func deliver(t *testing.T, server *httptest.Server, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": hubSignature(secret, body)} {
		req.Header.Set(name, value)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Who opens connections and says that much will come holds nothing by that, and is not waited for longer than a forge would take.
func TestWhoOnlyOpensConnectionsKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(gitHubDoor(t, &queue{}))
	t.Cleanup(server.Close) // after the strangers
	f := newFlood(t, server)
	for range 300 {
		f.begin(t, 256<<10, 1)
	}
	for range 10 {
		f.begin(t, webhook.MaxBody, 1)
	}
	for _, body := range []string{"{}", `{"x":"` + strings.Repeat("x", 1<<20) + `"}`} {
		if got := deliver(t, server, body); got != http.StatusOK {
			t.Errorf("an honest delivery of %d bytes has status %d", len(body), got)
		}
	}
	if got := status(t, f.open[0]); got != http.StatusBadRequest {
		t.Errorf("a body that does not come has status %d", got)
	}
}

// Long bodies of strangers are held to a bound, over all doors, and small deliveries come in beside them.
func TestWhoSendsLongBodiesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(gitHubDoor(t, &queue{}))
	t.Cleanup(server.Close)
	f := newFlood(t, server)
	const strangers = 10
	var sent sync.WaitGroup
	for range strangers {
		c := f.begin(t, webhook.MaxBody, 0)
		sent.Go(func() { _, _ = c.Write(make([]byte, webhook.MaxBody-1)) })
	}
	refused := make(chan int, strangers)
	for _, c := range f.open {
		go func() { refused <- status(t, c) }()
	}
	if got := <-refused; got != http.StatusServiceUnavailable {
		t.Errorf("what is too much has status %d", got)
	}
	if got := deliver(t, server, "{}"); got != http.StatusOK {
		t.Errorf("an honest delivery has status %d", got)
	}
	for range strangers - 1 {
		<-refused // with this status, or as a body that did not come
	}
	sent.Wait()
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
