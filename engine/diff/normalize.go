package diff

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
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

// wire returns the object in the form in which it is sent.
func wire(o object.Object) object.Object {
	out, _ := prepare(o)
	return out
}

// prepare returns the object in the form in which it is sent, and the paths that are null in it, which is the same as
// absent. A status is not ours to set; a Secret's stringData goes as data, because a key that is removed from stringData
// would stay in data for ever.
func prepare(o object.Object) (out object.Object, nulls []object.Path) {
	out = o.Clone()
	delete(out, "status")
	for _, f := range bookkeeping { // of an object that was read from a cluster
		delete(out.Map("metadata"), f)
	}
	nulls = dropNulls(nil, map[string]any(out))
	dropFilledByOthers(out)
	completeForApply(out)
	if out.Ref().IsSecret() {
		encodeText(out)
	}
	return out, nulls
}

// dropNulls takes null values out of v. What generators leave for the server to fill is not worth a word.
func dropNulls(at object.Path, v any) []object.Path {
	var out []object.Path
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if v[k] == nil {
				delete(v, k)
				if k != "creationTimestamp" {
					out = append(out, at.Field(k))
				}
				continue
			}
			out = append(out, dropNulls(at.Field(k), v[k])...)
		}
	case []any:
		for i, e := range v {
			out = append(out, dropNulls(at.In(v, i), e)...)
		}
	}
	return out
}

func nullWarning(nulls []object.Path) string {
	texts := make([]string, len(nulls))
	for i, p := range nulls {
		texts[i] = p.String()
	}
	return "null is the same as absent: " + strings.Join(texts, ", ")
}

// dropFilledByOthers takes out what a controller fills in later: the rules of an aggregated ClusterRole, and empty
// certificate bundles, which would be reset at each deployment.
func dropFilledByOthers(o object.Object) {
	ref := o.Ref()
	switch {
	case ref.Group == "rbac.authorization.k8s.io" && ref.Kind == "ClusterRole" && len(o.Map("aggregationRule")) > 0:
		delete(o, "rules")
	case ref.Group == "admissionregistration.k8s.io":
		webhooks, _ := o["webhooks"].([]any)
		for _, w := range webhooks {
			if m, ok := w.(map[string]any); ok {
				dropEmptyBundle(object.Object(m).Map("clientConfig"))
			}
		}
	case ref.IsCRD():
		dropEmptyBundle(o.Map("spec", "conversion", "webhook", "clientConfig"))
	case ref.Group == "apiregistration.k8s.io":
		dropEmptyBundle(o.Map("spec"))
	}
}

// dropEmptyBundle removes a caBundle that holds no certificate: nothing, white space, or a placeholder of one.
func dropEmptyBundle(m map[string]any) {
	text, ok := m["caBundle"].(string)
	if !ok {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && !strings.Contains(string(raw), "-----BEGIN CERTIFICATE-----") {
		delete(m, "caBundle")
	}
}

// completeForApply writes out what server-side apply needs and people leave out: the protocol is part of a port's merge
// key, and a quantity is text (project format §9.4).
func completeForApply(v any) {
	switch v := v.(type) {
	case object.Object:
		if v.Ref().Group == "" && v.Ref().Kind == "Service" {
			addProtocol(v.Map("spec")["ports"])
		}
		completeForApply(map[string]any(v))
	case map[string]any:
		for k, e := range v {
			switch k {
			case "containers", "initContainers", "ephemeralContainers":
				list, _ := e.([]any)
				for _, c := range list {
					if m, ok := c.(map[string]any); ok && m["image"] != nil {
						addProtocol(m["ports"])
						textQuantities(object.Object(m).Map("resources"))
					}
				}
			}
			completeForApply(e)
		}
	case []any:
		for _, e := range v {
			completeForApply(e)
		}
	}
}

func addProtocol(ports any) {
	list, _ := ports.([]any)
	for _, p := range list {
		if m, ok := p.(map[string]any); ok && m["protocol"] == nil {
			m["protocol"] = "TCP"
		}
	}
}

func textQuantities(resources map[string]any) {
	for _, kind := range []string{"limits", "requests"} {
		m, _ := resources[kind].(map[string]any)
		for k, v := range m {
			switch v.(type) {
			case int64, float64:
				m[k] = object.ScalarText(v)
			}
		}
	}
}

// encodeText moves a Secret's stringData into its data.
func encodeText(o object.Object) {
	text := o.Map("stringData")
	if len(text) == 0 {
		return
	}
	data := o.Map("data")
	if data == nil && o["data"] != nil {
		return // not a map: it is refused as it is
	}
	delete(o, "stringData")
	if data == nil {
		data = map[string]any{}
		o["data"] = data
	}
	for k, v := range text {
		if s, ok := v.(string); ok {
			data[k] = base64.StdEncoding.EncodeToString([]byte(s))
		} else {
			data[k] = v // not a string: let the server refuse it
		}
	}
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
