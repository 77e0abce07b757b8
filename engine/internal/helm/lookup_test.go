package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weighlock/weighlock/engine/object"
)

// cluster is a Cluster of a few objects that remembers what it was asked.
type cluster struct {
	objects   []object.Object
	forbidden string // a kind that must not be read

	mu    sync.Mutex
	asked []string
}

func (c *cluster) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, fmt.Sprintf(format, args...))
}

func (c *cluster) Get(_ context.Context, ref object.Ref) (object.Object, error) {
	c.note("get %s", ref)
	switch ref.Kind {
	case c.forbidden:
		return nil, errors.New("forbidden")
	case "Unknown":
		return nil, &object.NoKindError{Ref: ref}
	}
	for _, o := range c.objects {
		if o.Ref().ID() == ref.ID() {
			return o, nil
		}
	}
	return nil, nil
}

func (c *cluster) List(_ context.Context, kind object.Ref, _ map[string]string) ([]object.Object, error) {
	c.note("list %s", kind)
	switch kind.Kind {
	case c.forbidden:
		return nil, errors.New("forbidden")
	case "Unknown":
		return nil, &object.NoKindError{Ref: kind}
	}
	return slices.DeleteFunc(slices.Clone(c.objects), func(o object.Object) bool {
		return o.Ref().Kind != kind.Kind || kind.Namespace != "" && o.Ref().Namespace != kind.Namespace
	}), nil
}

func (c *cluster) Namespaced(_ context.Context, _, kind string) (namespaced, known bool, err error) {
	return kind != "Node", kind != "Unknown", nil
}

func live(kind, namespace, name string) object.Object {
	return object.Object{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": name}, "data": map[string]any{"from": name}}
}

func TestLookupReadsTheCluster(t *testing.T) {
	t.Parallel()
	node := live("Node", "", "n1")
	delete(node["metadata"].(map[string]any), "namespace")
	c := &cluster{objects: []object.Object{live("Secret", "a", "x"), live("Secret", "a", "y"), live("Secret", "b", "z"), node}}
	chart := load(t, small(`one: {{ (lookup "v1" "Secret" "a" "x").data.from }}
none: {{ lookup "v1" "Secret" "a" "gone" | toJson }}
list: {{ range (lookup "v1" "Secret" "a" "").items }}{{ .metadata.name }}{{ end }}
all: {{ len (lookup "v1" "Secret" "" "").items }}
kind: {{ (lookup "v1" "Secret" "" "").kind }}
empty: {{ len (lookup "v1" "Secret" "c" "").items }}
node: {{ (lookup "v1" "Node" "ignored" "n1").metadata.name }}
unknown: {{ lookup "example.com/v1" "Unknown" "a" "x" | toJson }}
unknowns: {{ (lookup "example.com/v1" "Unknown" "" "").items | toJson }}
`))
	got := documents(t, render(t, chart, Release{Cluster: c}).Manifest)[0]
	for key, want := range map[string]any{"one": "x", "none": map[string]any{}, "list": "xy", "all": float64(3), "kind": "SecretList", "empty": float64(0),
		"node": "n1", "unknown": map[string]any{}, "unknowns": []any{}} {
		if fmt.Sprint(got[key]) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
	if !slices.Contains(c.asked, "get Node/n1") {
		t.Errorf("the namespace of a kind without one was not ignored: %q", c.asked)
	}
}

func TestLookupThatFailsIsAnErrorAndNotAnAbsence(t *testing.T) {
	t.Parallel()
	for _, template := range []string{`a: {{ lookup "v1" "Secret" "a" "x" | toJson }}`, `a: {{ lookup "v1" "Secret" "a" "" | toJson }}`} {
		_, err := load(t, small(template)).Render(t.Context(), Release{Name: "rel", Cluster: &cluster{forbidden: "Secret"}})
		if err == nil || !strings.Contains(err.Error(), "forbidden") || !strings.Contains(err.Error(), "looking up") {
			t.Errorf("%s: %v", template, err)
		}
	}
}

func TestLookupWithoutAClusterFindsNothing(t *testing.T) {
	t.Parallel()
	got := render(t, load(t, small(`a: {{ lookup "v1" "Secret" "a" "x" | toJson }}`)), Release{})
	if string(got.Manifest) != "---\n# Source: small/templates/x.yaml\na: {}\n" {
		t.Errorf("got %s", got.Manifest)
	}
}
