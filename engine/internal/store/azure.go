package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// An AzureSecret names a secret of an Azure Key Vault.
type AzureSecret struct {
	// VaultURI is the vault's address, such as https://shop.vault.azure.net/.
	VaultURI string
	Name     string
}

// Azure returns the current version of a secret. One that is empty counts as missing.
//
// The environment says as whom it is asked, by AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or
// AZURE_FEDERATED_TOKEN_FILE, and where people log in, by AZURE_AUTHORITY_HOST.
func (c *Client) Azure(ctx context.Context, s AzureSecret) (Answer, error) {
	return c.once(ctx, s, func(ctx context.Context) (Answer, error) {
		what := fmt.Sprintf("secret %s of Azure Key Vault %s", s.Name, s.VaultURI)
		if !strings.HasPrefix(s.VaultURI, "https://") {
			return Answer{}, fmt.Errorf("%s: expected an address that begins with https://", what)
		}
		options := c.azureOptions()
		credential, err := c.azureCredential(options)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		client, err := azsecrets.NewClient(s.VaultURI, credential, &azsecrets.ClientOptions{ClientOptions: options})
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		got, err := client.GetSecret(ctx, s.Name, "", nil)
		switch {
		case err != nil && azureStatus(err) == http.StatusNotFound:
			return Answer{}, &MissingError{What: what}
		case err != nil:
			return Answer{}, fmt.Errorf("%s: %w", what, azureError(err))
		case got.Value == nil || *got.Value == "":
			return Answer{}, &MissingError{What: what}
		}
		return Answer{Text: []byte(*got.Value), Secret: true}, nil
	})
}

func (c *Client) azureOptions() policy.ClientOptions {
	options := policy.ClientOptions{Transport: &http.Client{Transport: c.transport()}}
	if host := c.env("AZURE_AUTHORITY_HOST"); host != "" {
		options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: host}
	}
	return options
}

func (c *Client) azureCredential(options policy.ClientOptions) (azcore.TokenCredential, error) {
	tenant, client := c.env("AZURE_TENANT_ID"), c.env("AZURE_CLIENT_ID")
	// An authority that is named is trusted; asking Microsoft about it would fail in clouds of one's own.
	named := options.Cloud.ActiveDirectoryAuthorityHost != ""
	if secret := c.env("AZURE_CLIENT_SECRET"); secret != "" && tenant != "" && client != "" {
		return azidentity.NewClientSecretCredential(tenant, client, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: named})
	}
	if file := c.env("AZURE_FEDERATED_TOKEN_FILE"); file != "" && tenant != "" && client != "" {
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: named, ClientID: client, TenantID: tenant, TokenFilePath: file,
		})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: named})
}

func azureStatus(err error) int {
	var refused *azcore.ResponseError
	if errors.As(err, &refused) {
		return refused.StatusCode
	}
	return 0
}

// azureError shortens the client's account, which prints whole answers, and says what to do.
func azureError(err error) error {
	var refused *azcore.ResponseError
	if errors.As(err, &refused) {
		if refused.StatusCode == http.StatusForbidden {
			return fmt.Errorf("refused (403 %s); the identity needs the role Key Vault Secrets User, or the access policy get for secrets", refused.ErrorCode)
		}
		return fmt.Errorf("the vault answered %d %s", refused.StatusCode, refused.ErrorCode)
	}
	var login *azidentity.AuthenticationFailedError
	if errors.As(err, &login) {
		status := ""
		if login.RawResponse != nil {
			status = " (" + login.RawResponse.Status + ")"
		}
		return fmt.Errorf("the login failed%s; log in with az login, or check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET", status)
	}
	return err
}
