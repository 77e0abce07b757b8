package chart

import (
	"slices"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// lockFile is the name of the lock file, beside .kluctl.yaml.
const lockFile = "helm-charts.lock"

// lock is what the versions of a project's charts were when they were pulled.
type lock struct {
	Charts []locked `json:"charts,omitempty"`
}

// locked is one version of one chart.
type locked struct {
	Repo    string `json:"repo,omitempty"`
	Git     string `json:"git,omitempty"`
	SubDir  string `json:"subDir,omitempty"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version"` // as helm-chart.yaml asks for it
	// Resolved is the version that a constraint stands for.
	Resolved string `json:"resolved,omitempty"`
	Digest   string `json:"digest,omitempty"`
	Commit   string `json:"commit,omitempty"`
}

// key is the chart and version that an entry is for.
func (l locked) key() locked {
	l.Resolved, l.Digest, l.Commit = "", "", ""
	return l
}

// lockKey is the entry for a chart without what is locked; user and password of an address are not a part of it.
func (s *Spec) lockKey() locked {
	if s.Git != nil {
		return locked{Git: redact(s.Git.URL), SubDir: s.Git.SubDir, Version: s.Git.ref()}
	}
	return locked{Repo: redact(s.Repo), Name: s.Name(), Version: s.ChartVersion}
}

func (l *lock) find(s *Spec) (locked, bool) {
	key := s.lockKey()
	i := slices.IndexFunc(l.Charts, func(e locked) bool { return e.key() == key })
	if i < 0 {
		return locked{}, false
	}
	return l.Charts[i], true
}

func readLock(name string, data []byte) (lock, error) {
	var l lock
	err := yamldoc.Decode(name, data, &l)
	return l, err
}
