package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/engine/report"
)

// asking counts the dry runs of applies that a comparison asks for.
type asking struct {
	engine.Cluster
	applies atomic.Int32
}

func (a *asking) Previewer() diff.Previewer { return askingPreviewer{a.Cluster.Previewer(), a} }

type askingPreviewer struct {
	diff.Previewer
	count *asking
}

func (p askingPreviewer) Apply(ctx context.Context, o object.Object, force bool) (diff.Preview, error) {
	p.count.applies.Add(1)
	return p.Previewer.Apply(ctx, o, force)
}

// wishes are objects of which the server need not be asked when nothing changes, with all sorts of fields: lists with keys of one
// and of two fields, with none, and of values; quantities, numbers that may be texts, and what the server completes.
func wishes(t *testing.T) map[string]object.Object {
	t.Helper()
	const container = `{name: main, image: "img:1", command: [run], args: [--a, --b], env: [{name: A, value: "1"}, {name: B, value: ""}], ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}], resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 1}}, readinessProbe: {httpGet: {path: /, port: 80}}}`
	out := map[string]object.Object{}
	for name, text := range map[string]string{
		"map":     `{apiVersion: v1, kind: ConfigMap, metadata: {labels: {team: a, tier: b}, annotations: {note: n}}, data: {a: "1", b: "", c: "x\ny\n"}, binaryData: {z: eA==}}`,
		"sealed":  `{apiVersion: v1, kind: Secret, stringData: {user: admin}, data: {pass: c3dvcmRmaXNo}}`,
		"account": `{apiVersion: v1, kind: ServiceAccount, automountServiceAccountToken: false, imagePullSecrets: [{name: a}, {name: b}]}`,
		"service": `{apiVersion: v1, kind: Service, spec: {selector: {app: x, tier: back}, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP, targetPort: dns}, {name: tcp, port: 53}]}}`,
		"role":    `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: [{apiGroups: [""], resources: [pods, services], verbs: [get, list]}, {apiGroups: [apps], resources: [deployments], verbs: [get]}]}`,
		"binding": `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: role}, subjects: [{kind: ServiceAccount, name: account, namespace: default}, {kind: Group, name: g, apiGroup: rbac.authorization.k8s.io}]}`,
		"plain":   `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 0, selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [` + container + `, {name: side, image: "side:1"}]}}}}`,
		"rich": `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 0, selector: {matchLabels: {app: x}}, strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}, template: {metadata: {labels: {app: x}}, spec: {terminationGracePeriodSeconds: 5, nodeSelector: {none: "true"},
  tolerations: [{key: a, operator: Exists}, {key: b}], topologySpreadConstraints: [{topologyKey: z, whenUnsatisfiable: DoNotSchedule, maxSkew: 1}, {topologyKey: z, whenUnsatisfiable: ScheduleAnyway, maxSkew: 1}], hostAliases: [{ip: 127.0.0.1, hostnames: [a, b]}],
  initContainers: [{name: init, image: "i:1"}], containers: [` + container + `], volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}, {name: w, configMap: {name: w, defaultMode: 420, items: [{key: a, path: a}]}}]}}}}`,
		"set":    `{apiVersion: apps/v1, kind: StatefulSet, spec: {serviceName: x, replicas: 0, selector: {matchLabels: {app: s}}, template: {metadata: {labels: {app: s}}, spec: {containers: [` + container + `]}}}}`,
		"daemon": `{apiVersion: apps/v1, kind: DaemonSet, spec: {selector: {matchLabels: {app: d}}, updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}, template: {metadata: {labels: {app: d}}, spec: {nodeSelector: {none: "true"}, containers: [` + container + `]}}}}`,
	} {
		o := parsed(t, text)
		meta := o.Map("metadata")
		if meta == nil {
			meta = map[string]any{}
		}
		meta["name"] = name
		o["metadata"] = meta
		out[name] = o
	}
	return out
}

// A place is a value in an object.
type place struct {
	value  any
	path   string
	set    func(any)
	remove func() // nil in lists
	texts  bool   // only texts may stand here
}

// places are the values of an object that may be changed at all: not what names it, nor what servers keep.
func places(o object.Object) []place {
	var out []place
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				path := at + "." + k
				switch {
				case path == ".apiVersion" || path == ".kind" || path == ".status" || strings.HasPrefix(k, "kluctl.io/"):
					continue
				case path == ".metadata" || path == ".metadata.labels" || path == ".metadata.annotations":
				case at == ".metadata":
					continue
				default:
					out = append(out, place{v[k], path, func(to any) { v[k] = to }, func() { delete(v, k) }, strings.HasPrefix(path, ".metadata.")})
				}
				walk(path, v[k])
			}
		case []any:
			for i := range v {
				path := at + "[" + strconv.Itoa(i) + "]"
				out = append(out, place{v[i], path, func(to any) { v[i] = to }, nil, false})
				walk(path, v[i])
			}
		}
	}
	walk("", map[string]any(o))
	return out
}

// respelled are quantities in other words.
var respelled = map[string]any{"100m": "0.1", "64Mi": "65536Ki", "1Gi": "1024Mi", "1": "1000m", "25%": 1, "TCP": nil}

// another is what may stand in the place of a value: the same in other words, almost the same, nothing, or what does not belong there.
func another(r *rand.Rand, v any) any {
	pick := func(of ...any) any { return of[r.IntN(len(of))] }
	switch v := v.(type) {
	case int64:
		return pick(v+1, strconv.FormatInt(v, 10), json.Number(strconv.FormatInt(v, 10)+".0"), nil, int64(0))
	case string:
		if other, ok := respelled[v]; ok && r.IntN(2) == 0 {
			return other
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && r.IntN(2) == 0 {
			return n
		}
		return pick(v+"x", "", nil, strings.ToUpper(v))
	case bool:
		return pick(!v, nil, strconv.FormatBool(v))
	case map[string]any:
		return pick(map[string]any{}, nil, []any{})
	case []any:
		turned := slices.Clone(v)
		slices.Reverse(turned)
		if len(v) > 0 {
			return pick(turned, append(slices.Clone(v), object.CloneValue(v[0])), v[:len(v)-1], v[1:], []any{}, nil)
		}
		return pick(nil, []any{"x"}, map[string]any{})
	}
	return pick("x", int64(1), map[string]any{}, []any{})
}

// amend changes something of an object, and says what. What the server has in live may be taken into it.
func amend(r *rand.Rand, o, live object.Object) string {
	if live != nil && r.IntN(3) == 0 {
		if said := adopt(r, o, live); said != "" {
			return said
		}
	}
	all := places(o)
	if len(all) == 0 {
		return ""
	}
	p := all[r.IntN(len(all))]
	switch {
	case p.remove != nil && r.IntN(4) == 0:
		p.remove()
		return "without " + p.path
	case p.texts:
		if text, ok := p.value.(string); ok {
			p.set(text + "x")
			return p.path + " is " + text + "x"
		}
		return ""
	}
	to := another(r, p.value)
	p.set(to)
	text, err := json.Marshal(to)
	if err != nil {
		panic(err)
	}
	return p.path + " is " + string(text)
}

// adopt says in so many words what the server has completed.
func adopt(r *rand.Rand, o, live object.Object) string {
	type gap struct {
		in   map[string]any
		key  string
		from any
		path string
	}
	var gaps []gap
	var walk func(at string, o, live any)
	walk = func(at string, o, live any) {
		switch live := live.(type) {
		case map[string]any:
			in, ok := o.(map[string]any)
			if !ok {
				return
			}
			for _, k := range slices.Sorted(maps.Keys(live)) {
				if at == "" && (k == "metadata" || k == "status") {
					continue
				}
				if mine, has := in[k]; has {
					walk(at+"."+k, mine, live[k])
				} else {
					gaps = append(gaps, gap{in, k, live[k], at + "." + k})
				}
			}
		case []any:
			if in, ok := o.([]any); ok && len(in) == len(live) {
				for i := range in {
					walk(at+"["+strconv.Itoa(i)+"]", in[i], live[i])
				}
			}
		}
	}
	walk("", map[string]any(o), map[string]any(live))
	if len(gaps) == 0 {
		return ""
	}
	g := gaps[r.IntN(len(gaps))]
	g.in[g.key] = object.CloneValue(g.from)
	return g.path + " as it is live"
}

// Whatever somebody wishes for, and whatever others do to what is live, the short way says what the long way says.
func TestWhatIsNotAskedIsRightForRandomWishes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			randomWishes(t, rand.New(rand.NewPCG(seed, 11)))
		})
	}
}

func randomWishes(t *testing.T, r *rand.Rand) {
	t.Helper()
	const rounds = 20
	c := enginetest.Start(t)
	s := newSite(t, c.Identity(t).Kubeconfig, "-- .kluctl.yaml --\ndiscriminator: \"{{ args.ns }}\"\n-- deployment.yaml --\ndeployments: [{path: app}]\n")
	ns := c.Namespace(t)
	s.args = map[string]any{"ns": ns}
	config := c.RESTConfig()
	config.WarningHandler = rest.NoWarnings{}
	others, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	base := wishes(t)
	s.writeObjects(base)
	s.deployed()
	wanted := base
	names := slices.Sorted(maps.Keys(base))
	spared, changed := 0, 0
	for round := range rounds {
		var said []string
		if round%4 == 0 { // else what was wished for before is added to
			wanted = map[string]object.Object{}
			for name, o := range base {
				wanted[name] = o.Clone()
			}
			s.writeObjects(wanted)
		}
		for _, name := range names {
			ref := base[name].Ref()
			ref.Namespace = ns
			live, err := s.cluster.Previewer().Get(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if r.IntN(3) == 0 {
				o := wanted[name].Clone()
				what, before := amend(r, o, live), wanted[name]
				wanted[name] = o
				if s.writeObjects(map[string]object.Object{name: o}); s.renders() {
					said = append(said, name+" is wished for: "+what)
				} else {
					wanted[name] = before
					s.writeObjects(map[string]object.Object{name: before})
				}
			}
			if live != nil && r.IntN(6) == 0 {
				what := amend(r, live, nil)
				in := others.Resource(schema.GroupVersionResource{Group: ref.Group, Version: ref.Version, Resource: strings.ToLower(ref.Kind) + "s"}).Namespace(ns)
				// One that the server refuses changes nothing.
				if _, err := in.Update(t.Context(), &unstructured.Unstructured{Object: live}, metav1.UpdateOptions{FieldManager: "other"}); err == nil {
					said = append(said, name+" is made by others: "+what)
				}
			}
		}
		without, with, set := s.bothWays()
		if without != with {
			t.Fatalf("round %d:\n%s\nwithout asking about all:\n%s\nasking about all:\n%s", round, strings.Join(said, "\n"), without, with)
		}
		spared += set.spared
		for ch := range set.All() {
			if ch.Op != diff.Unchanged {
				changed++
			}
		}
		if r.IntN(4) > 0 {
			s.deploy(engine.DeployOptions{}) // what the server refuses stays as it is
		}
	}
	t.Logf("%d objects were not asked about, %d were not unchanged", spared, changed)
	if least := rounds; spared < least || changed < least {
		t.Errorf("%d objects were not asked about and %d were not unchanged: this proves too little", spared, changed)
	}
}

// renders says whether the project can be rendered.
func (s *site) renders() bool {
	s.t.Helper()
	p, target := s.open()
	_, err := engine.Render(s.t.Context(), p, target, render.Options{})
	return err == nil
}

// comparison is a change set, and how many dry runs less it took than asking about all.
type comparison struct {
	*diff.ChangeSet
	spared int
}

// bothWays compares without asking about all and asking about all, again while controllers are at work in between.
func (s *site) bothWays() (without, with string, set comparison) {
	s.t.Helper()
	for range 5 {
		var texts [2]string
		var asked [2]int
		for i, all := range []bool{false, true} {
			p, target := s.open()
			cluster := &asking{Cluster: s.cluster}
			got, err := engine.Diff(s.t.Context(), p, target, cluster, diff.Options{AskAll: all})
			if err != nil {
				s.t.Fatal(err)
			}
			if !all {
				set.ChangeSet = got
			}
			texts[i], asked[i] = got.Digest+"\n"+report.Text(got, nil), int(cluster.applies.Load())
		}
		without, with, set.spared = texts[0], texts[1], max(0, asked[1]-asked[0])
		if without == with {
			break
		}
	}
	return without, with, set
}
