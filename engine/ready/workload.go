package ready

import (
	"fmt"

	"github.com/weighlock/weighlock/engine/object"
)

// job judges a Job by its end: kstatus calls one that still runs current. That the end is decided does not mean that its
// last pods are gone.
func job(o object.Object) State {
	ending := ""
	for _, c := range conditions(o) {
		if c["status"] != "True" {
			continue
		}
		switch c["type"] {
		case "Failed":
			return State{Failed, text(c, "the job has failed")}
		case "Complete":
			return State{Ready, "the job is complete"}
		case "Suspended":
			return State{Waiting, "the job is suspended"}
		case "FailureTarget":
			ending = "the job is failing, and its last pods are ending: " + text(c, "no reason is given")
		case "SuccessCriteriaMet":
			ending = "the job has succeeded, and its last pods are ending"
		}
	}
	if ending != "" {
		return State{Waiting, ending}
	}
	st := o.Map("status")
	return State{Waiting, fmt.Sprintf("the job is not complete: %v active, %v succeeded, %v failed", number(st["active"]), number(st["succeeded"]), number(st["failed"]))}
}

// Ended says whether an object is a Job or a Pod that has come to its end, well or not: it does nothing any more.
func Ended(o object.Object) bool {
	switch ref := o.Ref(); {
	case ref.Group == "batch" && ref.Kind == "Job":
		phase := job(o).Phase
		return phase == Ready || phase == Failed
	case ref.Group == "" && ref.Kind == "Pod":
		phase := o.Text("status", "phase")
		return phase == "Succeeded" || phase == "Failed"
	}
	return false
}

// hookPod judges a Pod that is there to do something once.
func hookPod(o object.Object) State {
	switch phase := o.Text("status", "phase"); phase {
	case "Succeeded":
		return State{Ready, "the pod has completed"}
	case "Failed":
		return State{Failed, pod(o, "the pod has failed")}
	}
	if o.Text("spec", "restartPolicy") == "Never" {
		if why := pod(o, ""); why != "" {
			return State{Failed, why}
		}
	}
	return State{Waiting, "the pod has not completed"}
}

// loadBalancer judges a Service by whether it can be reached from outside: kstatus is content with its address in the cluster.
func loadBalancer(o object.Object) State {
	own, _ := o.Map("spec")["externalIPs"].([]any)
	given, _ := o.Map("status", "loadBalancer")["ingress"].([]any)
	if len(own)+len(given) == 0 {
		return State{Waiting, "its load balancer has no address yet"}
	}
	return State{Ready, "its load balancer has an address"}
}

// pod is why a container of a pod ended badly; or else what is given.
func pod(o object.Object, otherwise string) string {
	st := o.Map("status")
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		list, _ := st[field].([]any)
		for _, c := range list {
			container, _ := c.(map[string]any)
			end := object.Object(container).Map("state", "terminated")
			if end != nil && number(end["exitCode"]) != "0" {
				return fmt.Sprintf("container %v ended with exit code %v: %s", container["name"], number(end["exitCode"]), text(end, "no message"))
			}
		}
	}
	if message := o.Text("status", "message"); message != "" {
		return message
	}
	return otherwise
}

// text is the reason and message of a condition or a container's state.
func text(c map[string]any, otherwise string) string {
	reason, _ := c["reason"].(string)
	message, _ := c["message"].(string)
	switch {
	case reason != "" && message != "":
		return reason + ": " + message
	case reason+message != "":
		return reason + message
	}
	return otherwise
}

func conditions(o object.Object) []map[string]any {
	list, _ := o.Map("status")["conditions"].([]any)
	var out []map[string]any
	for _, e := range list {
		if c, ok := e.(map[string]any); ok {
			out = append(out, c)
		}
	}
	return out
}

func number(v any) string {
	if v == nil {
		return "0"
	}
	return object.ScalarText(v)
}
