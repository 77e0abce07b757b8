package diff

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// bookkeeping are the metadata fields that the API server keeps for itself.
var bookkeeping = []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// comparable returns a copy without what is no part of anyone's intent: the server's bookkeeping, the status, and the
// record that kubectl's client-side apply leaves.
func comparable(o object.Object) object.Object {
	out := o.Clone()
	delete(out, "status")
	meta := out.Map("metadata")
	for _, f := range bookkeeping {
		delete(meta, f)
	}
	if annotations := out.Map("metadata", "annotations"); annotations != nil {
		delete(annotations, lastApplied)
		if len(annotations) == 0 {
			delete(meta, "annotations")
		}
	}
	return out
}

// wire returns the object in the form in which it is sent: without a status, which is not ours to set, and a Secret's
// stringData as data, because a key that is removed from stringData would stay in data for ever.
func wire(o object.Object) object.Object {
	out := o.Clone()
	delete(out, "status")
	if meta := out.Map("metadata"); meta != nil {
		delete(meta, "creationTimestamp")
		delete(meta, "managedFields")
	}
	if !out.Ref().IsSecret() {
		return out
	}
	text := out.Map("stringData")
	if len(text) == 0 {
		return out
	}
	data := out.Map("data")
	if data == nil && out["data"] != nil {
		return out // not a map: it is refused as it is
	}
	delete(out, "stringData")
	if data == nil {
		data = map[string]any{}
		out["data"] = data
	}
	for k, v := range text {
		if s, ok := v.(string); ok {
			data[k] = base64.StdEncoding.EncodeToString([]byte(s))
		} else {
			data[k] = v // not a string: let the server refuse it
		}
	}
	return out
}

// standInName is the name under which an object is simulated in the stand-in namespace: the same on every run, and none
// that a person would choose.
func standInName(ref object.Ref) string {
	h := fnv.New64a()
	fmt.Fprint(h, ref.Group, "/", ref.Kind, "/", ref.Namespace, "/", ref.Name)
	return fmt.Sprintf("weighlock-preview-%016x", h.Sum64())
}

// original rewords an error about the stand-in object so that it speaks of the real one.
func (d *differ) original(err error, real, stand object.Ref) error {
	if real == stand {
		return err
	}
	var conflict *ConflictError
	var noKind *NoKindError
	if errors.As(err, &conflict) || errors.As(err, &noKind) {
		return err
	}
	text := strings.ReplaceAll(err.Error(), stand.String(), real.String())
	return errors.New(strings.ReplaceAll(text, stand.Name, real.Name))
}

func cmpPaths(a, b object.Path) int { return cmp.Compare(a.String(), b.String()) }

// fieldwise returns the object in the form in which it is compared: a Secret always with a data map, so that a first or
// last key shows as that key and not as the whole map.
func fieldwise(o object.Object) map[string]any {
	if !o.Ref().IsSecret() || o.Map("data") != nil {
		return o
	}
	out := o.Clone()
	if _, ok := out["data"]; !ok {
		out["data"] = map[string]any{}
	}
	return out
}
