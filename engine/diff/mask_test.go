package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

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
