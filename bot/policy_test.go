package bot

import (
	"errors"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

const (
	headSHA = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
	baseSHA = "9f8e7d6c5b4a9f8e7d6c5b4a9f8e7d6c5b4a9f8e"
)

// allowed is a request whose gates are all met; each test spoils one.
func allowed() Request {
	return Request{
		Command:     Command{Verb: VerbDeploy, Targets: []string{"prod"}},
		Job:         Job{Target: Target{Name: "prod", Policy: TargetPolicy{Deploy: DeployOnCommand, Permission: forge.Write}}, ID: "prod"},
		PullRequest: forge.PullRequest{State: forge.StateOpen, Head: forge.Ref{SHA: headSHA}, Base: forge.Ref{Name: "main"}},
		Actor:       forge.User{Login: "grace"},
		Permission:  forge.Write,
		Shown:       &Shown{Head: headSHA, Base: baseSHA, Digests: map[ID]string{"prod": "d"}},
		Base:        baseSHA,
	}
}

func TestEachGateAloneRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*Request)
		says  string
	}{
		"nothing":                        {func(*Request) {}, ""},
		"a pinned head":                  {func(r *Request) { r.Command.Commit = "1a2b3c4" }, ""},
		"too little permission":          {func(r *Request) { r.Permission = forge.Triage }, "needs permission write, has triage"},
		"a permission that is not known": {func(r *Request) { r.PermissionErr = errors.New("HTTP 500") }, "could not be found out: HTTP 500"},
		"a closed pull request":          {func(r *Request) { r.PullRequest.State = forge.StateClosed }, "it is closed"},
		"a merged pull request":          {func(r *Request) { r.PullRequest.State = forge.StateMerged }, "it is merged"},
		"a fork":                         {func(r *Request) { r.PullRequest.Fork = true }, "a fork's is deployed when it is merged"},
		"a policy of never":              {func(r *Request) { r.Job.Policy.Deploy = DeployNever }, "policy says never"},
		"a target that leads elsewhere":  {func(r *Request) { r.Moved = "its context was x" }, "its context was x"},
		"another commit":                 {func(r *Request) { r.Command.Commit = "9999999" }, "the head is 1a2b3c4"},
		"no preview":                     {func(r *Request) { r.Shown = nil }, "there is none yet"},
		"a preview with errors":          {func(r *Request) { r.Shown.Digests = nil }, "has errors"},
		"a head that moved":              {func(r *Request) { r.Shown.Head = baseSHA }, "it shows 9f8e7d6, the head is 1a2b3c4"},
		"a base that moved":              {func(r *Request) { r.Base = headSHA }, "it shows 9f8e7d6, main is at 1a2b3c4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := allowed()
			c.spoil(&r)
			v := Judge(r)
			if v.Met() != (c.says == "") {
				t.Fatalf("met is %v: %v", v.Met(), v)
			}
			if c.says == "" {
				return
			}
			if v.Missing() != 1 {
				t.Errorf("want one gate not met, got %d: %v", v.Missing(), v)
			}
			if text := refusal("prod", v); !strings.Contains(strings.ReplaceAll(text, `\`, ""), c.says) {
				t.Errorf("%q is not in:\n%s", c.says, text)
			}
		})
	}
}

func TestARefusalNamesEveryGate(t *testing.T) {
	t.Parallel()
	r := allowed()
	r.Permission, r.PullRequest.Fork, r.Shown = forge.Read, true, nil
	text := refusal("prod", Judge(r))
	if got := strings.Count(text, "- [ ]"); got != 3 {
		t.Errorf("want 3 gates that are not met:\n%s", text)
	}
	if !strings.Contains(text, "- [x]") {
		t.Errorf("the gates that are met are missing:\n%s", text)
	}
}

func TestNoGatesAreNotMet(t *testing.T) {
	t.Parallel()
	if (Verdict{}).Met() {
		t.Error("an empty verdict must refuse")
	}
}

func TestOnlyAMarkerAtTheStartIsOne(t *testing.T) {
	t.Parallel()
	s := Shown{Head: headSHA, Base: baseSHA, Digests: map[ID]string{"a-->b": "x"}}
	m := s.marker()
	if got, ok := readMarker(m + "\ntext"); !ok || got.Head != headSHA || got.Digests["a-->b"] != "x" {
		t.Errorf("the marker is not read again: %v %+v", ok, got)
	}
	if strings.Count(m, "-->") != 1 {
		t.Errorf("a target's name ends the marker: %s", m)
	}
	for _, body := range []string{"> " + m, "text\n" + m, "", markerStart, markerStart + "{", "<!-- weighlock:preview x -->"} {
		if _, ok := readMarker(body); ok {
			t.Errorf("%q is taken for a marker", body)
		}
	}
}
