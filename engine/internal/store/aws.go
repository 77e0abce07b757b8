package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// An AWSSecret names a secret of AWS Secrets Manager.
type AWSSecret struct {
	// Name is its name, or its ARN.
	Name string
	// Region "" is the ARN's, else that of the environment or the profile.
	Region string
	// Profile is one of ~/.aws/config; "" leaves it to the environment and to [AWSIdentity].
	Profile string
}

// AWSIdentity is as whom AWS is asked where neither the secret's source nor the environment says (project format §1). Its
// zero value leaves that to the AWS client.
type AWSIdentity struct {
	// Profile is used where it exists.
	Profile string
	// WebIdentity is asked where it does not.
	WebIdentity func(context.Context) (WebIdentity, error)
}

// A WebIdentity is a token for which AWS gives a role.
type WebIdentity struct{ RoleARN, Token string }

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (w WebIdentity) GetIdentityToken() ([]byte, error) { return []byte(w.Token), nil }

// AWS returns the current version of a secret. The environment says as whom it is asked, by the AWS_* variables that AWS's own tools
// read.
func (c *Client) AWS(ctx context.Context, s AWSSecret) (Answer, error) {
	return c.once(ctx, s, func(ctx context.Context) (Answer, error) {
		what := fmt.Sprintf("secret %s of AWS Secrets Manager", s.Name)
		if a, err := arn.Parse(s.Name); err == nil && s.Region == "" {
			s.Region = a.Region
		}
		conf, err := c.awsConfig(ctx, s)
		if err != nil {
			return Answer{}, fmt.Errorf("%s: %w", what, err)
		}
		if conf.Region == "" {
			return Answer{}, fmt.Errorf("%s: no region; name it with region, or in AWS_REGION, or give the secret's ARN", what)
		}
		client := secretsmanager.NewFromConfig(conf, func(o *secretsmanager.Options) {
			if e := c.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"); e != "" {
				o.BaseEndpoint = &e
			}
		})
		got, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.Name})
		var missing *types.ResourceNotFoundException
		switch {
		case errors.As(err, &missing):
			return Answer{}, &MissingError{What: what + " in " + conf.Region}
		case err != nil:
			return Answer{}, fmt.Errorf("%s in %s: %w", what, conf.Region, awsError(err))
		case got.SecretString != nil:
			return Answer{Text: []byte(*got.SecretString), Secret: true}, nil
		}
		return Answer{Text: got.SecretBinary, Secret: true}, nil
	})
}

// AWSCredentials are those with which AWS is asked where nothing but the environment and [AWSIdentity] says as whom.
func (c *Client) AWSCredentials(ctx context.Context) (aws.CredentialsProvider, error) {
	conf, err := c.awsConfig(ctx, AWSSecret{})
	return conf.Credentials, err
}

// awsError says what to do about a refusal.
func awsError(err error) error {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		switch refused.ErrorCode() {
		case "AccessDeniedException":
			return fmt.Errorf("%w; the identity needs secretsmanager:GetSecretValue, and kms:Decrypt where the secret has a key of its own", err)
		case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "InvalidClientTokenId":
			return fmt.Errorf("%w; the credentials are not valid, or no longer", err)
		}
		return err
	}
	return fmt.Errorf("%w; are there credentials? AWS_PROFILE names a profile, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are a key", err)
}

// awsConfig finds region and credentials.
func (c *Client) awsConfig(ctx context.Context, s AWSSecret) (aws.Config, error) {
	options := c.awsOptions()
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	switch {
	case s.Profile != "":
		return config.LoadDefaultConfig(ctx, append(options, config.WithSharedConfigProfile(s.Profile))...)
	case c.env("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		return c.awsOwn(ctx, options)
	}
	if profile := c.opts.AWS.Profile; profile != "" {
		if ok, err := c.awsProfileExists(ctx, profile); err != nil {
			return aws.Config{}, err
		} else if ok {
			return config.LoadDefaultConfig(ctx, append(options, config.WithSharedConfigProfile(profile))...)
		}
	}
	if c.opts.AWS.WebIdentity != nil {
		id, err := c.opts.AWS.WebIdentity(ctx)
		if err != nil {
			return aws.Config{}, err
		}
		return c.awsRole(ctx, id.RoleARN, id, options)
	}
	return config.LoadDefaultConfig(ctx, options...)
}

// awsOwn takes the credentials that the environment names, in the order of AWS's own tools.
func (c *Client) awsOwn(ctx context.Context, options []func(*config.LoadOptions) error) (aws.Config, error) {
	if key := c.env("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"); key != "" {
		static := credentials.NewStaticCredentialsProvider(key, c.env("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"), c.env("AWS_SESSION_TOKEN"))
		return config.LoadDefaultConfig(ctx, append(options, config.WithCredentialsProvider(static))...)
	}
	if file := c.env("AWS_WEB_IDENTITY_TOKEN_FILE"); file != "" {
		return c.awsRole(ctx, c.env("AWS_ROLE_ARN"), stscreds.IdentityTokenFile(file), options)
	}
	return config.LoadDefaultConfig(ctx, append(options, config.WithSharedConfigProfile(c.env("AWS_PROFILE")))...)
}

// awsRole takes a role for a token.
func (c *Client) awsRole(ctx context.Context, role string, token stscreds.IdentityTokenRetriever, options []func(*config.LoadOptions) error) (aws.Config, error) {
	conf, err := config.LoadDefaultConfig(ctx, append(options, config.WithCredentialsProvider(aws.AnonymousCredentials{}))...)
	if err != nil {
		return conf, err
	}
	client := sts.NewFromConfig(conf, func(o *sts.Options) {
		if e := c.env("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"); e != "" {
			o.BaseEndpoint = &e
		}
	})
	conf.Credentials = aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(client, role, token, func(o *stscreds.WebIdentityRoleOptions) {
		if name := c.env("AWS_ROLE_SESSION_NAME"); name != "" {
			o.RoleSessionName = name
		}
	}))
	return conf, nil
}

func (c *Client) awsOptions() []func(*config.LoadOptions) error {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.Proxy, t.DialContext = c.transport().Proxy, c.transport().DialContext
	})
	configFile, credentialsFile := c.awsFiles()
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client), config.WithSharedConfigFiles([]string{configFile}), config.WithSharedCredentialsFiles([]string{credentialsFile}),
	}
	if region := c.env("AWS_REGION", "AWS_DEFAULT_REGION"); region != "" {
		options = append(options, config.WithRegion(region))
	}
	if isTrue(c.env("AWS_EC2_METADATA_DISABLED")) {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	return options
}

// awsFiles are the user's files of profiles and of keys.
func (c *Client) awsFiles() (configFile, credentialsFile string) {
	configFile, credentialsFile = c.env("AWS_CONFIG_FILE"), c.env("AWS_SHARED_CREDENTIALS_FILE")
	if configFile == "" {
		configFile = filepath.Join(c.env("HOME"), ".aws", "config")
	}
	if credentialsFile == "" {
		credentialsFile = filepath.Join(c.env("HOME"), ".aws", "credentials")
	}
	return configFile, credentialsFile
}

func (c *Client) awsProfileExists(ctx context.Context, profile string) (bool, error) {
	configFile, credentialsFile := c.awsFiles()
	_, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{configFile}, []string{credentialsFile}
	})
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return false, nil
	}
	return err == nil, err
}
