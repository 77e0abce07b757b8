package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	registry "github.com/google/go-containerregistry/pkg/v1/remote"
	wire "github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// OCIRef is an artifact in an OCI repository. Where a Digest is given, the Tag is for people only.
type OCIRef struct {
	URL    string // oci://host/repository
	Tag    string // default latest
	Digest string // sha256:…
}

func (r OCIRef) describe() string {
	if r.Digest != "" {
		return r.Digest
	}
	return "tag " + r.Tag
}

var (
	ociDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	ociTag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	ociPath   = regexp.MustCompile(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)
)

func (r *OCIRef) check(a address) error {
	if r.Tag == "" {
		r.Tag = "latest"
	}
	switch {
	case !ociPath.MatchString(a.path):
		return errors.New("the repository's name may have only lower-case letters, digits, and single . _ - between them; tag and digest do not belong into the address")
	case r.Digest != "" && !ociDigest.MatchString(r.Digest):
		return fmt.Errorf("digest %q: want sha256: and 64 lower-case hexadecimal digits", r.Digest)
	case !ociTag.MatchString(r.Tag):
		return fmt.Errorf("%q is not a tag", r.Tag)
	}
	return nil
}

// OCI returns the files of an artifact: an image with one layer, a gzipped tar archive, as Flux and Kluctl push them. Its
// content is verified by its digest. What is called .git in the archive is left out.
//
// The network is used to resolve a tag, and to get an artifact that the cache does not have. Errors are as of [Cache.Git].
func (c *Cache) OCI(ctx context.Context, ref OCIRef) (Tree, error) {
	a, err := ociAddress(ref.URL)
	if err != nil {
		return Tree{}, fmt.Errorf("OCI repository: %w", err)
	}
	err = ref.check(a)
	var tree Tree
	if err == nil {
		tree, err = c.oci(ctx, a, ref)
	}
	if err != nil {
		return Tree{}, fmt.Errorf("OCI repository %s, %s: %w", a, ref.describe(), err)
	}
	tree.URL = a.String()
	return tree, nil
}

func ociAddress(url string) (address, error) {
	a, err := parseAddress(url)
	if err == nil && a.scheme != "oci" {
		err = fmt.Errorf("%s: an address begins with oci://", a)
	}
	return a, err
}

// Check finds what is wrong with the artifact's name without asking for it.
func (r OCIRef) Check() error {
	a, err := ociAddress(r.URL)
	if err != nil {
		return err
	}
	return r.check(a)
}

func (c *Cache) oci(ctx context.Context, a address, ref OCIRef) (Tree, error) {
	if tree, ok, err := c.override(KindOCI, a); ok || err != nil {
		return tree, err
	}
	if err := c.permit(KindOCI, a); err != nil {
		return Tree{}, err
	}
	r, err := c.remote(KindOCI, a)
	if err != nil {
		return Tree{}, err
	}
	release, err := r.lock(ctx)
	if err != nil {
		return Tree{}, err
	}
	defer release()
	tree := Tree{Commit: ref.Digest}
	if ref.Digest == "" {
		tree.Ref = ref.Tag
		if tree.Commit, err = c.recordedTag(r, ref.Tag); err != nil {
			return Tree{}, err
		}
	}
	if tree.Commit != "" {
		var there bool
		if tree.Dir, there, err = c.knownArtifact(r, tree.Commit); err != nil || there {
			return tree, err
		}
	}
	artifact, err := c.pull(ctx, a, tree)
	if err != nil {
		return Tree{}, err
	}
	tree.Commit = artifact.digest
	if tree.Ref != "" {
		if err := c.recordTag(r, tree.Ref, tree.Commit); err != nil {
			return Tree{}, err
		}
	}
	var there bool
	if tree.Dir, there, err = c.knownArtifact(r, tree.Commit); err != nil || there {
		return tree, err
	}
	content := "oci-" + artifact.layer.Digest.Hex
	tree.Dir, err = c.extract(r, content, func(w *writer) error { return artifact.write(w) })
	if err != nil {
		return Tree{}, fmt.Errorf("getting its content: %w", artifact.explain(ctx, err))
	}
	return tree, r.remember(artifact.name(), content)
}

func (c *Cache) knownArtifact(r *remote, digest string) (dir string, there bool, err error) {
	content, err := os.ReadFile(r.note(artifact{digest: digest}.name()))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if !strings.HasPrefix(string(content), "oci-") || !objectID.Match(content[len("oci-"):]) {
		return "", false, nil
	}
	return c.tree(string(content))
}

// tagRecord is what a tag was at, and when.
type tagRecord struct {
	Asked  time.Time
	Digest string
}

func readTags(r *remote) (map[string]tagRecord, error) {
	tags := make(map[string]tagRecord)
	content, err := os.ReadFile(filepath.Join(r.dir, "tags.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if json.Unmarshal(content, &tags) != nil { // none, or worth as little as none
		return make(map[string]tagRecord), nil
	}
	return tags, nil
}

// recordedTag returns what this run, or a recent one, has resolved a tag to; empty if it is to be asked for. The caller has
// the remote locked.
func (c *Cache) recordedTag(r *remote, tag string) (string, error) {
	if digest := r.tags[tag]; digest != "" || c.opts.UpdateInterval <= 0 || c.opts.Now == nil {
		return digest, nil
	}
	tags, err := readTags(r)
	if err != nil {
		return "", err
	}
	was := tags[tag]
	if age := c.opts.Now().Sub(was.Asked); age < 0 || age >= c.opts.UpdateInterval || !ociDigest.MatchString(was.Digest) {
		return "", nil
	}
	r.tags[tag] = was.Digest
	return was.Digest, nil
}

func (c *Cache) recordTag(r *remote, tag, digest string) error {
	r.tags[tag] = digest
	if c.opts.UpdateInterval <= 0 || c.opts.Now == nil {
		return nil
	}
	tags, err := readTags(r)
	if err != nil {
		return err
	}
	tags[tag] = tagRecord{Asked: c.opts.Now(), Digest: digest}
	content, err := json.Marshal(tags)
	if err != nil {
		return err
	}
	return writeAtomically(filepath.Join(r.dir, "tags.json"), content)
}

// artifact is a manifest with the layer that holds the files.
type artifact struct {
	digest  string
	image   v1.Image
	layer   v1.Descriptor
	repo    name.Repository
	options []registry.Option
	secrets []string
}

// name is the digest as a file name.
func (t artifact) name() string { return strings.ReplaceAll(t.digest, ":", "-") }

// pull gets the manifest of a digest or, where there is none, of a tag.
func (c *Cache) pull(ctx context.Context, a address, want Tree) (artifact, error) {
	t, err := c.repository(ctx, a)
	if err != nil {
		return t, err
	}
	var ref name.Reference = t.repo.Tag(want.Ref)
	if want.Commit != "" {
		ref = t.repo.Digest(want.Commit)
	}
	desc, err := registry.Get(ref, t.options...)
	if err != nil {
		return t, fmt.Errorf("getting its manifest: %w", t.explainTag(ctx, want.Ref, err))
	}
	t.digest = desc.Digest.String()
	if !ociDigest.MatchString(t.digest) {
		return t, fmt.Errorf("its digest %q is not supported: want sha256", t.digest)
	}
	if desc.MediaType.IsIndex() {
		return t, errors.New("it is an index of several images, not an artifact with files")
	}
	if !desc.MediaType.IsImage() {
		return t, fmt.Errorf("it has the media type %q, not that of an artifact with files", desc.MediaType)
	}
	if t.image, err = desc.Image(); err != nil {
		return t, t.explain(ctx, err)
	}
	manifest, err := t.image.Manifest()
	if err != nil {
		return t, fmt.Errorf("reading its manifest: %w", err)
	}
	if t.layer, err = fileLayer(manifest.Layers); err != nil {
		return t, err
	}
	if t.layer.Size > c.opts.Limits.Bytes {
		return t, fmt.Errorf("its content has %d bytes, more than the %d allowed", t.layer.Size, c.opts.Limits.Bytes)
	}
	return t, nil
}

const fluxContent = "application/vnd.cncf.flux.content.v1.tar+gzip"

// fileLayer finds the layer with the files: Flux's own, or the only one.
func fileLayer(layers []v1.Descriptor) (v1.Descriptor, error) {
	var types []string
	for _, l := range layers {
		if l.MediaType == fluxContent {
			return l, nil
		}
		types = append(types, string(l.MediaType))
	}
	if len(layers) != 1 {
		return v1.Descriptor{}, fmt.Errorf("it has %d layers (%s), not one: is it a container image?", len(layers), strings.Join(types, ", "))
	}
	return layers[0], nil
}

// write gets the layer and unpacks it.
func (t artifact) write(w *writer) error {
	layer, err := t.image.LayerByDigest(t.layer.Digest)
	if err != nil {
		return err
	}
	blob, err := layer.Compressed() // verifies size and digest when it is read to its end
	if err != nil {
		return err
	}
	defer blob.Close()
	return untar(blob, w)
}

// explainTag adds what tags there are to an error about one that is not.
func (t artifact) explainTag(ctx context.Context, tag string, err error) error {
	var said *wire.Error
	if tag == "" || !errors.As(err, &said) || said.StatusCode != http.StatusNotFound {
		return t.explain(ctx, err)
	}
	tags, listErr := registry.List(t.repo, t.options...)
	if listErr != nil {
		return t.explain(ctx, err) // the first error says it better
	}
	return fmt.Errorf("tag %q not found; %s", tag, thereAre(tag, tags))
}

// explain adds a remedy to what the registry says.
func (t artifact) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", t.repo, ctx.Err())
	}
	var said *wire.Error
	var plain *plainHTTPError
	switch {
	case errors.As(err, &plain):
		return plain
	case !errors.As(err, &said):
		return &redacted{err, t.secrets}
	}
	remedy := ""
	switch said.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		remedy = "; give credentials that can read the repository (WEIGHLOCK_REGISTRY_HOST, WEIGHLOCK_REGISTRY_USERNAME, WEIGHLOCK_REGISTRY_PASSWORD, or docker login)"
	case http.StatusNotFound:
		remedy = "; check the address and the digest; a private repository that the credentials cannot read looks the same"
	}
	return fmt.Errorf("%w%s", &redacted{err, t.secrets}, remedy)
}

// redacted is an error whose text may hold secrets.
type redacted struct {
	err     error
	secrets []string
}

func (r *redacted) Error() string { return redact(r.err.Error(), r.secrets) }
func (r *redacted) Unwrap() error { return r.err }
