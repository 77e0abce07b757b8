package render

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/weighlock/weighlock/engine/chart"
	"github.com/weighlock/weighlock/engine/internal/helm"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// A Reader is what rendering may ask of a cluster. It cannot write.
type Reader interface {
	// Variables are loaded from it, and charts look objects up in it.
	project.Cluster
	// Namespaced says whether objects of a kind live in namespaces; known is false when the server does not serve it.
	Namespaced(ctx context.Context, group, kind string) (namespaced, known bool, err error)
	// Capabilities says which Kubernetes the server is and which API versions it serves, for charts that ask.
	Capabilities(ctx context.Context) (Capabilities, error)
}

// Capabilities are what a chart may ask of its cluster.
type Capabilities struct {
	// KubeVersion is the server's version, such as v1.36.3.
	KubeVersion string
	// APIVersions are group/version and group/version/Kind for all that is served.
	APIVersions []string
}

// Options say how to render. The zero value renders offline, without a cluster.
type Options struct {
	// Reader is the target's cluster; nil renders without one: namespaces are left as written and charts see the
	// default capabilities.
	Reader Reader
	// Capabilities override what the cluster says; the zero value leaves it to the cluster.
	Capabilities Capabilities
}

// Render renders a deployment of p. The problems of all items are reported together, without secret values; then there are
// no Manifests.
func Render(ctx context.Context, p *project.Project, d *project.Deployment, opts Options) (*Manifests, error) {
	caps, err := capabilities(ctx, opts)
	if err != nil {
		return nil, err
	}
	r := &renderer{project: p, caps: caps, reader: opts.Reader, charts: chart.NewLoader(p)}
	var closed *closedCluster
	switch {
	case opts.Reader != nil && p.ReadsCluster():
		r.cluster = opts.Reader
	case opts.Reader != nil:
		closed = &closedCluster{}
		r.cluster = closed
	}
	m, err := r.render(ctx, d)
	if err == nil {
		m.Warnings = append(m.Warnings, closed.warnings()...)
		err = r.trace(ctx, d, m)
	}
	if err != nil {
		return nil, d.Secrets.Error(err)
	}
	for o := range m.All() {
		if o.Object.Ref().IsSecret() {
			LearnSecret(o.Object, d.Secrets)
		}
	}
	for i, w := range m.Warnings {
		m.Warnings[i] = d.Secrets.Text(w)
	}
	slices.SortFunc(m.Sources, project.Fetched.Compare)
	m.Sources = slices.Compact(m.Sources)
	slices.Sort(m.Warnings)
	m.Warnings = slices.Compact(m.Warnings)
	return m, nil
}

// render renders a deployment.
func (r *renderer) render(ctx context.Context, d *project.Deployment) (*Manifests, error) {
	if r.cluster != nil {
		concealing := *r
		concealing.cluster = concealedSecrets{r.cluster, d}
		r = &concealing
	}
	works, err := r.prepare(ctx, d)
	if err != nil {
		return nil, err
	}
	elsewhere := newBases(r.project, d)
	all := newTrees(works, elsewhere)
	err = each(works, func(w *work) error {
		if err := ctx.Err(); err != nil || w.item.OnlyRender {
			return err
		}
		return build(ctx, d.Target, w, all)
	})
	if err != nil {
		learnLiterals(works, d.Secrets)
		return nil, err
	}
	if err := r.unsettled(ctx, d.Target, works, elsewhere); err != nil {
		return nil, err
	}
	if err := fixNamespaces(ctx, works, r.reader); err != nil {
		return nil, err
	}
	if err := addNamespaces(ctx, d.Target, works, r.reader); err != nil {
		return nil, err
	}
	m := assemble(d, works)
	elsewhere.tell(m)
	m.Secrets = d.Secrets
	if err := errors.Join(check(m), order(m)); err != nil {
		return nil, err
	}
	return m, nil
}

func capabilities(ctx context.Context, opts Options) (Capabilities, error) {
	caps := opts.Capabilities
	if opts.Reader != nil && (caps.KubeVersion == "" || caps.APIVersions == nil) {
		live, err := opts.Reader.Capabilities(ctx)
		if err != nil {
			return caps, err
		}
		if caps.KubeVersion == "" {
			caps.KubeVersion = live.KubeVersion
		}
		if caps.APIVersions == nil {
			caps.APIVersions = live.APIVersions
		}
	}
	return caps, nil
}

// renderer is one run of Render.
type renderer struct {
	project *project.Project
	caps    Capabilities
	reader  Reader // nil: offline
	charts  *chart.Loader
	cluster helm.Cluster // what charts may look up; nil: nothing
}

// work is an item on its way from files to objects.
type work struct {
	item  project.Item
	dir   string            // where its files lie in memory: the item's directory, with a suffix if it is used again
	files map[string][]byte // rendered files by slash path from dir
	// around is what the kustomization of a plain project may read besides; nil for other items.
	around *surroundings
	// releases are the charts of the item, by the path below dir of the file that each was rendered into.
	releases map[string]*release
	objects  []Manifest
	images   imageFiller
	warnings []string
}

// place is a directory of a tree.
type place struct {
	source *project.Source
	dir    string
}

// shown is how a file of the item is called in messages and results.
func (w *work) shown(name string) string {
	return w.item.Source.Display(path.Join(w.item.Dir, name))
}

// prepare renders all items' files and charts in parallel.
func (r *renderer) prepare(ctx context.Context, d *project.Deployment) ([]*work, error) {
	works := make([]*work, len(d.Items))
	used := map[place]int{}
	for i, item := range d.Items {
		w := &work{item: item, dir: item.Dir, releases: map[string]*release{}}
		w.images = imageFiller{fixed: append(project.VarImages(item.Vars), d.Target.Images...), item: item}
		at := place{item.Source, item.Dir}
		if n := used[at]; n > 0 && item.Dir != "" {
			w.dir = fmt.Sprintf("%s-%d", item.Dir, n)
		}
		used[at]++
		works[i] = w
	}
	var left atomic.Int64
	left.Store(maxFiles)
	err := each(works, func(w *work) (err error) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.files, err = renderFiles(ctx, d, w.item, &left); err != nil || !isLoose(w.item) {
			return err
		}
		w.around = &surroundings{deployment: d, item: w.item, left: &left}
		return w.addCharts(ctx)
	})
	if err != nil {
		return nil, err
	}
	return works, r.renderCharts(ctx, works)
}

// each runs f for each item that has files, in parallel over all cores, and joins the errors in the items' order.
func each(works []*work, f func(*work) error) error {
	errs := make([]error, len(works))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, w := range works {
		if w.item.Dir == "" {
			continue
		}
		g.Go(func() error { errs[i] = f(w); return nil })
	}
	g.Wait()
	return errors.Join(errs...)
}

// assemble groups the items' objects into stages.
func assemble(d *project.Deployment, works []*work) *Manifests {
	m := &Manifests{Target: d.Target, Sources: slices.Clone(d.Sources), Warnings: slices.Clone(d.Warnings)}
	var stage Stage
	for n, w := range works {
		m.Images = append(m.Images, w.images.used...)
		m.Warnings = append(m.Warnings, w.warnings...)
		for _, rel := range w.releases {
			m.Warnings = append(m.Warnings, rel.warnings...)
			if from := rel.chart.From; from != nil {
				m.Sources = append(m.Sources, *from)
				m.Warnings = append(m.Warnings, from.Warnings()...)
			}
		}
		if item, ok := w.rendered(); ok {
			item.Number = n
			stage.Items = append(stage.Items, item)
		}
		if w.item.Barrier {
			stage.Message = w.item.Message
			m.Stages = append(m.Stages, stage)
			stage = Stage{}
		}
	}
	if len(stage.Items) > 0 {
		m.Stages = append(m.Stages, stage)
	}
	slices.SortFunc(m.Sources, project.Fetched.Compare)
	m.Sources = slices.Compact(m.Sources)
	slices.Sort(m.Warnings)
	m.Warnings = slices.Compact(m.Warnings)
	return m
}

// rendered is the item as the stages after rendering see it; not ok if there is nothing for them to do.
func (w *work) rendered() (Item, bool) {
	item := Item{From: w.item.From, Waiting: w.item.Waiting, Deletions: w.item.Deletions, Needs: w.item.Needs, Rules: w.item.Rules, Objects: w.objects}
	switch {
	case w.item.OnlyRender:
		return Item{}, false
	case w.item.Dir == "":
		return item, len(item.Waiting.Objects)+len(item.Deletions) > 0
	}
	item.Dir = w.shown(".")
	return item, true
}

// check finds objects that are not complete, and the same object rendered twice.
func check(m *Manifests) error {
	var errs []error
	seen := map[object.ID]string{}
	for o := range m.All() {
		if err := o.Object.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Source, err))
			continue
		}
		ref := o.Object.Ref()
		if first, ok := seen[ref.ID()]; ok {
			errs = append(errs, fmt.Errorf("%s: %s is rendered twice: also from %s", o.Source, ref, first))
		}
		seen[ref.ID()] = o.Source
	}
	return errors.Join(errs...)
}
