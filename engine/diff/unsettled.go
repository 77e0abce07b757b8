package diff

import (
	"encoding/base64"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
)

// generated stands in the digest where each render has another value.
const generated = "(generated)"

// settle gives the unsettled fields of the desired object their live values, where there are any. Neither is changed.
func settle(desired, live object.Object, unsettled []render.Unsettled) object.Object {
	if len(unsettled) == 0 || live == nil {
		return desired
	}
	out := desired.Clone()
	for _, u := range unsettled {
		if u.Cause == render.Renamed {
			continue
		}
		at := wirePath(out, u)
		was, ok := at.Lookup(map[string]any(live))
		if !ok {
			continue
		}
		at.Replace(map[string]any(out), func(v any) any {
			first, isText := v.(string)
			old, wasText := was.(string)
			if u.Again == "" || !isText || !wasText {
				return object.CloneValue(was)
			}
			return throughBase64(out, at, u.Again, []string{first, old}, func(again string, s ...string) string {
				return textBetween(s[0], again).settle(s[1])
			})
		})
	}
	return out
}

// unsettledOut returns a copy of v, which stands at path in an object, for the digest: what is generated anew each time
// is left out of it.
func unsettledOut(o object.Object, path object.Path, v any, unsettled []render.Unsettled) any {
	cloned := false
	for _, u := range unsettled {
		at := wirePath(o, u)
		switch {
		case len(path) > len(at) && path.HasPrefix(at):
			return generated
		case !at.HasPrefix(path):
			continue
		case !cloned:
			v, cloned = object.CloneValue(v), true
		}
		leaveOut := func(have any) any {
			text, ok := have.(string)
			if !ok || u.Again == "" {
				return generated
			}
			return throughBase64(o, at, u.Again, []string{text}, func(again string, s ...string) string {
				return textBetween(s[0], again).fill(generated)
			})
		}
		if rest := at[len(path):]; len(rest) == 0 {
			v = leaveOut(v)
		} else {
			rest.Replace(v, leaveOut)
		}
	}
	return v
}

// settledRef is the reference of a change for the digest, in which a name that each render makes anew has no part.
func settledRef(c *Change) object.Ref {
	ref := c.Ref
	ref.Name, _ = unsettledOut(c.desired, object.Path{}.Field("metadata").Field("name"), ref.Name, c.unsettled).(string)
	return ref
}

// wirePath is where an unsettled field is in the form in which the object is sent.
func wirePath(o object.Object, u render.Unsettled) object.Path {
	if o.Ref().IsSecret() && len(u.Path) == 2 && u.Path[0].Field == "stringData" {
		return object.Path{}.Field("data").Field(u.Path[1].Field)
	}
	return u.Path
}

// throughBase64 hands texts to f, decoded where they are a Secret's data and encode text.
func throughBase64(o object.Object, at object.Path, again string, texts []string, f func(again string, texts ...string) string) string {
	if !o.Ref().IsSecret() || !secretPath(at) {
		return f(again, texts...)
	}
	raw, err := base64.StdEncoding.DecodeString(again)
	if err != nil {
		raw = []byte(again) // it was in stringData
	}
	decoded := make([]string, len(texts))
	for i, t := range texts {
		plain, err := base64.StdEncoding.DecodeString(t)
		if err != nil {
			return f(again, texts...)
		}
		decoded[i] = string(plain)
	}
	return base64.StdEncoding.EncodeToString([]byte(f(string(raw), decoded...)))
}
