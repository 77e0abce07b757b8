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
}

type digestField struct {
	Op       FieldOp
	Path     string
	Old, New any
}

// digest is a hash over what a reviewer sees of set. Secret values enter by HMAC with key, or not at all. It must be
// taken before set is masked.
func digest(set *ChangeSet, key []byte) string {
	var changes []digestChange
	for c := range set.All() {
		if c.Op == Unchanged || c.Op == Skip || c.Op == Await {
			continue
		}
		d := digestChange{Ref: c.Ref.APIVersion() + "/" + settledRef(c).String(), Op: c.Op}
		if c.Op == Create || c.Op == Run {
			o := unsettledOut(c.desired, nil, map[string]any(c.desired), c.unsettled).(map[string]any)
			d.Object = seal(c.Ref, sealSecrets(c, nil, o, key).(map[string]any), key)
		}
		for _, f := range c.Fields {
			if c.Op == Run {
				break
			}
			field := digestField{Op: f.Op, Path: c.mask.path(f.Path).String()}
			field.Old = sealSecrets(c, f.Path, f.Old, key)
			field.New = sealSecrets(c, f.Path, unsettledOut(c.desired, f.Path, f.New, c.unsettled), key)
			if c.Ref.IsSecret() && secretPath(f.Path) {
				field.Old, field.New = sealValue(f.Old, key), sealValue(f.New, key)
			}
			d.Fields = append(d.Fields, field)
		}
		changes = append(changes, d)
	}
	return sum(changes)
}

// sum is the hash of changes, in whatever order they are.
func sum(changes []digestChange) string {
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
	for c := range set.All() {
		o := unsettledOut(c.desired, nil, map[string]any(c.desired), c.unsettled).(map[string]any)
		objects = append(objects, digestChange{
			Ref: c.Ref.APIVersion() + "/" + settledRef(c).String(), Object: seal(c.Ref, sealSecrets(c, nil, o, key).(map[string]any), key),
		})
	}
	return sum(objects)
}

// seal returns a copy of o, the values of a Secret sealed.
func seal(ref object.Ref, o object.Object, key []byte) object.Object {
	if !ref.IsSecret() {
		return o
	}
	out := o.Clone()
	for _, f := range secretMaps {
		if v, ok := out[f]; ok {
			out[f] = sealValue(v, key)
		}
	}
	return out
}

// sealValue replaces secret strings by their HMAC, or by nothing without a key.
func sealValue(v any, key []byte) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = sealValue(e, key)
		}
		return out
	case nil:
		return nil
	default:
		if key == nil {
			return Hidden
		}
		text, _ := json.Marshal(v)
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		return hex.EncodeToString(mac.Sum(nil))
	}
}
