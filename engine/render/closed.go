package render

import (
	"context"
	"sync/atomic"

	"github.com/weighlock/weighlock/engine/object"
)

// closedCluster is what the charts of a stranger's project see in place of the cluster: no object at all.
type closedCluster struct{ asked atomic.Bool }

func (c *closedCluster) Get(context.Context, object.Ref) (object.Object, error) {
	c.asked.Store(true)
	return nil, nil
}

func (c *closedCluster) List(context.Context, object.Ref, map[string]string) ([]object.Object, error) {
	c.asked.Store(true)
	return nil, nil
}

func (c *closedCluster) Namespaced(context.Context, string, string) (namespaced, known bool, err error) {
	return true, true, nil
}

// warnings says that a chart asked.
func (c *closedCluster) warnings() []string {
	if c == nil || !c.asked.Load() {
		return nil
	}
	return []string{"charts look objects of the cluster up, which a stranger's change may not: they are rendered as if there were none"}
}
