package engine_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/enginetest"
)

// A quota refuses all that it counts until a controller has counted what there is.
func TestWhatAQuotaCannotCountYetIsTriedAgain(t *testing.T) {
	t.Parallel()
	c, s, _ := plainSite(t)
	var refused atomic.Int32
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || r.URL.Query().Has("dryRun") || !strings.HasSuffix(r.URL.Path, "/configmaps/a") || refused.Add(1) > 2 {
			return false
		}
		enginetest.Refuse(w, http.StatusForbidden, "Forbidden", `configmaps "a" is forbidden: status unknown for quota: counts, resources: count/configmaps`)
		return true
	})
	s.deployed()
	if refused.Load() < 3 {
		t.Error("this proves nothing")
	}
}

// Of several API servers, some may serve a new kind later than the one that was asked for it.
func TestANewKindNeedNotBeServedByAllAPIServersAtOnce(t *testing.T) {
	t.Parallel()
	c, s, write := boatSite(t)
	write("", "tons: 1")
	var refused atomic.Int32
	s.throughProxy(c, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || r.URL.Query().Has("dryRun") || !strings.Contains(r.URL.Path, "/boats/") || refused.Add(1) > 2 {
			return false
		}
		http.NotFound(w, r)
		return true
	})
	if _, result := s.deploy(engine.DeployOptions{}); result.Err() != nil || result.Count(apply.Applied) == 0 {
		t.Errorf("got %v", result.Err())
	}
	if refused.Load() < 3 {
		t.Error("this proves nothing")
	}
}
