package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// Config says which cluster, and as whom.
type Config struct {
	// Kubeconfigs are the files to read, merged as kubectl merges those of $KUBECONFIG; files that do not exist are
	// passed over.
	Kubeconfigs []string
	// Context is the context to use; "" is the current one.
	Context string
	// Impersonate is the user to act as, such as system:serviceaccount:apps:deployer; "" is whom the kubeconfig says.
	Impersonate string
	// UserAgent names the program in the server's audit log.
	UserAgent string
	// Done, if set, ends asking what kinds there are, which no context of a stage reaches; see [context.Context].
	Done <-chan struct{}
	// Trace, if set, is told of each request, also by several goroutines at the same time.
	Trace func(Request)
}

// requestTimeout bounds each single request.
const requestTimeout = time.Minute

// A Cluster is a connection to one cluster. It is safe for concurrent use.
type Cluster struct {
	context   string
	server    string
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	core      rest.Interface // for what is no object: logs
	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	mapping   sync.RWMutex // held for writing while discovery is renewed
	mapped    sync.Map     // what mapper, which takes its time, said of a kind in a version
	answered  atomic.Bool  // the server has answered at least once
	schemas   schemas
}

// ErrNoKubeconfig says that none of the kubeconfigs is there, or that all are empty.
var ErrNoKubeconfig = errors.New("there is none, or it is empty")

// A NoContextError says that the kubeconfigs have no context of a name.
type NoContextError struct {
	Kubeconfigs []string
	Context     string
	// Have are those that there are, in order.
	Have []string
}

// Error says what to do about it on a command line.
func (e *NoContextError) Error() string {
	return fmt.Sprintf("kubeconfig %s: context %q does not exist (there are: %s); name a kubeconfig with --kubeconfig and a context of it with --context",
		strings.Join(e.Kubeconfigs, ", "), e.Context, strings.Join(e.Have, ", "))
}

// Open reads the kubeconfig and prepares the connection. Nothing is sent yet. Where there is no kubeconfig, the error is
// [ErrNoKubeconfig].
func Open(cfg Config) (*Cluster, error) {
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: cfg.Kubeconfigs}
	// Not the deferred loader: that one falls back to the cluster that the program itself runs in.
	raw, err := rules.Load()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", strings.Join(cfg.Kubeconfigs, ", "), err)
	}
	if clientcmdapi.IsConfigEmpty(raw) {
		return nil, fmt.Errorf("kubeconfig %s: %w; name a kubeconfig with --kubeconfig and a context of it with --context", strings.Join(cfg.Kubeconfigs, ", "), ErrNoKubeconfig)
	}
	if cfg.Context != "" && raw.Contexts[cfg.Context] == nil {
		return nil, &NoContextError{Kubeconfigs: cfg.Kubeconfigs, Context: cfg.Context, Have: slices.Sorted(maps.Keys(raw.Contexts))}
	}
	rc, err := clientcmd.NewNonInteractiveClientConfig(*raw, cfg.Context, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w; name a kubeconfig with --kubeconfig and a context of it with --context", strings.Join(cfg.Kubeconfigs, ", "), err)
	}
	rc.UserAgent = cfg.UserAgent
	if cfg.Impersonate != "" { // else whom the kubeconfig says
		rc.Impersonate = rest.ImpersonationConfig{UserName: cfg.Impersonate}
	}
	rc.QPS = -1 // how many are under way at once is what adapts
	rc.WarningHandlerWithContext = warnings{}
	if cfg.Trace != nil {
		rc.Wrap(cfg.traced)
	}
	rc.Wrap(unready)
	rc.Wrap(newWidth().bounded)
	client, err := rest.HTTPClientFor(rc)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", strings.Join(cfg.Kubeconfigs, ", "), err)
	}
	c := &Cluster{context: cfg.Context, server: rc.Host}
	if c.context == "" {
		c.context = raw.CurrentContext
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(rc, client); err != nil {
		return nil, err
	}
	if c.metadata, err = metadata.NewForConfigAndClient(rc, client); err != nil {
		return nil, err
	}
	if c.core, err = coreClient(rc, client); err != nil {
		return nil, err
	}
	patient := *client
	patient.Transport = c.patient(ending(client.Transport, cfg.Done))
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(rc, &patient)
	if err != nil {
		return nil, err
	}
	c.discovery = memory.NewMemCacheClient(disco)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	return c, nil
}

// Context is the name of the kubeconfig context in use.
func (c *Cluster) Context() string { return c.context }

// Server is the API server's address.
func (c *Cluster) Server() string { return c.server }

// Ping asks the server for its version, once. Any answer will do; none is a *[diff.UnreachableError].
func (c *Cluster) Ping(ctx context.Context) error {
	err := c.core.Get().AbsPath("/version").Do(ctx).Error()
	if status := apierrors.APIStatus(nil); err == nil || errors.As(err, &status) {
		c.answered.Store(true)
		return nil
	}
	return c.unreachable("asking whether it is there", err)
}

// resource finds how the server serves an object's kind: a *diff.NoKindError when it does not.
func (c *Cluster) resource(ref object.Ref) (*meta.RESTMapping, error) {
	c.mapping.RLock()
	defer c.mapping.RUnlock()
	kind := schema.GroupVersionKind{Group: ref.Group, Version: ref.Version, Kind: ref.Kind}
	if m, ok := c.mapped.Load(kind); ok {
		return m.(*meta.RESTMapping), nil
	}
	m, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	switch {
	case err == nil:
		c.mapped.Store(kind, m)
		return m, nil
	case meta.IsNoMatchError(err):
		if silent := c.silent(ref); silent != nil {
			return nil, c.unreachable("asking for the kinds of "+ref.APIVersion(), silent)
		}
		return nil, &diff.NoKindError{Ref: ref, Served: c.served(ref)}
	default:
		return nil, c.unreachable("asking for the kinds it serves", err)
	}
}

// silent is why a server behind the API server does not say what kinds it serves, if an object's is one of them.
func (c *Cluster) silent(ref object.Ref) error {
	_, _, err := c.discovery.ServerGroupsAndResources() // remembered from asking for the kinds
	var failed *discovery.ErrGroupDiscoveryFailed
	if errors.As(err, &failed) {
		for gv, cause := range failed.Groups {
			if gv.Group == ref.Group && (gv.Version == ref.Version || ref.Version == "") {
				return cause
			}
		}
	}
	return nil
}

// served are the versions in which the server has a kind.
func (c *Cluster) served(ref object.Ref) []string {
	var out []string
	if m, err := c.mapper.RESTMapping(schema.GroupKind{Group: ref.Group, Kind: ref.Kind}); err == nil {
		out = append(out, m.GroupVersionKind.GroupVersion().String())
	}
	return out
}

// client is where requests about an object go.
func (c *Cluster) client(ref object.Ref) (dynamic.ResourceInterface, error) {
	m, err := c.resource(ref)
	if err != nil {
		return nil, err
	}
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		ns := ref.Namespace
		if ns == "" {
			ns = "default"
		}
		return c.dynamic.Resource(m.Resource).Namespace(ns), nil
	}
	return c.dynamic.Resource(m.Resource), nil
}

// get returns a live object, or nil when the server says that there is none.
func (c *Cluster) get(ctx context.Context, ref object.Ref) (object.Object, error) {
	client, err := c.client(ref)
	if err != nil {
		return nil, err
	}
	var live *unstructured.Unstructured
	err = c.retry(ctx, func() (err error) {
		live, err = client.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, c.failed("reading", ref, err)
	}
	return live.Object, nil
}

// renew forgets what is known of the served kinds.
func (c *Cluster) renew() {
	c.mapping.Lock()
	defer c.mapping.Unlock()
	c.mapper.Reset()
	c.mapped.Clear()
}

// warningsKey is the context key of a request's collected warnings.
type warningsKey struct{}

// collectWarnings returns a context whose requests' warnings go into the list.
func collectWarnings(ctx context.Context) (context.Context, *[]string) {
	var list []string
	return context.WithValue(ctx, warningsKey{}, &list), &list
}

// warnings hands the server's Warning headers to the request that caused them.
type warnings struct{}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _ string, text string) {
	if list, ok := ctx.Value(warningsKey{}).(*[]string); ok && code == 299 {
		*list = append(*list, text)
	}
}
