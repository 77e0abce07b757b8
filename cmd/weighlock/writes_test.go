package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/lock"
)

// auditKey is where a script keeps the server's log since its last "writes".
type auditKey struct{}

// listWrites is the script command "writes [-sorted]": it prints what the program has written since the last time, as the
// server tells it, one "verb resource/name" a line in the order of arrival. In a script with a namespace $NS, printed as
// NS, it is told of what is in that and of what has its name in its own; in one without, of everything but the program's own records.
// What the server did not carry out is not told, nor what was written by others.
func listWrites(t *testing.T, c *enginetest.Cluster) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		ns := ts.Getenv("NS")
		concerns := func(e enginetest.AuditEvent) bool {
			if ns == "" {
				return e.Namespace != lock.Namespace && (e.Resource != "namespaces" || e.Name != lock.Namespace)
			}
			return strings.HasPrefix(e.Namespace, ns) || e.Namespace == "" && strings.Contains(e.Name, ns)
		}
		var lines []string
		log := ts.Value(auditKey{}).(**enginetest.AuditLog)
		for _, e := range (*log).Since(t).Writes() {
			if !concerns(e) || e.Code >= 300 || !strings.HasPrefix(e.UserAgent, "weighlock/") {
				continue
			}
			name := e.Name
			if ns != "" {
				name = strings.ReplaceAll(name, ns, "NS")
			}
			lines = append(lines, fmt.Sprintf("%s %s/%s\n", e.Verb, e.Resource, name))
		}
		*log = c.Audit(t)
		if slices.Contains(args, "-sorted") {
			slices.Sort(lines)
		}
		fmt.Fprint(ts.Stdout(), strings.Join(lines, ""))
	}
}
