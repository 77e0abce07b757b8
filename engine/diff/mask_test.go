package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

func secret(data map[string]any) object.Object {
	return object.Object{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s", "namespace": "n"}, "stringData": data}
}

func TestSecretValuesLeaveNoTraceInAChangeSet(t *testing.T) {
	t.Parallel()
	const old, new, short = "old-hunter2", `new"hun\ter3`, "abc"
	m := &render.Manifests{Stages: []render.Stage{{Items: []render.Item{{Objects: []render.Manifest{{Object: secret(map[string]any{"password": new, "pin": short})}}}}}}}
	k := newMasker(m)
	live := wire(secret(map[string]any{"password": old, "gone": old}))
	k.learn(live)
	merged := wire(secret(map[string]any{"password": new, "pin": short}))
	c := &Change{Ref: merged.Ref(), Op: Update, Live: live, Merged: merged, desired: merged, mask: k}
	c.Fields = compare(nil, fieldwise(live), fieldwise(merged))
	c.Err = fmt.Errorf("Secret is invalid: data[password]: Invalid value: %q, was %q, pin: Invalid value: %q", new, live.Text("data", "gone"), short)
	c.Warnings = []string{"value " + old + " is old"}
	set := &ChangeSet{Stages: []Stage{{Items: []Item{{Changes: []*Change{c}}}}}, Warnings: []string{old}}
	k.changeSet(set)

	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	shown := string(data) + fmt.Sprintf("%v %v %v", c.Err, c.Warnings, c.Fields)
	for _, v := range []string{old, new, `new\"hun`, live.Text("data", "password"), merged.Text("data", "password"), `"` + short + `"`} {
		if strings.Contains(shown, v) {
			t.Errorf("%q is shown in:\n%s", v, shown)
		}
	}
	if len(c.Fields) != 3 {
		t.Errorf("want the three keys that change, got %v", c.Fields)
	}
	for _, f := range c.Fields {
		if !f.Secret {
			t.Errorf("%s is not marked as secret", f.Path)
		}
	}
	if got := c.Write().Object.Text("data", "password"); got != merged.Text("data", "password") {
		t.Errorf("what is applied has been masked: %q", got)
	}
}

func TestAnErrorWithoutSecretsKeepsItsType(t *testing.T) {
	t.Parallel()
	k := newMasker(&render.Manifests{})
	conflict := &ConflictError{}
	var got *ConflictError
	if !errors.As(k.err(conflict), &got) {
		t.Error("the type of the error is lost")
	}
}

func TestStringDataIsSentAsDataSoThatARemovedKeyGoes(t *testing.T) {
	t.Parallel()
	o := secret(map[string]any{"a": "x"})
	o["data"] = map[string]any{"b": "eQ=="}
	got := wire(o)
	if got.Text("data", "a") != "eA==" || got.Text("data", "b") != "eQ==" || got["stringData"] != nil {
		t.Errorf("got %v", got)
	}
	if o["stringData"] == nil {
		t.Error("the rendered object was changed")
	}
}

// What is sealed again differs without anybody having changed anything: it is told, without the noise, and binds.
func TestOfASealedSecretTheKeysAreShown(t *testing.T) {
	t.Parallel()
	sealed := func(values map[string]any) *render.Manifests {
		o := object.Object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": map[string]any{"name": "s"}, "spec": map[string]any{"encryptedData": values, "template": map[string]any{"type": "Opaque"}}}
		return &render.Manifests{Stages: []render.Stage{{Items: []render.Item{{Objects: []render.Manifest{{Object: o}}}}}}}
	}
	before := sealed(map[string]any{"same": "AgB", "again": "AgC", "gone": "AgD"})
	set := Compare(before, sealed(map[string]any{"same": "AgB", "again": "AgE", "new": "AgF"}), Options{})
	c := set.Stages[0].Items[0].Changes[0]
	var got []string
	for _, f := range c.Fields {
		if got = append(got, string(f.Op)+" "+f.Path.String()); !f.Secret || f.Old != nil || f.New != nil {
			t.Errorf("%s: values are shown: %v, %v", f.Path, f.Old, f.New)
		}
	}
	if want := "update spec.encryptedData.again, delete spec.encryptedData.gone, insert spec.encryptedData.new"; strings.Join(got, ", ") != want {
		t.Errorf("got %q", got)
	}
	if len(c.Notes) != 1 || !strings.HasPrefix(c.Notes[0], "sealed again: spec.encryptedData.again; ") {
		t.Errorf("notes: %q", c.Notes)
	}
	if other := Compare(before, sealed(map[string]any{"same": "AgB", "again": "AgX", "new": "AgF"}), Options{}); other.Digest == set.Digest {
		t.Error("the digest does not bind what is sealed")
	}
}

// What may be shown of a refusal depends on what it is, also where a secret is taken out of its words.
func TestARefusalThatQuotesASecretStaysARefusal(t *testing.T) {
	t.Parallel()
	const secret, plain = "hunter2-hunter2", "plainly"
	m := &render.Manifests{Secrets: &mask.Set{}}
	m.Secrets.Add(secret)
	k := newMasker(m)
	server := fmt.Errorf("a: Invalid value: %q, b: Invalid value: %q", secret, plain)
	invalid := &InvalidError{Err: server, Causes: []InvalidCause{{Type: "FieldValueInvalid", Field: "data." + secret, Message: secret}}}
	var gotInvalid *InvalidError
	var gotReplace *ReplaceError
	var gotDenied *DeniedError
	var gotRefused *RefusedError
	for _, c := range []struct {
		err error
		as  any
	}{
		{invalid, &gotInvalid},
		{fmt.Errorf("applying: %w", invalid), &gotInvalid},
		{&ReplaceError{Fields: []string{secret}, Reason: secret, Err: invalid}, &gotReplace},
		{&DeniedError{server}, &gotDenied},
		{fmt.Errorf("applying: %w", &RefusedError{server}), &gotRefused},
	} {
		got := k.err(c.err)
		if !errors.As(got, c.as) {
			t.Errorf("%T is %T then", c.err, got)
		}
		if shown := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(shown, secret) || !strings.Contains(shown, plain) {
			t.Errorf("%T: %s", c.err, shown)
		}
	}
	if shown := fmt.Sprintf("%+v %+v", gotInvalid.Causes, gotReplace); strings.Contains(shown, secret) {
		t.Errorf("a part shows it: %s", shown)
	}
	if !gotReplace.Allowable() && gotReplace.Reason != Hidden {
		t.Errorf("the reason is %q", gotReplace.Reason)
	}
}

// A warning about a conflict shows of its two sides what the conflict itself shows; without values, neither.
func TestAWarningOfAConflictShowsNoMoreThanTheConflict(t *testing.T) {
	t.Parallel()
	data := object.Path{}.Field("data")
	o := object.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "data": map[string]any{"plain": "ours", "part": "of-secret"}}
	c := &Change{Ref: o.Ref(), Op: Update, desired: o, hidden: []object.Path{data.Field("part")}}
	c.derive()
	c.Conflicts = []Conflict{
		{Path: data.Field("plain"), Manager: "operator", Ours: "ours", Theirs: "theirs", Resolution: Kept},
		{Path: data.Field("part"), Manager: "operator", Ours: "of-secret", Theirs: "of-the-last", Resolution: Kept},
	}
	for _, f := range c.Conflicts {
		c.Warnings = append(c.Warnings, f.kept(""))
	}
	newMasker(&render.Manifests{}).changeSet(&ChangeSet{Stages: []Stage{{Items: []Item{{Changes: []*Change{c}}}}}})
	if text := strings.Join(c.Warnings, "\n"); !strings.Contains(text, "data.plain") || !strings.Contains(text, "it stays theirs instead of ours") ||
		!strings.Contains(text, "data.part") || strings.Contains(text, "of-secret") || strings.Contains(text, "of-the-last") {
		t.Errorf("warnings: %s", text)
	}
	for _, w := range c.Warnings {
		if text := c.WithoutValues(w); strings.Contains(text, "ours") || !strings.Contains(text, "field ownership is lost") {
			t.Errorf("without values: %s", text)
		}
	}
}
