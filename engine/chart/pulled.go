package chart

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// pulledDir is where [Pull] puts charts, below the project's directory.
const pulledDir = ".helm-charts"

// scpLike is the short form of an ssh address.
var scpLike = regexp.MustCompile(`^(?:[^@/]+@)?([^:/]+):(.+)$`)

// home is the directory below .helm-charts that holds the versions of a chart (project format §4.5).
func (s *Spec) home() (string, error) {
	address, prefix := s.Repo, ""
	if s.Git != nil {
		address, prefix = s.Git.URL, "git_"
		if m := scpLike.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
			address = "ssh://" + m[1] + "/" + m[2]
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is not an address", redact(address))
	}
	port := u.Port()
	if port == map[string]string{"http": "80", "https": "443", "ssh": "22"}[u.Scheme] {
		port = ""
	}
	pieces := u.Path + "/" + s.ChartName
	if s.Git != nil {
		pieces += "/" + s.Git.SubDir
	}
	if slices.Contains(strings.Split(pieces, "/"), "..") {
		return "", fmt.Errorf("%q leads elsewhere", redact(address)+pieces[len(u.Path):])
	}
	name := prefix + u.Scheme
	if port != "" {
		name += "_" + port
	}
	dir := path.Join(name+"_"+strings.ToLower(u.Hostname()), strings.ToLower(u.Path))
	switch {
	case s.Git != nil:
		dir = path.Join(strings.TrimSuffix(dir, ".git"), strings.ToLower(path.Join("/", s.Git.SubDir)))
	case u.Scheme != "oci":
		dir = path.Join(dir, s.ChartName)
	}
	return dir, confined(dir)
}

// versionDir is the directory below home that holds one version.
func versionDir(version string) (string, error) {
	return version, confined(version)
}

// confined refuses names that lead elsewhere: they come from a file that a stranger may have written.
func confined(dir string) error {
	for part := range strings.SplitSeq(dir, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\\\x00") {
			return fmt.Errorf("%q cannot be a directory below %s", dir, pulledDir)
		}
	}
	return nil
}

var userinfo = regexp.MustCompile(`(://)[^/\s@]*@`)

// redact cuts user and password out of an address.
func redact(address string) string { return userinfo.ReplaceAllString(address, "${1}") }
