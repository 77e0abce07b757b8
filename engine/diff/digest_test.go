package diff

import (
	"testing"

	"github.com/weighlock/weighlock/engine/object"
)

func setOf(changes ...*Change) *ChangeSet {
	return &ChangeSet{Stages: []Stage{{Items: []Item{{Changes: changes}}}}}
}

func update1(path string, old, new any) *Change {
	return &Change{Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "n", Name: "c"}, Op: Update,
		Fields: []FieldChange{{Op: Modify, Path: object.Path{}.Field("data").Field(path), Old: old, New: new}}}
}

func secretUpdate(new string) *Change {
	c := update1("password", "b2xk", new)
	c.Ref.Kind = "Secret"
	return c
}

func TestDigest(t *testing.T) {
	t.Parallel()
	base := digest(setOf(update1("a", "1", "2")), nil)
	other := &Change{Ref: object.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "n", Name: "d"}, Op: Delete}
	for name, c := range map[string]struct {
		set   *ChangeSet
		key   []byte
		equal bool
	}{
		"is the same for the same content":            {set: setOf(update1("a", "1", "2")), equal: true},
		"does not see what does not change":           {set: setOf(update1("a", "1", "2"), &Change{Op: Unchanged}), equal: true},
		"does not see what is not touched":            {set: setOf(update1("a", "1", "2"), &Change{Op: Skip, Reason: "kept"}), equal: true},
		"does not see why":                            {set: func() *ChangeSet { c := update1("a", "1", "2"); c.Reason = "x"; return setOf(c) }(), equal: true},
		"sees another value":                          {set: setOf(update1("a", "1", "3"))},
		"sees another live value":                     {set: setOf(update1("a", "0", "2"))},
		"sees another path":                           {set: setOf(update1("b", "1", "2"))},
		"sees another object":                         {set: setOf(update1("a", "1", "2"), other)},
		"does not depend on the key without a Secret": {set: setOf(update1("a", "1", "2")), key: []byte("k"), equal: true},
	} {
		if got := digest(c.set, c.key) == base; got != c.equal {
			t.Errorf("digest %s: equal is %v", name, got)
		}
	}
	if digest(setOf(update1("a", "1", "2"), other), nil) != digest(setOf(other, update1("a", "1", "2")), nil) {
		t.Error("the digest depends on the order")
	}
}

func TestWhatIsRenderedIsToldFromWhatTheClusterHas(t *testing.T) {
	t.Parallel()
	rendered := func(kind, value, live string, key []byte) string {
		c := NewCreation(object.Object{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": "c"}, "data": map[string]any{"a": value}})
		c.Live, c.Op = object.Object{"data": map[string]any{"a": live}}, Update
		return digestRendered(setOf(c), key)
	}
	if rendered("ConfigMap", "1", "x", nil) != rendered("ConfigMap", "1", "y", nil) {
		t.Error("it depends on the cluster")
	}
	if rendered("ConfigMap", "1", "x", nil) == rendered("ConfigMap", "2", "x", nil) {
		t.Error("it does not depend on what is rendered")
	}
	if rendered("Secret", "MQ==", "x", nil) != rendered("Secret", "Mg==", "x", nil) || rendered("Secret", "MQ==", "x", []byte("k")) == rendered("Secret", "Mg==", "x", []byte("k")) {
		t.Error("a secret value enters by a key, and only so")
	}
}

func TestDigestBindsSecretValuesOnlyByAKey(t *testing.T) {
	t.Parallel()
	a, b := setOf(secretUpdate("bmV3")), setOf(secretUpdate("bmV3ZXI="))
	if digest(a, nil) != digest(b, nil) {
		t.Error("without a key a secret value must not enter the digest: its hash could be guessed")
	}
	if digest(a, []byte("k")) == digest(b, []byte("k")) {
		t.Error("with a key another value must be another digest")
	}
	if digest(a, []byte("k")) == digest(a, []byte("l")) {
		t.Error("the key does not matter")
	}
}
