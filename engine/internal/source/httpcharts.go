package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// httpCharts are the versions of a chart in a repository that lists them in an index.yaml.
type httpCharts struct {
	cache *Cache
	at    address
	index *remote // the repository, which keeps its index for the run
	name  string
}

// indexEntry is one version of a chart in an index.yaml, as far as it matters here.
type indexEntry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
	Removed bool     `json:"removed"`
}

type chartIndex struct {
	APIVersion string                   `json:"apiVersion"`
	Entries    map[string][]*indexEntry `json:"entries"`
}

// maxIndex is several times the largest public index.
const maxIndex = 128 << 20

func (h httpCharts) find(ctx context.Context, version string) (chartRecord, error) {
	entry, err := h.entry(ctx, version)
	if err != nil {
		return chartRecord{}, err
	}
	found := chartRecord{Version: entry.Version}
	if digest := "sha256:" + strings.TrimPrefix(strings.ToLower(entry.Digest), "sha256:"); ociDigest.MatchString(digest) {
		found.Digest = digest
		return found, nil
	}
	// An index need not have digests: then it is that of what is there now.
	archive, err := h.download(ctx, entry)
	if err != nil {
		return chartRecord{}, err
	}
	found.Digest = "sha256:" + sha(archive)
	found.archive = archive
	return found, nil
}

func (h httpCharts) get(ctx context.Context, want chartRecord) ([]byte, error) {
	if want.archive != nil {
		return want.archive, nil
	}
	entry, err := h.entry(ctx, want.Version)
	if err != nil {
		return nil, err
	}
	archive, err := h.download(ctx, entry)
	if err != nil {
		return nil, err
	}
	if got := "sha256:" + sha(archive); got != want.Digest {
		return nil, fmt.Errorf("the archive has the digest %s, and the index says %s: it was replaced, or damaged on its way", got, want.Digest)
	}
	return archive, nil
}

func (h httpCharts) entry(ctx context.Context, version string) (*indexEntry, error) {
	entries, err := h.entries(ctx)
	if err != nil {
		return nil, err
	}
	var versions []string
	for _, e := range entries {
		versions = append(versions, e.Version)
	}
	picked, err := PickVersion(version, versions)
	if err != nil {
		return nil, err
	}
	return entries[slices.Index(versions, picked)], nil
}

// entries returns what the index has of the chart.
func (h httpCharts) entries(ctx context.Context) ([]*indexEntry, error) {
	index, err := h.index.index.get(ctx, func() (chartIndex, error) { return h.readIndex(ctx) })
	if err != nil {
		return nil, err
	}
	all, ok := index.Entries[h.name]
	if !ok {
		var names []string
		for n := range index.Entries {
			names = append(names, n)
		}
		return nil, fmt.Errorf("the repository has no chart %s; %s", h.name, thereAre(h.name, names))
	}
	var entries []*indexEntry
	for _, e := range all {
		if e != nil && e.Version != "" && !e.Removed {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func (h httpCharts) readIndex(ctx context.Context) (chartIndex, error) {
	var index chartIndex
	file, err := h.base().Parse("index.yaml")
	if err != nil {
		return index, err
	}
	data, err := h.fetch(ctx, file, maxIndex)
	if err != nil {
		return index, fmt.Errorf("getting the repository's index: %w", err)
	}
	if json.Valid(data) {
		err = json.Unmarshal(data, &index)
	} else {
		err = yaml.Unmarshal(data, &index)
	}
	if err != nil {
		return index, fmt.Errorf("the repository's index.yaml cannot be read: %w", err)
	}
	if index.APIVersion == "" || index.Entries == nil {
		return index, fmt.Errorf("%s is not the index of a chart repository: it has no apiVersion, or no entries", file.Redacted())
	}
	return index, nil
}

// base is the address that those in the index are relative to.
func (h httpCharts) base() *url.URL {
	return &url.URL{Scheme: h.at.scheme, Host: h.at.hostPort(), Path: strings.TrimSuffix("/"+h.at.path, "/") + "/"}
}

// download gets an entry's archive from the first of its addresses that works.
func (h httpCharts) download(ctx context.Context, e *indexEntry) ([]byte, error) {
	if len(e.URLs) == 0 {
		return nil, fmt.Errorf("the index names no address for version %s", e.Version)
	}
	var errs []error
	for _, text := range e.URLs {
		archive, err := h.downloadFrom(ctx, text, e.Version)
		if err == nil {
			return archive, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (h httpCharts) downloadFrom(ctx context.Context, text, version string) ([]byte, error) {
	at, err := h.base().Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the index names %q for version %s, which is not an address", strip(text), version)
	}
	switch at.Scheme {
	case "http", "https":
		archive, err := h.fetch(ctx, at, maxArchive)
		if err != nil {
			return nil, fmt.Errorf("getting the archive: %w", err)
		}
		return archive, nil
	case "oci": // some repositories are an index over a registry
		repo, tag := text, version
		if i := strings.LastIndexByte(path.Base(text), ':'); i >= 0 {
			repo, tag = text[:len(text)-len(path.Base(text))+i], path.Base(text)[i+1:]
		}
		chart, err := h.cache.Chart(ctx, ChartRef{Repo: repo, Version: strings.ReplaceAll(tag, "_", "+")})
		return chart.Archive, err
	}
	return nil, fmt.Errorf("the index names %q for version %s: the scheme %q is not supported", strip(text), version, at.Scheme)
}

// fetch gets a file of the repository, or one that its index names.
func (h httpCharts) fetch(ctx context.Context, at *url.URL, limit int64) ([]byte, error) {
	cred, err := h.credential(at)
	if err != nil {
		return nil, err
	}
	return download{cred: cred, environ: h.cache.opts.Environ, limit: limit, remedy: httpRemedy}.get(ctx, at)
}

func httpRemedy(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "; give credentials that can read the repository (--helm-username and --helm-password, WEIGHLOCK_HELM_HOST, WEIGHLOCK_HELM_USERNAME and WEIGHLOCK_HELM_PASSWORD, or helm repo add)"
	case http.StatusNotFound:
		return "; check the address"
	}
	return ""
}

// credential finds with what an address is asked: what is given for the repository goes to its own host, and elsewhere only
// when that is said. Other hosts may have a credential of their own.
func (h httpCharts) credential(at *url.URL) (Credential, error) {
	cred, err := h.cache.helmCredential(h.at)
	if err != nil {
		return cred, err
	}
	base := h.base()
	if at.Scheme == base.Scheme && strings.EqualFold(at.Host, base.Host) || cred.PassCredentialsAll {
		return cred, nil
	}
	other, err := parseAddress((&url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}).String())
	if err != nil {
		return Credential{}, err
	}
	return h.cache.helmCredential(other)
}
