package diff

import (
	"testing"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

func TestAnnotationsOfEachToolKeepAnObjectFromBeingDeleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		annotation, value string
		kept              bool
	}{
		{"kluctl.io/skip-delete", "true", true},
		{"kluctl.io/skip-delete", "false", false},
		{"helm.sh/resource-policy", "keep", true},
		{"argocd.argoproj.io/sync-options", "Prune=false", true},
		{"argocd.argoproj.io/sync-options", "Replace=true, Prune=false", true},
		{"argocd.argoproj.io/sync-options", "Replace=true", false},
		{"kustomize.toolkit.fluxcd.io/prune", "disabled", true},
		{"kustomize.toolkit.fluxcd.io/prune", "enabled", false},
	} {
		o := object.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}
		o.SetAnnotation(c.annotation, c.value)
		if why := keep(o, project.Inclusion{}); (why != "") != c.kept {
			t.Errorf("%s: %s: got %q", c.annotation, c.value, why)
		}
	}
}

func TestTheTimeoutOfAWaitIsTheObjectsOwnThenItsItems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ own, want string }{{"", "1m0s"}, {"90s", "1m30s"}, {"soon", ""}, {"-1s", ""}} {
		o := object.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}
		if c.own != "" {
			o.SetAnnotation(timeoutAnnotation, c.own)
		}
		change := &Change{Ref: o.Ref(), desired: o}
		change.classify(project.Waiting{All: true, Timeout: 60e9})
		if c.want == "" && change.Err == nil || c.want != "" && change.Timeout.String() != c.want {
			t.Errorf("%q: got %s, %v", c.own, change.Timeout, change.Err)
		}
	}
}
