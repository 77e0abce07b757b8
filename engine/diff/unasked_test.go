package diff

import (
	"testing"

	"github.com/weighlock/weighlock/engine/object"
)

// Of some fields the server warns at each write, also of one that changes nothing: such objects are asked about.
func TestWhatTheServerWarnsOfAtEachWriteIsAsked(t *testing.T) {
	t.Parallel()
	service := func(fields map[string]any) object.Object {
		spec := map[string]any{"type": "ClusterIP", "sessionAffinity": "None", "clusterIP": "10.96.0.10", "clusterIPs": []any{"10.96.0.10", "fd00::1"}}
		for k, v := range fields {
			spec[k] = v
		}
		return object.Object{"spec": spec}
	}
	set := func(spec map[string]any) object.Object { return object.Object{"spec": spec} }
	for _, c := range []struct {
		name   string
		kind   groupKind
		object object.Object
		quiet  bool
	}{
		{"service", groupKind{"", "Service"}, service(nil), true},
		{"service without an address", groupKind{"", "Service"}, service(map[string]any{"clusterIP": "None", "clusterIPs": []any{"None"}}), true},
		{"address with leading zeros", groupKind{"", "Service"}, service(map[string]any{"clusterIP": "10.96.000.10"}), false},
		{"address in capitals", groupKind{"", "Service"}, service(map[string]any{"clusterIPs": []any{"10.96.0.10", "FD00::1"}}), false},
		{"service with external addresses", groupKind{"", "Service"}, service(map[string]any{"externalIPs": []any{"1.2.3.4"}}), false},
		{"stateful set", groupKind{"apps", "StatefulSet"}, set(map[string]any{"revisionHistoryLimit": int64(10)}), true},
		{"stateful set with claims", groupKind{"apps", "StatefulSet"}, set(map[string]any{"volumeClaimTemplates": []any{}}), false},
		{"stateful set with a history of less than none", groupKind{"apps", "StatefulSet"}, set(map[string]any{"revisionHistoryLimit": int64(-1)}), false},
	} {
		if got := quiet[c.kind](c.object); got != c.quiet {
			t.Errorf("%s: quiet is %v", c.name, got)
		}
	}
}
