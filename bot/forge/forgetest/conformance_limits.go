package forgetest

import (
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// writes are the verbs that write, after what they need to be there. What they write is written once.
var writes = []struct {
	name    string
	prepare func(*testing.T, stage) func() error
	written func(stage) int
}{
	{"a comment", func(t *testing.T, s stage) func() error {
		return func() error { _, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "hello"); return err }
	}, func(s stage) int { return len(s.Server.Comments(s.repo, s.number)) }},
	{"an edit", func(t *testing.T, s stage) func() error {
		c := s.ours(t)
		return func() error { _, err := s.Forge.UpdateComment(t.Context(), c, "hello again"); return err }
	}, func(s stage) int {
		n := 0
		for _, c := range s.Server.Comments(s.repo, s.number) {
			if c.Body == "hello again" {
				n++
			}
		}
		return n
	}},
	{"a reaction", func(t *testing.T, s stage) func() error {
		c := s.ours(t)
		return func() error { return s.Forge.React(t.Context(), c, forge.Eyes) }
	}, func(s stage) int { return len(s.Server.Reactions(s.Server.Comments(s.repo, s.number)[0])) }},
	{"a check", func(t *testing.T, s stage) func() error {
		commit := s.read(t).Commit()
		return func() error {
			return s.Forge.SetCheck(t.Context(), commit, forge.Check{Name: "weighlock", State: forge.CheckSuccess})
		}
	}, func(s stage) int { return len(s.Server.Checks(s.repo, commitA)) }},
	{"a deployment", func(t *testing.T, s stage) func() error {
		return func() error {
			_, err := s.Forge.CreateDeployment(t.Context(), forge.NewDeployment{Repo: s.repo, SHA: commitA, Branch: "more", Environment: "prod"})
			return err
		}
	}, func(s stage) int { return len(s.Server.Deployments(s.repo)) }},
	{"the end of a deployment", func(t *testing.T, s stage) func() error {
		d, err := s.Forge.CreateDeployment(t.Context(), forge.NewDeployment{Repo: s.repo, SHA: commitA, Branch: "more", Environment: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			return s.Forge.SetDeployment(t.Context(), d, forge.DeploymentStatus{State: forge.DeploymentSuccess})
		}
	}, func(s stage) int {
		n := 0
		for _, d := range s.Server.Deployments(s.repo) {
			if d.State == forge.DeploymentSuccess {
				n++
			}
		}
		return n
	}},
}

// ours is a comment of ours.
func (s stage) ours(t *testing.T) forge.Comment {
	t.Helper()
	c, err := s.Forge.CreateComment(t.Context(), s.repo, s.number, "hello")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// limitRules are that what is written too fast is written once, when the forge says; or else that the caller hears for how long to wait.
func limitRules() []rule {
	var out []rule
	for _, w := range writes {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusForbidden} { // the latter is how GitHub tells its secondary limit
			out = append(out, rule{w.name + " that comes too fast is written later: " + http.StatusText(status), func(t *testing.T, s stage) {
				s.collaborate(t)
				write := w.prepare(t, s)
				for _, method := range []string{"POST", "PUT", "PATCH"} {
					s.Server.Fail(Fault{Method: method, Status: status, RetryAfter: time.Second})
				}
				begin := time.Now()
				if err := write(); err != nil || w.written(s) != 1 {
					t.Errorf("written %d times, %v", w.written(s), err)
				}
				if waited := time.Since(begin); waited < time.Second {
					t.Errorf("it is written again after %s", waited)
				}
			}})
		}
		out = append(out, rule{w.name + " goes to where the repository is, which was renamed meanwhile", func(t *testing.T, s stage) {
			s.collaborate(t)
			write, before := w.prepare(t, s), w.written(s)
			s.Server.Rename(s.repo, forge.Repo{Owner: "emca", Name: "store"})
			if err := write(); err != nil || w.written(s) != before+1 {
				t.Errorf("got %v; it is written %d times", err, w.written(s)-before)
			}
		}})
		out = append(out, rule{w.name + " that has to wait for long is left to the caller", func(t *testing.T, s stage) {
			s.collaborate(t)
			write := w.prepare(t, s)
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				s.Server.Fail(Fault{Method: method, Status: http.StatusTooManyRequests, RetryAfter: time.Hour, Times: 9})
			}
			err := write()
			fails(t, err, forge.ErrRateLimited)
			if w.written(s) != 0 {
				t.Error("it is written all the same")
			}
		}})
	}
	return append(out, rule{"edits that wait for the same comment are one write", editsAreOneWrite})
}

// editsAreOneWrite holds one edit up by a limit, while others of the same comment come.
func editsAreOneWrite(t *testing.T, s stage) {
	s.collaborate(t)
	c := s.ours(t)
	for _, method := range []string{"PUT", "PATCH"} {
		s.Server.Fail(Fault{Method: method, Status: http.StatusTooManyRequests, RetryAfter: time.Second})
	}
	edits := func() (n int) {
		for _, e := range s.Server.Exchanges() {
			if e.Method == http.MethodPut || e.Method == http.MethodPatch {
				n++
			}
		}
		return n
	}
	var all sync.WaitGroup
	edit := func(body string) {
		all.Go(func() {
			if _, err := s.Forge.UpdateComment(t.Context(), c, body); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		})
	}
	edit("first")
	for edits() == 0 && t.Context().Err() == nil {
		runtime.Gosched()
	}
	for _, body := range []string{"a", "b", "c", "d"} {
		edit(body)
	}
	all.Wait()
	if n := edits(); n > 3 { // the one that came too fast, that one again, and the last
		t.Errorf("five edits are %d requests", n)
	}
	if got := s.Server.Comments(s.repo, s.number)[0].Body; got == "first" || got == "hello" {
		t.Errorf("the comment says %q", got)
	}
}
