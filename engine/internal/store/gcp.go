package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"regexp"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/option"
)

// A GCPSecret names a version of a secret of Google Secret Manager: projects/P/secrets/S/versions/V, where V may be latest.
type GCPSecret struct{ Name string }

var gcpName = regexp.MustCompile(`^projects/[^/]+/(locations/[^/]+/)?secrets/[^/]+/versions/[^/]+$`)

// GCP returns a version of a secret. The environment says as whom it is asked, by GOOGLE_APPLICATION_CREDENTIALS, the path
// of a file of credentials.
func (c *Client) GCP(ctx context.Context, s GCPSecret) (Answer, error) {
	return c.once(ctx, s, func(ctx context.Context) (Answer, error) {
		if !gcpName.MatchString(s.Name) {
			return Answer{}, fmt.Errorf("found %q, expected projects/PROJECT/secrets/SECRET/versions/VERSION, where VERSION may be latest", s.Name)
		}
		what := fmt.Sprintf("%s of Google Secret Manager", s.Name)
		creds, err := credentials.DetectDefault(&credentials.DetectOptions{
			Scopes:          []string{"https://www.googleapis.com/auth/cloud-platform"},
			CredentialsFile: c.env("GOOGLE_APPLICATION_CREDENTIALS"),
			Client:          &http.Client{Transport: c.transport()},
		})
		if err != nil {
			return Answer{}, fmt.Errorf("%s: no credentials; log in with gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a file that holds some: %w", what, err)
		}
		// REST, not gRPC: it goes the way of all other requests, by the same proxies.
		authorized, err := httptransport.NewClient(&httptransport.Options{Credentials: creds, BaseRoundTripper: c.transport()})
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		options := []option.ClientOption{option.WithHTTPClient(authorized)}
		if c.opts.GCPEndpoint != "" {
			options = append(options, option.WithEndpoint(c.opts.GCPEndpoint))
		}
		client, err := secretmanager.NewRESTClient(ctx, options...)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		defer client.Close()
		got, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: s.Name})
		var refused *apierror.APIError
		switch {
		case errors.As(err, &refused) && refused.HTTPCode() == http.StatusNotFound:
			return Answer{}, &MissingError{What: what}
		case errors.As(err, &refused) && refused.HTTPCode() == http.StatusForbidden:
			return Answer{}, fmt.Errorf("%s: refused (403); the identity needs the role roles/secretmanager.secretAccessor", what)
		case err != nil:
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		data := got.GetPayload().GetData()
		if sum := got.GetPayload().DataCrc32C; sum != nil && *sum != int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))) {
			return Answer{}, fmt.Errorf("%s: came damaged: its checksum is another; try again", what)
		}
		return Answer{Text: data, Secret: true}, nil
	})
}
