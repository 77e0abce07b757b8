package store_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/store"
)

// vault answers as a Vault with a key-value engine of version 2 at secret/ and one of version 1 at kv/.
func vault(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Vault-Token") != "s3cret-token" || r.Header.Get("X-Vault-Namespace") != "team" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"errors":["permission denied"]}`)
		return
	}
	switch r.URL.Path {
	case "/v1/secret/data/shop":
		fmt.Fprint(w, `{"data":{"data":{"password":"s3cret","port":5432},"metadata":{"version":3}}}`)
	case "/v1/secret/data/deleted":
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"data":{"data":null,"metadata":{"deletion_time":"2026-01-02T03:04:05Z","version":3}}}`)
	case "/v1/kv/shop":
		fmt.Fprint(w, `{"data":{"password":"s3cret"}}`)
	case "/v1/secret/data/sealed":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"errors":["Vault is sealed"]}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[]}`)
	}
}

func TestVault(t *testing.T) {
	t.Parallel()
	server := serve(t, vault)
	env := environ{"VAULT_TOKEN": "s3cret-token", "VAULT_NAMESPACE": "team"}
	ask := func(env environ, s store.VaultSecret) (store.Answer, error) {
		return store.NewClient(store.Options{Env: env.lookup}).Vault(t.Context(), s)
	}

	a, err := ask(env, store.VaultSecret{Address: server, Path: "secret/data/shop"})
	want(t, a, err, `{"password":"s3cret","port":5432}`)

	a, err = ask(environ{"VAULT_TOKEN": "s3cret-token", "VAULT_NAMESPACE": "team", "VAULT_ADDR": server}, store.VaultSecret{Path: "secret/data/shop"})
	want(t, a, err, `{"password":"s3cret","port":5432}`)

	for _, path := range []string{"secret/data/none", "secret/data/deleted"} {
		_, err = ask(env, store.VaultSecret{Address: server, Path: path})
		wantMissing(t, err)
	}
	_, err = ask(env, store.VaultSecret{Path: "secret/data/shop"})
	wantError(t, err, "VAULT_ADDR")
	_, err = ask(env, store.VaultSecret{Address: server, Path: "kv/shop"})
	wantError(t, err, "version 2", "MOUNT/data/NAME")
	_, err = ask(env, store.VaultSecret{Address: server, Path: "secret/data/sealed"})
	wantError(t, err, "Vault is sealed")
	_, err = ask(nil, store.VaultSecret{Address: server, Path: "secret/data/shop"})
	wantError(t, err, "secret secret/data/shop of Vault "+server, "set VAULT_TOKEN", "permission denied")
	_, err = ask(environ{"VAULT_TOKEN": "s3cret-old"}, store.VaultSecret{Address: server, Path: "secret/data/shop"})
	wantError(t, err, "the token in VAULT_TOKEN may not read it")
	_, err = ask(environ{"VAULT_CACERT": "/nonexistent"}, store.VaultSecret{Address: server, Path: "x"})
	wantError(t, err, "/nonexistent")
}
