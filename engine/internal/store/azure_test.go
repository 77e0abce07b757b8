package store_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/store"
)

// keyVault answers as an Azure Key Vault, and as the place where its users log in.
func keyVault(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	const login = "https://login.test"
	switch name := strings.Trim(strings.TrimPrefix(r.URL.Path, "/secrets/"), "/"); {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		fmt.Fprintf(w, `{"issuer":"%[1]s/tenant/v2.0","authorization_endpoint":"%[1]s/tenant/oauth2/v2.0/authorize","token_endpoint":"%[1]s/tenant/oauth2/v2.0/token"}`, login)
	case strings.HasSuffix(r.URL.Path, "/token"):
		if r.FormValue("client_secret") != "s3cret" && r.FormValue("client_assertion") != "s3cret-assertion" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000215"}`)
			return
		}
		fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"s3cret-token"}`)
	case r.Header.Get("Authorization") != "Bearer s3cret-token":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="%s/tenant", resource="https://vault.test"`, login))
		w.WriteHeader(http.StatusUnauthorized)
	case name == "shop":
		fmt.Fprint(w, `{"value":"a: 1","id":"https://shop.vault.test/secrets/shop/1"}`)
	case name == "empty":
		fmt.Fprint(w, `{"value":"","id":"https://shop.vault.test/secrets/empty/1"}`)
	case name == "denied":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error":{"code":"Forbidden","message":"it is so"}}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"code":"SecretNotFound","message":"it is so"}}`)
	}
}

func TestAzure(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(keyVault))
	t.Cleanup(server.Close)
	transport := dialing(server.Client().Transport.(*http.Transport), server.Listener.Addr().String())
	transport.TLSClientConfig.InsecureSkipVerify = true // its certificate is for another name
	identity := environ{"AZURE_AUTHORITY_HOST": "https://login.test", "AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "s3cret"}
	ask := func(env environ, name string) (store.Answer, error) {
		c := store.NewClient(store.Options{Env: env.lookup, Transport: transport})
		return c.Azure(t.Context(), store.AzureSecret{VaultURI: "https://shop.vault.test/", Name: name})
	}

	a, err := ask(identity, "shop")
	want(t, a, err, "a: 1")
	workload := environ{"AZURE_AUTHORITY_HOST": "https://login.test", "AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "app", "AZURE_FEDERATED_TOKEN_FILE": write(t, "token", "s3cret-assertion")}
	a, err = ask(workload, "shop")
	want(t, a, err, "a: 1")
	for _, name := range []string{"none", "empty"} {
		_, err = ask(identity, name)
		wantMissing(t, err)
	}
	_, err = ask(identity, "denied")
	wantError(t, err, "secret denied of Azure Key Vault https://shop.vault.test/", "Key Vault Secrets User")
	identity["AZURE_CLIENT_SECRET"] = "s3cret-not"
	_, err = ask(identity, "shop")
	wantError(t, err, "the login failed", "AZURE_CLIENT_SECRET")
	_, err = store.NewClient(store.Options{Env: identity.lookup}).Azure(t.Context(), store.AzureSecret{VaultURI: "http://shop.vault.test"})
	wantError(t, err, "https://")
}
