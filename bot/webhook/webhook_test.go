package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/webhook"
)

const secret, older = "a long enough secret", "an older secret of ours"

func hubSignature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// queue is a [webhook.Queue] in memory.
type queue struct {
	taken []webhook.Delivery
	err   error
}

func (q *queue) Take(_ context.Context, d webhook.Delivery) (webhook.Answer, error) {
	if q.err != nil {
		return webhook.Answer{}, q.err
	}
	if e, ignored := d.Event.(forge.Ignored); ignored {
		return webhook.Answer{Outcome: webhook.Ignored, Why: e.Reason}, nil
	}
	q.taken = append(q.taken, d)
	return webhook.Answer{Outcome: webhook.Stored}, nil
}

func decode(event, delivery string, payload []byte) (forge.Event, error) {
	from := forge.Delivery{ID: delivery, Repo: forge.Repo{Owner: "acme", Name: "shop"}}
	switch {
	case string(payload) == "garbage":
		return nil, errors.New("not JSON")
	case event == "star":
		return forge.Ignored{Delivery: from, Reason: "a star"}, nil
	}
	return forge.BranchPushed{Delivery: from, Branch: "main"}, nil
}

func door(t *testing.T, verify webhook.Verify, q webhook.Queue) *webhook.Door {
	t.Helper()
	promising := func(h http.Header) bool { return webhook.GitHubPromising(h) || webhook.GitLabPromising(h) }
	return &webhook.Door{Source: webhook.Source{Name: "github", Promising: promising, Verify: verify, Decode: decode}, Queue: q, Bodies: webhook.NewBodies(), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
}

// now is when the example of Standard Webhooks was signed.
var now = time.Unix(1614265330, 0)

func post(d http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	for h := range slices.Chunk(headers, 2) {
		req.Header.Set(h[0], h[1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, req)
	return w
}

func TestGitHubsSignaturesDecide(t *testing.T) {
	t.Parallel()
	verify, err := webhook.GitHub([]string{secret, older, "It's a Secret to Everybody"})
	if err != nil {
		t.Fatal(err)
	}
	sha1 := "sha1=" + strings.Repeat("0", 40)
	cases := []struct {
		name, body string
		headers    []string
		status     int
		stored     bool
	}{
		{"signed", "{}", []string{"X-Hub-Signature-256", hubSignature(secret, "{}")}, 200, true},
		{"signed with the secret before the change", "{}", []string{"X-Hub-Signature-256", hubSignature(older, "{}")}, 200, true},
		{"GitHub's own example", "Hello, World!", []string{"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}, 200, true},
		{"with the older signature alone", "{}", []string{"X-Hub-Signature", sha1}, 401, false},
		{"unsigned", "{}", nil, 401, false},
		{"signed with another secret", "{}", []string{"X-Hub-Signature-256", hubSignature("another secret, not ours", "{}")}, 401, false},
		{"signed with an empty secret", "{}", []string{"X-Hub-Signature-256", hubSignature("", "{}")}, 401, false},
		{"another body", "{ }", []string{"X-Hub-Signature-256", hubSignature(secret, "{}")}, 401, false},
		{"a signature that is none", "{}", []string{"X-Hub-Signature-256", "sha256=zz"}, 401, false},
		{"no delivery", "{}", []string{"X-Hub-Signature-256", hubSignature(secret, "{}"), "X-GitHub-Delivery", ""}, 401, false},
		{"an event that calls for nothing", "{}", []string{"X-Hub-Signature-256", hubSignature(secret, "{}"), "X-GitHub-Event", "star"}, 200, false},
		{"what is not understood", "garbage", []string{"X-Hub-Signature-256", hubSignature(secret, "garbage")}, 500, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := &queue{}
			w := post(door(t, verify, q), c.body, append([]string{"X-GitHub-Event", "push", "X-GitHub-Delivery", "d-1"}, c.headers...)...)
			if w.Code != c.status || len(q.taken) == 1 != c.stored {
				t.Fatalf("status %d, stored %v; want %d, %v", w.Code, q.taken, c.status, c.stored)
			}
			if c.stored && (q.taken[0].ID != "github:d-1" || string(q.taken[0].Body) != c.body) {
				t.Errorf("stored %+v", q.taken[0])
			}
		})
	}
}

func TestGitLabsTokenOrSignatureDecides(t *testing.T) {
	t.Parallel()
	const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verify, err := webhook.GitLab([]string{secret, older}, []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte("the key that comes next")), key})
	if err != nil {
		t.Fatal(err)
	}
	// The example of Standard Webhooks.
	const body, example = `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	signed := func(id, at, signature string) []string {
		return []string{"webhook-id", id, "webhook-timestamp", at, "webhook-signature", signature}
	}
	const id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	cases := []struct {
		name    string
		headers []string
		status  int
		id      string
	}{
		{"the token", []string{"X-Gitlab-Token", secret, "Idempotency-Key", "key-1", "X-Gitlab-Event-UUID", "uuid-1"}, 200, "key-1"},
		{"the token before the change", []string{"X-Gitlab-Token", older, "X-Gitlab-Event-UUID", "uuid-1"}, 200, "uuid-1"},
		{"another token", []string{"X-Gitlab-Token", secret + "x", "Idempotency-Key", "key-1"}, 401, ""},
		{"no token", []string{"Idempotency-Key", "key-1"}, 401, ""},
		{"a signature", signed(id, "1614265330", example), 200, id},
		{"a signature among others", signed(id, "1614265330", "v2,AAAA v1,AAAA "+example), 200, id},
		{"a signature of another delivery", signed("msg_2", "1614265330", example), 401, ""},
		{"a signature of another time", signed(id, "1614265331", example), 401, ""},
		{"an old time", signed(id, "1614260000", example), 401, ""},
		{"no time", signed(id, "", example), 401, ""},
		{"a wrong signature with the right token", append(signed(id, "1614265330", "v1,AAAA"), "X-Gitlab-Token", secret), 401, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := &queue{}
			w := post(door(t, verify, q), body, append([]string{"X-Gitlab-Event", "Push Hook"}, c.headers...)...)
			if w.Code != c.status || len(q.taken) == 1 != (c.status == 200) {
				t.Fatalf("status %d, stored %v; want %d", w.Code, q.taken, c.status)
			}
			if c.id != "" && q.taken[0].ID != "github:"+c.id {
				t.Errorf("its ID is %q, want %q", q.taken[0].ID, c.id)
			}
		})
	}
}

func TestADoorWithoutASecretDoesNotOpen(t *testing.T) {
	t.Parallel()
	if _, err := webhook.GitHub(nil); err == nil {
		t.Error("GitHub without a secret")
	}
	if _, err := webhook.GitHub([]string{secret, ""}); err == nil {
		t.Error("GitHub with an empty secret beside another")
	}
	if _, err := webhook.GitLab(nil, nil); err == nil {
		t.Error("GitLab without a secret")
	}
	if _, err := webhook.GitLab(nil, []string{"whsec_this is not base64"}); err == nil || strings.Contains(err.Error(), "this is not") {
		t.Errorf("GitLab with a key that is none: %v", err)
	}
}

func TestWhatCannotBeStoredIsNotAnsweredWithSuccess(t *testing.T) {
	t.Parallel()
	verify, err := webhook.GitHub([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	w := post(door(t, verify, &queue{err: errors.New("disk full: /var/lib")}), "{}", "X-GitHub-Event", "push", "X-GitHub-Delivery", "d-1", "X-Hub-Signature-256", hubSignature(secret, "{}"))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("status %d, %v, %q", w.Code, w.Header(), w.Body)
	}
}

// endless is a body without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestBodiesAndMethodsAreLimited(t *testing.T) {
	t.Parallel()
	verify, err := webhook.GitHub([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	d := door(t, verify, &queue{})
	w, body := httptest.NewRecorder(), &endless{}
	req := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(body))
	for name, value := range map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": "sha256=00"} {
		req.Header.Set(name, value)
	}
	d.ServeHTTP(w, req)
	if w.Code != http.StatusRequestEntityTooLarge || body.read > 2*webhook.MaxBody {
		t.Errorf("an endless body: status %d after %d bytes", w.Code, body.read)
	}
	w = httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", bytes.NewReader(nil)))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", w.Code)
	}
}
