package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/internal/store"
)

// secretsManager answers as AWS Secrets Manager and as AWS's token service do. It tells by what key it was asked, in which region.
func secretsManager(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err == nil && r.PostForm.Get("Action") == "AssumeRoleWithWebIdentity" {
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
			<AccessKeyId>KEY-OF-%s-%s</AccessKeyId><SecretAccessKey>s3cret</SecretAccessKey><SessionToken>s3cret</SessionToken><Expiration>2099-01-02T03:04:05Z</Expiration>
			</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, r.PostForm.Get("RoleArn"), r.PostForm.Get("WebIdentityToken"))
		return
	}
	var in struct {
		Name string `json:"SecretId"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope := strings.Split(signed, "/") // the key's id, date, region, service; the id of a role's key has slashes itself
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	refuse := func(code string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"message":"it is so"}`, code)
	}
	switch {
	case r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || len(scope) < 5:
		refuse("InvalidRequestException")
	case strings.HasPrefix(in.Name, "denied"):
		refuse("AccessDeniedException")
	case strings.HasPrefix(in.Name, "none"):
		refuse("ResourceNotFoundException")
	case in.Name == "binary":
		fmt.Fprint(w, `{"SecretBinary":"YTogMQ=="}`)
	default:
		n := len(scope)
		fmt.Fprintf(w, `{"SecretString":%q}`, strings.Join(scope[:n-4], "/")+" "+scope[n-3])
	}
}

const awsProfiles = `[profile build]
region = eu-north-1
aws_access_key_id = BUILD
aws_secret_access_key = s3cret
[profile other]
region = ap-south-1
aws_access_key_id = OTHER
aws_secret_access_key = s3cret
`

func TestAWS(t *testing.T) {
	t.Parallel()
	server := serve(t, secretsManager)
	files := environ{"AWS_ENDPOINT_URL": server, "AWS_CONFIG_FILE": write(t, "config", awsProfiles), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
	with := func(more environ) environ {
		out := environ{}
		for _, e := range []environ{files, more} {
			for k, v := range e {
				out[k] = v
			}
		}
		return out
	}
	key := with(environ{"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "eu-west-1"})
	account := func(context.Context) (store.WebIdentity, error) {
		return store.WebIdentity{RoleARN: "role", Token: "token"}, nil
	}
	const arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:shop-AbCdEf"

	for name, c := range map[string]struct {
		env      environ
		identity store.AWSIdentity
		secret   store.AWSSecret
		want     string // key and region
	}{
		"the environment's key and region":            {key, store.AWSIdentity{}, store.AWSSecret{Name: "shop"}, "KEY eu-west-1"},
		"the source's region":                         {key, store.AWSIdentity{}, store.AWSSecret{Name: "shop", Region: "sa-east-1"}, "KEY sa-east-1"},
		"the region of an ARN":                        {key, store.AWSIdentity{}, store.AWSSecret{Name: arn}, "KEY us-east-2"},
		"the source's profile before the environment": {with(environ{"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "s3cret"}), store.AWSIdentity{}, store.AWSSecret{Name: "shop", Profile: "build"}, "BUILD eu-north-1"},
		"the environment's profile":                   {with(environ{"AWS_PROFILE": "other"}), store.AWSIdentity{Profile: "build"}, store.AWSSecret{Name: "shop"}, "OTHER ap-south-1"},
		"the project's profile":                       {files, store.AWSIdentity{Profile: "build", WebIdentity: account}, store.AWSSecret{Name: "shop"}, "BUILD eu-north-1"},
		"the project's profile, not with a key":       {key, store.AWSIdentity{Profile: "build", WebIdentity: account}, store.AWSSecret{Name: "shop"}, "KEY eu-west-1"},
		"the account where the profile is missing":    {files, store.AWSIdentity{Profile: "none", WebIdentity: account}, store.AWSSecret{Name: "shop", Region: "eu-west-1"}, "KEY-OF-role-token eu-west-1"},
		"the environment's token": {with(environ{"AWS_WEB_IDENTITY_TOKEN_FILE": write(t, "token", "mine"), "AWS_ROLE_ARN": "arn:r", "AWS_REGION": "eu-west-1"}),
			store.AWSIdentity{WebIdentity: account}, store.AWSSecret{Name: "shop"}, "KEY-OF-arn:r-mine eu-west-1"},
		"binary": {key, store.AWSIdentity{}, store.AWSSecret{Name: "binary"}, "a: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := store.NewClient(store.Options{Env: c.env.lookup, AWS: c.identity}).AWS(t.Context(), c.secret)
			want(t, a, err, c.want)
		})
	}

	refused := func(context.Context) (store.WebIdentity, error) {
		return store.WebIdentity{}, errors.New("the account may not be read")
	}
	for name, c := range map[string]struct {
		env      environ
		identity store.AWSIdentity
		secret   store.AWSSecret
		parts    []string
	}{
		"denied":                  {key, store.AWSIdentity{}, store.AWSSecret{Name: "denied"}, []string{"secret denied of AWS Secrets Manager in eu-west-1", "secretsmanager:GetSecretValue"}},
		"no region":               {with(environ{"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "s3cret"}), store.AWSIdentity{}, store.AWSSecret{Name: "shop"}, []string{"AWS_REGION"}},
		"no credentials":          {files, store.AWSIdentity{}, store.AWSSecret{Name: "shop", Region: "eu-west-1"}, []string{"AWS_PROFILE"}},
		"no such profile":         {files, store.AWSIdentity{}, store.AWSSecret{Name: "shop", Profile: "none"}, []string{"none"}},
		"an account out of reach": {files, store.AWSIdentity{WebIdentity: refused}, store.AWSSecret{Name: "shop"}, []string{"the account may not be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.NewClient(store.Options{Env: c.env.lookup, AWS: c.identity}).AWS(t.Context(), c.secret)
			wantError(t, err, c.parts...)
		})
	}

	_, err := store.NewClient(store.Options{Env: key.lookup}).AWS(t.Context(), store.AWSSecret{Name: "none"})
	wantMissing(t, err)
}
