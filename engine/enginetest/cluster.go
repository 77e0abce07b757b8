package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// clusterVariable is the environment variable with the path of a running cluster's env.json.
const clusterVariable = "WEIGHLOCK_TEST_CLUSTER"

// Cluster is a running test cluster.
type Cluster struct {
	env    env
	config *rest.Config
	client *kubernetes.Clientset // the administrator's
	own    *process              // nil where somebody else runs the cluster
}

// env is what the cluster tells about itself; see Env in testdata/cluster.
type env struct {
	Kubeconfig           string `json:"kubeconfig"`
	RestrictedKubeconfig string `json:"restricted_kubeconfig"`
	AuditLog             string `json:"audit_log"`
	Kubectl              string `json:"kubectl"`

	Components map[string]int `json:"components"`
}

var shared = sync.OnceValues(func() (*Cluster, error) {
	if path := os.Getenv(clusterVariable); path != "" {
		c, err := connect(path)
		if err != nil {
			return nil, fmt.Errorf("%s names a cluster that does not answer; start it or unset the variable: %w", clusterVariable, err)
		}
		return c, nil
	}
	return launch()
})

// Start returns the cluster of this test binary, and starts it at the first call. It ends when the test
// binary ends. A test whose cluster cannot be had fails; it is never skipped.
func Start(tb testing.TB) *Cluster {
	tb.Helper()
	c, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.own.failure(); err != nil {
		tb.Fatal(err)
	}
	return c
}

// connect returns the cluster that an env.json describes, if it is ready.
func connect(envFile string) (*Cluster, error) {
	text, err := os.ReadFile(envFile)
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	if err := json.Unmarshal(text, &c.env); err != nil {
		return nil, fmt.Errorf("%s: %w", envFile, err)
	}
	if c.config, err = clientConfig(c.env.Kubeconfig); err != nil {
		return nil, err
	}
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c, c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// clientConfig reads a kubeconfig for a client that does not throttle itself.
func clientConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// Kubeconfig returns the path of the administrator's kubeconfig. The audit log does not hold what the
// administrator reads: a test that wants to see reads needs an [Identity].
func (c *Cluster) Kubeconfig() string { return c.env.Kubeconfig }

// RestrictedKubeconfig returns the path of the kubeconfig of a user who may do nothing but discovery.
func (c *Cluster) RestrictedKubeconfig() string { return c.env.RestrictedKubeconfig }

// RESTConfig returns the administrator's client configuration, which the caller may change.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Kubectl runs the cluster's kubectl as the administrator and returns its standard output. The test fails
// where kubectl does.
func (c *Cluster) Kubectl(tb testing.TB, args ...string) string {
	tb.Helper()
	return c.KubectlInput(tb, "", args...)
}

// KubectlInput is [Cluster.Kubectl] with a standard input, say for "apply -f -".
func (c *Cluster) KubectlInput(tb testing.TB, input string, args ...string) string {
	tb.Helper()
	// Also after the test, in a cleanup, when its context has ended.
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), c.env.Kubectl, args...)
	cmd.Stdin = strings.NewReader(input)
	// Beside the kubeconfig: kubectl's cache of an API server's resources goes with that server.
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.env.Kubeconfig, "HOME="+filepath.Dir(c.env.Kubeconfig))
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		tb.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// AuditLog returns the path of the server's audit log; see [Cluster.Audit] for what a test asks of it.
func (c *Cluster) AuditLog() string { return c.env.AuditLog }

// KubectlPath is the path of the kubectl program of the server's version.
func (c *Cluster) KubectlPath() string { return c.env.Kubectl }
