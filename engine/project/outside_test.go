package project_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// outsideSources are the sources that lie outside of the project, by their field.
var outsideSources = map[string]string{
	"http":              "{url: 'http://127.0.0.1:1'}",
	"vault":             "{address: 'http://127.0.0.1:1', path: secret/data/a}",
	"awsSecretsManager": "{secretName: a, region: eu-west-1}",
	"gcpSecretManager":  "{secretName: projects/p/secrets/s/versions/1}",
	"azureKeyVault":     "{vaultUri: 'https://127.0.0.1:1', secretName: a}",
	"clusterConfigMap":  "{name: a, namespace: n, key: k}",
	"clusterSecret":     "{name: a, namespace: n, key: k}",
	"clusterObject":     "{kind: Pod, name: a, namespace: n, path: $, targetPath: x}",
	"systemEnvVars":     "{a: HOME}",
}

// resolve resolves a project whose deployment file has the vars.
func resolve(t *testing.T, vars string, opts project.Options, c project.Cluster) (*project.Deployment, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "deployment.yaml"), []byte("vars:\n"+vars+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	target, err := p.Target(t.Context(), project.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Resolve(t.Context(), target, c)
}

func noEnv(string) (string, bool) { return "", false }

func TestStrangersProjectsAskNobodyForVariables(t *testing.T) {
	t.Parallel()
	for name, source := range outsideSources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := project.Options{Untrusted: &project.Untrusted{}, Env: func(string) (string, bool) { t.Error("the environment was asked"); return "", false }}
			_, err := resolve(t, "- "+name+": "+source+"\n  ignoreMissing: true", opts, &countingCluster{t: t, refuse: true})
			for _, part := range []string{"deployment.yaml:2: vars[0]", name + " is refused", "stranger", "may use it"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
		})
	}
}

func TestProjectsWithoutAnEnvironmentAskNoStore(t *testing.T) {
	t.Parallel()
	for name, source := range outsideSources {
		if strings.HasPrefix(name, "cluster") {
			continue
		}
		_, err := resolve(t, "- "+name+": "+source+"\n  ignoreMissing: true", project.Options{}, nil)
		if err == nil || !strings.Contains(err.Error(), "out of reach here") {
			t.Errorf("%s: got %v, want an error that it is out of reach", name, err)
		}
	}
}

// countingCluster counts what it is asked for.
type countingCluster struct {
	t      *testing.T
	refuse bool

	mu    sync.Mutex
	asked []string
}

func (c *countingCluster) ask(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse {
		c.t.Errorf("the cluster was asked for %s", what)
	}
	c.asked = append(c.asked, what)
}

func (c *countingCluster) Context() string { return "counted" }

func (c *countingCluster) Get(_ context.Context, ref object.Ref) (object.Object, error) {
	c.ask(ref.String())
	if ref.Name == "refused" {
		return nil, errors.New("forbidden")
	}
	return object.Object{"apiVersion": "v1", "kind": ref.Kind, "metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace},
		"data": map[string]any{"k": "list: [1]"}}, nil
}

func (c *countingCluster) List(_ context.Context, kind object.Ref, _ map[string]string) ([]object.Object, error) {
	c.ask("list of " + kind.String())
	return nil, nil
}

func (c *countingCluster) Kinds(_ context.Context, name string) ([]object.Ref, error) {
	return []object.Ref{{Version: "v1", Kind: name}}, nil
}

func TestClusterIsAskedForEachThingOnce(t *testing.T) {
	t.Parallel()
	c := &countingCluster{t: t}
	d, err := resolve(t, `
- clusterConfigMap: {name: a, namespace: n, key: k}
- clusterConfigMap: {name: a, namespace: n, key: k, targetPath: again}
- clusterObject: {kind: ConfigMap, name: a, namespace: n, path: data.k, parseYaml: true, targetPath: third}
- clusterObject: {kind: ConfigMap, name: b, namespace: n, path: data.k, targetPath: other}
- clusterConfigMap: {labels: {a: b}, namespace: n, key: k}
  ignoreMissing: true
- clusterConfigMap: {labels: {a: b}, namespace: n, key: other}
  ignoreMissing: true
`, project.Options{Env: noEnv}, c)
	if err != nil {
		t.Fatal(err)
	}
	// Nor is it for a variant of the same run.
	if _, err := d.Vary(t.Context(), project.OtherValues); err != nil {
		t.Fatal(err)
	}
	want := []string{"n/ConfigMap/a", "n/ConfigMap/b", "list of n/ConfigMap"}
	if !slices.Equal(c.asked, want) {
		t.Errorf("asked for %q, want %q", c.asked, want)
	}
	sensitive := map[string]bool{}
	for _, l := range d.Layers {
		if l.At != "" {
			for k := range l.Values {
				sensitive[k] = l.Sensitive
			}
		}
	}
	if sensitive["list"] || sensitive["again"] || !sensitive["third"] || !sensitive["other"] {
		t.Errorf("sensitive: %v, want what is from objects in general and not what is from ConfigMaps", sensitive)
	}
}

func TestRefusedReadsAreNotIgnored(t *testing.T) {
	t.Parallel()
	_, err := resolve(t, "- clusterSecret: {name: refused, namespace: n, key: k}\n  ignoreMissing: true", project.Options{Env: noEnv}, &countingCluster{t: t})
	if err == nil || !strings.Contains(err.Error(), "vars[0].clusterSecret: forbidden") {
		t.Errorf("got %v, want the refusal", err)
	}
}
