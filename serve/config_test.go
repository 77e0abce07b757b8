package serve

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// env is the environment of these tests.
var env = map[string]string{"TOKEN": "ghp_a-token", "SECRET": "a secret of the hooks", "DB": "postgres://bot:hunter22@db/weighlock"}

func parse(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return ParseConfig("s.yaml", []byte(text), "", func(name string) string { return env[name] })
}

const forges = "forges:\n- {kind: github, token: {env: TOKEN}, secrets: [{env: SECRET}], repositories: [acme/*]}\n"

func TestConfigFillsInWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	c, err := parse(t, "version: 1\n"+forges)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Forges[0]
	if c.Listen != ":8080" || c.Database.Value() != "weighlock.db" || c.Limits.Workers != 4 || c.Limits.Repository != 2 || c.Limits.grace != 5*time.Minute || f.Name != "github" || f.Git != "https://github.com" {
		t.Errorf("found %+v", c)
	}
	if !f.serves(forge.Repo{Owner: "acme", Name: "shop"}) || f.serves(forge.Repo{Owner: "evil", Name: "shop"}) {
		t.Error("the pattern of repositories does not decide")
	}
}

func TestConfigReportsAllMistakesWithTheirLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "version: 1\nlimit: {}\n" + forges, `s.yaml:2: unknown key "limit"`},
		{"no forge", "version: 1\n", "s.yaml:1: forges: found none"},
		{"version", "version: 2\n" + forges, "s.yaml:1: version: found 2, expected 1"},
		{"no webhook secret", "version: 1\nforges:\n- {kind: github, token: {env: TOKEN}}\n", "anybody could give orders"},
		{"a secret that stands there itself", "version: 1\nforges:\n- {kind: github, token: ghp_x, secrets: [{env: SECRET}]}\n", "s.yaml:3: forges[0].token: found a secret itself"},
		{"a variable that is not set", "version: 1\nforges:\n- {kind: github, token: {env: NONE}, secrets: [{env: SECRET}]}\n", "variable NONE is not set"},
		{"an unknown forge", "version: 1\nforges:\n- {kind: gitea}\n", `s.yaml:3: forges[0].kind: found "gitea"`},
		{"two of a name", "version: 1\n" + forges + strings.TrimPrefix(forges, "forges:\n"), "is taken by an earlier forge"},
		{"an app on GitLab", "version: 1\nforges:\n- {kind: gitlab, app: {id: 1}, secrets: [{env: SECRET}]}\n", "only GitHub has apps"},
		{"a duration", "version: 1\nlimits: {grace: soon}\n" + forges, `s.yaml:2: limits.grace: found "soon"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestSecretsComeFromFilesAndAreKeptOutOfTheLog(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("a secret in a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parse(t, "version: 1\ndatabase: {env: DB}\nforges:\n- {kind: gitlab, api: https://git.example.com, token: {env: TOKEN}, secrets: [{file: "+file+"}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Forges[0].Secrets[0].Value() != "a secret in a file" || c.Forges[0].Git != "https://git.example.com" {
		t.Errorf("found %+v", c.Forges[0])
	}
	var out bytes.Buffer
	NewLog(&out, slog.LevelInfo, c).Error("failed", "error", errors.New("dial "+env["DB"]), "said", "token "+env["TOKEN"]+", a secret in a file")
	for _, secret := range []string{"hunter22", env["TOKEN"], "in a file"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, &out)
		}
	}
}
