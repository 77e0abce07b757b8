package render

import (
	"context"

	"github.com/weighlock/weighlock/engine/internal/helm"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// concealedSecrets is a cluster of whose Secrets what charts look up is kept secret, as that is which variables are loaded from.
type concealedSecrets struct {
	helm.Cluster
	deployment *project.Deployment
}

func (c concealedSecrets) Get(ctx context.Context, ref object.Ref) (object.Object, error) {
	o, err := c.Cluster.Get(ctx, ref)
	if o != nil && o.Ref().IsSecret() {
		o = c.deployment.Conceal(o)
	}
	return o, err
}

func (c concealedSecrets) List(ctx context.Context, kind object.Ref, labels map[string]string) ([]object.Object, error) {
	objects, err := c.Cluster.List(ctx, kind, labels)
	out := make([]object.Object, len(objects))
	for i, o := range objects {
		if out[i] = o; o.Ref().IsSecret() {
			out[i] = c.deployment.Conceal(o)
		}
	}
	return out, err
}
