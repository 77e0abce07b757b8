package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// auditKey is where a script keeps the server's log since its last "writes".
type auditKey struct{}

// listWrites is the script command "writes [-sorted]": it prints what the program has written since the last time, as the
// server tells it, one "verb resource/name" a line in the order of arrival. It is told of what is in the script's namespace
// $NS, printed as NS, and of what has its name in its own. What the server did not carry out is not told, nor what was
// written by others.
func listWrites(t *testing.T, c *enginetest.Cluster) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		ns := ts.Getenv("NS")
		var lines []string
		log := ts.Value(auditKey{}).(**enginetest.AuditLog)
		for _, e := range (*log).Since(t).Writes() {
			own := strings.HasPrefix(e.Namespace, ns) || e.Namespace == "" && strings.Contains(e.Name, ns)
			if own && e.Code < 300 && strings.HasPrefix(e.UserAgent, "weighlock/") {
				lines = append(lines, fmt.Sprintf("%s %s/%s\n", e.Verb, e.Resource, strings.ReplaceAll(e.Name, ns, "NS")))
			}
		}
		*log = c.Audit(t)
		if slices.Contains(args, "-sorted") {
			slices.Sort(lines)
		}
		fmt.Fprint(ts.Stdout(), strings.Join(lines, ""))
	}
}
