package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// ready makes the node and returns when the cluster can do what tests ask of it: the API server is ready,
// pods can be created (a namespace's default ServiceAccount exists) and scheduled (the node is ready).
func (c *cluster) ready(kubeconfig string) error {
	clientConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	clientConfig.QPS = -1
	clientConfig.Timeout = 10 * time.Second
	client, err := kubernetes.NewForConfig(clientConfig)
	if err != nil {
		return err
	}
	text, err := config.ReadFile("config/node.yaml")
	if err != nil {
		return err
	}
	node := &corev1.Node{}
	if err := yaml.UnmarshalStrict(text, node); err != nil {
		return fmt.Errorf("config/node.yaml: %w", err)
	}

	if err := poll(c.ctx, "the API server", func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}); err != nil {
		return err
	}
	if _, err := client.CoreV1().Nodes().Create(c.ctx, node, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating node %s: %w", node.Name, err)
	}
	if err := poll(c.ctx, "the default ServiceAccount", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}); err != nil {
		return err
	}
	return poll(c.ctx, "node "+node.Name, func(ctx context.Context) error {
		live, err := client.CoreV1().Nodes().Get(ctx, node.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range live.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return errors.New("not ready")
	})
}

// poll tries until try succeeds or the context ends; then the error says what was waited for, what was wrong
// last and why it ended.
func poll(ctx context.Context, what string, try func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s (%v): %w", what, err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
