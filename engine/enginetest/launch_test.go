package enginetest

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// These tests start clusters beside the shared one, so they prove as well that there can be several.

func TestNothingOutlivesAKilledCluster(t *testing.T) {
	t.Parallel()
	c := second(t)
	if err := c.own.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.end(t); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("reason of the end: %v, want killed", err)
	}
}

func TestClusterEndsWithAComponentAndTellsWhich(t *testing.T) {
	t.Parallel()
	c := second(t)
	if err := syscall.Kill(c.env.Components["kube-scheduler"], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.end(t); err == nil || !strings.Contains(err.Error(), "kube-scheduler ended") || !strings.Contains(err.Error(), "Starting Kubernetes Scheduler") {
		t.Errorf("reason of the end: %v, want the scheduler and the end of its log", err)
	}
}

// second starts a cluster that has nothing to do with the shared one.
func second(t *testing.T) *Cluster {
	t.Helper()
	namespace := Start(t).Namespace(t)
	c := Own(t)
	if out := c.Kubectl(t, "get", "namespaces", "-o", "name"); strings.Contains(out, namespace) {
		t.Errorf("the second cluster has the first one's namespace %s", namespace)
	}
	return c
}

// end waits until the cluster and its API server are gone, and returns why.
func (c *Cluster) end(t *testing.T) error {
	t.Helper()
	<-c.own.ended
	server, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "end of the API server", func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server.Host)
		if err != nil {
			return nil
		}
		return errors.Join(errors.New("it still listens"), conn.Close())
	})
	return c.own.failure()
}
