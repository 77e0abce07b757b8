//go:build long

package main

import (
	"flag"
	"testing"
)

var deliveries = flag.Int("deliveries", 1000, "how many webhooks TestLongServe delivers, at 200 a second, with six kills a thousand")

func TestLongServeLosesNothingWhenItIsKilled(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries, kills: *deliveries * 6 / 1000, deploys: true}).run("")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries, kills: *deliveries * 6 / 1000, deploys: true}).run(postgres(t))
	})
	t.Run("two replicas, one of which dies", func(t *testing.T) {
		(&load{T: t, deliveries: *deliveries / 2, replicas: 2, dies: true, deploys: true}).run(postgres(t))
	})
}
