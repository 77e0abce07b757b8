package bot

import (
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/forge"
)

func planTargets() []Target {
	shop, infra := ProjectConfig{Path: "deploy", Name: "shop"}, ProjectConfig{Path: "infra", Name: "infra"}
	return []Target{
		{shop, "staging", TargetPolicy{Deploy: DeployOnMerge}},
		{shop, "prod", TargetPolicy{Deploy: DeployOnCommand}},
		{infra, "prod", TargetPolicy{Deploy: DeployOnMerge, Branch: "release"}},
		{ProjectConfig{Path: "plain", Name: "plain"}, "", TargetPolicy{Deploy: DeployOnMerge}},
	}
}

func push(branch string) forge.BranchPushed {
	return forge.BranchPushed{Delivery: forge.Delivery{DefaultBranch: "main"}, Branch: branch}
}

func TestAPushDeploysTheTargetsOfItsBranch(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string][]string{"main": {"staging", "plain"}, "release": {"infra:prod"}, "topic": nil} {
		p := PlanPush(planTargets(), push(branch))
		if got := ids(p.Jobs); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", branch, got, want)
		}
		if (p.Reason == "") != (len(p.Jobs) > 0) {
			t.Errorf("%s: reason %q for %d jobs", branch, p.Reason, len(p.Jobs))
		}
	}
}

func TestWhatATargetWantsBeforeItIsDeployedFirst(t *testing.T) {
	t.Parallel()
	shop := ProjectConfig{Path: "deploy", Name: "shop"}
	on := func(name string, after ...string) Target {
		return Target{shop, name, TargetPolicy{Deploy: DeployOnMerge, After: after}}
	}
	p := PlanPush([]Target{on("prod", "staging"), on("staging", "test"), on("a", "b"), on("test"), on("b", "a")}, push("main"))
	if got, want := ids(p.Jobs), []string{"test", "staging", "prod", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestATargetIsNamedAsShortAsItCanBe(t *testing.T) {
	t.Parallel()
	p, err := PlanPreview(planTargets(), nil)
	if got, want := ids(p.Jobs), []string{"staging", "shop:prod", "infra:prod", "plain"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, want %v; %v", got, want, err)
	}
}

func TestATargetThatSomebodyNamesIsPreviewedInAnyCase(t *testing.T) {
	t.Parallel()
	p, err := PlanPreview(planTargets(), []string{"infra:prod"})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range p.Jobs {
		if j.Asked != (j.ID == "infra:prod") {
			t.Errorf("%s: asked is %t", j.ID, j.Asked)
		}
	}
	if _, err := PlanPreview(planTargets(), []string{"nosuch"}); err == nil || !strings.Contains(err.Error(), "shop:prod") {
		t.Errorf("want an error that lists the names there are, got %v", err)
	}
}

func TestACommandNamesTargets(t *testing.T) {
	t.Parallel()
	p, err := PlanCommand(planTargets(), Command{Targets: []string{"infra:prod", "shop:staging"}})
	if err != nil || !slices.Equal(ids(p.Jobs), []string{"infra:prod", "staging"}) {
		t.Errorf("got %v, %v", ids(p.Jobs), err)
	}
	for _, name := range []string{"prod", "nosuch"} {
		if _, err := PlanCommand(planTargets(), Command{Targets: []string{name}}); err == nil || !strings.Contains(err.Error(), "shop:prod") {
			t.Errorf("%s: want an error that lists the names there are, got %v", name, err)
		}
	}
}
