package doctor

import (
	"context"
	"errors"

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
	x.writes(ctx)
	x.connects(ctx)
	x.none(ctx, "policies", "admission policies do not hold for what configures admission, so that no policy could refuse it: take these rights away", configuration())
	x.none(ctx, "other identities", "whoever may act as another is not bound by a policy for itself: take these rights away", []Right{
		{Verb: "impersonate", Resource: "users"}, {Verb: "impersonate", Resource: "groups"}, {Verb: "impersonate", Resource: "serviceaccounts"},
		{Verb: "create", Resource: "serviceaccounts", Subresource: "token"}, // is issued also where a dry run is asked for
	})
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

func (x *examiner) reads(ctx context.Context) {
	for _, verb := range []string{"get", "list"} {
		ok, err := x.Previews.Allowed(ctx, Right{Verb: verb, Group: "*", Resource: "*"})
		if err != nil {
			x.found("reads", Failed, "", "%v", err)
			return
		}
		if !ok {
			x.found("reads", Warning, "what a preview lacks, it names", "may not %s all kinds: what else is in the cluster, such as orphans, stays unknown where it may not look", verb)
			return
		}
	}
	x.found("reads", OK, "", "all kinds may be read")
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

// everywhere are objects that each cluster has: asking for them to be created changes nothing, whatever the answer.
func everywhere() []object.Object {
	return []object.Object{
		named("v1", "Namespace", "", "kube-system"),
		named("v1", "ConfigMap", "kube-system", "kube-root-ca.crt"),
		named("v1", "ServiceAccount", "default", "default"),
	}
}

func (x *examiner) writes(ctx context.Context) {
	policy := false
	for _, o := range everywhere() {
		err := x.Previews.Create(ctx, o, ForReal)
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			policy = policy || refused.Policy
		case errors.Is(err, ErrExists), err == nil:
			x.found("writes", Failed, policyRemedy, "%s would have been written although it was no dry run", o.Ref())
			return
		default:
			x.found("writes", Failed, "", "cannot be told: %v", err)
			return
		}
	}
	if policy {
		x.found("writes", OK, "", "are refused by an admission policy")
		return
	}
	x.found("writes", Warning, policyRemedy, "are refused for want of rights alone; with the rights for dry runs they would not be")
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

// none checks that the identity that previews has none of the given rights.
func (x *examiner) none(ctx context.Context, check, remedy string, unwanted []Right) {
	var has []Right
	for _, r := range unwanted {
		ok, err := x.Previews.Allowed(ctx, r)
		if err != nil {
			x.found(check, Failed, "", "cannot be told: %v", err)
			return
		}
		if ok {
			has = append(has, r)
		}
	}
	if len(has) > 0 {
		x.found(check, Failed, remedy, "has rights to %s", listed(has))
		return
	}
	x.found(check, OK, "", "none of the %d rights that must not be there is", len(unwanted))
}
