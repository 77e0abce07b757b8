package diff

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
)

// digestVersion changes when the digest's content does, so that digests of two versions never meet by accident.
const digestVersion = "weighlock-digest-1"

type digestChange struct {
	Ref    string
	Op     Op
	Fields []digestField `json:",omitempty"`
	// Object is the object as rendered, for one that is created, and for a hook, of which the last run may be there or not.
	Object object.Object `json:",omitempty"`
	// Hidden are the fields that ignore rules hide, as rendered: a reviewer does not see them, so that there is nothing else
	// that they could be bound by. What is live in their place is no part of it: that may move on.
	Hidden []digestField `json:",omitempty"`
}

type digestField struct {
	Op       FieldOp
	Path     string
	Old, New any
}

// digest is a hash over what a reviewer sees of set, and over what ignore rules hide of what is rendered. Secret values enter by HMAC with
// key, or not at all: then it is unbound if there are any. It must be taken before set is masked.
func digest(set *ChangeSet, key []byte) (sum string, unbound bool) {
	var changes []digestChange
	s := sealer{key: key}
	for c := range set.All() {
		op, fields := c.Op, c.boundFields()
		if op == Update && len(fields) == 0 {
			op = Unchanged // whether there is drift where nobody sees it is no part of the digest
		}
		if op == Unchanged && len(c.veiled) == 0 || op == Skip || op == Await {
			continue
		}
		d := digestChange{Ref: c.Ref.APIVersion() + "/" + settledRef(c).String(), Op: op}
		veil := sealer{key: key}
		for _, f := range c.veiled {
			if c.Op == Update || c.Op == Unchanged || c.Op == Replace {
				d.Hidden = append(d.Hidden, veil.field(c, f))
			}
		}
		s.hid = s.hid || veil.hid && c.Op != Unchanged // of what stays as it is nothing needs to be bound
		if c.Op == Create || c.Op == Run {
			o := unsettledOut(c.desired, nil, map[string]any(c.desired), c.unsettled).(map[string]any)
			d.Object = s.object(c.Ref, s.secrets(c, nil, o).(map[string]any))
		}
		for _, f := range fields {
			if c.Op == Run {
				break
			}
			d.Fields = append(d.Fields, s.field(c, f))
		}
		changes = append(changes, d)
	}
	return hashOf(changes), s.hid
}

// field is a field for the digest.
func (s *sealer) field(c *Change, f FieldChange) digestField {
	field := digestField{Op: f.Op, Path: c.mask.path(f.Path).String()}
	field.Old = s.secrets(c, f.Path, f.Old)
	field.New = s.secrets(c, f.Path, unsettledOut(c.desired, f.Path, f.New, c.unsettled))
	if c.Ref.IsSecret() && secretPath(f.Path) {
		field.Old, field.New = s.value(f.Old), s.value(f.New)
	}
	return field
}

// hashOf is the hash of changes, in whatever order they are.
func hashOf(changes []digestChange) string {
	slices.SortStableFunc(changes, func(a, b digestChange) int { return cmp.Compare(a.Ref, b.Ref) })
	h := sha256.New()
	h.Write([]byte(digestVersion))
	// Maps are encoded with sorted keys and there are no values that JSON cannot hold.
	_ = json.NewEncoder(h).Encode(changes)
	return hex.EncodeToString(h.Sum(nil))
}

// digestRendered is a hash over the objects of a set of which nothing is known but how they were rendered.
func digestRendered(set *ChangeSet, key []byte) string {
	var objects []digestChange
	s := sealer{key: key}
	for c := range set.All() {
		o := unsettledOut(c.desired, nil, map[string]any(c.desired), c.unsettled).(map[string]any)
		objects = append(objects, digestChange{
			Ref: c.Ref.APIVersion() + "/" + settledRef(c).String(), Object: s.object(c.Ref, s.secrets(c, nil, o).(map[string]any)),
		})
	}
	return hashOf(objects)
}

// A sealer puts into a digest what a reader may not see: by its HMAC, or without a key not at all.
type sealer struct {
	key []byte
	hid bool // something was left out for want of a key
}

// object returns a copy of o, the values of a Secret sealed.
func (s *sealer) object(ref object.Ref, o object.Object) object.Object {
	if !ref.IsSecret() {
		return o
	}
	out := o.Clone()
	for _, f := range secretMaps {
		if v, ok := out[f]; ok {
			out[f] = s.value(v)
		}
	}
	return out
}

// value seals all that v holds.
func (s *sealer) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = s.value(e)
		}
		return out
	case nil:
		return nil
	default:
		return s.sealed(v, Hidden)
	}
}

// sealed is what stands for v, which a reader sees as shown.
func (s *sealer) sealed(v any, shown string) string {
	if s.key == nil {
		s.hid = true
		return shown
	}
	text, _ := json.Marshal(v)
	mac := hmac.New(sha256.New, s.key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}
