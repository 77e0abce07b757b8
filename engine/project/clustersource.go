package project

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/weighlock/weighlock/engine/internal/store"
	"github.com/weighlock/weighlock/engine/object"
)

// clusterKeySource is a key of a ConfigMap or a Secret.
type clusterKeySource struct {
	Name      string            `json:"name"`
	Labels    map[string]scalar `json:"labels"`
	Namespace string            `json:"namespace"`
	Key       string            `json:"key"`
	// TargetPath is that of the entry; it was here once.
	TargetPath string `json:"targetPath"`
}

// Check finds what is missing.
func (s *clusterKeySource) Check(fail func(key, format string, args ...any)) {
	needsNameOrLabels(s.Name, s.Labels, fail)
	if s.Namespace == "" {
		fail("namespace", "is required")
	}
	if s.Key == "" {
		fail("key", "is required")
	}
}

func needsNameOrLabels(name string, labels map[string]scalar, fail func(key, format string, args ...any)) {
	switch {
	case name == "" && len(labels) == 0:
		fail("", "needs name or labels")
	case name != "" && len(labels) > 0:
		fail("", "has both name and labels; one of them says which object is meant")
	}
}

// configMapSource is a key of a ConfigMap.
type configMapSource struct{ clusterKeySource }

func (s *configMapSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	return s.fetchKey(ctx, r, "ConfigMap", func(o object.Object) (text string, found bool, err error) {
		if v, ok := o.Get("data", s.Key); ok {
			text, ok = v.(string)
			return text, ok, nil
		}
		return decoded(o, "binaryData", s.Key)
	})
}

// secretSource is a key of a Secret.
type secretSource struct{ clusterKeySource }

func (s *secretSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	f, err := s.fetchKey(ctx, r, "Secret", func(o object.Object) (string, bool, error) { return decoded(o, "data", s.Key) })
	f.sensitive = true
	return f, err
}

// decoded returns a value that an object holds in base64.
func decoded(o object.Object, field, key string) (string, bool, error) {
	v, _ := o.Get(field, key)
	text, ok := v.(string)
	if !ok {
		return "", false, nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		err = errors.New("is not base64") // what it is may be secret
	}
	return string(data), true, err
}

func (s *clusterKeySource) fetchKey(ctx context.Context, r *resolver, kind string, value func(object.Object) (string, bool, error)) (fetched, error) {
	found, err := r.objects(ctx, object.Ref{Version: "v1", Kind: kind, Namespace: s.Namespace, Name: s.Name}, s.Labels)
	if err != nil {
		return fetched{}, err
	}
	o, err := single(found, s.Labels)
	if err != nil {
		return fetched{}, err
	}
	text, ok, err := value(o)
	switch {
	case err != nil:
		return fetched{}, fmt.Errorf("%s: key %s: %w", o.Ref(), s.Key, err)
	case !ok:
		return fetched{}, &store.MissingError{What: fmt.Sprintf("key %s of %s in the cluster", s.Key, o.Ref())}
	}
	return fetched{origin: fmt.Sprintf("%s, key %s", o.Ref(), s.Key), text: []byte(text), render: true}, nil
}

// clusterObjectSource is a part of any object.
type clusterObjectSource struct {
	Kind       string            `json:"kind"`
	APIVersion string            `json:"apiVersion"`
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	Labels     map[string]scalar `json:"labels"`
	// List takes all objects that the labels pick.
	List bool `json:"list"`
	// Path is a JSON path in each object.
	Path string `json:"path"`
	// Render says that what is found holds templates; ParseYAML that it is text that holds YAML.
	Render    bool `json:"render"`
	ParseYAML bool `json:"parseYaml"`
	// TargetPath is that of the entry; it was here once.
	TargetPath string `json:"targetPath"`
}

// Check finds what is missing.
func (s *clusterObjectSource) Check(fail func(key, format string, args ...any)) {
	needsNameOrLabels(s.Name, s.Labels, fail)
	if s.Kind == "" {
		fail("kind", "is required")
	}
	if s.Path == "" {
		fail("path", "is required; $ is the whole object")
	}
	if s.List && s.Name != "" {
		fail("list", "goes only with labels")
	}
}

func (s *clusterObjectSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	kind, err := s.resolve(ctx, r)
	if err != nil {
		return fetched{}, err
	}
	kind.Namespace, kind.Name = s.Namespace, s.Name
	found, err := r.objects(ctx, kind, s.Labels)
	if err != nil {
		return fetched{}, err
	}
	f := fetched{origin: fmt.Sprintf("%s, %s", kind, s.Path), render: s.Render, parse: s.ParseYAML, sensitive: true}
	if !s.List {
		o, err := single(found, s.Labels)
		if err != nil {
			return fetched{}, err
		}
		f.origin = fmt.Sprintf("%s, %s", o.Ref(), s.Path)
		f.value, err = s.part(o)
		return f, err
	}
	list := []any{}
	for _, o := range found {
		part, err := s.part(o)
		if err != nil {
			return fetched{}, err
		}
		list = append(list, part)
	}
	f.value = list
	return f, nil
}

// resolve finds the group and version of a kind that is given by its name alone.
func (s *clusterObjectSource) resolve(ctx context.Context, r *resolver) (object.Ref, error) {
	if s.APIVersion != "" {
		return object.Object{"apiVersion": s.APIVersion, "kind": s.Kind}.Ref(), nil
	}
	if r.asked.cluster == nil {
		return object.Ref{}, errOffline
	}
	kinds, err := r.asked.cluster.Kinds(ctx, s.Kind)
	switch {
	case err != nil:
		return object.Ref{}, err
	case len(kinds) == 0:
		return object.Ref{}, &store.MissingError{What: fmt.Sprintf("kind %s in the cluster", s.Kind)}
	case len(kinds) > 1:
		var names []string
		for _, k := range kinds {
			names = append(names, k.APIVersion())
		}
		return object.Ref{}, fmt.Errorf("kind: several groups have a kind %s; say with apiVersion which one: %s", s.Kind, strings.Join(names, ", "))
	}
	return kinds[0], nil
}

// part is what the path finds in an object.
func (s *clusterObjectSource) part(o object.Object) (any, error) {
	found, ok, err := selectOne(s.Path, map[string]any(o))
	switch {
	case err != nil:
		return nil, fmt.Errorf("path: %s: %w", o.Ref(), err)
	case !ok:
		return nil, &store.MissingError{What: fmt.Sprintf("%s of %s in the cluster", s.Path, o.Ref())}
	}
	return found, nil
}

var errOffline = errors.New("loading vars from cluster is disabled: there is no cluster here; render without --offline-kubernetes, or give the entry a condition by when")

// objects returns the object that ref names, or those of its kind and namespace that have the labels. None is a
// *[store.MissingError].
func (r *resolver) objects(ctx context.Context, ref object.Ref, labels map[string]scalar) ([]object.Object, error) {
	if r.asked.cluster == nil {
		return nil, errOffline
	}
	var found []object.Object
	var err error
	what := fmt.Sprintf("%s in the cluster", ref)
	if ref.Name != "" {
		var o object.Object
		if o, err = r.asked.cluster.Get(ctx, ref); o != nil {
			found = []object.Object{o}
		}
	} else {
		what = fmt.Sprintf("%s with the labels %s in the cluster", ref, labelText(labels))
		plain := map[string]string{}
		for k, v := range labels {
			plain[k] = string(v)
		}
		found, err = r.asked.cluster.List(ctx, ref, plain)
	}
	var noKind *object.NoKindError
	switch {
	case errors.As(err, &noKind):
		return nil, &store.MissingError{What: fmt.Sprintf("kind %s of %s in the cluster", ref.Kind, ref.APIVersion())}
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, &store.MissingError{What: what}
	}
	return found, nil
}

func single(found []object.Object, labels map[string]scalar) (object.Object, error) {
	if len(found) == 1 {
		return found[0], nil
	}
	var names []string
	for _, o := range found {
		names = append(names, o.Ref().String())
	}
	return nil, fmt.Errorf("labels: %d objects have the labels %s, expected one: %s", len(found), labelText(labels), strings.Join(names, ", "))
}

func labelText(labels map[string]scalar) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+string(labels[k]))
	}
	return strings.Join(out, ",")
}

// remembering is a cluster that is asked for each thing once, so that all sources of a run see the same.
type remembering struct {
	Cluster
	mu      sync.Mutex
	answers map[string]func() (any, error)
}

func (m *remembering) once(question any, ask func() (any, error)) (any, error) {
	data, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	if m.answers == nil {
		m.answers = map[string]func() (any, error){}
	}
	answer := m.answers[string(data)]
	if answer == nil {
		answer = sync.OnceValues(ask)
		m.answers[string(data)] = answer
	}
	m.mu.Unlock()
	return answer()
}

// Get implements [Cluster].
func (m *remembering) Get(ctx context.Context, ref object.Ref) (object.Object, error) {
	v, err := m.once([]any{"get", ref}, func() (any, error) { return m.Cluster.Get(ctx, ref) })
	o, _ := v.(object.Object)
	return o, err
}

// List implements [Cluster].
func (m *remembering) List(ctx context.Context, kind object.Ref, labels map[string]string) ([]object.Object, error) {
	v, err := m.once([]any{"list", kind, labels}, func() (any, error) { return m.Cluster.List(ctx, kind, labels) })
	list, _ := v.([]object.Object)
	return list, err
}
