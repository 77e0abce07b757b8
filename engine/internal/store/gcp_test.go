package store_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/store"
)

// secretManager answers as Google Secret Manager's REST interface does, and as the place where tokens are had.
func secretManager(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refuse := func(code int, status string) {
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":{"code":%d,"message":"it is so","status":%q}}`, code, status)
	}
	data := []byte("a: 1")
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/projects/p/secrets/"), ":access")
	switch {
	case r.URL.Path == "/token":
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"s3cret-token"}`)
	case r.Header.Get("Authorization") != "Bearer s3cret-token":
		refuse(http.StatusUnauthorized, "UNAUTHENTICATED")
	case name == "none/versions/1":
		refuse(http.StatusNotFound, "NOT_FOUND")
	case name == "denied/versions/1":
		refuse(http.StatusForbidden, "PERMISSION_DENIED")
	case name == "disabled/versions/1":
		refuse(http.StatusBadRequest, "FAILED_PRECONDITION")
	case name == "damaged/versions/1":
		fmt.Fprintf(w, `{"payload":{"data":%q,"dataCrc32c":"7"}}`, base64.StdEncoding.EncodeToString(data))
	case name == "shop/versions/latest":
		fmt.Fprintf(w, `{"name":"x","payload":{"data":%q,"dataCrc32c":"%d"}}`, base64.StdEncoding.EncodeToString(data), sum)
	default:
		refuse(http.StatusInternalServerError, "INTERNAL")
	}
}

// serviceAccount is a file of credentials with a key of its own, for tokens of the server.
func serviceAccount(t *testing.T, server string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "p", "private_key_id": "1", "client_email": "app@p.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": server + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "key.json", string(data))
}

func TestGCP(t *testing.T) {
	t.Parallel()
	server := serve(t, secretManager)
	env := environ{"GOOGLE_APPLICATION_CREDENTIALS": serviceAccount(t, server)}
	c := store.NewClient(store.Options{Env: env.lookup, GCPEndpoint: server})
	ask := func(name string) (store.Answer, error) { return c.GCP(t.Context(), store.GCPSecret{Name: name}) }

	a, err := ask("projects/p/secrets/shop/versions/latest")
	want(t, a, err, "a: 1")
	_, err = ask("projects/p/secrets/none/versions/1")
	wantMissing(t, err)
	_, err = ask("projects/p/secrets/denied/versions/1")
	wantError(t, err, "projects/p/secrets/denied/versions/1 of Google Secret Manager", "roles/secretmanager.secretAccessor")
	_, err = ask("projects/p/secrets/disabled/versions/1")
	wantError(t, err, "it is so")
	_, err = ask("projects/p/secrets/damaged/versions/1")
	wantError(t, err, "checksum")
	_, err = ask("shop")
	wantError(t, err, `found "shop", expected projects/`)

	missing := store.NewClient(store.Options{Env: environ{"GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent"}.lookup, GCPEndpoint: server})
	_, err = missing.GCP(t.Context(), store.GCPSecret{Name: "projects/p/secrets/shop/versions/latest"})
	wantError(t, err, "gcloud auth", "/nonexistent")
}
