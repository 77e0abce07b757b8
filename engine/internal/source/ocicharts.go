package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	registry "github.com/google/go-containerregistry/pkg/v1/remote"
	wire "github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ociCharts are the versions of a chart in an OCI registry, each a tag.
type ociCharts struct {
	cache *Cache
	at    address
}

// chartLayers are the media types that Helm gives to a chart's archive.
var chartLayers = map[string]bool{
	"application/vnd.cncf.helm.chart.content.v1.tar+gzip": true,
	"application/tar+gzip":                                true, // before Helm 3.7
}

// tagOf is a version as a tag, which may have no plus sign.
func tagOf(version string) string { return strings.ReplaceAll(version, "+", "_") }

func (o ociCharts) versions(ctx context.Context) ([]string, error) {
	t, err := o.cache.repository(ctx, o.at)
	if err != nil {
		return nil, err
	}
	tags, err := registry.List(t.repo, t.options...)
	if err != nil {
		return nil, t.explain(ctx, err)
	}
	for i, tag := range tags {
		tags[i] = strings.ReplaceAll(tag, "_", "+")
	}
	return tags, nil
}

func (o ociCharts) find(ctx context.Context, version string) (chartRecord, error) {
	t, err := o.cache.repository(ctx, o.at)
	if err != nil {
		return chartRecord{}, err
	}
	if !exactVersion(version) {
		versions, err := o.versions(ctx)
		if err != nil {
			return chartRecord{}, err
		}
		if version, err = PickVersion(version, versions); err != nil {
			return chartRecord{}, err
		}
	}
	if !ociTag.MatchString(tagOf(version)) {
		return chartRecord{}, fmt.Errorf("%q cannot be a tag", version)
	}
	tag := t.repo.Tag(tagOf(version))
	desc, err := registry.Head(tag, t.options...)
	var said *wire.Error
	if errors.As(err, &said) { // the answer to GET says more
		var got *registry.Descriptor
		if got, err = registry.Get(tag, t.options...); err == nil {
			desc = &got.Descriptor
		}
	}
	if err != nil {
		return chartRecord{}, fmt.Errorf("getting its manifest: %w", t.explainTag(ctx, tagOf(version), err))
	}
	return chartRecord{Version: version, Digest: desc.Digest.String()}, nil
}

func (o ociCharts) get(ctx context.Context, want chartRecord) ([]byte, error) {
	t, err := o.cache.repository(ctx, o.at)
	if err != nil {
		return nil, err
	}
	if !ociDigest.MatchString(want.Digest) {
		return nil, fmt.Errorf("its digest %q is not supported: want sha256", want.Digest)
	}
	img, err := registry.Image(t.repo.Digest(want.Digest), t.options...)
	if err != nil {
		return nil, fmt.Errorf("getting its manifest: %w", t.explain(ctx, err))
	}
	layer, err := chartLayer(img)
	if err != nil {
		return nil, fmt.Errorf("it is not a chart: %w", err)
	}
	if layer.Size > maxArchive {
		return nil, fmt.Errorf("its archive has %d bytes, more than the %d allowed", layer.Size, maxArchive)
	}
	content, err := img.LayerByDigest(layer.Digest)
	if err != nil {
		return nil, err
	}
	blob, err := content.Compressed() // verifies size and digest when it is read to its end
	if err != nil {
		return nil, fmt.Errorf("getting its archive: %w", t.explain(ctx, err))
	}
	defer blob.Close()
	archive, err := io.ReadAll(io.LimitReader(blob, maxArchive+1))
	if err != nil {
		return nil, fmt.Errorf("getting its archive: %w", t.explain(ctx, err))
	}
	return archive, nil
}

func chartLayer(img v1.Image) (v1.Descriptor, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("reading its manifest: %w", err)
	}
	var types []string
	for _, l := range manifest.Layers {
		if chartLayers[string(l.MediaType)] {
			return l, nil
		}
		types = append(types, string(l.MediaType))
	}
	return v1.Descriptor{}, fmt.Errorf("its layers are of the types %q: is it a container image?", types)
}
