package render

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/internal/kustomize"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// build turns an item's files into objects by kustomize and marks them as the target's.
func build(ctx context.Context, target project.Target, w *work, all trees) error {
	fsys, err := all.fileSystem(ctx, w)
	if err != nil {
		return err
	}
	dir := path.Join("/", w.dir)
	own := kustomize.Find(fsys, dir)
	display := func(p string) string {
		if own == "" && path.Join("/", p) == path.Join(dir, "kustomization.yaml") {
			p = dir // nobody wrote that file
		}
		p = strings.TrimPrefix(p, "/")
		if rest, ok := strings.CutPrefix("/"+p, dir); ok && (rest == "" || rest[0] == '/' || dir == "/") {
			return w.shown(rest)
		}
		return w.item.Source.Display(p)
	}
	if err := checkReleases(fsys, w); err != nil {
		return err
	}
	built, err := objects(ctx, w, fsys, own, kustomize.Options{Display: display, Missing: w.missing, Remote: all.bases.remote()})
	if err != nil {
		return w.around.problems(err)
	}
	var errs []error
	for _, b := range built {
		o := object.Object(b.Object)
		if ignored, _ := strconv.ParseBool(o.Annotation("kluctl.io/ignore")); ignored {
			continue
		}
		if err := markable(o); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", all.origin(w, b), err))
			continue
		}
		mark(o, target, w.item)
		if err := w.images.fill(o); err != nil {
			errs = append(errs, err)
		}
		w.objects = append(w.objects, Manifest{Object: o, Source: all.origin(w, b)})
	}
	return errors.Join(errs...)
}

// objects are those of an item's files, whose kustomization is own; "" if one is to be made up.
func objects(ctx context.Context, w *work, fsys kustomize.FS, own string, opts kustomize.Options) ([]kustomize.Resource, error) {
	dir := path.Join("/", w.dir)
	generate := kustomize.GenerateOptions{Recursive: w.item.Recursive, Outputs: map[string]string{}}
	for output := range w.releases {
		generate.Outputs[path.Join(dir, path.Dir(output))] = path.Base(output)
	}
	if own == "" {
		w.warnOfJSON()
	}
	if own == "" && w.item.Namespace == "" {
		if built, listed, ok := kustomize.AsListed(fsys, dir, generate); ok {
			return built, checkYAML(w, true, listed)
		}
	}
	if err := checkYAML(w, own == "", nil); err != nil {
		return nil, err
	}
	if own == "" {
		if err := kustomize.Generate(fsys, dir, generate); err != nil {
			return nil, fmt.Errorf("%s: %w", w.shown("."), err)
		}
	} else {
		if w.item.Recursive {
			return nil, fmt.Errorf("%s: recursive: true is for directories without a kustomization of their own, and this one has %s", w.item.From, path.Base(own))
		}
		if err := w.annotated(kustomize.Annotations(fsys, dir)); err != nil {
			return nil, err
		}
	}
	if w.item.Namespace != "" {
		if err := kustomize.SetNamespace(fsys, dir, w.item.Namespace); err != nil {
			return nil, fmt.Errorf("%s: %w", w.shown("."), err)
		}
	}
	return kustomize.Build(ctx, fsys, dir, opts)
}

// warnOfJSON tells of manifests that are left out because of their names (project format §3.1).
func (w *work) warnOfJSON() {
	for name, data := range w.files {
		if strings.Contains(name, "/") || path.Ext(name) != ".json" {
			continue
		}
		var o struct{ APIVersion, Kind string }
		if json.Unmarshal(data, &o) == nil && o.APIVersion != "" && o.Kind != "" {
			w.warnings = append(w.warnings, w.shown(name)+" is not rendered: a directory without a kustomization gives the objects of its *.yaml and *.yml files; rename it, or list it in a kustomization.yaml")
		}
	}
}

// annotated reads what an item's own kustomization says about the item by annotations (project format §12). As with all
// annotations, what is neither true nor false counts as not there (§0.4).
func (w *work) annotated(annotations map[string]string) error {
	if on, _ := strconv.ParseBool(annotations["kluctl.io/barrier"]); on {
		w.item.Barrier = true
	}
	if on, _ := strconv.ParseBool(annotations["kluctl.io/wait-readiness"]); on {
		w.item.Waiting.All = true
	}
	text := annotations[TimeoutAnnotation]
	if text == "" {
		return nil
	}
	limit, err := time.ParseDuration(text)
	if err != nil || limit <= 0 {
		return fmt.Errorf("%s: annotation %s: found %q, expected a duration such as 90s or 10m", w.shown("kustomization.yaml"), TimeoutAnnotation, text)
	}
	w.item.Waiting.Timeout = limit
	return nil
}

// TimeoutAnnotation bounds the wait for an object that is awaited; on a kustomization, for each that the item waits for.
const TimeoutAnnotation = "weighlock.dev/readiness-timeout"

// checkReleases finds charts whose objects nobody takes: a kustomization beside a helm-chart.yaml must list its output.
func checkReleases(fsys kustomize.FS, w *work) error {
	var errs []error
	for output, rel := range w.releases {
		own := kustomize.Find(fsys, path.Join("/", w.dir, path.Dir(output)))
		if own == "" {
			continue
		}
		name := path.Join(path.Dir(output), path.Base(own))
		data, err := fsys.ReadFile(own)
		if err != nil {
			continue // building it says why
		}
		v, err := yamldoc.Value(w.shown(name), data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		doc, _ := v.(map[string]any)
		resources, _ := doc["resources"].([]any)
		if !slices.ContainsFunc(resources, func(r any) bool { s, _ := r.(string); return path.Clean(s) == path.Base(output) }) {
			errs = append(errs, fmt.Errorf("%s: resources does not list %s, so the objects of %s would be lost: add it", w.shown(name), path.Base(output), rel.file))
		}
	}
	return errors.Join(errs...)
}

// checkYAML reads the YAML files before kustomize does, which knows no limit for aliases and tells no line. Where every
// file is a resource, all mistakes count; else only what would blow up. Those that are read already are not read again.
func checkYAML(w *work, resources bool, read []string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(w.files)) {
		ext := path.Ext(name)
		if _, made := w.releases[name]; made || (ext != ".yaml" && ext != ".yml") || slices.Contains(read, name) {
			continue
		}
		taken := resources && !strings.Contains(name, "/") && !strings.HasPrefix(name, "helm-")
		if !taken && !bytes.Contains(w.files[name], []byte("*")) {
			continue // without aliases there is nothing to blow up
		}
		_, err := yamldoc.Values(w.shown(name), w.files[name])
		if err == nil {
			continue
		}
		if !taken && errors.Is(err, yamldoc.ErrAliases) {
			errs = append(errs, err)
		}
		if taken {
			errs = append(errs, forObjects(err))
		}
	}
	return errors.Join(errs...)
}

// forObjects is what is wrong with a file also as kustomize reads it, to which yes, no, on and off are different keys.
func forObjects(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, err := range all.Unwrap() {
			errs = append(errs, forObjects(err))
		}
		return errors.Join(errs...)
	}
	if errors.Is(err, yamldoc.ErrSameKey) {
		return nil
	}
	return err
}

// markable finds metadata that cannot take labels and annotations.
func markable(o object.Object) error {
	for _, field := range []string{"labels", "annotations"} {
		if v, ok := o.Get("metadata", field); ok && v != nil {
			if _, ok := v.(map[string]any); !ok {
				return fmt.Errorf("%s: metadata.%s: found a %s, expected a map", o.Ref(), field, object.TypeName(v))
			}
		}
	}
	return nil
}

// mark adds the labels and annotations that tell whose object it is (project format §3.4). They go onto the object
// alone, never into selectors or pod templates.
func mark(o object.Object, target project.Target, item project.Item) {
	for k, v := range item.Labels {
		o.SetLabel(k, v)
	}
	if target.Discriminator != "" {
		o.SetLabel("kluctl.io/discriminator", target.Discriminator)
	}
	for i, tag := range item.Tags {
		o.SetLabel("kluctl.io/tag-"+strconv.Itoa(i), tag)
	}
	for k, v := range item.Annotations {
		o.SetAnnotation(k, v)
	}
	o.SetAnnotation("kluctl.io/deployment-item-dir", item.Dir)
	if item.SkipDeleteIfTags {
		o.SetAnnotation("kluctl.io/skip-delete-if-tags", "true")
	}
}
