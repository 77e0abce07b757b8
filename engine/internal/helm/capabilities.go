package helm

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
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

// AsksForAPIVersions says whether what the chart gives may depend on [Release].APIVersions: a template of it or of a subchart
// names them.
func (c *Chart) AsksForAPIVersions() bool { return mentions(c.chart, []byte("APIVersions")) }

func mentions(c *chart.Chart, word []byte) bool {
	has := func(f *chart.File) bool { return bytes.Contains(f.Data, word) }
	// Values may be templates, by tpl.
	return slices.ContainsFunc(c.Raw, has) ||
		slices.ContainsFunc(c.Dependencies(), func(sub *chart.Chart) bool { return mentions(sub, word) })
}

// CRDs are the files in crds/ of the chart and its subcharts.
func (c *Chart) CRDs() [][]byte {
	var files [][]byte
	for _, crd := range c.chart.CRDObjects() {
		files = append(files, crd.File.Data)
	}
	return files
}
