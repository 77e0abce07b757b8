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
	"github.com/weighlock/weighlock/bot/offline"
)

// env is the environment of these tests.
var env = map[string]string{"TOKEN": "ghp_a-token", "SECRET": "a secret of the hooks", "SHORT": "short", "DB": "postgres://bot:hunter22@db/weighlock", "SIGNING": "whsec_dGhlIHNpZ25pbmcga2V5IG9mIHRoaXMgdGVzdA=="}

func parse(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return ParseConfig("s.yaml", []byte(text), Around{Getenv: func(name string) string { return env[name] }, MinPause: MinPause})
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

// What a preview shows is believed by its signature, also where no webhook's secret can sign it: people can edit the comments of others.
func TestPreviewsAreSignedHoweverTheServerHearsOfThem(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, forge := range map[string]string{
		"webhooks":     "{kind: github, token: {env: TOKEN}, secrets: [{env: SECRET}], repositories: [acme/*]}",
		"only polled":  "{kind: github, token: {env: TOKEN}, repositories: [acme/*]}",
		"another one":  "{kind: gitlab, token: {env: DB}, repositories: [acme/*]}",
		"signed hooks": "{kind: gitlab, token: {env: TOKEN}, signingTokens: [{env: SIGNING}], repositories: [acme/*]}",
	} {
		c, err := parse(t, "version: 1\npoll: 1m\nforges:\n- "+forge+"\n")
		if err != nil {
			t.Fatal(err)
		}
		keys := c.Forges[0].signingKeys()
		if len(keys) != 1 || len(keys[0]) == 0 {
			t.Errorf("%s: %d keys", name, len(keys))
			continue
		}
		if other := seen[string(keys[0])]; other != "" {
			t.Errorf("%s and %s have the same key", name, other)
		}
		seen[string(keys[0])] = name
	}
	app := ForgeConfig{App: &AppConfig{PrivateKey: &Secret{value: "a key in PEM"}}}
	if keys := app.signingKeys(); len(keys) != 1 {
		t.Errorf("of an app: %d keys", len(keys))
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
		{"a lease that nobody can keep", "version: 1\nlimits: {lease: 1s}\n" + forges, "s.yaml:2: limits.lease: found 1s, expected 3s at least"},
		{"an amount of memory", "version: 1\nlimits: {forks: {memory: much}}\n" + forges, `s.yaml:2: limits.forks.memory: found "much", expected a number of bytes, 128Mi at least`},
		{"too little memory", "version: 1\nlimits: {forks: {memory: 1Mi}}\n" + forges, `s.yaml:2: limits.forks.memory: found "1Mi"`},
		{"a name that is no part of an address", "version: 1\n" + strings.Replace(forges, "kind: github", "name: \"a{b\", kind: github", 1), "expected letters, digits"},
		{"no pause", "version: 1\npoll: 0s\n" + forges, "s.yaml:2: poll: found 0s, expected 10s at least"},
		{"hardly a pause", "version: 1\nlimits: {reconcile: 9s}\n" + forges, "s.yaml:2: limits.reconcile: found 9s, expected 10s at least"},
		{"a duration", "version: 1\nlimits: {grace: soon}\n" + forges, `s.yaml:2: limits.grace: found "soon"`},
		{"no time between two looks", "version: 1\npoll: 0s\n" + forges, `s.yaml:2: poll: found 0s, expected 10s at least`},
		{"a name that is no part of an address", "version: 1\nforges:\n- {kind: github, name: 'a{b', token: {env: TOKEN}, secrets: [{env: SECRET}]}\n", `s.yaml:3: forges[0].name: found "a{b"`},
		{"a name that leads elsewhere", "version: 1\nforges:\n- {kind: github, name: .., token: {env: TOKEN}, secrets: [{env: SECRET}]}\n", `forges[0].name: found ".."`},
		{"a repository without an owner", "version: 1\nforges:\n- {kind: github, token: {env: TOKEN}, secrets: [{env: SECRET}], repositories: [shop]}\n", `"shop" is not a pattern of OWNER/NAME`},
		{"nobody to serve", "version: 1\nforges:\n- {kind: github, token: {env: TOKEN}, secrets: [{env: SECRET}]}\n", "s.yaml:3: forges[0].repositories: found none"},
		{"a secret that can be guessed", "version: 1\n" + strings.Replace(forges, "SECRET", "SHORT", 1), "s.yaml:3: forges[0]: forge github: a webhook secret has 5 characters"},
		{"an app's key that is none", "version: 1\n" + strings.Replace(forges, "token: {env: TOKEN}", "app: {id: 1, privateKey: {env: TOKEN}}", 1), "s.yaml:3: forges[0]: forge github: github: want the app's ID"},
		{"an address that is none", "version: 1\n" + strings.Replace(forges, "kind: github", "kind: github, api: git.example.com", 1), "s.yaml:3: forges[0].api: expected an address"},
		{"an address with a token", "version: 1\n" + strings.Replace(forges, "kind: github", "kind: github, git: 'https://x:ghp_x@git.example.com'", 1), "s.yaml:3: forges[0].git: expected an address without credentials"},
		{"one address for both", "version: 1\nlisten: ':80'\ninternal: ':80'\n" + forges, "listen and internal are both :80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatStrangersMayTakeIsConfigured(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]offline.Limits{
		"": offline.DefaultLimits,
		"limits: {forks: {time: 30s, memory: 2Gi, output: 4Mi}}\n": {Time: 30 * time.Second, CPU: 30 * time.Second, Memory: 2 << 30, Answer: 4 << 20},
	} {
		c, err := parse(t, "version: 1\n"+text+forges)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Limits.Offline(); got != want {
			t.Errorf("%q gives %+v, want %+v", text, got, want)
		}
	}
}

func TestSecretsComeFromFilesAndAreKeptOutOfTheLog(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("a secret in a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parse(t, "version: 1\ndatabase: {env: DB}\nforges:\n- {kind: gitlab, api: https://git.example.com, token: {env: TOKEN}, secrets: [{file: "+file+"}], repositories: [acme/shop]}\n")
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

// What repositories may have is decided by whoever runs the server, before anything that stands in them.
func TestRepositoriesHaveOnlyTheContextsThatTheServerLetsThemHave(t *testing.T) {
	t.Parallel()
	c, err := parse(t, "version: 1\nforges:\n- {kind: github, token: {env: TOKEN}, secrets: [{env: SECRET}], repositories: [acme/shop, {name: acme/*, contexts: [staging-*, dev]}, A*/*]}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		repo, context string
		may           bool
	}{
		{"shop", "prod", true}, {"shop", "", true}, {"site", "prod", false}, {"site", "staging-eu", true}, {"site", "dev", true}, {"site", "", false}, {"site", "developer", false},
	} {
		if err := c.Forges[0].mayUse(forge.Repo{Owner: "acme", Name: r.repo}, r.context); (err == nil) != r.may {
			t.Errorf("acme/%s and the context %q: %v", r.repo, r.context, err)
		}
	}
	if err := c.Forges[0].mayUse(forge.Repo{Owner: "Acme", Name: "Site"}, "prod"); err == nil {
		t.Error("a repository whose name is spelled in another case has more")
	}
	if err := c.Forges[0].mayUse(forge.Repo{Owner: "evil", Name: "shop"}, "dev"); err == nil {
		t.Error("a repository that is not served has a context")
	}
}

func TestKubeconfigsMustBeThere(t *testing.T) {
	t.Parallel()
	c, err := parse(t, "version: 1\nkubeconfig: /nonexistent/a\npreview: {kubeconfig: /nonexistent/b}\n"+forges)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckFiles(); err == nil || !strings.Contains(err.Error(), "/nonexistent/a") || !strings.Contains(err.Error(), "/nonexistent/b") {
		t.Errorf("got %v", err)
	}
}
