package diff

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// waits says for what an object that is being deleted waits. A Namespace tells that in its conditions.
func waits(o object.Object) string {
	var told []string
	conditions, _ := o.Map("status")["conditions"].([]any)
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if c := object.Object(m); o.Ref().IsNamespace() && c.Text("status") == "True" {
			told = append(told, c.Text("message"))
		}
	}
	if finalizers, _ := o.Map("metadata")["finalizers"].([]any); len(finalizers) > 0 {
		told = append(told, fmt.Sprintf("it goes when its finalizers are done: %v", finalizers))
	}
	if told == nil {
		return "it goes when what is in it has gone"
	}
	return strings.Join(told, "; ")
}

// explainTerminating completes what is told of namespaces that are being deleted. Each is read once.
func (d *differ) explainTerminating(ctx context.Context, set *ChangeSet) {
	known := map[string]object.Object{}
	for c := range set.All() {
		var ending *TerminatingError
		if !errors.As(c.Err, &ending) {
			continue
		}
		namespace, ok := known[ending.Namespace]
		if !ok {
			// Without the right to read it, that it ends is all that is told.
			namespace, _ = d.previewer.Get(ctx, object.Ref{Version: "v1", Kind: "Namespace", Name: ending.Namespace})
			known[ending.Namespace] = namespace
		}
		if namespace != nil {
			ending.Since, ending.Waits = namespace.Text("metadata", "deletionTimestamp"), waits(namespace)
		}
	}
}
