package helm

import (
	"fmt"
	"regexp"
	"slices"

	"helm.sh/helm/v3/pkg/chartutil"
)

// DefaultKubeVersion is what charts are told when neither a cluster nor a flag says otherwise. It is fixed: a Helm library
// linked into another program says v1.20.0.
const DefaultKubeVersion = "v1.36.0"

// DefaultAPIVersions are the API versions that Helm knows without a cluster: those built into Kubernetes' client, as group/version.
func DefaultAPIVersions() []string { return slices.Clone(chartutil.DefaultVersionSet) }

// serverVersion is a version as a server gives it, which charts see unchanged.
var serverVersion = regexp.MustCompile(`^v\d+\.\d+\.\d+`)

func capabilities(rel Release) (*chartutil.Capabilities, error) {
	version := rel.KubeVersion
	if version == "" {
		version = DefaultKubeVersion
	}
	kube, err := chartutil.ParseKubeVersion(version)
	if err != nil {
		return nil, fmt.Errorf("Kubernetes version %q: %w", version, err)
	}
	if serverVersion.MatchString(version) {
		kube.Version = version
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *kube
	caps.APIVersions = rel.APIVersions
	if rel.APIVersions == nil {
		caps.APIVersions = DefaultAPIVersions()
	}
	return caps, nil
}
