package ready

import (
	"time"

	"github.com/weighlock/weighlock/engine/object"
)

// builtin is why an object of one of Kubernetes' own kinds is waited for although kstatus has it ready or failed, or "".
func builtin(o object.Object) string {
	switch ref := o.Ref(); {
	case ref.Group == "" && ref.Kind == "Pod":
		return unscheduled(o)
	case ref.Group == "apiregistration.k8s.io" && ref.Kind == "APIService":
		return unavailable(o)
	case ref.Group == "apps" && ref.Kind == "Deployment":
		return overdueBefore(o)
	}
	return ""
}

// unscheduled says that no node takes a pod: a node may still be on its way, or room may come.
func unscheduled(o object.Object) string {
	if o.Text("status", "phase") != "Pending" {
		return ""
	}
	for _, c := range conditions(o) {
		if c["type"] == "PodScheduled" && c["status"] == "False" {
			return "the pod is not scheduled: " + text(c, "no reason is given")
		}
	}
	return ""
}

// unavailable says that the backend of an API does not answer.
func unavailable(o object.Object) string {
	for _, c := range conditions(o) {
		if c["type"] == "Available" && c["status"] != "True" {
			return "the API is not available: " + text(c, "no reason is given")
		}
	}
	return ""
}

// overdueBefore says that a Deployment's progress deadline was exceeded before the Deployment was changed: its controller says so
// still until it has made progress with the new form, such as the one before, to which one goes back.
func overdueBefore(o object.Object) string {
	for _, c := range conditions(o) {
		if c["type"] != "Progressing" || c["reason"] != "ProgressDeadlineExceeded" {
			continue
		}
		text, _ := c["lastUpdateTime"].(string)
		if since, err := time.Parse(time.RFC3339, text); err == nil && since.Before(changed(o)) {
			return "its progress deadline was exceeded before it was changed, and it has made no progress since"
		}
	}
	return ""
}

// changed is when somebody last wrote an object, apart from its status.
func changed(o object.Object) time.Time {
	entries, _ := o.Map("metadata")["managedFields"].([]any)
	var last time.Time
	for _, e := range entries {
		m, _ := e.(map[string]any)
		entry := object.Object(m)
		if at, err := time.Parse(time.RFC3339, entry.Text("time")); err == nil && entry.Text("subresource") == "" && at.After(last) {
			last = at
		}
	}
	return last
}

// onDelete is a DaemonSet as it is judged: where pods are replaced when somebody deletes them, nobody waits for that.
func onDelete(o object.Object) object.Object {
	desired, ok := o.Get("status", "desiredNumberScheduled")
	if o.Text("spec", "updateStrategy", "type") != "OnDelete" || !ok {
		return o
	}
	o = o.Clone()
	o.Map("status")["updatedNumberScheduled"] = desired
	return o
}
