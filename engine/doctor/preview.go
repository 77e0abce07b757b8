package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

const policyRemedy = "apply deploy/ of Weighlock, whose ValidatingAdmissionPolicy refuses what is no dry run, for just this identity; it is in force a few seconds later"

// preview checks the identity that previews: it is another one, it can make dry runs, and it can change nothing.
func (x *examiner) preview(ctx context.Context) {
	user, err := x.Previews.User(ctx)
	if err != nil {
		x.found("preview identity", Failed, "look at the kubeconfig and the context of the previews", "%v", err)
		return
	}
	deployer, err := x.Deploys.User(ctx)
	switch {
	case err != nil:
		x.found("preview identity", Failed, "", "%v", err)
	case user == deployer:
		x.found("preview identity", Failed, "give previews an account of their own", "previews go as %s, as deploys do", user)
	default:
		x.found("preview identity", OK, "", "previews go as %s", user)
	}
	x.sameCluster(ctx)
	x.reads(ctx)
	x.dryRuns(ctx)
	if x.writes(ctx) {
		x.whole(ctx, user)
	}
	x.connects(ctx)
	x.granted(ctx)
}

func (x *examiner) sameCluster(ctx context.Context) {
	here, err := x.Deploys.UID(ctx)
	there, also := x.Previews.UID(ctx)
	switch err = errors.Join(err, also); {
	case err != nil:
		x.found("one cluster", Warning, "", "cannot be told: %v", err)
	case here != there:
		x.found("one cluster", Failed, "name contexts of one cluster", "previews and deploys go to different clusters")
	default:
		x.found("one cluster", OK, "", "previews look at the cluster that is deployed to")
	}
}

// reads checks that nothing which there may be of a target is out of sight: of a kind that may not be read no orphan is found.
func (x *examiner) reads(ctx context.Context) {
	const check = "reads"
	all, err := x.readable(ctx, "*", "*")
	switch {
	case err != nil:
		x.found(check, Failed, "", "%v", err)
		return
	case all:
		x.found(check, OK, "", "all kinds may be read")
		return
	}
	kept, err := x.Previews.Kept(ctx)
	if err != nil {
		x.found(check, Warning, "", "which kinds there are cannot be told, and not all may be read: %v", err)
		return
	}
	whole := map[string]bool{} // groups, all of whose kinds may be read
	var missing []string
	for _, r := range kept {
		may, asked := whole[r.Group]
		if !asked {
			if may, err = x.readable(ctx, r.Group, "*"); err == nil {
				whole[r.Group] = may
			}
		}
		if err == nil && !may {
			may, err = x.readable(ctx, r.Group, r.Resource)
		}
		if err != nil {
			x.found(check, Failed, "", "%v", err)
			return
		}
		if !may {
			missing = append(missing, r.object())
		}
	}
	if len(missing) > 0 {
		x.found(check, Warning, "name their groups in preview_groups of deploy/, if targets may have objects of them",
			"may not get and list these kinds, so that orphans of them stay unknown, which each preview says: %s", strings.Join(missing, ", "))
		return
	}
	x.found(check, OK, "", "all %d kinds that the cluster has may be read", len(kept))
}

func (x *examiner) readable(ctx context.Context, group, resource string) (bool, error) {
	for _, verb := range []string{"get", "list"} {
		if ok, err := x.Previews.Allowed(ctx, Right{Verb: verb, Group: group, Resource: resource}); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func named(apiVersion, kind, namespace, name string) object.Object {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return object.Object{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
}

func (x *examiner) dryRuns(ctx context.Context) {
	if err := x.Previews.Create(ctx, named("v1", "ConfigMap", "default", "weighlock-doctor"), DryRun); err != nil && !errors.Is(err, ErrExists) {
		x.found("dry runs", Failed, "grant create and patch; deploy/ of Weighlock has the role", "a dry run is refused: %v", err)
		return
	}
	x.found("dry runs", OK, "", "are allowed")
}

// everywhere are objects that clusters have: asking for them to be created changes nothing, whatever the answer.
func everywhere() []object.Object {
	return []object.Object{
		named("v1", "Namespace", "", "kube-system"),
		named("v1", "ServiceAccount", "kube-system", "default"),
		named("v1", "ServiceAccount", "default", "default"),
	}
}

// writes tries what can be tried without writing anything. It reports whether admission refuses that.
func (x *examiner) writes(ctx context.Context) bool {
	var tried []func() (object.Ref, error)
	for _, o := range everywhere() {
		there, err := x.Deploys.Has(ctx, o.Ref())
		if err != nil || !there {
			x.found("writes", Failed, "", "cannot be tried on %s, which every cluster should have: %v", o.Ref(), cmp.Or(err, errors.New("it is not there")))
			return false
		}
		tried = append(tried, func() (object.Ref, error) { return o.Ref(), x.Previews.Create(ctx, o, ForReal) })
	}
	tried = append(tried, func() (object.Ref, error) {
		ref := named("v1", "ServiceAccount", "default", "default").Ref()
		return ref, x.Previews.Touch(ctx, ref)
	})
	policy := 0
	for _, try := range tried {
		ref, err := try()
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			if refused.Policy {
				policy++
			}
		case errors.Is(err, ErrExists), err == nil:
			x.found("writes", Failed, policyRemedy, "%s would have been written although it was no dry run", ref)
			return false
		default:
			x.found("writes", Failed, "", "cannot be told: %v", err)
			return false
		}
	}
	switch policy {
	case 0:
		x.found("writes", Warning, policyRemedy, "are refused for want of rights alone; with the rights for dry runs they would not be")
	case len(tried):
		x.found("writes", OK, "", "are refused by admission where they were tried: creating in two namespaces and in none, and changing")
	default:
		x.found("writes", OK, "", "are refused where they were tried, %d of %d by admission, the others for want of rights", policy, len(tried))
	}
	return policy > 0
}

const wholeRemedy = "let one policy refuse all that is no dry run, for this identity, in all namespaces, as that of deploy/ does, and let no binding of it narrow that"

// whole says whether a policy refuses everything that is no dry run, which no number of tries could show: it reads the policies, and how they are bound.
func (x *examiner) whole(ctx context.Context, user string) {
	const check = "policy"
	policies, bindings, err := x.Previews.Policies(ctx)
	if err != nil {
		policies, bindings, err = x.Deploys.Policies(ctx)
	}
	if err != nil {
		x.found(check, Warning, "let one of the identities read ValidatingAdmissionPolicies and their bindings", "what is refused beyond what was tried cannot be told: %v", err)
		return
	}
	all := guards(policies, bindings, user)
	if len(all) == 0 {
		x.found(check, Warning, wholeRemedy, "no ValidatingAdmissionPolicy is bound that judges what %s asks for: what refuses it where it was tried, such as a webhook, cannot be read, and what it refuses elsewhere is not known", user)
		return
	}
	best := slices.MinFunc(all, func(a, b guard) int {
		return cmp.Or(cmp.Compare(len(a.gaps), len(b.gaps)), cmp.Compare(len(a.open), len(b.open)))
	})
	switch {
	case len(best.gaps) > 0:
		x.found(check, Failed, wholeRemedy, "not all that is no dry run is refused: %s", best)
	case len(best.open) > 0:
		x.found(check, Warning, wholeRemedy, "whether all that is no dry run is refused is not known: %s", best)
	default:
		x.found(check, OK, "", "all that is no dry run is refused, whatever it is and wherever, by %s", best.name)
	}
}

func (x *examiner) connects(ctx context.Context) {
	err := x.Previews.Connect(ctx)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		x.found("connections", OK, "", "to pods and services are refused")
	case err == nil:
		x.found("connections", Failed, policyRemedy, "to pods and services are possible")
	default:
		x.found("connections", Failed, "", "cannot be told: %v", err)
	}
}

// granted looks for rights that no policy makes up for.
func (x *examiner) granted(ctx context.Context) {
	rules, complete, err := x.rules(ctx)
	if err != nil {
		x.found("rights", Failed, "", "cannot be told: %v", err)
		return
	}
	if !complete {
		x.found("rights", Warning, "", "the server does not know all rights of this identity, as it asks others about them, too: such as hold for some names or namespaces alone may be missed")
	}
	x.none(ctx, rules, "configuration", "admission policies do not hold for what configures admission, so that no policy could refuse it: take these rights away", configuration())
	x.none(ctx, rules, "other identities", "whoever may act as another is not bound by a policy for itself: take these rights away", identities(rules))
	x.aggregated(ctx, rules)
	x.kubelets(ctx, rules)
}

// A scoped is a rule, and where it holds.
type scoped struct {
	Rule
	namespace string // one of those in which it holds
}

// rules are the rights of the identity that previews in all namespaces.
func (x *examiner) rules(ctx context.Context) (out []scoped, complete bool, err error) {
	namespaces, err := x.Previews.Namespaces(ctx)
	if err != nil {
		if namespaces, err = x.Deploys.Namespaces(ctx); err != nil {
			return nil, false, err
		}
	}
	seen := map[string]bool{}
	complete = true
	for _, ns := range namespaces {
		all, known, err := x.Previews.Rules(ctx, ns)
		if err != nil {
			return nil, false, err
		}
		complete = complete && known
		for _, r := range all {
			if key := fmt.Sprintf("%q", r); !seen[key] {
				seen[key] = true
				out = append(out, scoped{r, ns})
			}
		}
	}
	return out, complete, nil
}

// configuration are the rights to change what admission policies do not hold for.
func configuration() []Right {
	var out []Right
	for _, resource := range []string{
		"validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
		"validatingwebhookconfigurations", "mutatingwebhookconfigurations",
	} {
		for _, verb := range []string{"create", "update", "patch", "delete", "deletecollection"} {
			out = append(out, Right{Verb: verb, Group: "admissionregistration.k8s.io", Resource: resource})
		}
	}
	return out
}

// identities are the rights to act as another. The verbs that allow that in part begin with the same word.
func identities(rules []scoped) []Right {
	verbs := []string{"impersonate"}
	for _, r := range rules {
		for _, v := range r.Verbs {
			if strings.HasPrefix(v, "impersonate") && !slices.Contains(verbs, v) {
				verbs = append(verbs, v)
			}
		}
	}
	out := []Right{{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}} // is issued also where a dry run is asked for
	for _, v := range verbs {
		for _, resource := range []string{"users", "groups", "serviceaccounts"} {
			out = append(out, Right{Verb: v, Resource: resource})
		}
		for _, resource := range []string{"users", "groups", "serviceaccounts", "uids"} {
			out = append(out, Right{Verb: v, Group: "authentication.k8s.io", Resource: resource})
		}
	}
	return out
}

// none checks that the identity that previews has none of the given rights, not even to objects of some names or in some namespace.
func (x *examiner) none(ctx context.Context, rules []scoped, check, remedy string, unwanted []Right) {
	var has []string
	for _, r := range unwanted {
		ok, err := x.Previews.Allowed(ctx, r)
		if err != nil {
			x.found(check, Failed, "", "cannot be told: %v", err)
			return
		}
		if ok {
			has = append(has, listed([]Right{r}))
			continue
		}
		if at := slices.IndexFunc(rules, func(s scoped) bool { return s.grants(r) }); at >= 0 {
			has = append(has, rules[at].some(r))
		}
	}
	if len(has) > 0 {
		x.found(check, Failed, remedy, "has rights to %s", strings.Join(has, "; "))
		return
	}
	x.found(check, OK, "", "none of the %d rights that must not be there is", len(unwanted))
}

// some names a right that a rule grants in part.
func (s scoped) some(r Right) string {
	text := listed([]Right{r})
	if len(s.Names) > 0 {
		text += fmt.Sprintf(" (%s)", strings.Join(s.Names, ", "))
	}
	return text + ", in namespace " + s.namespace + " at least"
}

// writing are the verbs of requests that write.
var writing = []string{"*", "create", "update", "patch", "delete", "deletecollection"}

// aggregated checks that there are no rights to write to what other servers serve: the API server passes requests on to them, and whether they know its policies is theirs.
func (x *examiner) aggregated(ctx context.Context, rules []scoped) {
	const check = "other servers"
	groups, err := x.Previews.Aggregated(ctx)
	if err != nil {
		groups, err = x.Deploys.Aggregated(ctx)
	}
	if err != nil {
		x.found(check, Warning, "", "whether there are groups that other servers serve cannot be told: %v", err)
		return
	}
	var has []string
	for _, g := range groups {
		if slices.ContainsFunc(rules, func(s scoped) bool { return overlap(s.Groups, "*", g) && overlap(s.Verbs, writing...) }) {
			has = append(has, g)
		}
	}
	if len(has) > 0 {
		x.found(check, Failed, "take these rights away", "has rights to write to what other servers than the API server serve, which need not know its policies: %s", strings.Join(has, ", "))
		return
	}
	x.found(check, OK, "", "nothing may be written to what other servers serve (%d groups)", len(groups))
}

// kubelets warns of the right by which the identity may run commands in each of a node's pods, by asking its kubelet, which knows no admission.
func (x *examiner) kubelets(ctx context.Context, rules []scoped) {
	const check = "kubelets"
	into := Right{Verb: "get", Resource: "nodes", Subresource: "proxy"}
	allowed, err := x.Previews.Allowed(ctx, into)
	switch {
	case err != nil:
		x.found(check, Failed, "", "cannot be told: %v", err)
	case allowed || slices.ContainsFunc(rules, func(s scoped) bool { return s.grants(into) }):
		x.found(check, Warning, "take the right away, as deploy/ does without -a preview_reads=all, or keep this identity's network from the kubelets' port, 10250",
			"it may get nodes/proxy, as who may get all kinds may: where it reaches a kubelet, that lets it run commands in pods, past any policy")
	default:
		x.found(check, OK, "", "do not let it in: there is no right to get nodes/proxy")
	}
}
