package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// floor is a client that does nothing but what no client could do without.
type floor struct {
	client *rest.RESTClient
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

func newFloor(kubeconfig string) (*floor, error) {
	rc, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	rc.QPS, rc.UserAgent = -1, "weighlock-bench-floor"
	disco, err := discovery.NewDiscoveryClientForConfig(rc)
	if err != nil {
		return nil, err
	}
	client, err := rest.UnversionedRESTClientFor(completed(rc))
	if err != nil {
		return nil, err
	}
	return &floor{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))}, nil
}

func completed(rc *rest.Config) *rest.Config {
	out := rest.CopyConfig(rc)
	out.GroupVersion, out.NegotiatedSerializer, out.APIPath = &schema.GroupVersion{}, scheme.Codecs.WithoutConversion(), "/"
	return out
}

// sent is a request that is ready to be sent.
type sent struct {
	path string
	body []byte
}

func decode(rendered []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	docs := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(rendered), 1<<16)
	for {
		o := &unstructured.Unstructured{}
		if err := docs.Decode(&o.Object); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

func (f *floor) prepare(objects []*unstructured.Unstructured) ([]sent, error) {
	var out []sent
	for _, o := range objects {
		base, err := f.base(o.GroupVersionKind())
		if err != nil {
			return nil, err
		}
		body, err := o.MarshalJSON()
		if err != nil {
			return nil, err
		}
		path := base.root
		if o.GetNamespace() != "" {
			path += "/namespaces/" + o.GetNamespace()
		}
		out = append(out, sent{path + "/" + base.resource + "/" + o.GetName(), body})
	}
	return out, nil
}

type endpoint struct{ root, resource string }

func (f *floor) base(kind schema.GroupVersionKind) (endpoint, error) {
	m, err := f.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return endpoint{}, err
	}
	root := "/apis/" + m.Resource.Group + "/" + m.Resource.Version
	if m.Resource.Group == "" {
		root = "/api/" + m.Resource.Version
	}
	return endpoint{root, m.Resource.Resource}, nil
}

// widths are how many requests are tried at once; the best one is the floor.
var widths = []int{4, 8, 16, 32, 64}

// writeWidths are those tried for first writes, each of which needs a namespace of its own, and takes longer.
var writeWidths = []int{16, 32, 64}

// dryRuns sends one server-side apply for each object, and keeps nothing of the answers.
func (f *floor) dryRuns(ctx context.Context, name string, objects []*unstructured.Unstructured) (figure, error) {
	requests, err := f.prepare(objects)
	if err != nil {
		return figure{}, err
	}
	return f.best(name, map[string]int{"dry run": len(requests)}, func(width int) error {
		return each(ctx, width, requests, func(ctx context.Context, s sent) error {
			return f.client.Patch(types.ApplyPatchType).AbsPath(s.path).Param("dryRun", metav1.DryRunAll).Param("fieldManager", "weighlock").Param("force", "true").
				Body(s.body).Do(ctx).Error()
		})
	})
}

// applies writes each object for the first time, as deploys do, so many at once. It cannot be repeated.
func (f *floor) applies(ctx context.Context, width int, objects []*unstructured.Unstructured) (wall, cpu float64, err error) {
	requests, err := f.prepare(objects)
	if err != nil {
		return 0, 0, err
	}
	before, began := processorTime(), time.Now()
	err = each(ctx, width, requests, func(ctx context.Context, s sent) error {
		return f.client.Patch(types.ApplyPatchType).AbsPath(s.path).Param("fieldManager", "weighlock").Body(s.body).Do(ctx).Error()
	})
	return time.Since(began).Seconds(), processorTime() - before, err
}

// reads lists the objects of each rendered kind.
func (f *floor) reads(ctx context.Context, name, namespace string, objects []*unstructured.Unstructured) (figure, error) {
	var kinds []endpoint
	for _, o := range objects {
		base, err := f.base(o.GroupVersionKind())
		if err != nil {
			return figure{}, err
		}
		if !slices.Contains(kinds, base) {
			kinds = append(kinds, base)
		}
	}
	return f.best(name, map[string]int{"list": len(kinds)}, func(width int) error {
		return each(ctx, width, kinds, func(ctx context.Context, e endpoint) error {
			return f.client.Get().AbsPath(e.root, "namespaces", namespace, e.resource).Do(ctx).Error()
		})
	})
}

// best is the fastest of all widths.
func (f *floor) best(name string, requests map[string]int, send func(width int) error) (figure, error) {
	out := figure{Scenario: name, Requests: requests}
	for _, width := range widths {
		cpu, began := processorTime(), time.Now()
		if err := send(width); err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
		if wall := time.Since(began).Seconds(); out.Wall == 0 || wall < out.Wall {
			out.Wall, out.CPU = wall, processorTime()-cpu
		}
	}
	return out, nil
}

func each[T any](ctx context.Context, width int, all []T, do func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(width)
	for _, one := range all {
		g.Go(func() error { return do(ctx, one) })
	}
	return g.Wait()
}

// processorTime is what this process has used, in seconds.
func processorTime() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
