package project

import (
	"context"
	"errors"
	"fmt"

	"github.com/weighlock/weighlock/engine/internal/sops"
	"github.com/weighlock/weighlock/engine/internal/store"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// httpSource is a document on a web server.
type httpSource struct {
	URL      string            `json:"url"`
	Method   string            `json:"method"`
	Body     string            `json:"body"`
	Headers  map[string]scalar `json:"headers"`
	JSONPath string            `json:"jsonPath"`
}

// Check finds what is missing.
func (s *httpSource) Check(fail func(key, format string, args ...any)) {
	if s.URL == "" {
		fail("url", "is required")
	}
}

func (s *httpSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	stores, err := r.stores()
	if err != nil {
		return fetched{}, err
	}
	headers := map[string]string{}
	for k, v := range s.Headers {
		headers[k] = string(v)
	}
	a, err := stores.HTTP(ctx, store.HTTPRequest{URL: s.URL, Method: s.Method, Body: s.Body, Headers: headers})
	if err != nil {
		return fetched{}, err
	}
	f := fetched{origin: store.Address(s.URL), text: a.Text, sensitive: a.Secret, mediaType: a.MediaType}
	if s.JSONPath == "" {
		return f, nil
	}
	doc, err := yamldoc.Value(f.origin, a.Text)
	if err != nil {
		return fetched{}, f.discreet(err)
	}
	found, ok, err := selectOne(s.JSONPath, object.Normalize(doc))
	if err == nil && !ok {
		err = fmt.Errorf("%s finds nothing in the answer", s.JSONPath)
	}
	if err != nil {
		return fetched{}, fmt.Errorf("jsonPath: %s: %w", f.origin, err)
	}
	f.text, f.value = nil, found
	_, f.parse = found.(string) // a document within the document
	return f, nil
}

// vaultSource is a secret of HashiCorp Vault.
type vaultSource struct {
	Address string `json:"address"`
	Path    string `json:"path"`
}

// Check finds what is missing.
func (s *vaultSource) Check(fail func(key, format string, args ...any)) {
	if s.Path == "" {
		fail("path", "is required")
	}
}

func (s *vaultSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	stores, err := r.stores()
	if err != nil {
		return fetched{}, err
	}
	a, err := stores.Vault(ctx, store.VaultSecret{Address: s.Address, Path: s.Path})
	if err != nil {
		return fetched{}, err
	}
	// Templates are in the secret's values: rendering it as text would let a value's quote end the value.
	v, err := jsonValue(a.Text)
	return fetched{origin: "Vault " + s.Path, value: v, render: true, sensitive: true}, err
}

// awsSource is a secret of AWS Secrets Manager.
type awsSource struct {
	SecretName string `json:"secretName"`
	Region     string `json:"region"`
	Profile    string `json:"profile"`
}

// Check finds what is missing.
func (s *awsSource) Check(fail func(key, format string, args ...any)) {
	needsSecretName(s.SecretName, fail)
}

func (s *awsSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	stores, err := r.stores()
	if err != nil {
		return fetched{}, err
	}
	a, err := stores.AWS(ctx, store.AWSSecret{Name: s.SecretName, Region: s.Region, Profile: s.Profile})
	return secret("AWS secret "+s.SecretName, a), err
}

// gcpSource is a secret of Google Secret Manager.
type gcpSource struct {
	SecretName string `json:"secretName"`
}

// Check finds what is missing.
func (s *gcpSource) Check(fail func(key, format string, args ...any)) {
	needsSecretName(s.SecretName, fail)
}

func (s *gcpSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	stores, err := r.stores()
	if err != nil {
		return fetched{}, err
	}
	a, err := stores.GCP(ctx, store.GCPSecret{Name: s.SecretName})
	return secret("Google secret "+s.SecretName, a), err
}

// azureSource is a secret of an Azure Key Vault.
type azureSource struct {
	VaultURI   string `json:"vaultUri"`
	SecretName string `json:"secretName"`
}

// Check finds what is missing.
func (s *azureSource) Check(fail func(key, format string, args ...any)) {
	if s.VaultURI == "" {
		fail("vaultUri", "is required")
	}
	needsSecretName(s.SecretName, fail)
}

func (s *azureSource) fetch(ctx context.Context, r *resolver) (fetched, error) {
	stores, err := r.stores()
	if err != nil {
		return fetched{}, err
	}
	a, err := stores.Azure(ctx, store.AzureSecret{VaultURI: s.VaultURI, Name: s.SecretName})
	return secret("Azure secret "+s.VaultURI+" "+s.SecretName, a), err
}

func needsSecretName(name string, fail func(key, format string, args ...any)) {
	if name == "" {
		fail("secretName", "is required")
	}
}

// secret is a store's answer: a document with templates.
func secret(origin string, a store.Answer) fetched {
	text := a.Text
	if text == nil {
		text = []byte{}
	}
	return fetched{origin: origin, text: text, render: true, sensitive: true}
}

// asked is what a run of Resolve asks outside of the project: each thing once.
type asked struct {
	stores    *store.Client
	cluster   Cluster // nil: offline
	decrypter *sops.Decrypter
}

// ask returns what a run may ask for a target.
func (p *Project) ask(t Target, c Cluster) asked {
	a := asked{decrypter: p.decrypter}
	if c != nil {
		a.cluster = &remembering{Cluster: c}
	}
	if p.opts.Env != nil {
		a.stores = store.NewClient(store.Options{Env: p.opts.Env, AWS: t.aws.identity(c)})
		if keys := p.keys(); keys.Env != nil && t.aws != (awsConfig{}) {
			keys.AWS = a.stores.AWSCredentials
			a.decrypter = sops.New(keys) // for this target alone
		}
	}
	return a
}

// stores returns the way to stores and web servers.
func (r *resolver) stores() (*store.Client, error) {
	if r.asked.stores == nil {
		return nil, errors.New("web servers and secret stores are out of reach here: the project was opened without an environment, which says as whom to ask them")
	}
	return r.asked.stores, nil
}

// roleAnnotation is where EKS has the role of a service account.
const roleAnnotation = "eks.amazonaws.com/role-arn"

// tokenAudience is whom AWS wants tokens of service accounts to be for.
const tokenAudience = "sts.amazonaws.com"

// A TokenIssuer is a [Cluster] that makes tokens of service accounts, for stores that trust it. It stores nothing.
type TokenIssuer interface {
	// Token returns a token of a service account, for an audience.
	Token(ctx context.Context, account object.Ref, audience string) (string, error)
}

// identity is as whom AWS is asked (project format §1).
func (a awsConfig) identity(c Cluster) store.AWSIdentity {
	id := store.AWSIdentity{Profile: a.Profile}
	issuer, ok := c.(TokenIssuer)
	if a.ServiceAccount == nil || !ok {
		return id
	}
	account := object.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: a.ServiceAccount.Namespace, Name: a.ServiceAccount.Name}
	id.WebIdentity = func(ctx context.Context) (store.WebIdentity, error) {
		live, err := c.Get(ctx, account)
		if err != nil {
			return store.WebIdentity{}, fmt.Errorf("aws.serviceAccount: %w", err)
		}
		if live == nil {
			return store.WebIdentity{}, fmt.Errorf("aws.serviceAccount: %s does not exist in the cluster", account)
		}
		role := live.Annotation(roleAnnotation)
		if role == "" {
			return store.WebIdentity{}, fmt.Errorf("aws.serviceAccount: %s has no annotation %s, which names the role to take", account, roleAnnotation)
		}
		token, err := issuer.Token(ctx, account, tokenAudience)
		if err != nil {
			return store.WebIdentity{}, fmt.Errorf("aws.serviceAccount: %w", err)
		}
		return store.WebIdentity{RoleARN: role, Token: token}, nil
	}
	return id
}

// tree is the configuration as templates see it.
func (a awsConfig) tree() map[string]any {
	out := map[string]any{}
	if a.Profile != "" {
		out["profile"] = a.Profile
	}
	if s := a.ServiceAccount; s != nil {
		out["serviceAccount"] = map[string]any{"name": s.Name, "namespace": s.Namespace}
	}
	return out
}

// awsOf reads a configuration that is a tree.
func awsOf(v any) awsConfig {
	o, _ := v.(map[string]any)
	tree := object.Object(o)
	a := awsConfig{Profile: tree.Text("profile")}
	if account := tree.Map("serviceAccount"); account != nil {
		a.ServiceAccount = &awsServiceAccount{Name: tree.Text("serviceAccount", "name"), Namespace: tree.Text("serviceAccount", "namespace")}
	}
	return a
}
