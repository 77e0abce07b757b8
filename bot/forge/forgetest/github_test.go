package forgetest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

var shop = forge.Repo{Owner: "acme", Name: "shop"}

// watched is a stand-in whose violations the test looks at.
type watched struct {
	*GitHub
	mu         sync.Mutex
	violations []string
}

func startWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{}
	var err error
	w.GitHub, err = NewGitHub(Options{Violation: func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.violations = append(w.violations, err.Error())
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	w.AddToken("t", Token{Login: "bob"})
	w.AddRepo(shop, RepoOptions{})
	w.OpenPullRequest(NewPullRequest{
		Repo: shop, Title: "x", Author: "amy", Head: forge.Ref{Name: "more", SHA: commitA}, Base: forge.Ref{SHA: commitB},
	})
	return w
}

// send sends a request as plainly as possible, wrong ones too.
func send(t *testing.T, url, method, path, body string) (status int, answer string, header http.Header) {
	t.Helper()
	return sendAs(t, "t", url, method, path, body)
}

func sendAs(t *testing.T, token, url, method, path, body string) (status int, answer string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func TestARequestThatTheDescriptionRefusesIsAViolation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method, path, body string
		want                     string
	}{
		{"no body", "POST", "/repos/acme/shop/issues/1/comments", "", "value is required but missing"},
		{"a field is missing", "POST", "/repos/acme/shop/issues/1/comments", `{}`, `property "body" is missing`},
		{"a field of the wrong type", "POST", "/repos/acme/shop/issues/1/comments", `{"body":7}`, "value must be a string"},
		{"a field that is none", "POST", "/repos/acme/shop/issues/1/comments", `{"body":"x","text":"x"}`, `property "text" is unsupported`},
		{"not JSON", "POST", "/repos/acme/shop/issues/1/comments", `body=x`, "failed to decode request body"},
		{"a number that is none", "GET", "/repos/acme/shop/pulls/one", "", `"pull_number"`},
		{"a parameter of the wrong type", "GET", "/repos/acme/shop/issues/1/comments?per_page=all", "", `"per_page"`},
		{"a parameter that is none", "GET", "/repos/acme/shop/issues/1/comments?sort=created", "", `the query parameter "sort" is none`},
		{"a reaction that is none", "POST", "/repos/acme/shop/issues/comments/1/reactions", `{"content":"shrug"}`, "value is not one of the allowed values"},
		{"a body where there is none", "GET", "/repos/acme/shop/pulls/1", `{"x":1}`, "request body not allowed"},
		{"an operation that is none", "GET", "/repos/acme/shop/pull/1", "", "no such operation"},
		{"a method that is none", "DELETE", "/repos/acme/shop/pulls/1", "", "no such operation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := startWatched(t)
			status, answer, _ := send(t, g.URL(), tt.method, tt.path, tt.body)
			if status != 500 || !strings.Contains(answer, "violation") {
				t.Errorf("answer %d %s, want 500 and a violation", status, answer)
			}
			if len(g.violations) != 1 || !strings.Contains(g.violations[0], tt.want) || !strings.Contains(g.violations[0], tt.method) {
				t.Errorf("violations %q, want one with %q", g.violations, tt.want)
			}
			if len(g.Comments(shop, 1)) != 0 {
				t.Error("the request took effect")
			}
		})
	}
}

func TestAResponseThatTheDescriptionRefusesIsAViolation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(*GitHub, *response)
		want   string
	}{
		{
			"a field is missing",
			func(g *GitHub, w *response) {
				o := g.pullJSON(g.pull(shop, 1))
				delete(o, "head")
				w.json(200, o)
			},
			`at /head: property "head" is missing`,
		},
		{
			"a field of the wrong type, deep inside",
			func(g *GitHub, w *response) {
				o := g.pullJSON(g.pull(shop, 1))
				o["head"].(object)["repo"].(object)["private"] = "no"
				w.json(200, o)
			},
			"at /head/repo/private: value must be a boolean",
		},
		{"a status that the operation does not have", func(_ *GitHub, w *response) { w.json(201, object{}) }, "status is not supported"},
		{"an error that is not in GitHub's form", func(_ *GitHub, w *response) { w.json(400, object{"message": 7}) }, "at /message: value must be a string"},
		{
			"another kind of content",
			func(_ *GitHub, w *response) {
				w.header.Set("Content-Type", "text/html")
				w.status = 200
			},
			"text/html",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := startWatched(t)
			g.routes = http.NewServeMux()
			g.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { tt.answer(g.GitHub, w.(*response)) })
			status, answer, _ := send(t, g.URL(), "GET", "/repos/acme/shop/pulls/1", "")
			if status != 500 || len(g.violations) != 1 || !strings.Contains(g.violations[0], tt.want) {
				t.Errorf("answer %d %s\nviolations %q, want one with %q", status, answer, g.violations, tt.want)
			}
		})
	}
}

func TestAPayloadThatTheDescriptionRefusesIsAViolation(t *testing.T) {
	t.Parallel()
	g := startWatched(t)
	g.webhook("push", "webhook-push", object{"ref": "refs/heads/main"})
	if len(g.violations) != 1 || !strings.Contains(g.violations[0], "payload of push") {
		t.Errorf("violations %q", g.violations)
	}
}

func TestListsComeInPagesWithLinks(t *testing.T) {
	t.Parallel()
	g := StartGitHub(t)
	g.AddToken("t", Token{Login: "bob"})
	g.AddRepo(shop, RepoOptions{})
	g.OpenPullRequest(NewPullRequest{Repo: shop, Title: "x", Author: "amy"})
	for range 5 {
		g.Comment(shop, 1, "amy", "x")
	}
	const path = "/repos/acme/shop/issues/1/comments"
	for _, tt := range []struct {
		query string
		items int
		rels  string
	}{
		{"", 5, ""},
		{"?per_page=2", 2, "next last"},
		{"?per_page=2&page=2", 2, "prev next last first"},
		{"?per_page=2&page=3", 1, "prev first"},
		{"?per_page=2&page=9", 0, "prev first"},
	} {
		_, answer, header := send(t, g.URL(), "GET", path+tt.query, "")
		var items []object
		if err := json.Unmarshal([]byte(answer), &items); err != nil {
			t.Fatal(err)
		}
		var rels []string
		for _, link := range strings.Split(header.Get("Link"), ", ") {
			if _, rel, ok := strings.Cut(link, `rel="`); ok {
				rels = append(rels, strings.TrimSuffix(rel, `"`))
			}
		}
		if len(items) != tt.items || strings.Join(rels, " ") != tt.rels {
			t.Errorf("%q: %d items, links %q; want %d, %q", tt.query, len(items), rels, tt.items, tt.rels)
		}
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	g := StartGitHub(t)
	secret := forge.Repo{Owner: "acme", Name: "secret"}
	for _, repo := range []forge.Repo{shop, secret} {
		g.AddRepo(repo, RepoOptions{Private: repo == secret})
		g.OpenPullRequest(NewPullRequest{
			Repo: repo, Title: "x", Author: "amy", Head: forge.Ref{Name: "more", SHA: commitA}, Base: forge.Ref{SHA: commitB},
		})
		g.Comment(repo, 1, "amy", "by amy")
	}
	g.SetPermission(secret, "reader", forge.Read)
	g.SetPermission(secret, "writer", forge.Write)
	for token, means := range map[string]Token{
		"stranger": {Login: "stranger"}, "reader": {Login: "reader"}, "writer": {Login: "writer"},
		"actions": {Actions: true}, "read-only": {Actions: true, ReadOnly: true},
	} {
		g.AddToken(token, means)
	}
	id := func(repo forge.Repo) string {
		_, last, _ := strings.Cut(g.Comments(repo, 1)[0].URL, "#issuecomment-")
		return last
	}
	for _, tt := range []struct {
		token, method, path, body string
		want                      int
	}{
		{"unknown", "GET", "/user", "", 401},
		{"stranger", "GET", "/user", "", 200},
		{"actions", "GET", "/user", "", 403},
		{"stranger", "GET", "/repos/acme/shop/pulls/1", "", 200},
		{"stranger", "GET", "/repos/acme/secret/pulls/1", "", 404},
		{"reader", "GET", "/repos/acme/secret/pulls/1", "", 200},
		{"stranger", "POST", "/repos/acme/shop/issues/1/comments", `{"body":"x"}`, 201},
		{"read-only", "POST", "/repos/acme/shop/issues/1/comments", `{"body":"x"}`, 403},
		{"reader", "PATCH", "/repos/acme/secret/issues/comments/" + id(secret), `{"body":"x"}`, 403},
		{"writer", "PATCH", "/repos/acme/secret/issues/comments/" + id(secret), `{"body":"x"}`, 200},
		{"stranger", "PATCH", "/repos/acme/shop/issues/comments/" + id(shop), `{"body":"x"}`, 403},
		{"stranger", "PATCH", "/repos/acme/shop/issues/comments/" + id(secret), `{"body":"x"}`, 404},
		{"stranger", "POST", "/repos/acme/shop/issues/1/comments", `{"body":" "}`, 422},
		{"stranger", "GET", "/repos/acme/shop/collaborators/nobody/permission", "", 404},
	} {
		if got, answer, _ := sendAs(t, tt.token, g.URL(), tt.method, tt.path, tt.body); got != tt.want {
			t.Errorf("%s: %s %s: got %d %s, want %d", tt.token, tt.method, tt.path, got, answer, tt.want)
		}
	}
}

func TestFaultsHitTheRequestsThatTheyName(t *testing.T) {
	t.Parallel()
	g := startWatched(t)
	g.Fail(Fault{Method: "POST", Path: "/repos/*/*/issues/*/comments", Status: 502, Times: 2})
	g.Fail(Fault{Path: "/user", Status: 403, RetryAfter: 3 * time.Second})
	var got []int
	for _, method := range []string{"GET", "POST", "POST", "POST"} {
		body := ""
		if method == "POST" {
			body = `{"body":"x"}`
		}
		status, _, _ := send(t, g.URL(), method, "/repos/acme/shop/issues/1/comments", body)
		got = append(got, status)
	}
	equal(t, got, []int{200, 502, 502, 201})
	status, answer, header := send(t, g.URL(), "GET", "/user", "")
	if status != 403 || header.Get("Retry-After") != "3" || !strings.Contains(answer, "secondary-rate-limits") {
		t.Errorf("got %d %s, Retry-After %s", status, answer, header.Get("Retry-After"))
	}
	exchanges := g.Exchanges()
	if len(exchanges) != 5 || exchanges[1].Status != 502 || exchanges[1].RequestBody != `{"body":"x"}` || exchanges[1].Login != "bob" {
		t.Errorf("exchanges %+v", exchanges)
	}
	if len(g.violations) != 0 {
		t.Errorf("violations %q", g.violations)
	}
}

func TestTimesAreTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	g := startWatched(t)
	g.Comment(shop, 1, "amy", "x")
	if got, want := g.Comments(shop, 1)[0].Created, time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEveryOperationThatIsKeptIsServed(t *testing.T) {
	t.Parallel()
	g := startWatched(t)
	paths := g.described.doc.Paths.Map()
	if len(paths) == 0 {
		t.Fatal("no operations")
	}
	for path, item := range paths {
		for method := range item.Operations() {
			req, err := http.NewRequestWithContext(t.Context(), method, g.URL()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, pattern := g.routes.Handler(req); pattern == "" {
				t.Errorf("testdata/openapi/github.keep.txt keeps %s %s, which the stand-in does not serve", method, path)
			}
		}
	}
}
