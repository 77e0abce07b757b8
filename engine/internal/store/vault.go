package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/api"
)

// A VaultSecret names a secret of a HashiCorp Vault's key-value engine, version 2.
type VaultSecret struct {
	// Address is the server's, such as https://vault.example.com:8200; "" takes VAULT_ADDR.
	Address string
	// Path is MOUNT/data/NAME.
	Path string
}

// Vault returns the secret's current version as a JSON object. The environment says as whom it is asked, by VAULT_TOKEN,
// and how the server is reached: VAULT_NAMESPACE, VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT, VAULT_CLIENT_KEY,
// VAULT_TLS_SERVER_NAME, VAULT_SKIP_VERIFY.
func (c *Client) Vault(ctx context.Context, s VaultSecret) (Answer, error) {
	return c.once(ctx, s, func(ctx context.Context) (Answer, error) {
		if s.Address == "" {
			s.Address = c.env("VAULT_ADDR")
		}
		if s.Address == "" {
			return Answer{}, errors.New("no address of a Vault: name it with address, or in VAULT_ADDR")
		}
		what := fmt.Sprintf("secret %s of Vault %s", s.Path, s.Address)
		client, err := c.vaultClient(s.Address)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		got, err := client.Logical().ReadWithContext(ctx, s.Path)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, c.vaultError(err))
		}
		if got == nil {
			return Answer{}, &MissingError{What: what}
		}
		data, versioned := got.Data["data"]
		switch {
		case !versioned:
			return Answer{}, fmt.Errorf("%s: is no secret of a key-value engine of version 2; expected a path of the form MOUNT/data/NAME", what)
		case data == nil: // its current version is deleted
			return Answer{}, &MissingError{What: what}
		}
		text, err := json.Marshal(data)
		return Answer{Text: text, Secret: true}, err
	})
}

func (c *Client) vaultClient(address string) (*api.Client, error) {
	config := &api.Config{
		Address: address, Timeout: c.opts.Timeout, MaxRetries: 2,
		HttpClient: &http.Client{
			Transport: c.transport().Clone(), // TLS is configured in it
			// The client follows redirects by itself.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	tls := api.TLSConfig{
		CACert: c.env("VAULT_CACERT"), CAPath: c.env("VAULT_CAPATH"), ClientCert: c.env("VAULT_CLIENT_CERT"), ClientKey: c.env("VAULT_CLIENT_KEY"),
		TLSServerName: c.env("VAULT_TLS_SERVER_NAME"), Insecure: isTrue(c.env("VAULT_SKIP_VERIFY")),
	}
	if err := config.ConfigureTLS(&tls); err != nil {
		return nil, err
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	// NewClient has looked into the process's environment; the one that was handed in decides.
	client.SetToken(c.env("VAULT_TOKEN"))
	client.ClearNamespace()
	if ns := c.env("VAULT_NAMESPACE"); ns != "" {
		client.SetNamespace(ns)
	}
	return client, nil
}

// vaultError says what to do about a refusal.
func (c *Client) vaultError(err error) error {
	var refused *api.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusForbidden {
		return err
	}
	if c.env("VAULT_TOKEN") == "" {
		return fmt.Errorf("refused (403); set VAULT_TOKEN to a token that may read it: %v", refused.Errors)
	}
	return fmt.Errorf("refused (403); the token in VAULT_TOKEN may not read it, or is no longer valid: %v", refused.Errors)
}

func isTrue(s string) bool {
	return s == "1" || s == "t" || s == "T" || s == "true" || s == "TRUE" || s == "True"
}
