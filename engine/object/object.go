// Package object holds what all stages of the engine speak of: a Kubernetes object as decoded data, the reference that
// names it, and the path of a field in it. It is the leaf of the engine's import graph: it does no I/O and knows no cluster.
package object

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A Ref names an object in a cluster. Version is part of how the object was written, not of its identity: see [Ref.ID].
type Ref struct {
	Group     string `json:"group"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String prints the reference as people read it: namespace/Kind/name, or Kind/name for cluster-scoped objects
// (project format §0.5).
func (r Ref) String() string {
	s := r.Kind
	if r.Name != "" {
		s += "/" + r.Name
	}
	if r.Namespace != "" {
		s = r.Namespace + "/" + s
	}
	return s
}

// APIVersion is the object's apiVersion field: "group/version", or "version" for the core group.
func (r Ref) APIVersion() string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

// GroupKind prints "Kind" or "Kind.group", the way API errors and kubectl do.
func (r Ref) GroupKind() string {
	if r.Group == "" {
		return r.Kind
	}
	return r.Kind + "." + r.Group
}

// An ID is a Ref without its version: the same object may be served in several versions.
type ID struct{ Group, Kind, Namespace, Name string }

// ID returns the identity of the object that r names.
func (r Ref) ID() ID { return ID{r.Group, r.Kind, r.Namespace, r.Name} }

// Compare orders references by namespace, kind, group, name and version, for stable output.
func Compare(a, b Ref) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group, b.Group),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version),
	)
}

// An Object is a Kubernetes object as decoded JSON: maps, slices, strings, bools, int64, float64 and nil.
type Object map[string]any

// FromJSON decodes an object. Whole numbers become int64, as the API machinery has it.
func FromJSON(data []byte) (Object, error) {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return nil, err
	}
	return Object(Normalize(m).(map[string]any)), nil
}

// Normalize turns decoded data of any decoder into the value types that an [Object] holds. Maps and slices are new.
func Normalize(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = Normalize(e)
		}
		return out
	case Object:
		return Normalize(map[string]any(v))
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Normalize(e)
		}
		return out
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint64:
		if v <= 1<<63-1 {
			return int64(v)
		}
		return float64(v)
	case float32:
		return float64(v)
	default:
		return v
	}
}

// Ref returns the reference that the object's own fields give.
func (o Object) Ref() Ref {
	group, version := "", o.str("apiVersion")
	if g, v, ok := strings.Cut(version, "/"); ok {
		group, version = g, v
	}
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	namespace, _ := meta["namespace"].(string)
	return Ref{Group: group, Version: version, Kind: o.str("kind"), Namespace: namespace, Name: name}
}

func (o Object) str(key string) string { s, _ := o[key].(string); return s }

// Validate says what keeps the object from being sent to a cluster: no apiVersion, kind or name.
func (o Object) Validate() error {
	r := o.Ref()
	meta, _ := o["metadata"].(map[string]any)
	for field, v := range map[string]any{"name": meta["name"], "namespace": meta["namespace"]} {
		if _, ok := v.(string); v != nil && !ok {
			return fmt.Errorf("%s: metadata.%s: found a %s, expected text: put it in quotes", cmp.Or(r.String(), "object"), field, TypeName(v))
		}
	}
	var missing []string
	if r.Version == "" {
		missing = append(missing, "apiVersion")
	}
	if r.Kind == "" {
		missing = append(missing, "kind")
	}
	if r.Name == "" {
		missing = append(missing, "metadata.name")
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: not a Kubernetes object: %s missing", cmp.Or(r.String(), "object"), strings.Join(missing, ", "))
	}
	return nil
}

// Get returns the value at a path of map keys.
func (o Object) Get(fields ...string) (any, bool) {
	var v any = map[string]any(o)
	for _, f := range fields {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[f]; !ok {
			return nil, false
		}
	}
	return v, true
}

// Map returns the map at a path of map keys, or nil.
func (o Object) Map(fields ...string) map[string]any {
	v, _ := o.Get(fields...)
	m, _ := v.(map[string]any)
	return m
}

// Text returns the string at a path of map keys, or "".
func (o Object) Text(fields ...string) string {
	v, _ := o.Get(fields...)
	s, _ := v.(string)
	return s
}

// Label returns a label's value, or "".
func (o Object) Label(key string) string { return o.Text("metadata", "labels", key) }

// Annotation returns an annotation's value, or "".
func (o Object) Annotation(key string) string { return o.Text("metadata", "annotations", key) }

// SetLabel sets a label on the object itself (never on a pod template).
func (o Object) SetLabel(key, value string) { o.child("metadata", "labels")[key] = value }

// SetAnnotation sets an annotation on the object itself.
func (o Object) SetAnnotation(key, value string) { o.child("metadata", "annotations")[key] = value }

// SetNamespace sets metadata.namespace, or removes it for "".
func (o Object) SetNamespace(ns string) {
	if meta := o.child("metadata"); ns == "" {
		delete(meta, "namespace")
	} else {
		meta["namespace"] = ns
	}
}

// child returns the map at the path and makes what is missing of it.
func (o Object) child(fields ...string) map[string]any {
	m := map[string]any(o)
	for _, f := range fields {
		next, ok := m[f].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[f] = next
		}
		m = next
	}
	return m
}

// Clone returns a deep copy.
func (o Object) Clone() Object {
	if o == nil {
		return nil
	}
	return Object(CloneValue(map[string]any(o)).(map[string]any))
}

// CloneValue returns a deep copy of decoded JSON.
func CloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = CloneValue(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = CloneValue(e)
		}
		return out
	default:
		return v
	}
}

// IsSecret says whether the object is a core Secret, whose data must not be shown.
func (r Ref) IsSecret() bool { return r.Group == "" && r.Kind == "Secret" }

// IsCRD says whether the object defines a custom resource.
func (r Ref) IsCRD() bool {
	return r.Group == "apiextensions.k8s.io" && r.Kind == "CustomResourceDefinition"
}

// IsNamespace says whether the object is a Namespace.
func (r Ref) IsNamespace() bool { return r.Group == "" && r.Kind == "Namespace" }

// TypeName names the type of decoded data as people do who write YAML.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "map"
	case []any:
		return "list"
	case bool:
		return "boolean"
	case string:
		return "text"
	}
	return "number"
}

// ScalarText prints a scalar of decoded JSON as YAML would, without quotes.
func ScalarText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}
