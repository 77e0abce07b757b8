package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/weighlock/weighlock/action"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
)

// clusterFiles are the kubeconfig files of a job; the first one that says something wins.
type clusterFiles []string

// clusters are the job's. What is written for it is gone after clean.
func (f *actionFlags) clusters(p process, runner action.Runner) (files clusterFiles, clean func(), err error) {
	clean = func() {}
	content := strings.Contains(f.kubeconfig, "\n") || strings.HasPrefix(strings.TrimSpace(f.kubeconfig), "{")
	files = kubeconfigs(p.getenv, f.kubeconfig)
	if !content && f.context == "" {
		return files, clean, nil
	}
	dir, err := os.MkdirTemp(p.getenv("RUNNER_TEMP"), "weighlock-kube-")
	if err != nil {
		return nil, clean, err
	}
	clean = func() { os.RemoveAll(dir) }
	if content {
		if err := maskCredentials(runner, f.kubeconfig); err != nil {
			clean()
			return nil, func() {}, err
		}
		files = clusterFiles{filepath.Join(dir, "config")}
		err = os.WriteFile(files[0], []byte(f.kubeconfig), 0o600)
	}
	if f.context != "" {
		// The first file that says which context is the current one wins.
		first := filepath.Join(dir, "context")
		text, encodeErr := yaml.Marshal(map[string]string{"apiVersion": "v1", "kind": "Config", "current-context": f.context})
		err = errors.Join(err, encodeErr, os.WriteFile(first, text, 0o600))
		files = append(clusterFiles{first}, files...)
	}
	if err != nil {
		clean()
		return nil, func() {}, err
	}
	return files, clean, nil
}

// connect connects to the target's cluster, as another user if as is not empty.
func (c clusterFiles) connect(p process, t project.Target, as string) (*kube.Cluster, error) {
	return kube.Open(kube.Config{Impersonate: as, Kubeconfigs: c, Context: t.Context, UserAgent: "weighlock/" + version, Trace: p.log.request})
}

// maskCredentials keeps the credentials of a kubeconfig out of the log. That masks the whole of it as one value; its
// parts are none to the runner.
func maskCredentials(runner action.Runner, kubeconfig string) error {
	var config struct {
		Users []struct {
			User map[string]any `yaml:"user"`
		} `yaml:"users"`
	}
	if err := yaml.Unmarshal([]byte(kubeconfig), &config); err != nil {
		return fmt.Errorf("the kubeconfig that was given is no YAML: %w", withoutText(err))
	}
	for _, u := range config.Users {
		for _, key := range []string{"token", "password", "client-key-data"} {
			if s, ok := u.User[key].(string); ok && s != "" {
				for line := range strings.Lines(s) {
					runner.AddMask(strings.TrimSpace(line))
				}
			}
		}
	}
	return nil
}

// withoutText keeps what an error of YAML quotes, which may be a credential, to itself.
func withoutText(err error) error {
	line := strings.SplitN(err.Error(), ":", 3)
	if len(line) > 1 && strings.HasPrefix(strings.TrimSpace(line[1]), "line ") {
		return errors.New(strings.TrimSpace(line[1]))
	}
	return errors.New("it cannot be read")
}
