package engine_test

import (
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// What Kluctl deployed is taken over with all its fields when an image in it is replaced, so that the next deploy removes
// what the project no longer has. Where that cannot be done without loss, nothing is.
func TestImagesAreReplacedInWhatKluctlDeployed(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	ns := c.Namespace(t)
	s := newSite(t, c.Identity(t).Kubeconfig, `
-- .kluctl.yaml --
discriminator: "{{ args.ns }}"
targets: [{name: prod, images: [{image: app, resultImage: "app:2"}]}]
-- deployment.yaml --
deployments: [{path: app}]
-- app/all.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: "{{ args.ns }}"}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: "{{ images.get_image('app') }}"}, {name: more, image: "{{ images.get_image('app') }}"}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scale, namespace: "{{ args.ns }}", annotations: {for: "{{ images.get_image('app') }}"}}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
`)
	s.target, s.args = "prod", map[string]any{"ns": ns}
	c.KubectlInput(t, strings.ReplaceAll(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NS, labels: {kluctl.io/discriminator: NS}}
spec:
  revisionHistoryLimit: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: "app:1", ports: [{containerPort: 80}], env: [{name: A, value: a}]}]}}
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: scale, namespace: NS, labels: {kluctl.io/discriminator: NS}, annotations: {for: "app:1"}}
spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 70, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
`, "NS", ns), "apply", "--server-side", "--field-manager=kluctl", "-f", "-")
	poke := func() (*diff.ChangeSet, *apply.Result) {
		t.Helper()
		return s.deploy(engine.DeployOptions{ImagesOnly: true})
	}
	set, result := poke()
	expect(t, ops(set), []string{"update Deployment/web", "failed HorizontalPodAutoscaler/scale"})
	web := find(t, set, "web")
	expect(t, paths(web), []string{"update spec.template.spec.containers[name=app].image"})
	contains(t, strings.Join(web.Warnings, "\n"), "containers[name=more].image is not there")
	contains(t, result.Err().Error(), "HorizontalPodAutoscaler/scale: was deployed as autoscaling/v1 and is rendered as autoscaling/v2: deploy it instead")
	live := func() string {
		t.Helper()
		return c.Kubectl(t, "get", "deployment", "web", "-n", ns, "-o", `jsonpath={.spec.revisionHistoryLimit} {.spec.template.spec.containers[*].image} {.spec.template.spec.containers[0].ports[*].containerPort} {.spec.template.spec.containers[0].env[*].value}`)
	}
	if got := live(); got != "3 app:2 80 a" {
		t.Errorf("got %s", got)
	}
	if again, _ := poke(); again.Changed() {
		t.Errorf("there is nothing more to do, but %v", ops(again))
	}
	s.deployed()
	if got := live(); got != "10 app:2 app:2  " {
		t.Errorf("after the next deploy: %s", got)
	}
}
