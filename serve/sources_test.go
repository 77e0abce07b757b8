package serve

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot"
	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/forgetest"
	"github.com/weighlock/weighlock/bot/queue"
)

// looking is a server that has a forge and no door, and what it logs.
func looking(t *testing.T, config *ForgeConfig) (*Server, *bytes.Buffer) {
	t.Helper()
	store, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "weighlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	f, err := newSource(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&said, nil))
	return &Server{config: &Config{}, log: log, store: store, sources: []*source{f}, worker: &worker{bot: bot.Bot{Now: time.Now}}, metrics: newMetrics(store)}, &said
}

// appKey is an app's, as GitHub has it and as the configuration names it.
var appKey = sync.OnceValues(func() (*rsa.PublicKey, *Secret) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return &key.PublicKey, &Secret{value: string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))}
})

// Where a forge is only polled, what could not be delivered is not asked for again: no delivery comes in.
func TestNothingIsDeliveredAgainWhereThereIsNoDoor(t *testing.T) {
	t.Parallel()
	public, private := appKey()
	for _, door := range []bool{true, false} {
		hub := forgetest.StartGitHub(t)
		hub.AddApp("weighlock", 17, 4, public)
		config := &ForgeConfig{Name: "github", Kind: kindGitHub, API: hub.URL(), App: &AppConfig{ID: 17, Installation: 4, PrivateKey: private}}
		if door {
			config.Secrets = []Secret{{value: "a secret of the hooks"}}
		}
		s, said := looking(t, config)
		if err := s.redeliver(t.Context(), time.Now().Add(-time.Hour)); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		if asked := len(hub.Exchanges()) > 0; asked != door {
			t.Errorf("with a door %v, it is asked: %v", door, asked)
		}
	}
}

// An app whose installation is looked up for each repository is asked who it is by one that the configuration names. Without one there is nobody to
// ask for: that is no error.
func TestAnAppIntroducesItself(t *testing.T) {
	t.Parallel()
	public, private := appKey()
	shop := forge.Repo{Owner: "acme", Name: "shop"}
	hub := forgetest.StartGitHub(t)
	hub.AddApp("weighlock", 17, 4, public)
	hub.AddRepo(shop, forgetest.RepoOptions{})
	hub.SetPermission(shop, "weighlock[bot]", forge.Write)
	for _, c := range []struct {
		installation int64
		repositories []string
		want         string
	}{
		{0, []string{"acme/*", "acme/shop"}, `"as":"weighlock[bot]"`},
		{4, []string{"acme/*"}, `"as":"weighlock[bot]"`},
		{0, []string{"acme/*"}, "by the installation of each repository that is heard of"},
		{0, []string{"acme/other"}, `"level":"ERROR","msg":"the forge does not know us`},
	} {
		config := &ForgeConfig{Name: "github", Kind: kindGitHub, API: hub.URL(), App: &AppConfig{ID: 17, Installation: c.installation, PrivateKey: private}}
		for _, name := range c.repositories {
			config.Repositories = append(config.Repositories, RepositoryConfig{Name: name})
		}
		s, said := looking(t, config)
		s.introduce(t.Context())
		if !strings.Contains(said.String(), c.want) || strings.Contains(c.want, "ERROR") != strings.Contains(said.String(), "ERROR") {
			t.Errorf("of %v, installation %d, is said: %s", c.repositories, c.installation, said)
		}
	}
}

// A repository that was heard of and that was deleted, or renamed, is told of once, not with each look: nobody can mend that. Where the
// configuration names it, somebody can.
func TestARepositoryThatIsGoneIsToldOfOnce(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-the-bot"
	old := forge.Repo{Owner: "acme", Name: "old"}
	for _, c := range []struct {
		repository    string
		renamed, gone int // how often it is told in two looks
	}{{"acme/*", 1, 1}, {"acme/old", 2, 0}, {"acme/gone", 0, 2}} { // those that are not served are not looked at
		hub := forgetest.StartGitHub(t)
		hub.AddToken(token, forgetest.Token{Login: "weighlock-bot"})
		hub.AddRepo(old, forgetest.RepoOptions{})
		hub.Rename(old, forge.Repo{Owner: "elsewhere", Name: "new"})
		s, said := looking(t, &ForgeConfig{Name: "github", Kind: kindGitHub, API: hub.URL(), Token: &Secret{value: token}, Repositories: []RepositoryConfig{{Name: c.repository}}})
		for _, repo := range []string{"acme/old", "acme/gone"} {
			if _, err := s.store.Add(t.Context(), queue.Item{Delivery: repo, Repo: "github:" + repo, Key: repo, Kind: queue.Command, Body: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
		failed := 0
		for range 2 {
			if err := s.sweep(t.Context()); err != nil {
				failed++
			}
		}
		renamed, gone := strings.Count(said.String(), "has another name now"), strings.Count(said.String(), "is not there any more")+failed
		if renamed != c.renamed || gone != c.gone {
			t.Errorf("with %s: %d and %d times, want %d and %d: %s", c.repository, renamed, gone, c.renamed, c.gone, said)
		}
	}
}

// broken panics whatever it is asked.
type broken struct{ forge.Forge }

// What goes wrong with one repository in a way that nobody has thought of does not end the server, which would do the same when it starts again.
func TestAPanicAboutARepositoryIsThatRepositorys(t *testing.T) {
	t.Parallel()
	s, _ := looking(t, &ForgeConfig{Name: "github", Kind: kindGitHub, API: "https://github.invalid", Token: &Secret{value: "a-token"}, Repositories: []RepositoryConfig{{Name: "acme/shop"}}})
	s.sources[0].clients[identity{}] = &client{Forge: broken{}}
	if err := s.sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "acme/shop: this is a mistake in weighlock") {
		t.Errorf("got %v", err)
	}
}
