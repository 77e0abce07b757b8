package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

func configMap(data map[string]any) object.Object {
	return object.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "m", "namespace": "n"}, "data": data}
}

// concealed is the masked change from live to desired, in a run that has secrets.
func concealed(m render.Manifest, live object.Object, secrets ...string) (*Change, string) {
	set := &mask.Set{}
	for _, s := range secrets {
		set.Add(s)
	}
	k := newMasker(&render.Manifests{Secrets: set})
	c := &Change{Ref: m.Object.Ref(), Op: Update, Live: live, Merged: m.Object, desired: m.Object, unsettled: m.Unsettled, hidden: hiddenPaths(m), mask: k}
	c.Fields = compare(nil, map[string]any(live), map[string]any(m.Object))
	k.learnBefore(map[string]any(live), map[string]any(m.Object))
	sum := digestSum(&ChangeSet{Stages: []Stage{{Items: []Item{{Changes: []*Change{c}}}}}}, nil)
	k.changeSet(&ChangeSet{Stages: []Stage{{Items: []Item{{Changes: []*Change{c}}}}}})
	return c, sum
}

func TestSecretsInOtherObjectsAreHiddenAndSoIsWhatStoodInTheirPlace(t *testing.T) {
	t.Parallel()
	live := configMap(map[string]any{"whole": "before-1", "part": "Bearer before-2", "text": "a: 1\ntoken: before-3\nb: 2\n", "same": "x", "quoted": "plain"})
	want := configMap(map[string]any{"whole": "hunter2", "part": "Bearer hunter2", "text": "a: 1\ntoken: hunter2\nb: 3\n", "same": "x", "hunter2": "key", "quoted": "other"})
	c, _ := concealed(render.Manifest{Object: want}, live, "hunter2")
	c.Err = c.Mask(fmt.Errorf("was %q and Bearer %s", "before-1", "before-2"))
	shown := fmt.Sprint(c.Fields, c.Live, c.Merged, c.Err)
	for _, secret := range []string{"hunter2", "before-1", "before-2", "before-3"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown: %s", secret, shown)
		}
	}
	var got []string
	for _, f := range c.Fields {
		got = append(got, fmt.Sprintf("%s %s %v %q %q", f.Op, f.Path, f.Secret, f.Old, f.New))
	}
	if want := []string{
		`insert data["(hidden)"] false %!q(<nil>) "key"`,
		`update data.part false "(hidden)" "Bearer (hidden)"`,
		`update data.quoted false "plain" "other"`,
		`update data.text false "a: 1\n(hidden)\n(hidden)\n" "a: 1\ntoken: (hidden)\nb: 3\n"`,
		`update data.whole true %!q(<nil>) %!q(<nil>)`,
	}; !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c.Write().Object.Text("data", "whole") != "hunter2" || want.Text("data", "whole") != "hunter2" {
		t.Error("what is written has been masked")
	}
}

func TestPathsThatShortSecretsReachAreHiddenAndTheirErrorsToo(t *testing.T) {
	t.Parallel()
	path := object.Path{}.Field("data").Field("pin")
	c, sum := concealed(render.Manifest{Object: configMap(map[string]any{"pin": "1234", "n": "1234"}), Hidden: []object.Path{path}}, configMap(map[string]any{"pin": "9", "n": "1"}), "1234")
	_, other := concealed(render.Manifest{Object: configMap(map[string]any{"pin": "1235", "n": "1234"}), Hidden: []object.Path{path}}, configMap(map[string]any{"pin": "9", "n": "1"}), "1235")
	if sum != other {
		t.Error("without a key the digest tells one short secret from another")
	}
	if got := fmt.Sprint(c.Fields); got != "[{update data.n 1 1234 false    false} {update data.pin <nil> <nil> true    false}]" {
		t.Errorf("got %s", got)
	}
	if c.Live.Text("data", "pin") != Hidden || c.Merged.Text("data", "pin") != Hidden {
		t.Errorf("got %v, %v", c.Live, c.Merged)
	}
	if got := c.Mask(fmt.Errorf("pin: Invalid value: 1234: too many")).Error(); got != "pin: Invalid value: (hidden): too many" {
		t.Errorf("got %s", got)
	}
}

func TestAnObjectWithAValueThatNobodyKnowsIsNotWritten(t *testing.T) {
	t.Parallel()
	u := render.Unsettled{Path: object.Path{}.Field("stringData").Field("p"), Cause: render.NoKey, Why: "no key for a.yaml"}
	o := secret(map[string]any{"p": "placeholder", "q": "x"})
	c, _ := concealed(render.Manifest{Object: wire(o), Unsettled: []render.Unsettled{u}}, wire(o))
	if err := c.Refusal(); err == nil || err.Error() != "n/Secret/s: not written: data.p: no key for a.yaml" {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(c.Warnings, []string{"not compared: data.p: no key for a.yaml"}) {
		t.Errorf("got %q", c.Warnings)
	}
	if other, _ := concealed(render.Manifest{Object: o}, o); other.Refusal() != nil || len(other.Warnings) > 0 {
		t.Error("an object whose values are known is refused")
	}
}

func TestSecretValuesEnterTheDigestByTheirKeyOnly(t *testing.T) {
	t.Parallel()
	sum := func(value string, key []byte) string {
		set := &mask.Set{}
		set.Add(value)
		o := configMap(map[string]any{"a": "token " + value})
		c := &Change{Ref: o.Ref(), Op: Create, desired: o, mask: &masker{set}}
		return digestSum(&ChangeSet{Orphans: []*Change{c}}, key)
	}
	if sum("hunter2", nil) != sum("hunter3", nil) {
		t.Error("without a key the digest tells one secret from another")
	}
	if key := []byte("key"); sum("hunter2", key) == sum("hunter3", key) {
		t.Error("with a key the digest does not bind the value")
	}
}
