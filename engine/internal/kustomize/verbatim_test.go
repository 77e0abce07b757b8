package kustomize

import (
	"encoding/json"
	"path"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// bothWays says what [checker.verbatim] makes of a directory, and builds it by kustomize where that makes something.
func bothWays(fsys FS, dir string) (quick []Resource, ok bool, slow []Resource, err error) {
	c := checker{reporter: reporter{fsys, Options{}}}
	if err := c.check(path.Join("/", dir)); err != nil {
		return nil, false, nil, err
	}
	if quick, ok = c.verbatim(path.Join("/", dir)); ok {
		slow, err = c.build(path.Join("/", dir))
	}
	return quick, ok, slow, err
}

// What is taken as it stands is what kustomize gives, on all archives of the other tests.
func TestWhatIsTakenAsItStandsIsWhatKustomizeGives(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, name := range archives {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys := NewFS()
		for _, f := range ar.Files {
			if err := fsys.WriteFile(f.Name, f.Data); err != nil {
				t.Fatal(err)
			}
		}
		quick, ok, slow, err := bothWays(fsys, "app")
		if ok {
			taken++
			same(t, name, quick, slow, err)
		}
	}
	if taken < 3 {
		t.Errorf("only %d archives are lists of files", taken)
	}
}

// A directory without a kustomization is what the one that is made up for it gives, also where nothing is made up.
func TestWhatIsTakenAsListedIsWhatTheMadeUpKustomizationGives(t *testing.T) {
	t.Parallel()
	other := "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		opts  GenerateOptions
		want  bool
	}{
		{"two files", map[string]string{"app/b.yaml": configMap, "app/a.yml": other, "app/c.txt": "x"}, GenerateOptions{}, true},
		{"those of a chart", map[string]string{"app/helm-chart.yaml": "x", "app/out.yaml": other, "app/a.yaml": configMap}, GenerateOptions{Outputs: map[string]string{"app": "out.yaml"}}, true},
		{"values of a chart", map[string]string{"app/helm-values.yaml": "a: 1\n", "app/a.yaml": configMap}, GenerateOptions{}, true},
		{"directories", map[string]string{"app/a.yaml": configMap, "app/x/b.yaml": other}, GenerateOptions{Recursive: true}, true},
		{"directories that do not count", map[string]string{"app/a.yaml": configMap, "app/x/b.yaml": configMap}, GenerateOptions{}, true},
		{"no file", map[string]string{"app/x/b.yaml": configMap}, GenerateOptions{}, false},
		{"the same object twice", map[string]string{"app/a.yaml": configMap, "app/b.yaml": configMap}, GenerateOptions{}, false},
		{"a name that is a URL", map[string]string{"app/git@x.y:a.yaml": configMap}, GenerateOptions{}, false},
		{"a kustomization below", map[string]string{"app/a.yaml": configMap, "app/x/kustomization.yaml": "resources: []\n"}, GenerateOptions{Recursive: true}, false},
		{"no object", map[string]string{"app/a.yaml": configMap, "app/b.yaml": "a: 1\n"}, GenerateOptions{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fsys := tree(t, c.files)
			quick, _, ok := AsListed(fsys, "app", c.opts)
			if ok != c.want {
				t.Errorf("taken as listed: %v", ok)
			}
			if !ok {
				return
			}
			if err := Generate(fsys, "app", c.opts); err != nil {
				t.Fatal(err)
			}
			k := checker{reporter: reporter{fsys, Options{}}}
			if err := k.check("/app"); err != nil {
				t.Fatal(err)
			}
			slow, err := k.build("/app")
			same(t, c.name, quick, slow, err)
		})
	}
}

func same(t *testing.T, what string, quick, slow []Resource, err error) {
	t.Helper()
	if err != nil || len(quick) != len(slow) || len(quick) > 0 && !reflect.DeepEqual(quick, slow) {
		a, _ := json.Marshal(quick)
		b, _ := json.Marshal(slow)
		t.Errorf("%s\ntaken as it stands: %s\nkustomize gives: %s %v", what, a, b, err)
	}
}

// Items for which kustomize has nothing to do are many; what it changes, drops or refuses is left to it.
func TestWhatKustomizeHasASayInIsLeftToIt(t *testing.T) {
	t.Parallel()
	const list = "resources: [a.yaml]\n"
	for _, c := range []struct {
		name, kustomization, file string
		want                      bool
	}{
		{"object", list, configMap, true},
		{"two documents", list, configMap + "---\n# one more\n" + "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", true},
		{"label", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: b}}\n", true},
		{"transformer", list + "namePrefix: x-\n", configMap, false},
		{"namespace", list + "namespace: x\n", configMap, false},
		{"order", list + "sortOptions: {order: fifo}\n", configMap, false},
		{"component", list + "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n", configMap, true},
		{"local only", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: \"true\"}}\n", false},
		{"list", list, "apiVersion: v1\nkind: ConfigMapList\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]\n", false},
		{"anchor", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: &n a}\ndata: {a: *n}\n", false},
		{"merge", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {<<: {a: b}}\n", false},
		{"tag", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: !!str 1}\n", false},
		{"time", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 2020-01-01}\n", false},
		{"null in a list", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: [null]}\n", false},
		{"key twice", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nmetadata: {name: b}\n", false},
		{"key is no text", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {1: b}\n", false},
		{"no name", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}\n", false},
		{"key that looks like a merge", list, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {\"<<\": x, b: c}\n", false},
		{"object twice, once by its default namespace", list, configMap + "---\n" + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n", false},
		{"object twice", list, configMap + "---\n" + configMap, false},
		{"reference with a namespace", list, "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a, namespace: b}\nsubjects: [{kind: ServiceAccount, name: c}]\n", false},
		{"plugin", list, "apiVersion: kustomize.config.k8s.io/v1\nkind: ConfigMap\nmetadata: {name: a}\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			quick, ok, slow, err := bothWays(tree(t, map[string]string{"app/kustomization.yaml": c.kustomization, "app/a.yaml": c.file}), "app")
			if !ok && err != nil {
				t.Fatal(err)
			}
			if ok != c.want {
				t.Errorf("taken as it stands: %v", ok)
			}
			if ok {
				same(t, c.file, quick, slow, err)
			}
		})
	}
}

// A field that kustomizations get in a later release of kustomize is not one of a mere list.
func TestAListOfResourcesHasNoOtherField(t *testing.T) {
	t.Parallel()
	known := reflect.TypeFor[types.Kustomization]()
	for i := range known.NumField() {
		field := known.Field(i)
		if field.Name == "TypeMeta" || field.Name == "MetaData" || field.Name == "Resources" {
			continue
		}
		k := types.Kustomization{Resources: []string{"a.yaml"}}
		k.FixKustomization()
		if !isList(k) {
			t.Fatal("a list of resources is not taken for one")
		}
		v := reflect.ValueOf(&k).Elem().Field(i)
		switch v.Kind() {
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case reflect.String:
			v.SetString("x")
		default:
			t.Fatalf("%s is a %s", field.Name, v.Kind())
		}
		if isList(k) {
			t.Errorf("a kustomization with %s is taken for a list", field.Name)
		}
	}
}

// FuzzVerbatim looks for a file that is taken as it stands, and that kustomize gives otherwise.
func FuzzVerbatim(f *testing.F) {
	for _, seed := range []string{
		configMap, configMap + "data: {a: yes, b: 0x1F, c: 1e3, d: 012, e: 1_000, f: ~, g: .inf, h: \"é\", i: 0o14, j: =, k: 1.0}\n",
		configMap + "data:\n  a: |\n    one\n    ---\n    two\n  b: >-\n    folded\n\n    text\n  'c': \"\\u00e9\\n\"\n---\n---\n# nothing\n---\n" + "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, creationTimestamp: null}\nspec: {replicas: 1, list: [a, 1, {b: c}, []], empty: {}}\n",
		"--- # a\n" + configMap, "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}}", configMap + "...\n", "# c\n\n" + configMap + "data: # d\n  a: b # e\n",
		configMap + "data: {yes: a, \"true\": b}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := tree(t, map[string]string{"app/kustomization.yaml": "resources: [a.yaml]\n"})
		if err := fsys.WriteFile("app/a.yaml", data); err != nil {
			t.Fatal(err)
		}
		if quick, ok, slow, err := bothWays(fsys, "app"); ok {
			same(t, string(data), quick, slow, err)
		}
		if _, ok := asTheyStand(data); ok {
			if _, err := yamldoc.Values("a.yaml", data); err != nil {
				t.Errorf("%s\ntaken as it stands, and refused elsewhere: %v", data, err)
			}
		}
	})
}
