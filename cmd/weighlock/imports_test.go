package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/weighlock/weighlock/"

// rule says which of our own packages the packages that match from may import. Patterns are paths below the module;
// one that ends in /... covers the packages below, too.
type rule struct {
	from string
	may  []string
	why  string
}

// The first rule that matches a package holds. A package that none matches fails the test: a new package needs a place.
var rules = []rule{
	{"engine/object", nil, "the leaf that all stages share"},
	{"engine/yamldoc", nil, "mechanics of strict decoding, for the engine's files and the bot's alike"},
	{"engine/jinja/...", []string{"engine/jinja/..."}, "a template language, usable by itself"},
	{"engine/internal/...", []string{"engine/object", "engine/internal/..."}, "mechanics: they know no stage"},
	{"engine/project", []string{"engine/object", "engine/yamldoc", "engine/jinja/...", "engine/internal/..."}, "files in, items out: no cluster, no kustomize"},
	{"engine/chart", []string{"engine/project", "engine/yamldoc", "engine/internal/..."}, "finds charts; asks no cluster"},
	{"engine/render", []string{"engine/chart", "engine/hook", "engine/project", "engine/object", "engine/yamldoc", "engine/internal/..."}, "asks a cluster only through its Reader"},
	{"engine/diff", []string{"engine/render", "engine/hook", "engine/project", "engine/object", "engine/internal/..."}, "sees a cluster only through its Previewer, which cannot write"},
	{"engine/apply", []string{"engine/diff", "engine/hook", "engine/ready", "engine/project", "engine/object"}, "writes through its Applier; knows nothing of rendering"},
	{"engine/validate", []string{"engine/apply", "engine/hook", "engine/object", "engine/project", "engine/ready", "engine/render"}, "looks and judges: rendered objects in, findings out"},
	{"engine/report", []string{"engine/validate", "engine/diff", "engine/apply", "engine/project", "engine/object"}, "pure: values in, text out"},
	{"engine/hook", []string{"engine/object"}, "reads annotations; every stage may ask it"},
	{"engine/ready", []string{"engine/object"}, "judges one live object at a time; knows nothing of deploys"},
	{"engine/lock", nil, "who may deploy, in time; where records are kept comes in as an interface"},
	{"engine/history", []string{"engine/diff", "engine/report"}, "what became of runs, and for how long; where records are kept comes in as an interface"},
	{"engine/doctor", []string{"engine/object"}, "asks what identities can do; the cluster comes in as an interface"},
	{"engine/kube", []string{"engine/doctor", "engine/project", "engine/render", "engine/diff", "engine/apply", "engine/lock", "engine/history", "engine/object"}, "implements the stages' interfaces; the stages do not know it"},
	{"engine/enginetest", nil, "gives tests a cluster; knows nothing of the engine"},
	{"engine", []string{"engine/object", "engine/project", "engine/render", "engine/diff", "engine/apply", "engine/report", "engine/lock", "engine/history"}, "the short way through the stages; the cluster comes in as an interface"},
	{"bot/forge", nil, "our words for what forges have"},
	{"bot/forge/forgetest", []string{"bot/forge", "testdata/openapi", "testdata/events"}, "stand-ins speak the wire's language, not an adapter's"},
	{"bot/forge/internal/rest", []string{"bot/forge"}, "what the adapters do alike"},
	{"bot/forge/github", []string{"bot/forge", "bot/forge/internal/rest"}, "the only place that knows GitHub's SDK"},
	{"bot/forge/gitlab", []string{"bot/forge", "bot/forge/internal/rest"}, "the only place that knows GitLab's SDK"},
	{"bot/checkout", nil, "git, and nothing else"},
	{"bot/webhook", []string{"bot/forge"}, "who speaks, and what of; what becomes of it is the queue's"},
	{"bot/queue/queuetest", nil, "gives tests a database"},
	{"bot/queue", nil, "keeps and hands out work; knows nothing of what it is"},
	{"bot/offline", []string{"engine", "engine/project", "engine/render", "engine/diff"}, "renders what strangers wrote, in a process of its own; knows no forge and no cluster"},
	{"bot", []string{"bot/forge", "bot/checkout", "bot/offline", "engine", "engine/object", "engine/project", "engine/render", "engine/diff", "engine/apply", "engine/report", "engine/lock", "engine/history", "engine/ready", "engine/yamldoc"}, "decides; names no SDK and no client-go type"},
	{"action", []string{"bot", "bot/forge", "bot/forge/github", "bot/forge/gitlab", "engine/report"}, "a CI job is an event, too"},
	{"serve/servetest", []string{"bot/forge/forgetest"}, "runs the program as a process"},
	{"serve", []string{"bot", "bot/checkout", "bot/forge", "bot/forge/github", "bot/forge/gitlab", "bot/offline", "bot/queue", "bot/webhook", "engine/diff", "engine/yamldoc"}, "a webhook is an event, and is kept until it is dealt with"},
	{"action/actiontest", []string{"bot/forge", "bot/forge/forgetest"}, "a runner, a git server and a forge for tests: it runs the program as a process"},
	{"cmd/...", []string{"..."}, "the only place where concrete types meet"},
}

// outside says which packages alone may import an outside module, other than in tests.
var outside = []struct {
	imports string
	only    []string
	why     string
}{
	{"k8s.io/client-go/", []string{"engine/kube", "engine/enginetest", "engine/internal/helm", "cmd/bench"}, "one place speaks with clusters"},
	{"github.com/google/go-github/", []string{"bot/forge/github"}, "SDK types do not leak"},
	{"github.com/bradleyfalzon/ghinstallation/", []string{"bot/forge/github"}, "SDK types do not leak"},
	{"gitlab.com/gitlab-org/", []string{"bot/forge/gitlab"}, "SDK types do not leak"},
	{"k8s.io/apiextensions-apiserver/", []string{"engine/internal/crd"}, "custom resources are judged in one place"},
	{"k8s.io/apiserver/", []string{"engine/internal/crd"}, "custom resources are judged in one place"},
	{"github.com/fluxcd/cli-utils/", []string{"engine/ready"}, "readiness is judged in one place"},
	{"helm.sh/helm/", []string{"engine/internal/helm"}, "Helm is a mechanic"},
	{"sigs.k8s.io/kustomize/", []string{"engine/internal/kustomize"}, "kustomize is a mechanic"},
	{"github.com/hashicorp/vault/", []string{"engine/internal/store"}, "secret stores are asked in one place"},
	{"github.com/aws/aws-sdk-go-v2/", []string{"engine/internal/store", "engine/internal/sops"}, "secret stores are asked in one place; SOPS asks KMS with the credentials found there"},
	{"github.com/Azure/", []string{"engine/internal/store"}, "secret stores are asked in one place"},
	{"cloud.google.com/", []string{"engine/internal/store"}, "secret stores are asked in one place"},
	{"github.com/google/go-containerregistry/", []string{"engine/internal/source"}, "registries are asked in one place"},
	{"github.com/getsops/", []string{"engine/internal/sops", "engine/enginetest"}, "SOPS is a mechanic; a test encrypts with it"},
	{"filippo.io/age", []string{"engine/internal/sops", "engine/enginetest"}, "keys are used in one place"},
	{"github.com/spf13/cobra", []string{"cmd/weighlock"}, "flags are wiring"},
	{"go.opentelemetry.io/", []string{"bot", "serve", "cmd/weighlock"}, "what a run does is traced where that is decided"},
	{"modernc.org/", []string{"bot/queue"}, "one place speaks with databases"},
	{"github.com/jackc/", []string{"bot/queue", "bot/queue/queuetest"}, "one place speaks with databases"},
	{"database/sql", []string{"bot/queue"}, "one place speaks with databases"},
	{"os/exec", []string{"bot/checkout", "bot/offline", "engine/internal/git", "engine/internal/source", "engine/enginetest", "action/actiontest", "bot/queue/queuetest", "serve/servetest", "cmd/demo", "cmd/bench"}, "only git is run as a program, and we ourselves"},
	{"net/http", []string{"serve", "serve/servetest", "bot/webhook", "engine/internal/source", "engine/internal/store", "bot/forge/github", "bot/forge/gitlab", "bot/forge/internal/rest", "bot/forge/forgetest", "engine/kube", "engine/enginetest", "action/actiontest", "cmd/demo", "cmd/weighlock"}, "the network has few doors"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []listed
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsFollowTheDesign(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		r, ok := ruleFor(name)
		if !ok {
			t.Errorf("%s: no rule says what it may import; give it a place in the design", name)
			continue
		}
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module); ok && !anyMatch(r.may, ours) {
				t.Errorf("%s imports %s, which it may not: %s", name, ours, r.why)
			}
			for _, o := range outside {
				if strings.HasPrefix(i, o.imports) && !anyMatch(o.only, name) {
					t.Errorf("%s imports %s, which only %s may: %s", name, i, strings.Join(o.only, ", "), o.why)
				}
			}
		}
	}
}

func TestEveryImportRuleIsInUse(t *testing.T) {
	t.Parallel()
	pkgs := packages(t)
	for _, r := range rules {
		used := false
		for _, p := range pkgs {
			if got, ok := ruleFor(strings.TrimPrefix(p.ImportPath, module)); ok && got.from == r.from {
				used = true
			}
		}
		if !used {
			t.Errorf("the rule for %s matches no package: delete it", r.from)
		}
	}
}

func ruleFor(name string) (rule, bool) {
	for _, r := range rules {
		if matches(r.from, name) {
			return r, true
		}
	}
	return rule{}, false
}

func anyMatch(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(name, prefix) || name == strings.TrimSuffix(prefix, "/")
	}
	return pattern == name
}
