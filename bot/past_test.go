package bot

import (
	"strings"
	"testing"
)

func TestWhatAPushChangesOfItsOwnDeployIsTold(t *testing.T) {
	t.Parallel()
	const was = "version: 1\ntargets: {prod: {deploy: command, approvals: 2}, staging: {deploy: merge}}\n"
	for name, c := range map[string]struct{ next, target, want string }{
		"the same":                {was, "staging", ""},
		"another target's policy": {strings.Replace(was, "approvals: 2", "approvals: 0", 1), "staging", ""},
		"an environment's name":   {strings.Replace(was, "staging: {", "staging: {environment: {name: x}, ", 1), "staging", ""},
		"a looser policy":         {strings.Replace(was, "command, approvals: 2", "merge", 1), "prod", "deploy command → merge, approvals 2 → 0"},
		"what is shown before":    {strings.Replace(was, "staging: {", "staging: {preview: never, ", 1), "staging", "preview changed → never"},
		"where locks are":         {was + "records: {namespace: other}\n", "staging", "records.namespace weighlock → other"},
		"how many are kept":       {was + "records: {keep: 3}\n", "staging", ""},
	} {
		config := func(text string) *Config {
			cfg, err := ParseConfig(ConfigFile, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			return cfg
		}
		got := config(was).repolicied(config(c.next), Job{ID: ID(c.target), Target: Target{Project: ProjectConfig{Name: "shop"}, Name: c.target}})
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
