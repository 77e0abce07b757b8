package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// coreClient is for requests to the core group whose answers are no objects.
func coreClient(rc *rest.Config, client *http.Client) (rest.Interface, error) {
	cfg := rest.CopyConfig(rc)
	cfg.APIPath, cfg.GroupVersion, cfg.NegotiatedSerializer = "/api", &corev1.SchemeGroupVersion, scheme.Codecs.WithoutConversion()
	return rest.RESTClientForConfigAndClient(cfg, client)
}

// Observer looks at live objects.
func (c *Cluster) Observer() apply.Observer { return observer{c} }

type observer struct{ *Cluster }

// Get implements [apply.Observer].
func (a observer) Get(ctx context.Context, ref object.Ref) (object.Object, error) {
	full, err := a.complete(ctx, ref)
	var noKind *diff.NoKindError
	if errors.As(err, &noKind) {
		a.renew() // it may come
		if full, err = a.complete(ctx, ref); errors.As(err, &noKind) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return a.get(ctx, full)
}

// complete finds the version of a kind, and its group, where a reference leaves them out.
func (a observer) complete(ctx context.Context, ref object.Ref) (object.Ref, error) {
	m, err := a.resource(ref)
	if err == nil {
		ref.Version = m.GroupVersionKind.Version
		return ref, nil
	}
	if ref.Group != "" || ref.Version != "" {
		return ref, err
	}
	kinds, otherErr := reader(a).Kinds(ctx, ref.Kind)
	switch {
	case otherErr != nil:
		return ref, otherErr
	case len(kinds) == 0:
		return ref, err
	case slices.ContainsFunc(kinds, func(k object.Ref) bool { return k.Group != kinds[0].Group }):
		return ref, fmt.Errorf("%s: several groups have the kind: name one of them: %s, %s", ref, kinds[0].Group, kinds[1].Group)
	}
	ref.Group, ref.Version = kinds[0].Group, kinds[0].Version
	return ref, nil
}

// ExpectsStatus implements [apply.Observer]: it says whether the kind has a status of its own to write.
func (a observer) ExpectsStatus(_ context.Context, ref object.Ref) (bool, error) {
	m, err := a.resource(ref)
	if err != nil {
		return false, err
	}
	list, err := a.discovery.ServerResourcesForGroupVersion(m.GroupVersionKind.GroupVersion().String())
	if err != nil {
		return false, a.unreachable("asking for the kinds it serves", err)
	}
	return slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == m.Resource.Resource+"/status" }), nil
}

const (
	// newestEvents is how many events of an object are told.
	newestEvents = 5
	// tellingPods is how many pods of a workload are told of: mostly they fail alike.
	tellingPods = 2
	logLines    = 10
)

// Symptoms implements [apply.Observer]. What cannot be read is told as such: it is an account, and no decision.
func (a observer) Symptoms(ctx context.Context, o object.Object) []string {
	ref := o.Ref()
	if ref.Namespace == "" {
		return a.events(ctx, o)
	}
	out := a.events(ctx, o)
	pods, err := a.podsOf(ctx, o)
	if err != nil {
		return append(out, fmt.Sprintf("its pods cannot be listed: %v", err))
	}
	told := 0
	for _, pod := range pods {
		text := a.pod(ctx, pod)
		if len(text) == 0 || told == tellingPods {
			continue
		}
		told++
		out = append(out, text...)
	}
	return out
}

// events are the newest events about an object.
func (a observer) events(ctx context.Context, o object.Object) []string {
	client := a.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("events"))
	in := dynamic.ResourceInterface(client)
	if ns := o.Ref().Namespace; ns != "" {
		in = client.Namespace(ns)
	}
	list, err := in.List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + o.Text("metadata", "uid")})
	if err != nil {
		return []string{fmt.Sprintf("events about %s cannot be listed: %v", o.Ref(), err)}
	}
	at := func(e object.Object) string {
		return cmp.Or(e.Text("lastTimestamp"), e.Text("eventTime"), e.Text("metadata", "creationTimestamp"))
	}
	events := make([]object.Object, len(list.Items))
	for i := range list.Items {
		events[i] = list.Items[i].Object
	}
	slices.SortStableFunc(events, func(a, b object.Object) int { return strings.Compare(at(a), at(b)) })
	var out []string
	for _, e := range events[max(0, len(events)-newestEvents):] {
		out = append(out, fmt.Sprintf("event about %s: %s: %s", o.Ref(), e.Text("reason"), strings.TrimSpace(e.Text("message"))))
	}
	return out
}

// podsOf are the pods that an object is, or selects.
func (a observer) podsOf(ctx context.Context, o object.Object) ([]object.Object, error) {
	if o.Ref().Kind == "Pod" && o.Ref().Group == "" {
		return []object.Object{o}, nil
	}
	with := labels.Set{}
	for k, v := range o.Map("spec", "selector", "matchLabels") {
		with[k], _ = v.(string)
	}
	if len(with) == 0 {
		return nil, nil
	}
	client := a.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(o.Ref().Namespace)
	list, err := client.List(ctx, metav1.ListOptions{LabelSelector: with.String(), Limit: pageSize})
	if err != nil {
		return nil, err
	}
	out := make([]object.Object, len(list.Items))
	for i := range list.Items {
		out[i] = list.Items[i].Object
		out[i]["apiVersion"], out[i]["kind"] = "v1", "Pod"
	}
	// The newest first: they are of the latest form.
	slices.SortStableFunc(out, func(a, b object.Object) int {
		return strings.Compare(b.Text("metadata", "creationTimestamp"), a.Text("metadata", "creationTimestamp"))
	})
	return out, nil
}

// pod tells what is wrong with a pod; nothing if it runs.
func (a observer) pod(ctx context.Context, pod object.Object) []string {
	var out []string
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		list, _ := pod.Map("status")[field].([]any)
		for _, e := range list {
			m, _ := e.(map[string]any)
			out = append(out, a.container(ctx, pod, object.Object(m))...)
		}
	}
	if len(out) == 0 && pod.Text("status", "phase") == "Pending" {
		return a.events(ctx, pod) // nobody has taken it yet
	}
	return out
}

// container tells what is wrong with a container.
func (a observer) container(ctx context.Context, pod, status object.Object) []string {
	name := status.Text("name")
	ended, previous := status.Map("state", "terminated"), false
	if ended == nil && status.Map("state", "waiting") != nil {
		ended, previous = status.Map("lastState", "terminated"), true
	}
	var out []string
	if reason := status.Text("state", "waiting", "reason"); reason != "" && reason != "ContainerCreating" && reason != "PodInitializing" {
		out = append(out, strings.TrimRight(fmt.Sprintf("%s: container %s waits: %s: %s", pod.Ref(), name, reason, status.Text("state", "waiting", "message")), ": "))
	}
	if ended == nil {
		return out
	}
	code, _ := object.Object(ended).Get("exitCode")
	if object.Equal(code, int64(0)) {
		return out
	}
	out = append(out, fmt.Sprintf("%s: container %s has ended with exit code %v (%s)", pod.Ref(), name, code, object.Object(ended).Text("reason")))
	return append(out, a.log(ctx, pod.Ref(), name, previous)...)
}

// log are the last lines of a container's log.
func (a observer) log(ctx context.Context, pod object.Ref, container string, previous bool) []string {
	data, err := a.core.Get().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("log").
		Param("container", container).Param("tailLines", fmt.Sprint(logLines)).Param("previous", fmt.Sprint(previous)).Param("limitBytes", "16384").
		DoRaw(ctx)
	if err != nil {
		return []string{fmt.Sprintf("its log cannot be read: %v", err)}
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		out = append(out, "log: "+strings.TrimRight(line, "\r\n"))
	}
	return out
}
