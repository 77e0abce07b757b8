package serve

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/queue"
	"github.com/weighlock/weighlock/bot/queue/queuetest"
	"github.com/weighlock/weighlock/bot/webhook"
)

// BenchmarkDoor tells how long deliveries wait for their answer at 200 a second, while workers take them from the queue, write
// journals and ends of runs. One iteration is one delivery, -benchtime 2000x ten seconds.
func BenchmarkDoor(b *testing.B) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		b.Run(database, func(b *testing.B) {
			address := filepath.Join(b.TempDir(), "weighlock.db")
			if database != "SQLite" {
				server, err := queuetest.Start(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				defer server.Close()
				if address, err = server.Database(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			store, err := queue.Open(b.Context(), address)
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			runner := &queue.Runner{Store: store, Handler: journaling{store}, Owner: "bench", Workers: 8, Patience: queue.Patience, Log: slog.New(slog.DiscardHandler)}
			var running sync.WaitGroup
			running.Go(func() {
				if err := runner.Run(ctx); err != nil {
					b.Error(err)
				}
			})
			times := knock(b, store)
			stop()
			running.Wait()
			slices.Sort(times)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(times[len(times)/2].Seconds()*1000, "p50-ms")
			b.ReportMetric(times[len(times)*99/100].Seconds()*1000, "p99-ms")
			b.ReportMetric(times[len(times)-1].Seconds()*1000, "max-ms")
		})
	}
}

// journaling writes what a deploy writes.
type journaling struct{ store *queue.Store }

func (j journaling) Handle(ctx context.Context, r *queue.Run, _ bool) queue.Outcome {
	return queue.Outcome{Err: j.store.SetJournal(ctx, r, []byte(`{"answers": []}`))}
}

// knock posts b.N signed comments, 200 a second, and returns how long each waited for its answer.
func knock(b *testing.B, store *queue.Store) []time.Duration {
	b.Helper()
	stand, err := forgetest.NewGitHub(forgetest.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer stand.Close()
	repo := forge.Repo{Owner: "acme", Name: "shop"}
	stand.AddRepo(repo, forgetest.RepoOptions{})
	number := stand.OpenPullRequest(forgetest.NewPullRequest{Repo: repo, Title: "A change", Author: "grace", Head: forge.Ref{Name: "topic", SHA: fmt.Sprintf("%040d", 1)}, Base: forge.Ref{SHA: fmt.Sprintf("%040d", 2)}})
	body := stand.CommentWebhook(stand.Comment(repo, number, "grace", "/diff")).Body

	const secret = "the webhooks' secret"
	config := &ForgeConfig{Kind: kindGitHub, Name: kindGitHub, Token: &Secret{value: "token"}, Secrets: []Secret{{value: secret}}, Repositories: []RepositoryConfig{{Name: "*/*"}}}
	f, err := newSource(config, nil)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(&webhook.Door{Source: f.door(), Queue: &intake{config: config, store: store, log: slog.New(slog.DiscardHandler)}, Bodies: webhook.NewBodies(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	defer server.Close()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	times := make([]time.Duration, b.N)
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	var posts sync.WaitGroup
	for n := range times {
		<-tick.C
		posts.Go(func() {
			began := time.Now()
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("X-GitHub-Event", "issue_comment")
			req.Header.Set("X-GitHub-Delivery", fmt.Sprint(n))
			req.Header.Set("X-Hub-Signature-256", signature)
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			times[n] = time.Since(began)
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				b.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	posts.Wait()
	return times
}
