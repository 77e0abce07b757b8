package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/history"
	"github.com/weighlock/weighlock/engine/kube"
)

// objects60 is a project of twelve items of five objects each, three stages, whose objects all change with args.v.
func objects60(t *testing.T, ns string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deployments := "deployments:\n"
	for item := range 12 {
		deployments += fmt.Sprintf("- path: i%d\n  barrier: %t\n", item, item%4 == 3)
		for n := range 5 {
			write(fmt.Sprintf("i%d/m%d.yaml", item, n), fmt.Sprintf(
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m%d, namespace: %s}\ndata: {v: \"{{ args.v }}\"}\n", 5*item+n, ns))
		}
	}
	write("deployment.yaml", deployments)
	write(".kluctl.yaml", "discriminator: "+ns+"\nargs: [{name: v}]\n")
	return dir
}

// blockItem has the first item of objects60 wait for what never comes.
func blockItem(t *testing.T, dir, ns string) {
	t.Helper()
	name := filepath.Join(dir, "deployment.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	first := "- path: i0\n"
	blocked := strings.Replace(string(data), first, first+"  waitReadinessObjects: [{kind: ConfigMap, name: never, namespace: "+ns+"}]\n", 1)
	if blocked == string(data) {
		t.Fatal("the first item is not as expected")
	}
	if err := os.WriteFile(name, []byte(blocked), 0o644); err != nil {
		t.Fatal(err)
	}
}

// deploy60 is a process that deploys objects60.
func deploy60(t *testing.T, dir, kubeconfig, records string, v int) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "deploy", "-y", "-a", fmt.Sprint("v=", v), "--project-dir", dir,
		"--kubeconfig", kubeconfig, "--records-namespace", records)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// signalAtObject sends a deploy a signal when it has told of n objects, and waits for its end.
func signalAtObject(t *testing.T, cmd *exec.Cmd, signal os.Signal, n int) {
	t.Helper()
	told, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	for lines := bufio.NewScanner(told); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "applied ") {
			if n--; n == 0 {
				_ = cmd.Process.Signal(signal) // it may have ended
			}
		}
	}
	if err := cmd.Wait(); err == nil && n > 0 {
		t.Errorf("the deploy told of too few objects:\n%s", seen.String())
	}
}

// A deploy that is told to stop says what it has not done, keeps its result and gives its lock back.
func TestClusterADeployThatIsToldToStopLeavesAnAccountAndNoLock(t *testing.T) {
	t.Parallel()
	c := enginetest.Start(t)
	ns, records := c.Namespace(t), c.Namespace(t)
	dir := objects60(t, ns)
	cluster, err := kube.Open(kube.Config{Kubeconfigs: []string{c.Kubeconfig()}})
	if err != nil {
		t.Fatal(err)
	}
	// It does not end before it is told to stop, however fast it is.
	blockItem(t, dir, ns)
	cmd := deploy60(t, dir, c.Kubeconfig(), records, 1)
	var said bytes.Buffer
	cmd.Stdout = &said
	signalAtObject(t, cmd, syscall.SIGTERM, 3)
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !strings.Contains(said.String(), "not tried") {
		t.Errorf("it does not say what is not done:\n%s", said.String())
	}
	if left, err := cluster.Locks(records).List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("the locks are %v, %v", left, err)
	}
	entries, err := cluster.History(records).List(t.Context(), ns)
	if err != nil || len(entries) != 1 || entries[0].Outcome != history.Interrupted || !strings.Contains(entries[0].Summary, "not tried") {
		t.Errorf("the history is %+v, %v", entries, err)
	}
}
