package ready

import (
	"fmt"
	"strconv"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/weighlock/weighlock/engine/object"
)

// A Phase is what an object's state means for who waits for it.
type Phase string

// The phases. Waiting may become Ready or Failed by itself; Failed will not become Ready without somebody's help.
const (
	Ready   Phase = "ready"
	Waiting Phase = "waiting"
	Failed  Phase = "failed"
)

// State is a phase and the reason for it, in words that a person can act on.
type State struct {
	Phase  Phase
	Reason string
}

// Annotations of live objects that decide whatever their state is (project format §12).
const (
	annotationReady  = "kluctl.io/is-ready"
	annotationIgnore = "kluctl.io/validate-ignore"
)

// reactionTime is how long a controller may take to write the first status of a new object before the object counts as
// one that gets none (project format §13).
const reactionTime = 15 * time.Second

// An Observation is an object as the cluster has it, and what has to be known besides to judge it.
type Observation struct {
	Object object.Object
	// ExpectsStatus says that some controller writes a status for objects of this kind.
	ExpectsStatus bool
	// Hook says that the object is a hook, so that a Pod is ready when it is done and not when it runs.
	Hook bool
	// Now is the time of the observation.
	Now time.Time
	// Since, if set, is since when the object has been watched by the same clock, which may be another one than the
	// cluster's; New says that it was created right before.
	Since time.Time
	New   bool
}

// young says whether a controller may not have had the time to react.
func (o Observation) young() bool {
	if !o.Since.IsZero() && (o.New || o.Now.Sub(o.Since) >= reactionTime) {
		return o.Now.Sub(o.Since) < reactionTime
	}
	return o.Now.Sub(created(o.Object)) < reactionTime
}

// Assess says whether an observed object is ready. An error means that a rule could not be evaluated, or that the object
// has not the shape of its kind. A nil *Rules has no rules.
func (r *Rules) Assess(o Observation) (State, error) {
	if ignored, _ := strconv.ParseBool(o.Object.Annotation(annotationIgnore)); ignored {
		return State{Ready, annotationIgnore + " is set"}, nil
	}
	if said := o.Object.Annotation(annotationReady); said != "" {
		if ready, err := strconv.ParseBool(said); err == nil {
			return decided(ready, annotationReady+" is "+said), nil
		}
	}
	// One that has come to its end may be deleted for that, such as a Job with ttlSecondsAfterFinished.
	if at := o.Object.Text("metadata", "deletionTimestamp"); at != "" && !Ended(o.Object) {
		return State{Waiting, "is being deleted since " + at}, nil
	}
	if behind := unobserved(o.Object); behind != "" {
		return State{Waiting, behind}, nil
	}
	if state, ok, err := r.assess(o.Object); ok || err != nil {
		return state, err
	}
	switch ref := o.Object.Ref(); {
	case ref.Group == "batch" && ref.Kind == "Job":
		return job(o.Object), nil
	case ref.Group == "" && ref.Kind == "Pod" && o.Hook:
		return hookPod(o.Object), nil
	case ref.Group == "" && ref.Kind == "Service" && o.Object.Text("spec", "type") == "LoadBalancer":
		return loadBalancer(o.Object), nil
	}
	if _, has := o.Object["status"]; !has && o.ExpectsStatus && o.young() {
		return State{Waiting, "nobody has written its status yet"}, nil
	}
	return standard(o.Object)
}

// standard is kstatus's judgement, but for what it knows nothing of.
func standard(o object.Object) (State, error) {
	if why := builtin(o); why != "" {
		return State{Waiting, why}, nil
	}
	if o.Ref().Group == "apps" && o.Ref().Kind == "DaemonSet" {
		o = onDelete(o)
	}
	res, err := status.Compute(&unstructured.Unstructured{Object: o})
	if err != nil {
		return State{}, fmt.Errorf("%s: its status cannot be read: %w", o.Ref(), err)
	}
	switch res.Status {
	case status.CurrentStatus:
		if o.Ref().Kind == "Pod" && o.Ref().Group == "" && o.Text("status", "phase") == "Failed" {
			return State{Failed, pod(o, "the pod has failed")}, nil // kstatus: it will not change any more, so it is current
		}
		return State{Ready, res.Message}, nil
	case status.FailedStatus:
		return State{Failed, res.Message}, nil
	}
	return State{Waiting, res.Message}, nil
}

// unobserved says that no controller has seen the object's newest form yet, or "".
func unobserved(o object.Object) string {
	want, ok1 := o.Get("metadata", "generation")
	seen, ok2 := o.Get("status", "observedGeneration")
	if ok1 && !ok2 {
		return outdated(o, want)
	}
	if !ok1 || !ok2 || seen == want {
		return ""
	}
	return fmt.Sprintf("waits for reconciliation: its generation is %v, observed is %v", want, seen)
}

// outdated says that a condition by which an object is judged was set for an earlier form of it, or "". Many controllers, such as
// cert-manager's, keep what they have observed there alone.
func outdated(o object.Object, generation any) string {
	want, _ := generation.(int64)
	for _, c := range conditions(o) {
		if seen, ok := c["observedGeneration"].(int64); ok && seen < want && (c["type"] == "Ready" || c["type"] == "Stalled") {
			return fmt.Sprintf("waits for reconciliation: its generation is %v, its condition %s is of %v", want, c["type"], seen)
		}
	}
	return ""
}

func decided(ready bool, why string) State {
	if ready {
		return State{Ready, why}
	}
	return State{Waiting, why}
}

func created(o object.Object) time.Time {
	t, err := time.Parse(time.RFC3339, o.Text("metadata", "creationTimestamp"))
	if err != nil {
		return time.Time{} // a time that nobody can read does not make it young
	}
	return t
}
