package serve

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/queue"
)

// Each target that failed has a line with its cause: an error where nothing is done about it by itself, and counted then alone.
func TestOperatorsAreToldOfEachTargetThatFailed(t *testing.T) {
	t.Parallel()
	store, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "weighlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	away, broken := errors.New("no route to host"), errors.New("the image\nhas no tag")
	for _, c := range []struct {
		found found
		again bool
		want  string // the line's beginning, "" for none
		count float64
	}{
		{found{"prod", true, bot.EndedFailed, broken}, false, `"level":"ERROR","msg":"a deploy failed","target":"prod","outcome":"failed","cause":"the image has no tag"`, 1},
		{found{"prod", true, bot.EndedUnreached, away}, false, `"level":"ERROR","msg":"a deploy failed","target":"prod","outcome":"unreached"`, 1},
		{found{"prod", true, bot.EndedUnreached, away}, true, `"level":"WARN","msg":"a deploy failed, and is tried again"`, 0},
		{found{"prod", true, bot.EndedFailed, broken}, true, `"level":"ERROR","msg":"a deploy failed"`, 1},
		{found{"prod", true, bot.EndedHeld, broken}, false, `"level":"WARN","msg":"a deploy was not carried out"`, 1},
		{found{"prod", true, bot.EndedDeployed, nil}, true, "", 1},
		{found{"prod", false, bot.EndedUnreached, away}, false, `"level":"WARN","msg":"a target is not previewed as it should be"`, 1},
	} {
		var log bytes.Buffer
		w := &worker{metrics: newMetrics(store)}
		f := &findings{all: []found{c.found}}
		w.tell(t.Context(), slog.New(slog.NewJSONHandler(&log, nil)), f, c.again)
		counter := w.metrics.previews
		if c.found.deploy {
			counter = w.metrics.deploys
		}
		if n := testutil.ToFloat64(counter.WithLabelValues(string(c.found.ending))); n != c.count || !strings.Contains(log.String(), c.want) || c.want == "" && log.Len() > 0 {
			t.Errorf("%+v, again %v: counted %v, told %s", c.found, c.again, n, log.String())
		}
	}
}
