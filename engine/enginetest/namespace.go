package enginetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// patience is how long the cluster may take for what usually takes milliseconds.
const patience = 30 * time.Second

// Namespace returns the name of a fresh namespace in which pods can be created at once. Its deletion starts
// when the test ends; nobody waits for it.
func (c *Cluster) Namespace(tb testing.TB) string {
	tb.Helper()
	ctx := tb.Context()
	name := uniqueName(tb, "t-")
	namespaces := c.client.CoreV1().Namespaces()
	_, err := namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("creating namespace %s: %v", name, err)
	}
	c.cleanUp(tb, "namespace "+name, func(ctx context.Context) error {
		return namespaces.Delete(ctx, name, metav1.DeleteOptions{})
	})
	await(tb, "default ServiceAccount of "+name, func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return name
}

// cleanUp deletes what a test has made, when the test ends. That it is gone already is fine.
func (c *Cluster) cleanUp(tb testing.TB, what string, remove func(context.Context) error) {
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := remove(ctx); err != nil && !apierrors.IsNotFound(err) {
			tb.Errorf("deleting %s: %v", what, err)
		}
	})
}

// await tries until try succeeds; the test fails with try's last error when patience ends.
func await(tb testing.TB, what string, try func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("waiting for %s: %v", what, err)
		case <-tick.C:
		}
	}
}

// uniqueName makes a name of at most 50 characters, valid for any object, that tells the test it belongs to.
func uniqueName(tb testing.TB, prefix string) string {
	slug := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(tb.Name()))
	slug = strings.Trim(slug[:min(len(slug), 40)], "-")
	return fmt.Sprintf("%s%s-%s", prefix, slug, strings.ToLower(rand.Text()[:6]))
}
