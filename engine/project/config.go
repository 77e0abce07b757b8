package project

import (
	"cmp"
	"encoding/json"
	"strings"
)

// config is .kluctl.yaml (project format §1).
type config struct {
	Targets       []targetConfig `json:"targets"`
	Args          []argument     `json:"args"`
	Discriminator string         `json:"discriminator"`
	AWS           *awsConfig     `json:"aws"`
}

type targetConfig struct {
	Name          string         `json:"name"`
	Context       string         `json:"context"`
	Args          map[string]any `json:"args"`
	AWS           *awsConfig     `json:"aws"`
	Images        []FixedImage   `json:"images"`
	Discriminator string         `json:"discriminator"`
}

// Advise names what the project file had once.
func (c *config) Advise(key string) string {
	switch key {
	case "secretsConfig", "sealedSecrets", "sealingConfig":
		return "sealed secrets were removed from the format; encrypt with SOPS, or load from a secret store by vars"
	case "clusters", "clusterConfig":
		return "was removed from the format; name a kubeconfig context in the target's context"
	case "deployment", "externalProject", "sealedSecretsDir":
		return "external projects were removed from the format; include them by git in deployment.yaml"
	case "vars", "deployments", "commonLabels", "commonAnnotations", "overrideNamespace":
		return "belongs into deployment.yaml"
	}
	return ""
}

// Check finds a target without a name.
func (t *targetConfig) Check(fail func(key, format string, args ...any)) {
	if t.Name == "" {
		fail("name", "a target needs a name")
	}
}

// Advise names what targets had once.
func (t *targetConfig) Advise(key string) string {
	switch key {
	case "dynamicArgs":
		return "was removed from the format; every argument can be set, declare it in args"
	case "dynamicTargets", "targetConfig":
		return "dynamic targets were removed from the format; write the targets out"
	case "sealingConfig", "sealedSecrets":
		return "sealed secrets were removed from the format; encrypt with SOPS, or load from a secret store by vars"
	case "cluster":
		return "was removed from the format; name a kubeconfig context in context"
	}
	return ""
}

// awsConfig says as whom AWS is asked (project format §1).
type awsConfig struct {
	Profile        string             `json:"profile,omitempty"`
	ServiceAccount *awsServiceAccount `json:"serviceAccount,omitempty"`
}

// awsServiceAccount is an account of the target's cluster that has a role in AWS.
type awsServiceAccount struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Check finds what is missing.
func (a *awsServiceAccount) Check(fail func(key, format string, args ...any)) {
	if a.Name == "" {
		fail("name", "is required")
	}
	if a.Namespace == "" {
		fail("namespace", "is required")
	}
}

// over returns a where it says something, field by field, else what the project says.
func (a *awsConfig) over(project *awsConfig) awsConfig {
	var out awsConfig
	for _, c := range []*awsConfig{project, a} {
		if c == nil {
			continue
		}
		out.Profile = cmp.Or(c.Profile, out.Profile)
		out.ServiceAccount = cmp.Or(c.ServiceAccount, out.ServiceAccount)
	}
	return out
}

// argument declares an argument; without a default it is required.
type argument struct {
	Name    string          `json:"name"`
	Default json.RawMessage `json:"default"` // nil: none, which is not the same as null
}

// Check finds an argument without a name.
func (a *argument) Check(fail func(key, format string, args ...any)) {
	if a.Name == "" {
		fail("name", "an argument needs a name")
	}
}

// libraryConfig is .kluctl-library.yaml: an included project that has one sees its own arguments and no variables of
// others (project format §1.4, §2.4).
type libraryConfig struct {
	Args []argument `json:"args"`
}

// deploymentFile is deployment.yaml (project format §2).
type deploymentFile struct {
	Vars               []varsEntry       `json:"vars"`
	When               *condition        `json:"when"`
	Deployments        []itemEntry       `json:"deployments"`
	CommonLabels       map[string]scalar `json:"commonLabels"`
	CommonAnnotations  map[string]scalar `json:"commonAnnotations"`
	OverrideNamespace  string            `json:"overrideNamespace"`
	Tags               []string          `json:"tags"`
	IgnoreForDiff      []IgnoreRule      `json:"ignoreForDiff"`
	ConflictResolution []ConflictRule    `json:"conflictResolution"`
}

// Advise names what deployment files had once, and what is written elsewhere.
func (d *deploymentFile) Advise(key string) string {
	switch key {
	case "args":
		return "arguments are declared in .kluctl.yaml, or in the .kluctl-library.yaml of a library"
	case "sealedSecrets", "secrets":
		return "sealed secrets were removed from the format; encrypt with SOPS, or load from a secret store by vars"
	case "kustomizeDirs", "includes":
		return "was removed from the format; write path and include entries under deployments"
	case "templateExcludes":
		return "was removed from the format; write the patterns into a .templateignore file"
	case "targets", "discriminator":
		return "belongs into .kluctl.yaml"
	case "barrier", "path", "include":
		return "belongs into an entry of deployments"
	}
	return ""
}

// itemEntry is one entry of deployments (project format §2.1).
type itemEntry struct {
	Path                 string         `json:"path"`
	Include              string         `json:"include"`
	Git                  *gitSource     `json:"git"`
	OCI                  *ociSource     `json:"oci"`
	Barrier              bool           `json:"barrier"`
	Message              string         `json:"message"`
	Recursive            bool           `json:"recursive"`
	WaitReadiness        bool           `json:"waitReadiness"`
	WaitReadinessObjects []ObjectRef    `json:"waitReadinessObjects"`
	DeleteObjects        []ObjectRef    `json:"deleteObjects"`
	Args                 map[string]any `json:"args"`
	PassVars             bool           `json:"passVars"`
	Vars                 []varsEntry    `json:"vars"`
	Tags                 []string       `json:"tags"`
	SkipDeleteIfTags     bool           `json:"skipDeleteIfTags"`
	OnlyRender           bool           `json:"onlyRender"`
	AlwaysDeploy         bool           `json:"alwaysDeploy"`
	DependsOn            []string       `json:"dependsOn"`
	CreateNamespace      bool           `json:"createNamespace"`
	When                 *condition     `json:"when"`
}

// remote says whether the entry includes a project from elsewhere.
func (e *itemEntry) remote() bool { return e.Git != nil || e.OCI != nil }

// Check finds what does not go together.
func (e *itemEntry) Check(fail func(key, format string, args ...any)) {
	refuse := func(wrong bool, key, format string, args ...any) {
		if wrong {
			fail(key, format, args...)
		}
	}
	var kinds []string
	for _, kind := range []struct {
		name  string
		given bool
	}{{"path", e.Path != ""}, {"include", e.Include != ""}, {"git", e.Git != nil}, {"oci", e.OCI != nil}} {
		if kind.given {
			kinds = append(kinds, kind.name)
		}
	}
	refuse(len(kinds) > 1, "", "has %s; an entry takes one of path, include, git and oci", strings.Join(kinds, " and "))
	includes := e.Include != "" || e.remote()
	refuse(e.WaitReadiness && e.Path == "", "waitReadiness", "goes only with path")
	refuse(e.CreateNamespace && e.Path == "", "createNamespace", "goes only with path")
	refuse(len(e.DependsOn) > 0 && e.Path == "" && !includes, "dependsOn", "goes only with path, include, git and oci")
	refuse(len(e.Args) > 0 && !includes, "args", "goes only with include, git and oci")
	refuse(e.PassVars && !includes, "passVars", "goes only with include, git and oci")
}

// Advise names keys that are written by Kluctl's results and those that entries had once.
func (e *itemEntry) Advise(key string) string {
	switch key {
	case "renderedHelmChartConfig", "renderedObjects", "renderedInclude":
		return "it is part of results and no input; remove it"
	case "sealedSecrets":
		return "sealed secrets were removed from the format; encrypt with SOPS instead"
	case "inheritTags":
		return "was removed from the format; tags are always inherited"
	case "namespace":
		return "entries have none; set overrideNamespace in the deployment file, or namespace in the item's kustomization"
	}
	return ""
}

// condition is a `when` expression; YAML authors also write a plain boolean.
type condition string

// UnmarshalJSON takes a string or a boolean.
func (c *condition) UnmarshalJSON(data []byte) error {
	var s scalar
	if err := s.UnmarshalJSON(data); err != nil {
		return err
	}
	*c = condition(s)
	return nil
}
