//go:build long

package main

import (
	"flag"
	"testing"
	"time"
)

// The numbers of the load: those of the issue are -deliveries 5000 -server-kills 30.
var (
	deliveries  = flag.Int("deliveries", 300, "how many webhooks TestLongServeLosesNothing delivers, at 200 a second")
	serverKills = flag.Int("server-kills", 4, "how often TestLongServe kills a server meanwhile")
	livesEach   = flag.Int("lives", 2, "how many pull requests TestLongServeLives leads through their lives in each project")
)

func TestLongServeLosesNothingWhenItIsKilled(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries, kills: *serverKills, deploys: true}).run("")
	})
	t.Run("two replicas, one of which is killed again and again", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries, kills: *serverKills, replicas: 2, deploys: true, gitlab: true}).run(postgres(t))
	})
	t.Run("two replicas, one of which dies", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries, replicas: 2, dies: true, deploys: true}).run(postgres(t))
	})
	t.Run("two replicas, one of which stands still for longer than its lease", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries, replicas: 2, freezes: true, deploys: true}).run(postgres(t))
	})
}

// TestLongServeLives has pull requests opened, shown, deployed from and merged, several at a time, while a server is killed again and
// again: what is said to be deployed is in the cluster, and nothing is left unsaid.
func TestLongServeLives(t *testing.T) {
	for name, l := range map[string]*load{"SQLite": {kills: 1}, "GitLab and two replicas on PostgreSQL": {kills: 1, replicas: 2, gitlab: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.T = t
			database := ""
			if l.replicas > 1 {
				database = postgres(t)
			}
			s := newLives(l, database)
			ended := s.begin(t.Context(), *livesEach, 2)
			kills := s.killOften(ended, 2**livesEach, 5*time.Second)
			<-ended
			s.settled()
			if want := int64(liveProjects * *livesEach); s.lived.Load() != want {
				t.Errorf("%d pull requests have come to their end, want %d", s.lived.Load(), want)
			}
			t.Logf("%d kills, %d deliveries, and %d pull requests from their opening to the deploy of their merge", kills, s.delivered.Load(), s.lived.Load())
		})
	}
}
