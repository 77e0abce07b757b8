package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// A Cluster is what one identity sees of a cluster.
type Cluster interface {
	// Version is the server's, such as v1.36.3.
	Version(ctx context.Context) (string, error)
	// UID is the cluster's own, however it is reached.
	UID(ctx context.Context) (string, error)
	// User is the identity's name, as the server knows it.
	User(ctx context.Context) (string, error)
	// Allowed says whether the identity has a right, by its roles alone.
	Allowed(ctx context.Context, r Right) (bool, error)
	// Kept are the resources that the server keeps objects of, as group and resource: those that can be listed and deleted.
	Kept(ctx context.Context) ([]Right, error)
	// Has says whether there is an object.
	Has(ctx context.Context, ref object.Ref) (bool, error)
	// Create asks for an object to be created. The error is a [*RefusedError] where the server may not, and [ErrExists]
	// where it would have, but the object is there already.
	Create(ctx context.Context, o object.Object, how Way) error
	// Touch asks for a change of an object that changes nothing of it, and is no dry run: nil says that one that does would have been made.
	Touch(ctx context.Context, ref object.Ref) error
	// Connect asks for a connection to a service of which there is none: nil says that it would have been made.
	Connect(ctx context.Context) error
	// Policies lists the cluster's ValidatingAdmissionPolicies and their bindings.
	Policies(ctx context.Context) (policies, bindings []object.Object, err error)
	// Rules are the identity's rights in a namespace, and in the whole cluster, as far as the server knows them: not complete where somebody else
	// is asked about rights, too.
	Rules(ctx context.Context, namespace string) (rules []Rule, complete bool, err error)
	// Namespaces are those that there are.
	Namespaces(ctx context.Context) ([]string, error)
	// Aggregated are the groups that other servers serve, to which requests are passed on.
	Aggregated(ctx context.Context) ([]string, error)
}

// A Rule is what a role grants.
type Rule struct{ Verbs, Groups, Resources, Names []string }

// grants says whether a rule grants a right, if only to objects of some names.
func (r Rule) grants(right Right) bool {
	resource, any := right.Resource, []string{"*", right.Resource}
	if right.Subresource != "" {
		resource += "/" + right.Subresource
		any = []string{"*", resource, "*/" + right.Subresource}
	}
	return overlap(r.Verbs, "*", right.Verb) && overlap(r.Groups, "*", right.Group) && overlap(r.Resources, any...)
}

func overlap(a []string, b ...string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// Way is how an object is asked for.
type Way bool

// The two ways.
const (
	ForReal Way = false
	DryRun  Way = true
)

// ErrExists says that an object was not created only because it is there.
var ErrExists = errors.New("it is there already")

// A RefusedError says that the server refuses a request, whatever the state of its objects.
type RefusedError struct {
	// Policy says that admission refuses it, a policy or a webhook, and not a missing right.
	Policy bool
	Err    error
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// A Right is to do something to objects of a resource.
type Right struct {
	Verb, Group, Resource, Subresource string
	// Namespace is where; "" is in all of them, or for what is in none.
	Namespace string
}

// listed names rights by what they are to: leases.coordination.k8s.io: create, patch. Those to one resource
// stand together.
func listed(rights []Right) string {
	var out []string
	for n, r := range rights {
		object := r.object()
		switch {
		case n > 0 && rights[n-1].object() == object:
			out[len(out)-1] += ", " + r.Verb
		default:
			out = append(out, object+": "+r.Verb)
		}
	}
	return strings.Join(out, "; ")
}

func (r Right) object() string {
	text := r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.Namespace != "" {
		text += " in namespace " + r.Namespace
	}
	return text
}

// A Status is how a check went.
type Status string

// The states of a finding.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// A Finding is what a check found.
type Finding struct {
	// Check says what was looked at, such as "locks".
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Detail says what was found; Remedy what to do, where something is.
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// An Examination is which identities are looked at.
type Examination struct {
	// Deploys is the identity that deploys.
	Deploys Cluster
	// Previews is the one that previews; nil where it is the same.
	Previews Cluster
	// Records is the namespace of locks and results.
	Records string
}

// Healthy says whether no check failed.
func Healthy(findings []Finding) bool {
	for _, f := range findings {
		if f.Status == Failed {
			return false
		}
	}
	return true
}

// Examine makes all checks. A question that could not be asked is a failed check, and not a healthy one.
func Examine(ctx context.Context, e Examination) []Finding {
	x := &examiner{Examination: e}
	if !x.reach(ctx) {
		return x.findings
	}
	x.rights(ctx, "locks", "without it nobody is kept from deploying at the same time", x.onRecords("coordination.k8s.io", "leases", "get", "create", "update", "delete"))
	x.rights(ctx, "results", "without it weighlock history knows nothing", x.onRecords("", "secrets", "get", "list", "create", "delete"))
	if e.Previews != nil {
		x.preview(ctx)
	}
	return x.findings
}

type examiner struct {
	Examination
	findings []Finding
}

func (x *examiner) found(check string, s Status, remedy, format string, args ...any) {
	x.findings = append(x.findings, Finding{check, s, fmt.Sprintf(format, args...), remedy})
}

// reach says whether there is a cluster to ask.
func (x *examiner) reach(ctx context.Context) bool {
	version, err := x.Deploys.Version(ctx)
	if err == nil {
		var user string
		if user, err = x.Deploys.User(ctx); err == nil {
			x.found("cluster", OK, "", "answers, Kubernetes %s; deploys go as %s", version, user)
			return true
		}
	}
	x.found("cluster", Failed, "look at the kubeconfig, its context, and what stands between here and the API server", "%v", err)
	return false
}

func (x *examiner) onRecords(group, resource string, verbs ...string) []Right {
	var out []Right
	for _, v := range verbs {
		out = append(out, Right{Verb: v, Group: group, Resource: resource, Namespace: x.Records})
	}
	return out
}

// rights checks that the identity that deploys has all the given rights.
func (x *examiner) rights(ctx context.Context, check, why string, wanted []Right) {
	var missing []Right
	var unknown []string
	for _, r := range wanted {
		switch ok, err := x.Deploys.Allowed(ctx, r); {
		case err != nil:
			unknown = append(unknown, err.Error())
		case !ok:
			missing = append(missing, r)
		}
	}
	switch {
	case len(unknown) > 0:
		x.found(check, Failed, "", "cannot be asked: %s", strings.Join(unknown, "; "))
	case len(missing) > 0:
		x.found(check, Failed, "grant it; deploy/ of Weighlock has the role", "lacks rights to %s: %s", listed(missing), why)
	default:
		x.found(check, OK, "", "all rights are there in namespace %s", x.Records)
	}
}
