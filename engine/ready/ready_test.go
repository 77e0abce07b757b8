package ready_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/ready"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAssess(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/states.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name          string
		Hook          bool
		ExpectsStatus bool
		Age           int // seconds; 0: no creation time at all
		Object        json.RawMessage
		Want          struct{ Phase, Reason string }
	}
	if err := yaml.UnmarshalStrict(data, &cases); err != nil {
		t.Fatal(err)
	}
	rules, err := ready.Compile([]ready.Rule{{
		Group: "example.org", Kind: "Database",
		Ready:  `self.status.phase == "Up" && self.status.replicas >= 2`,
		Failed: `self.status.phase == "Broken"`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			o, err := object.FromJSON(c.Object)
			if err != nil {
				t.Fatal(err)
			}
			if c.Age > 0 {
				o.Map("metadata")["creationTimestamp"] = now.Add(-time.Duration(c.Age) * time.Second).Format(time.RFC3339)
			}
			got, err := rules.Assess(ready.Observation{Object: o, Hook: c.Hook, ExpectsStatus: c.ExpectsStatus, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Phase) != c.Want.Phase || !strings.Contains(got.Reason, c.Want.Reason) {
				t.Errorf("got %s (%s), want %s (…%s…)", got.Phase, got.Reason, c.Want.Phase, c.Want.Reason)
			}
		})
	}
}

// Whether a controller has had the time to react is told by the clock of who watches, where that is known: the cluster's may differ.
func TestAClockThatDiffersFromTheClustersMakesNothingReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		created, since time.Duration // from now
		fresh          bool
		want           ready.Phase
	}{
		"ours is ahead, and it is new":           {-time.Hour, -time.Second, true, ready.Waiting},
		"ours is ahead, and it has had time":     {-time.Hour, -15 * time.Second, true, ready.Ready},
		"ours is behind":                         {time.Hour, -time.Second, false, ready.Waiting},
		"ours is behind, and it has had time":    {time.Hour, -15 * time.Second, false, ready.Ready},
		"it was there for long":                  {-time.Hour, -time.Second, false, ready.Ready},
		"it was created before it was looked at": {-5 * time.Second, -time.Second, false, ready.Waiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := object.Object{"apiVersion": "example.org/v1", "kind": "Thing", "metadata": map[string]any{"name": "a", "creationTimestamp": now.Add(c.created).Format(time.RFC3339)}}
			got, err := (*ready.Rules)(nil).Assess(ready.Observation{Object: o, ExpectsStatus: true, Now: now, Since: now.Add(c.since), New: c.fresh})
			if err != nil || got.Phase != c.want {
				t.Errorf("got %v, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestCompileReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := ready.Compile([]ready.Rule{
		{Group: "a.org", Kind: "A", Ready: "self.status.phase =="},
		{Group: "a.org", Kind: "B", Ready: `"text"`},
		{Group: "a.org", Kind: "C"},
		{Group: "a.org", Ready: "true"},
		{Group: "a.org", Kind: "A", Ready: "true", Failed: "nonsense(self)"},
	})
	if err == nil {
		t.Fatal("compiled")
	}
	for _, want := range []string{
		"readiness[0] (A.a.org).ready: ERROR", "readiness[1] (B.a.org).ready: \"text\" gives string", "readiness[2] (C.a.org): needs ready",
		"readiness[3]: needs a kind", "readiness[4] (A.a.org): an earlier rule", "readiness[4] (A.a.org).failed: ERROR",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not say %q:\n%v", want, err)
		}
	}
}

func TestARuleThatCostsTooMuchIsAnError(t *testing.T) {
	t.Parallel()
	rules, err := ready.Compile([]ready.Rule{{Group: "a.org", Kind: "A", Ready: "self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))"}})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]any, 300)
	for i := range list {
		list[i] = int64(i)
	}
	o := object.Object{"apiVersion": "a.org/v1", "kind": "A", "metadata": map[string]any{"name": "a"}, "l": list}
	if got, err := rules.Assess(ready.Observation{Object: o, Now: now}); err == nil {
		t.Errorf("got %v, want an error that the limit was exceeded", got)
	} else if !strings.Contains(err.Error(), "cost") {
		t.Errorf("got %v", err)
	}
}

func TestARuleThatGivesNoBooleanIsAnError(t *testing.T) {
	t.Parallel()
	rules, err := ready.Compile([]ready.Rule{{Group: "a.org", Kind: "A", Ready: "self.spec.text"}})
	if err != nil {
		t.Fatal(err)
	}
	o := object.Object{"apiVersion": "a.org/v1", "kind": "A", "metadata": map[string]any{"name": "a"}, "spec": map[string]any{"text": "yes"}}
	if got, err := rules.Assess(ready.Observation{Object: o, Now: now}); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
