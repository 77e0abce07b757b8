package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

// ChartRef is a packaged chart in a repository.
type ChartRef struct {
	// Repo is the address of a repository with an index.yaml, https://… or http://…, or of the chart itself in an OCI
	// registry, oci://host/path/chart.
	Repo string
	// Name is the chart's name; an OCI address has it already.
	Name string
	// Version is a version, or a constraint such as ~1.2 or >=1.2 <2, of which the newest version is taken.
	Version string
	// Digest, where it is known, is what Version was when somebody looked. What has this digest is used, without asking
	// anybody, as long as it can be had.
	Digest string
	// Again asks the repository also where it was asked in the last day.
	Again bool
}

// Chart is a packaged chart. Its archive is what the digest says, and not checked beyond that.
type Chart struct {
	Archive []byte
	// Version is the one that was found.
	Version string
	// Digest is that of the archive, sha256:…, or in an OCI registry that of the manifest.
	Digest string
	// Moved says that the repository now has another content under this version than ChartRef.Digest: it was published
	// again. Digest tells which of them this is.
	Moved string
}

// chartsAreFresh is how long what a repository said of a version is good enough: versions are not meant to change.
const chartsAreFresh = 24 * time.Hour

// maxArchive is beyond what Helm accepts when it is unpacked.
const maxArchive = 100 << 20

// chartRecord is what a version was, and when.
type chartRecord struct {
	Asked   time.Time
	Version string
	Digest  string
	archive []byte // which had to be read to know its digest
}

// Chart returns a chart. The network is used to find a version that was not asked for in the last day, or where no clock is
// given in this run, and to get an archive that the cache does not have. Errors are as of [Cache.Git].
func (c *Cache) Chart(ctx context.Context, ref ChartRef) (Chart, error) {
	a, err := c.chartAddress(ref)
	if err != nil {
		return Chart{}, fmt.Errorf("chart repository: %w", err)
	}
	chart, err := c.chart(ctx, a, ref)
	if err != nil {
		return Chart{}, fmt.Errorf("%s, version %s: %w", chartTitle(a, ref.Name), ref.Version, err)
	}
	return chart, nil
}

// ChartVersions returns all versions of a chart that are semantic versions, the newest first.
func (c *Cache) ChartVersions(ctx context.Context, repo, name string) ([]string, error) {
	a, err := c.chartAddress(ChartRef{Repo: repo, Name: name, Version: "*"})
	if err != nil {
		return nil, fmt.Errorf("chart repository: %w", err)
	}
	versions, err := c.chartVersions(ctx, a, name)
	if err != nil {
		return nil, fmt.Errorf("%s: listing its versions: %w", chartTitle(a, name), err)
	}
	return versions, nil
}

func chartTitle(a address, name string) string {
	if a.scheme == "oci" {
		return "chart " + a.String()
	}
	return fmt.Sprintf("chart %s of %s", name, a)
}

func (c *Cache) chartAddress(ref ChartRef) (address, error) {
	a, err := parseAddress(ref.Repo)
	switch {
	case err != nil && strings.Contains(ref.Repo, "://"): // a repository can be all of a host
		if a, err = parseAddress(strings.TrimRight(ref.Repo, "/") + "/-"); err != nil || !a.isHTTP() {
			_, err = parseAddress(ref.Repo)
			return a, err
		}
		a.path = ""
	case err != nil:
		return a, err
	}
	switch {
	case !a.isHTTP() && a.scheme != "oci":
		return a, fmt.Errorf("%s: charts come from https, http or oci addresses", a)
	case a.isHTTP() && (ref.Name == "" || ref.Name != path.Base(ref.Name)):
		return a, fmt.Errorf("%s: %q is not the name of a chart", a, ref.Name)
	case a.scheme == "oci" && !ociPath.MatchString(a.path):
		return a, fmt.Errorf("%s: the name of an OCI repository may have only lower-case letters, digits, and single . _ - between them; the version does not belong into the address", a)
	case ref.Digest != "" && !ociDigest.MatchString(ref.Digest):
		return a, fmt.Errorf("%s: digest %q: want sha256: and 64 lower-case hexadecimal digits", a, ref.Digest)
	case ref.Version == "":
		return a, fmt.Errorf("%s: no version is given", a)
	}
	return a, nil
}

// kind is whose credentials and permission an address needs.
func (a address) kind() Kind {
	if a.scheme == "oci" {
		return KindOCI
	}
	return KindHelm
}

// chartSource finds and gets the versions of one chart.
type chartSource interface {
	// find says which version is meant, and its digest.
	find(ctx context.Context, version string) (chartRecord, error)
	// get returns the archive of what find found. The digest is verified.
	get(ctx context.Context, want chartRecord) ([]byte, error)
}

func (c *Cache) chart(ctx context.Context, a address, ref ChartRef) (Chart, error) {
	r, from, err := c.chartSource(a, ref.Name)
	if err != nil {
		return Chart{}, err
	}
	release, err := r.lock(ctx)
	if err != nil {
		return Chart{}, err
	}
	defer release()
	if ref.Digest != "" {
		if archive := c.archive(r, ref.Digest); archive != nil {
			return Chart{Archive: archive, Version: ref.Version, Digest: ref.Digest}, nil
		}
	}
	found, err := c.findChart(ctx, r, from, ref)
	if err != nil {
		return Chart{}, err
	}
	chart := Chart{Version: found.Version, Digest: found.Digest}
	if ref.Digest != "" && found.Digest != ref.Digest {
		chart.Moved = found.Digest
		// A registry may still have what a tag once was.
		if archive, err := from.get(ctx, chartRecord{Version: found.Version, Digest: ref.Digest}); err == nil {
			chart.Archive, chart.Digest = archive, ref.Digest
			return chart, c.keepArchive(r, ref.Digest, archive)
		} else if ctx.Err() != nil {
			return Chart{}, err
		}
	}
	if chart.Archive = c.archive(r, found.Digest); chart.Archive != nil {
		return chart, nil
	}
	if chart.Archive, err = from.get(ctx, found); err != nil {
		return Chart{}, err
	}
	return chart, c.keepArchive(r, chart.Digest, chart.Archive)
}

// chartSource returns the place of one chart in the cache, which has a lock of its own, and where it comes from.
func (c *Cache) chartSource(a address, name string) (*remote, chartSource, error) {
	if err := c.permit(a.kind(), a); err != nil {
		return nil, nil, err
	}
	if a.scheme == "oci" {
		r, err := c.remote(KindOCI, a)
		return r, ociCharts{c, a}, err
	}
	index, err := c.remote(KindHelm, a)
	if err != nil {
		return nil, nil, err
	}
	own := a
	own.path = path.Join(a.path, "-", name)
	r, err := c.remote(KindHelm, own)
	return r, httpCharts{c, a, index, name}, err
}

// findChart resolves a version, if no recent answer is known. The caller has the remote locked.
func (c *Cache) findChart(ctx context.Context, r *remote, from chartSource, ref ChartRef) (chartRecord, error) {
	version := ref.Version
	file := filepath.Join(r.dir, "versions.json")
	records := map[string]chartRecord{}
	content, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return chartRecord{}, err
	}
	if json.Unmarshal(content, &records) != nil {
		records = map[string]chartRecord{} // none, or worth as little as none
	}
	if known, ok := r.charts[version]; ok {
		return known, nil
	}
	if known, ok := records[version]; ok && !ref.Again && c.opts.Now != nil && ociDigest.MatchString(known.Digest) && exactVersion(version) {
		if age := c.opts.Now().Sub(known.Asked); age >= 0 && age < chartsAreFresh {
			return known, nil
		}
	}
	found, err := from.find(ctx, version)
	if err != nil {
		return chartRecord{}, err
	}
	known := found
	known.archive = nil
	r.charts[version] = known
	if c.opts.Now == nil {
		return found, nil
	}
	known.Asked = c.opts.Now()
	records[version] = known
	if content, err = json.Marshal(records); err == nil {
		err = writeAtomically(file, content)
	}
	return found, err
}

func (c *Cache) archiveFile(id string) string { return filepath.Join(c.dir, "charts", id+".tgz") }

// archive returns what is in the cache of a digest; nil is nothing, or nothing good.
func (c *Cache) archive(r *remote, digest string) []byte {
	id, err := os.ReadFile(r.note(strings.ReplaceAll(digest, ":", "-")))
	if err != nil || !objectID.Match(id) {
		return nil
	}
	archive, err := os.ReadFile(c.archiveFile(string(id)))
	if err != nil || sha(archive) != string(id) {
		return nil
	}
	return archive
}

func (c *Cache) keepArchive(r *remote, digest string, archive []byte) error {
	id := sha(archive)
	file := c.archiveFile(id)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := writeAtomically(file, archive); err != nil {
		return err
	}
	return r.remember(strings.ReplaceAll(digest, ":", "-"), id)
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// exactVersion says whether a text is a whole version and no constraint.
func exactVersion(text string) bool {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v"))
	return err == nil
}

// SameVersion says whether two texts are the same version: v1.2.3 and 1.2.3 are.
func SameVersion(a, b string) bool {
	v, errA := semver.NewVersion(a)
	w, errB := semver.NewVersion(b)
	return a == b || errA == nil && errB == nil && v.String() == w.String()
}

// PickVersion returns the version that is meant: the same text, or else the newest that fits the constraint.
func PickVersion(wanted string, versions []string) (string, error) {
	if slices.Contains(versions, wanted) {
		return wanted, nil
	}
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return "", fmt.Errorf("%q is neither a version nor a constraint; %s", wanted, thereAre(wanted, versions))
	}
	for _, v := range NewestFirst(versions) {
		if parsed, err := semver.NewVersion(v); err == nil && constraint.Check(parsed) {
			return v, nil
		}
	}
	return "", fmt.Errorf("no version fits; %s", thereAre(wanted, versions))
}

// NewestFirst sorts versions and leaves out what is none.
func NewestFirst(versions []string) []string {
	type parsed struct {
		text    string
		version *semver.Version
	}
	var list []parsed
	for _, text := range versions {
		if v, err := semver.NewVersion(text); err == nil {
			list = append(list, parsed{text, v})
		}
	}
	slices.SortStableFunc(list, func(a, b parsed) int {
		return cmp.Or(b.version.Compare(a.version), cmp.Compare(b.text, a.text))
	})
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.text
	}
	return slices.Compact(out)
}

func (c *Cache) chartVersions(ctx context.Context, a address, name string) ([]string, error) {
	if err := c.permit(a.kind(), a); err != nil {
		return nil, err
	}
	if a.scheme == "oci" {
		versions, err := ociCharts{c, a}.versions(ctx)
		return NewestFirst(versions), err
	}
	r, err := c.remote(KindHelm, a)
	if err != nil {
		return nil, err
	}
	entries, err := httpCharts{c, a, r, name}.entries(ctx)
	var versions []string
	for _, e := range entries {
		versions = append(versions, e.Version)
	}
	return NewestFirst(versions), err
}
