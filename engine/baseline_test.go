//go:build long

package engine_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// TestLongKubectlDiffAsABaseline counts on how many mutations kubectl diff --server-side is right, by the same measure:
// the leaves that differ in what it shows are those that the deploy changes.
func TestLongKubectlDiffAsABaseline(t *testing.T) {
	c, s, list, after := mutationSite(t)
	interfere(t, c, s, list, after)
	s.writeObjects(after)
	was := snapshot(t, s, list, after)
	said := map[string][]string{}
	home := t.TempDir() // of all, or each would ask for all that the server has
	for ch := range s.diff(diff.Options{Replace: true}).All() {
		said[ch.Ref.Name] = kubectlDiff(t, c.KubectlPath(), home, s, ch)
	}
	s.deploy(engine.DeployOptions{Diff: diff.Options{Replace: true}})
	is := snapshot(t, s, list, after)
	right, wrong := 0, []string{}
	for _, m := range list {
		truth := changedLeaves(was[m.Name], is[m.Name])
		if m.Want == "replace" {
			truth = slices.DeleteFunc(truth, allocatedAnew)
		}
		if after[m.Name].Ref().IsSecret() { // which keys change is all that it shows
			truth, said[m.Name] = names(truth), names(said[m.Name])
		}
		if slices.Equal(truth, said[m.Name]) {
			right++
		} else {
			wrong = append(wrong, m.Name)
		}
	}
	t.Logf("kubectl diff --server-side is right on %d of %d mutations; not on: %s", right, len(list), strings.Join(wrong, ", "))
	if right == 0 || right == len(list) {
		t.Error("the baseline measures nothing")
	}
}

// kubectlDiff returns the leaves that differ in what kubectl diff shows of an object; nil when it shows nothing.
func kubectlDiff(t *testing.T, kubectl, home string, s *site, ch *diff.Change) []string {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "keep")
	if err := os.WriteFile(script, []byte(fmt.Sprintf("#!/bin/sh\ncp -r \"$1\" %[1]s/live; cp -r \"$2\" %[1]s/merged; exit 1\n", dir)), 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(ch.Write().Object)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), kubectl, "diff", "--server-side", "--field-manager="+diff.FieldManager, "-f", "-")
	cmd.Stdin = strings.NewReader(string(data))
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig, "HOME="+home, "KUBECTL_EXTERNAL_DIFF="+script, "GOGC=off")
	_ = cmd.Run() // its exit code says that there are differences, or that it failed: both are what it shows
	read := func(side string) object.Object {
		files, _ := filepath.Glob(filepath.Join(dir, side, "*"))
		if len(files) != 1 {
			return nil
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		data, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.FromJSON(data)
		if err != nil {
			return nil
		}
		return o
	}
	live, merged := read("live"), read("merged")
	if live == nil || merged == nil {
		return nil
	}
	return changedLeaves(live, merged)
}

// names are the leaves' paths without their values.
func names(leaves []string) []string {
	out := make([]string, len(leaves))
	for i, l := range leaves {
		out[i], _, _ = strings.Cut(l, " = ")
	}
	return out
}
