package diff

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
)

// unasked says whether the server need not be asked what an apply of c would do to the live object, because it provably
// changes nothing and has nothing to tell: we own just the fields that are applied, with the values that they have; we may
// apply it; nothing in the way of a write looks at such objects; and the kind is one of which we know what the server has
// to say about an update that changes nothing. All else is asked.
func (d *differ) unasked(ctx context.Context, c *Change, live object.Object) bool {
	judge := quiet[kindOf(c.Ref)]
	if d.opts.AskAll || judge == nil || c.Ref.Version != "v1" || len(c.unsettled) > 0 || !judge(live) {
		return false
	}
	var owned managed.Tree
	for _, e := range managed.Entries(live) {
		if isOurs(e) && e.APIVersion == c.Ref.APIVersion() {
			owned = e.Fields
		}
	}
	if !managed.Same(c.desired, live, owned) {
		return false
	}
	if !d.undisturbed(ctx, live, "UPDATE") || !d.mayApply(ctx, c.Ref) {
		return false
	}
	return c.Ref.Group != "apps" || d.unwarned.of(c.Ref.Namespace, func() bool { return d.warnsOfNoPod(ctx, c.Ref.Namespace) })
}

func (d *differ) mayApply(ctx context.Context, ref object.Ref) bool {
	ref.Name = ""
	return d.rights.of(ref.APIVersion()+" "+ref.String(), func() bool { ok, err := d.previewer.MayApply(ctx, ref); return ok && err == nil })
}

// quiet are the kinds of which an update that changes nothing passes unnoticed: the server neither completes nor validates
// anything anew, and warns of nothing; with what must hold of the object for that. Kubernetes' strategies of updates were read for it
// (pkg/registry, 1.30 to 1.36), and TestWhatIsNotAskedWouldHaveBeenAnsweredAlike asks the server.
var quiet = map[groupKind]func(live object.Object) bool{
	{"", "ConfigMap"}: always,
	// The server looks at the certificates of others at each write.
	{"", "Secret"}:                                      func(o object.Object) bool { return o.Text("type") == "Opaque" },
	{"", "ServiceAccount"}:                              func(o object.Object) bool { return o.Annotation("kubernetes.io/enforce-mountable-secrets") == "" },
	{"", "Service"}:                                     isPlainService,
	{"rbac.authorization.k8s.io", "Role"}:               always,
	{"rbac.authorization.k8s.io", "RoleBinding"}:        always,
	{"rbac.authorization.k8s.io", "ClusterRole"}:        always,
	{"rbac.authorization.k8s.io", "ClusterRoleBinding"}: always,
	// Pod templates are looked at when the generation changes.
	{"apps", "Deployment"}:  always,
	{"apps", "DaemonSet"}:   always,
	{"apps", "StatefulSet"}: isPlainStatefulSet,
}

func always(object.Object) bool { return true }

// isPlainStatefulSet says whether a StatefulSet has nothing of which the server warns at each write: claims' sizes, and a history of less
// than none.
func isPlainStatefulSet(o object.Object) bool {
	limit, _ := o.Map("spec")["revisionHistoryLimit"].(int64)
	return o.Map("spec")["volumeClaimTemplates"] == nil && limit >= 0
}

// isPlainService says whether a Service has nothing of which the server warns.
func isPlainService(o object.Object) bool {
	spec := o.Map("spec")
	for _, field := range []string{"externalIPs", "loadBalancerIP", "loadBalancerSourceRanges", "trafficDistribution", "externalName"} {
		if spec[field] != nil {
			return false
		}
	}
	for name := range o.Map("metadata", "annotations") {
		if strings.HasPrefix(name, "service.") {
			return false
		}
	}
	ips, _ := spec["clusterIPs"].([]any)
	for _, ip := range append(ips, spec["clusterIP"]) {
		if text, _ := ip.(string); text != "" && text != "None" && !canonical(text) {
			return false
		}
	}
	return o.Text("spec", "type") == "ClusterIP" && o.Text("spec", "sessionAffinity") == "None"
}

// canonical says whether an address is written as it is printed: of another one the server warns.
func canonical(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	return err == nil && addr.String() == ip
}

// undisturbed says whether no webhook and no policy looks at an operation on an object. Who may not list them does not know.
func (d *differ) undisturbed(ctx context.Context, o object.Object, operation string) bool {
	d.mutates(ctx, o.Ref()) // which looks them up
	d.validators.look(ctx, d, "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy")
	if d.admission.unknown || d.validators.unknown {
		return false
	}
	ref := o.Ref()
	resource := d.live.kinds[kindOf(ref)].Resource
	return !slices.ContainsFunc(slices.Concat(d.admission.mutators, d.validators.mutators), func(m mutator) bool {
		return slices.ContainsFunc(m.rules, func(r any) bool { return matchesRule(r, ref, resource, operation) }) &&
			mayPick(m.objects, o.Map("metadata", "labels")) && (ref.Namespace == "" || d.mayPickNamespace(ctx, m.namespaces, ref.Namespace))
	})
}

// mayPick says whether a selector picks something with these labels, or cannot be read.
func mayPick(selector, labelled map[string]any) bool {
	if len(selector) == 0 {
		return true
	}
	var parsed metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(selector, &parsed) != nil {
		return true
	}
	picks, err := metav1.LabelSelectorAsSelector(&parsed)
	set := labels.Set{}
	for k, v := range labelled {
		set[k], _ = v.(string)
	}
	return err != nil || picks.Matches(set)
}

func (d *differ) mayPickNamespace(ctx context.Context, selector map[string]any, namespace string) bool {
	if len(selector) == 0 {
		return true
	}
	o := d.namespaceObjects.of(namespace, func() object.Object {
		o, err := d.previewer.Get(ctx, object.Ref{Version: "v1", Kind: "Namespace", Name: namespace})
		if err != nil {
			return nil
		}
		return o
	})
	return o == nil || mayPick(selector, o.Map("metadata", "labels"))
}

// once does something once for each key.
type once[K cmp.Ordered, V any] struct {
	mu    sync.Mutex
	known map[K]func() V
}

func (o *once[K, V]) of(key K, ask func() V) V {
	o.mu.Lock()
	if o.known == nil {
		o.known = map[K]func() V{}
	}
	answer := o.known[key]
	if answer == nil {
		answer = sync.OnceValue(ask)
		o.known[key] = answer
	}
	o.mu.Unlock()
	return answer()
}

// onlyKeepsPreviewsFromWriting says whether a policy lets all dry runs pass, as its administrator declares: see deploy/.
func onlyKeepsPreviewsFromWriting(o object.Object) bool {
	is, _ := strconv.ParseBool(o.Annotation("weighlock.dev/lets-dry-runs-pass"))
	return is && o.Ref().Kind == "ValidatingAdmissionPolicy"
}

// warnsOfNoPod tries the worst that a pod can ask for: if the server does not warn of that, by the namespace's level of Pod
// Security or the cluster's, it warns of nothing.
func (d *differ) warnsOfNoPod(ctx context.Context, namespace string) bool {
	worst := object.Object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "weighlock-is-not-warned", "namespace": namespace},
		"spec": map[string]any{
			"replicas": int64(0),
			"selector": map[string]any{"matchLabels": map[string]any{"weighlock.dev/probe": "true"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"weighlock.dev/probe": "true"}},
				"spec": map[string]any{"hostNetwork": true, "hostPID": true, "containers": []any{map[string]any{
					"name": "probe", "image": "probe", "securityContext": map[string]any{"privileged": true},
				}}},
			},
		},
	}
	// The probe is a new object: what makes new ones harmless would hide that the server warns of those that there are.
	if !d.undisturbed(ctx, worst, "CREATE") {
		return false
	}
	answer, err := d.previewer.Apply(ctx, worst, false)
	return err == nil && answer.created() && len(answer.Warnings) == 0
}
