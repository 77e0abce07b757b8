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

func digestSum(set *ChangeSet, key []byte) string {
	sum, _ := digest(set, key)
	return sum
}

func TestDigest(t *testing.T) {
	t.Parallel()
	base := digestSum(setOf(update1("a", "1", "2")), nil)
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
		if got := digestSum(c.set, c.key) == base; got != c.equal {
			t.Errorf("digest %s: equal is %v", name, got)
		}
	}
	if digestSum(setOf(update1("a", "1", "2"), other), nil) != digestSum(setOf(other, update1("a", "1", "2")), nil) {
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
	if digestSum(a, nil) != digestSum(b, nil) {
		t.Error("without a key a secret value must not enter the digest: its hash could be guessed")
	}
	if digestSum(a, []byte("k")) == digestSum(b, []byte("k")) {
		t.Error("with a key another value must be another digest")
	}
	if digestSum(a, []byte("k")) == digestSum(a, []byte("l")) {
		t.Error("the key does not matter")
	}
	for _, c := range []struct {
		name    string
		set     *ChangeSet
		key     []byte
		unbound bool
	}{
		{"a secret value without a key", a, nil, true},
		{"a secret value with a key", a, []byte("k"), false},
		{"no secret value", setOf(update1("a", "1", "2")), nil, false},
		{"a Secret that does not change", setOf(&Change{Ref: secretUpdate("x").Ref, Op: Unchanged}), nil, false},
	} {
		if _, unbound := digest(c.set, c.key); unbound != c.unbound {
			t.Errorf("%s: unbound is %v", c.name, unbound)
		}
	}
}

func TestTheDigestBindsWhatIsHiddenAsRenderedAndNotAsItIsLive(t *testing.T) {
	t.Parallel()
	of := func(op Op, hidden int, rendered string) string {
		c := update1("a", "1", "2")
		c.veiled = []FieldChange{{Op: Insert, Path: object.Path{}.Field("data").Field("color"), New: rendered}}
		if c.Op, c.Hidden = op, hidden; op == Unchanged || hidden > 0 {
			c.Fields = nil
		}
		sum, _ := digest(setOf(c), nil)
		return sum
	}
	if of(Unchanged, 0, "red") != of(Update, 1, "red") {
		t.Error("drift where nobody sees it makes another digest")
	}
	if of(Update, 1, "red") == of(Update, 1, "evil") || of(Update, 0, "red") == of(Update, 0, "evil") {
		t.Error("another value may be written where nobody sees it")
	}
}
