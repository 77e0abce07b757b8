package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
	"github.com/weighlock/weighlock/serve"
)

// What deploy/ makes of its arguments is a configuration that the server takes.
func TestTheServersConfigurationOfDeployIsTaken(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	for _, name := range []string{"digest-key", "database-url", "app.pem", "webhook-secret"} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte("the "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := engine.Open("../../deploy", project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, postgres := range []bool{false, true} {
		target, err := p.Target(t.Context(), project.Selection{Args: map[string]any{
			"image": "weighlock:1", "postgres": postgres, "limits": map[string]any{"workers": 3},
			"forges": []any{map[string]any{
				"kind": "github", "app": map[string]any{"id": 1, "privateKey": map[string]any{"file": "/etc/weighlock-secrets/app.pem"}},
				"secrets": []any{map[string]any{"file": "/etc/weighlock-secrets/webhook-secret"}},
			}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := engine.Render(t.Context(), p, target, render.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for o := range m.All() {
			text := o.Object.Text("data", "weighlock-server.yaml")
			if text == "" {
				continue
			}
			found = true
			c, err := serve.ParseConfig("weighlock-server.yaml", []byte(strings.ReplaceAll(text, "/etc/weighlock-secrets", secrets)), "", func(string) string { return "" })
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if got := c.Database.Value() == "the database-url"; got != postgres || c.Limits.Workers != 3 || c.Preview == nil || len(c.Forges) != 1 {
				t.Errorf("found %+v", c)
			}
		}
		if !found {
			t.Error("there is no configuration")
		}
	}
}
