package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/serve"
)

// What deploy/ makes of its arguments is a configuration that the server takes.
func TestTheServersConfigurationOfDeployIsTaken(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	for _, name := range []string{"digest-key", "database-url", "webhook-secret", "prod-token", "prod-preview", "edge-token"} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte("the "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	app := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(filepath.Join(secrets, "app.pem"), app, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := engine.Open("../../deploy", project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, postgres := range []bool{false, true} {
		target, err := p.Target(t.Context(), project.Selection{Args: map[string]any{
			"image": "weighlock:1", "postgres": postgres, "monitoring": true, "environment": []any{"REGION"}, "forks": "none", "poll": "1m",
			"clusters": []any{
				map[string]any{"context": "prod", "server": "https://prod.example.com", "token": "prod-token", "preview": "prod-preview"},
				map[string]any{"context": "edge", "server": "https://edge.example.com", "token": "edge-token"},
			},
			"limits": map[string]any{"workers": 3},
			"forges": []any{map[string]any{
				"kind": "github", "app": map[string]any{"id": 1, "privateKey": map[string]any{"file": "/etc/weighlock-secrets/app.pem"}},
				"secrets":      []any{map[string]any{"file": "/etc/weighlock-secrets/webhook-secret"}},
				"repositories": []any{"acme/shop"},
			}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := engine.Render(t.Context(), p, target, render.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found, monitored := false, 0
		for o := range m.All() {
			text := o.Object.Text("data", "weighlock-server.yaml")
			if o.Object.Text("apiVersion") == "monitoring.coreos.com/v1" {
				monitored++
			}
			if text == "" {
				continue
			}
			found = true
			c, err := serve.ParseConfig("weighlock-server.yaml", []byte(strings.ReplaceAll(text, "/etc/weighlock-secrets", secrets)), serve.Around{MinPause: serve.MinPause})
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if c.Forks != serve.ForksNone || c.Poll != "1m" || !slices.Equal(c.Environment, []string{"REGION"}) {
				t.Errorf("found %+v", c)
			}
			for _, key := range []string{"kubeconfig", "preview.kubeconfig"} {
				file := filepath.Join(secrets, "kubeconfig")
				if err := os.WriteFile(file, []byte(strings.ReplaceAll(o.Object.Text("data", key), "/etc/weighlock-secrets", secrets)), 0o600); err != nil {
					t.Fatal(err)
				}
				for name, server := range map[string]string{"prod": "https://prod.example.com", "edge": "https://edge.example.com"} {
					if cluster, err := kube.Open(kube.Config{Kubeconfigs: []string{file}, Context: name}); err != nil || cluster.Server() != server {
						t.Errorf("%s of %s leads to %v, %v", name, key, cluster, err)
					}
				}
			}
			if got := c.Database.Value() == "the database-url"; got != postgres || c.Limits.Workers != 3 || c.Preview == nil || len(c.Forges) != 1 {
				t.Errorf("found %+v", c)
			}
		}
		if !found || monitored != 2 {
			t.Errorf("there is no configuration, or %d objects for Prometheus", monitored)
		}
	}
}

// A pod is given as long to end as the server lets a deploy go on, and some time to say so.
func TestAPodOfDeployOutlivesTheServersGrace(t *testing.T) {
	t.Parallel()
	p, err := engine.Open("../../deploy", project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for grace, want := range map[string]string{"": "360", "20m": "1260", "90s": "150", "1h30m": "5460", "0s": "60"} {
		limits := map[string]any{"workers": 3}
		if grace != "" {
			limits["grace"] = grace
		}
		target, err := p.Target(t.Context(), project.Selection{Args: map[string]any{"image": "weighlock:1", "limits": limits}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := engine.Render(t.Context(), p, target, render.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for o := range m.All() {
			if o.Object.Text("kind") != "Deployment" {
				continue
			}
			found++
			text, err := json.Marshal(o.Object)
			if err != nil || !strings.Contains(string(text), `"terminationGracePeriodSeconds":`+want+`,`) && !strings.Contains(string(text), `"terminationGracePeriodSeconds":`+want+`}`) {
				t.Errorf("with a grace of %q, want %s seconds: %s, %v", grace, want, text, err)
			}
		}
		if found != 1 {
			t.Errorf("%d Deployments", found)
		}
	}
}
