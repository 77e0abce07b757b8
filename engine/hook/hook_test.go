package hook_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/hook"
	"github.com/weighlock/weighlock/engine/object"
)

func job(annotations map[string]string) object.Object {
	o := object.Object{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "a"}}
	for k, v := range annotations {
		o.SetAnnotation(k, v)
	}
	return o
}

func TestOf(t *testing.T) {
	t.Parallel()
	type m = map[string]string
	before := []hook.Policy{hook.BeforeCreation}
	for _, c := range []struct {
		name        string
		annotations m
		want        *hook.Hook
		warning     string
	}{
		{"an object without annotations is no hook", nil, nil, ""},
		{"several phases, blanks between", m{"kluctl.io/hook": "pre-deploy, post-deploy-upgrade"}, &hook.Hook{Phases: []hook.Phase{hook.PreDeploy, hook.PostDeployUpgrade}, Policies: before, Wait: true}, ""},
		{"Helm's install is the initial deploy", m{"helm.sh/hook": "pre-install,post-upgrade"}, &hook.Hook{Phases: []hook.Phase{hook.PreDeployInitial, hook.PostDeployUpgrade}, Policies: before, Wait: true}, ""},
		{"what Helm does on delete is not applied", m{"helm.sh/hook": "pre-delete"}, &hook.Hook{Policies: before, Wait: true}, "no pre-delete"},
		{"of several events the known ones count", m{"helm.sh/hook": "pre-delete,post-install"}, &hook.Hook{Phases: []hook.Phase{hook.PostDeployInitial}, Policies: before, Wait: true}, "no pre-delete"},
		{"an unknown event makes no hook", m{"helm.sh/hook": "crd-install"}, nil, "crd-install is not one"},
		{"an object that is to be deleted is no hook", m{"kluctl.io/hook": "pre-deploy", "kluctl.io/delete": "true"}, nil, ""},
		{"our weight before Helm's", m{"kluctl.io/hook": "pre-deploy", "kluctl.io/hook-weight": "-3", "helm.sh/hook-weight": "7"}, &hook.Hook{Phases: []hook.Phase{hook.PreDeploy}, Weight: -3, Policies: before, Wait: true}, ""},
		{"Helm's weight", m{"helm.sh/hook": "pre-install", "helm.sh/hook-weight": "7"}, &hook.Hook{Phases: []hook.Phase{hook.PreDeployInitial}, Weight: 7, Policies: before, Wait: true}, ""},
		{"policies of both are joined and replace the default", m{"kluctl.io/hook": "pre-deploy", "kluctl.io/hook-delete-policy": "hook-succeeded", "helm.sh/hook-delete-policy": "hook-failed,hook-succeeded"},
			&hook.Hook{Phases: []hook.Phase{hook.PreDeploy}, Policies: []hook.Policy{hook.Succeeded, hook.Failed}, Wait: true}, ""},
		{"Argo CD's events, with its order and its policies", m{"argocd.argoproj.io/hook": "PreSync,SyncFail", "argocd.argoproj.io/sync-wave": "-2", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded,BeforeHookCreation"},
			&hook.Hook{Phases: []hook.Phase{hook.PreDeploy, hook.OnFailure}, Weight: -2, Policies: []hook.Policy{hook.Succeeded, hook.BeforeCreation}, Wait: true}, ""},
		{"Argo CD's Skip is not applied", m{"argocd.argoproj.io/hook": "Skip"}, &hook.Hook{Policies: before, Wait: true}, "no Skip"},
		{"Helm's events before Argo CD's", m{"helm.sh/hook": "post-install", "argocd.argoproj.io/hook": "PreSync"}, &hook.Hook{Phases: []hook.Phase{hook.PostDeployInitial}, Policies: before, Wait: true}, ""},
		{"not awaited, and a time-out", m{"kluctl.io/hook": "pre-deploy", "kluctl.io/hook-wait": "false", "kluctl.io/hook-timeout": "90s"},
			&hook.Hook{Phases: []hook.Phase{hook.PreDeploy}, Policies: before, Timeout: 90 * time.Second}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, warnings, err := hook.Of(job(c.annotations))
			if err != nil {
				t.Fatal(err)
			}
			if (got == nil) != (c.want == nil) || got != nil && (!slices.Equal(got.Phases, c.want.Phases) || !slices.Equal(got.Policies, c.want.Policies) ||
				got.Weight != c.want.Weight || got.Wait != c.want.Wait || got.Timeout != c.want.Timeout) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, c.warning) || c.warning == "" && said != "" {
				t.Errorf("warnings: got %q, want %q", said, c.warning)
			}
		})
	}
}

func TestOfReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := hook.Of(job(map[string]string{
		"kluctl.io/hook": "pre-deploy,before", "kluctl.io/hook-weight": "heavy", "kluctl.io/hook-delete-policy": "never",
		"kluctl.io/hook-wait": "maybe", "kluctl.io/hook-timeout": "10",
	}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`kluctl.io/hook: found "before"`, `hook-weight: found "heavy"`, `hook-delete-policy: found "never"`, `hook-wait: found "maybe"`, `hook-timeout: found "10"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not say %q:\n%v", want, err)
		}
	}
}

func TestRunsAtTheMomentsOfItsPhases(t *testing.T) {
	t.Parallel()
	moments := []hook.Moment{{Before: true, Initial: true}, {Before: true}, {Initial: true}, {}}
	for phase, want := range map[hook.Phase][]bool{
		hook.PreDeploy: {true, true, false, false}, hook.PreDeployInitial: {true, false, false, false}, hook.PreDeployUpgrade: {false, true, false, false},
		hook.PostDeploy: {false, false, true, true}, hook.PostDeployInitial: {false, false, true, false}, hook.PostDeployUpgrade: {false, false, false, true},
	} {
		h := &hook.Hook{Phases: []hook.Phase{phase}}
		for i, m := range moments {
			if got := h.Runs(m); got != want[i] {
				t.Errorf("%s at %+v: got %t", phase, m, got)
			}
		}
	}
}
