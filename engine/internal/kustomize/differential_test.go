//go:build oracles

package kustomize

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var (
	kustomizations = flag.Int("kustomizations", 60, "how many made-up kustomizations are compared with kustomize's own program")
	firstSeed      = flag.Uint64("seed", 1, "the first one's seed")
)

// TestOracleOnMadeUpKustomizations compares with kustomize's own program on random kustomizations: bases, overlays and
// components with whatever fields meet.
func TestOracleOnMadeUpKustomizations(t *testing.T) {
	t.Parallel()
	program := oracle(t)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range *kustomizations {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			files := madeUp(rand.New(rand.NewPCG(seed, 0)))
			want, theirs := program.build(t, files)
			got, ours := buildYAML(t, files, Options{})
			switch {
			case theirs == nil && ours != nil && strings.Contains(ours.Error(), "the patch would do nothing"):
			case (theirs == nil) != (ours == nil):
				t.Errorf("kustomize: %v\nwe: %v\n%s", theirs, ours, shown(files))
			case got != want:
				t.Errorf("got:\n%s\nkustomize gives:\n%s\n%s", got, want, shown(files))
			}
		})
	}
}

func shown(files map[string]string) string {
	var b strings.Builder
	for name, text := range files {
		fmt.Fprintf(&b, "-- %s --\n%s", name, text)
	}
	return b.String()
}

// madeUp makes a base, perhaps a second, perhaps a component, and the overlay app of them.
func madeUp(r *rand.Rand) map[string]string {
	files := map[string]string{}
	bases := []string{"base"}
	if r.IntN(2) == 0 {
		bases = append(bases, "other")
	}
	for i, dir := range bases {
		resources := objects(r, files, dir, i)
		files[dir+"/kustomization.yaml"] = "resources: [" + strings.Join(resources, ", ") + "]\n" + fields(r, files, dir)
	}
	k := "resources: [../" + strings.Join(bases, ", ../") + "]\n" + fields(r, files, "app")
	if r.IntN(3) == 0 {
		files["part/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" + fields(r, files, "part")
		k += "components: [../part]\n"
	}
	files["app/kustomization.yaml"] = k
	return files
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

var scalars = []string{"1", "1.0", "1e3", "true", "yes", "null", "~", `"1"`, "0x10", "010", "text", "a b", `"a\nb"`, "2001-01-01", "''", "[]", "{}", "1_000", "-0", ".5", "on"}

// objects writes resource files and returns their names.
func objects(r *rand.Rand, files map[string]string, dir string, n int) []string {
	kinds := []string{
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config%[1]d%[2]s}\ndata: {a: \"1\", b: x}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: secret%[1]d%[2]s}\nstringData: {a: \"1\"}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: web%[1]d%[2]s}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns%[1]d}\n",
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: account%[1]d%[2]s}\n",
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: binding%[1]d}\nroleRef: {kind: ClusterRole, name: admin, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: ServiceAccount, name: account%[1]d}, {kind: ServiceAccount, name: default, namespace: default}]\n",
		"apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: widget%[1]d%[2]s}\nspec: {v: " + pick(r, scalars...) + ", l: [" + pick(r, scalars...) + ", {x: " + pick(r, scalars...) + "}]}\n",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web%[1]d%[2]s}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      serviceAccountName: account%[1]d\n      containers:\n      - {name: app, image: \"nginx:1\", env: [{name: A, value: x}], envFrom: [{configMapRef: {name: config%[1]d}}, {secretRef: {name: gensecret}}]}\n      - {name: side, image: busybox}\n      volumes: [{name: v, configMap: {name: gen}}]\n",
		"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db%[1]d%[2]s}\nspec:\n  serviceName: web%[1]d\n  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: db, image: postgres}]}\n  volumeClaimTemplates: [{metadata: {name: d}}]\n",
	}
	r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	var names []string
	for i, kind := range kinds[:2+r.IntN(len(kinds)-2)] {
		namespace := pick(r, "", "", ", namespace: one", ", namespace: default")
		text := fmt.Sprintf(kind+"%.0[1]d%.0[2]s", n, namespace)
		if len(names) > 0 && r.IntN(4) == 0 {
			files[dir+"/"+names[len(names)-1]] += "---\n" + text
			continue
		}
		name := fmt.Sprintf("f%d.yaml", i)
		files[dir+"/"+name] = text
		names = append(names, name)
	}
	return names
}

// fields are what a kustomization says besides its resources.
func fields(r *rand.Rand, files map[string]string, dir string) string {
	target := pick(r, "{kind: Deployment}", "{kind: ConfigMap}", "{name: web.*}", "{labelSelector: app=web}", "{kind: Widget}", "{kind: Service, version: v1}", "{kind: Secret, name: secret0}", "{annotationSelector: note}")
	all := []string{
		"namePrefix: " + pick(r, "p-", "x-") + "\n", "nameSuffix: " + pick(r, "-s", "-t") + "\n", "namespace: " + pick(r, "one", "two", "default") + "\n",
		"commonLabels: {team: " + pick(r, "a", "b") + "}\n", "commonAnnotations: {note: " + pick(r, `"1"`, "text") + "}\n",
		"labels: [{pairs: {own: x}, includeSelectors: " + pick(r, "true", "false") + ", includeTemplates: " + pick(r, "true", "false") + "}]\n",
		"images: [{name: " + pick(r, "nginx", "busybox", "none") + ", " + pick(r, "newTag: \"2\"", "newName: mirror/x", "digest: sha256:00") + "}]\n",
		"replicas: [{name: " + pick(r, "web0", "web1", "db0") + ", count: 3}]\n",
		"configMapGenerator: [{name: gen" + pick(r, "", "", "2") + ", literals: [a=" + pick(r, "1", "x=y", "") + "]" + pick(r, "", ", options: {disableNameSuffixHash: true}", ", behavior: merge", ", namespace: one") + "}]\n",
		"secretGenerator: [{name: gensecret, literals: [k=v]" + pick(r, "", ", type: Opaque", ", behavior: replace") + "}]\n",
		"patches: [{target: " + target + ", patch: '[{\"op\": \"" + pick(r, "add", "replace") + "\", \"path\": \"/metadata/" + pick(r, "labels/x", "annotations", "labels") + "\", \"value\": " + pick(r, `"v"`, `{"x": "y"}`) + "}]'}]\n",
		"patches: [{target: " + target + ", patch: \"{apiVersion: v1, kind: X, metadata: {name: x, annotations: {patched: yes1}}" + pick(r, "", ", data: {c: added}", ", $patch: delete", ", spec: null") + "}\"}]\n",
		"patches: [{patch: \"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web" + pick(r, "0", "1") + "}, spec: {template: {spec: {containers: [{name: app, env: [{name: B, value: z}]}]}}}}\"}]\n",
		"replacements: [{source: {kind: " + pick(r, "Service", "ConfigMap", "Secret") + "}, targets: [{select: {kind: " + pick(r, "Deployment", "Widget") + "}, fieldPaths: [" + pick(r, "spec.template.spec.containers.0.image", "metadata.annotations.from", "spec.v") + "], options: {create: true}}]}]\n",
		"generatorOptions: {labels: {gen: yes1}, annotations: {made: here}}\n", "buildMetadata: [" + pick(r, "originAnnotations", "managedByLabel", "transformerAnnotations") + "]\n",
	}
	if dir == "app" {
		all = append(all, "sortOptions: {order: "+pick(r, "legacy", "fifo")+"}\n")
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out []string
	for _, f := range all[:r.IntN(6)] {
		key, _, _ := strings.Cut(f, ":")
		if !slices.ContainsFunc(out, func(have string) bool { return strings.HasPrefix(have, key+":") }) {
			out = append(out, f)
		}
	}
	if dir == "part" && len(out) == 0 {
		out = []string{"namePrefix: c-\n"}
	}
	return strings.Join(out, "")
}
