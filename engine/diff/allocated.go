package diff

import (
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// Allocated stands where the server will put a value of its choice, such as a port: that of a dry run is another one.
const Allocated = "(allocated)"

// hideAllocated puts [Allocated] into an answer for what the server chose for it: what neither the live object nor the
// project has. merged is changed.
func hideAllocated(merged, live, desired object.Object) {
	ref := merged.Ref()
	if ref.Group != "" || ref.Kind != "Service" {
		return
	}
	spec, was, asked := merged.Map("spec"), live.Map("spec"), desired.Map("spec")
	for _, f := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
		if _, ok := spec[f]; ok && was[f] == nil && asked[f] == nil {
			spec[f] = Allocated
		}
	}
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		port, _ := p.(map[string]any)
		have, before := port["nodePort"], samePort(was["ports"], port)["nodePort"]
		if have != nil && !object.Equal(have, before) && samePort(asked["ports"], port)["nodePort"] == nil {
			port["nodePort"] = Allocated
		}
	}
}

// samePort finds a Service's port by what identifies it.
func samePort(ports any, port map[string]any) map[string]any {
	list, _ := ports.([]any)
	for _, p := range list {
		if m, ok := p.(map[string]any); ok && object.Equal(m["port"], port["port"]) && object.Equal(m["protocol"], port["protocol"]) {
			return m
		}
	}
	return nil
}

// allocated are fields that the server or a controller fills in anew for each object.
var allocated = []object.Path{
	{{Field: "spec"}, {Field: "clusterIP"}}, {{Field: "spec"}, {Field: "clusterIPs"}}, {{Field: "spec"}, {Field: "healthCheckNodePort"}},
	{{Field: "spec"}, {Field: "ipFamilies"}}, {{Field: "spec"}, {Field: "ipFamilyPolicy"}},
	{{Field: "spec"}, {Field: "volumeName"}}, {{Field: "spec"}, {Field: "nodeName"}}, {{Field: "metadata"}, {Field: "finalizers"}},
	{{Field: "metadata"}, {Field: "annotations"}, {Field: "deployment.kubernetes.io/revision"}},
	{{Field: "metadata"}, {Field: "annotations"}, {Field: "pv.kubernetes.io/bind-completed"}},
	{{Field: "metadata"}, {Field: "annotations"}, {Field: "pv.kubernetes.io/bound-by-controller"}},
}

// jobLabels are labels that the Job controller derives from the Job's uid.
var jobLabels = []string{"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"}

// dropAllocated takes what is allocated anew out of o, unless the project sets it. o is changed.
func dropAllocated(o, desired object.Object) {
	for _, p := range allocated {
		if _, ok := p.Lookup(map[string]any(desired)); !ok {
			if parent, ok := p[:len(p)-1].Lookup(map[string]any(o)); ok {
				if m, ok := parent.(map[string]any); ok {
					delete(m, p[len(p)-1].Field)
				}
			}
		}
	}
	if o.Ref().Kind == "Job" {
		for _, m := range []map[string]any{o.Map("metadata", "labels"), o.Map("spec", "selector", "matchLabels"), o.Map("spec", "template", "metadata", "labels")} {
			for _, l := range jobLabels {
				delete(m, l)
			}
		}
		if len(o.Map("spec", "selector", "matchLabels")) == 0 {
			delete(o.Map("spec"), "selector")
		}
	}
	if o.Ref().Kind == "Pod" {
		dropTokenVolume(o.Map("spec"))
	}
	if o.Ref().Kind == "Service" {
		ports, _ := o.Map("spec")["ports"].([]any)
		for _, p := range ports {
			if m, ok := p.(map[string]any); ok {
				delete(m, "nodePort")
			}
		}
	}
}

// tokenVolume is how the server names the volume of a pod's own token, with another ending each time.
const tokenVolume = "kube-api-access-"

func dropTokenVolume(spec map[string]any) {
	drop := func(m map[string]any, field string) {
		list, _ := m[field].([]any)
		left := slices.DeleteFunc(list, func(e any) bool {
			v, _ := e.(map[string]any)
			return strings.HasPrefix(object.Object(v).Text("name"), tokenVolume)
		})
		if m[field] = left; len(left) == 0 {
			delete(m, field)
		}
	}
	drop(spec, "volumes")
	for _, kind := range []string{"containers", "initContainers"} {
		list, _ := spec[kind].([]any)
		for _, c := range list {
			if m, ok := c.(map[string]any); ok {
				drop(m, "volumeMounts")
			}
		}
	}
}
