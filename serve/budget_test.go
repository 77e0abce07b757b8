package serve

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestOfSeveralInstallationsTheLowestBudgetIsTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := &budgets{now: func() time.Time { return now }}
	said := func(installation int64, resource, left string, until time.Duration) {
		h := http.Header{}
		h.Set("X-RateLimit-Limit", "5000")
		h.Set("X-RateLimit-Remaining", left)
		h.Set("X-RateLimit-Resource", resource)
		h.Set("X-RateLimit-Reset", strconv.FormatInt(now.Add(until).Unix(), 10))
		b.said("github", identity{installation: installation}, h)
	}
	said(1, "core", "17", time.Minute)
	said(2, "core", "4900", time.Hour)
	said(2, "graphql", "4000", time.Hour)
	told := func(core, graphql string) {
		t.Helper()
		want := `
# HELP weighlock_forge_requests_remaining How many requests the forge still takes within its limit, as it said last; of several installations the fewest.
# TYPE weighlock_forge_requests_remaining gauge
weighlock_forge_requests_remaining{forge="github",resource="core"} ` + core + `
weighlock_forge_requests_remaining{forge="github",resource="graphql"} ` + graphql + "\n"
		if err := testutil.CollectAndCompare(b, strings.NewReader(want), "weighlock_forge_requests_remaining"); err != nil {
			t.Error(err)
		}
	}
	told("17", "4000")
	now = now.Add(2 * time.Minute) // the first one's is full again, and nobody asked since
	told("4900", "4000")
	said(2, "core", "4899", time.Hour)
	told("4899", "4000")
}
