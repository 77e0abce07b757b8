//go:build long

package main

import (
	"flag"
	"testing"
)

// The numbers of the load: those of the issue are -deliveries 5000 -server-kills 30.
var (
	deliveries  = flag.Int("deliveries", 300, "how many webhooks TestLongServeLosesNothing delivers, at 200 a second")
	serverKills = flag.Int("server-kills", 4, "how often TestLongServe kills a server meanwhile")
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
