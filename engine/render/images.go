package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// imageFiller puts images in the place of what templates asked for (project format §7). That has to wait for the
// objects: which image it is may depend on the namespace, the workload and the container.
type imageFiller struct {
	fixed []project.FixedImage
	item  project.Item
	used  []Image
}

// An Image is one place where a template asked for an image, and what it got.
type Image struct {
	Object object.Ref
	// Path is where, with names for the elements of lists that have any, so that it leads to the same place in an object
	// that is live.
	Path object.Path
	// Whole says that the field is the image and nothing else.
	Whole bool
	// ImageUse is what was asked for.
	project.ImageUse
	// Result is the image that stands there now.
	Result string
	// Dir and Tags are those of the item.
	Dir  string
	Tags []string
}

// fill replaces the requests in all strings of an object. Images that are not known are reported together.
func (f *imageFiller) fill(o object.Object) error {
	if !asksForImages(map[string]any(o)) {
		return nil
	}
	ref := o.Ref()
	at := imagePlace{object: ref, use: project.ImageUse{Namespace: ref.Namespace, Deployment: ref.Kind + "/" + ref.Name}}
	var missing []string
	f.walk(map[string]any(o), at, &missing)
	slices.Sort(missing)
	var errs []error
	for _, name := range slices.Compact(missing) {
		errs = append(errs, fmt.Errorf("%s: %s: there is no fixed image for %s%s: give one with --fixed-image %s=IMAGE, in the target's images, or in the variable images", f.item.Source.Display(f.item.Dir), ref, name, f.near(name), name))
	}
	return errors.Join(errs...)
}

// asksForImages looks before anything is put down about where.
func asksForImages(v any) bool {
	switch v := v.(type) {
	case string:
		return project.HasImageRequest(v)
	case map[string]any:
		for _, e := range v {
			if asksForImages(e) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, asksForImages)
	}
	return false
}

// near names the fixed image that may have been meant.
func (f *imageFiller) near(name string) string {
	var names []string
	for _, fixed := range f.fixed {
		if fixed.Image == name {
			return " (those given are for other namespaces, workloads or containers)"
		}
		names = append(names, fixed.Image)
	}
	if v := f.item.Vars["images"]; v != nil && len(project.VarImages(f.item.Vars)) == 0 {
		return " (the variable images is no list of fixed images)"
	}
	if near := yamldoc.Nearest(name, names); near != "" {
		return fmt.Sprintf(" (there is one for %s)", near)
	}
	return ""
}

// imagePlace is where in an object a value stands.
type imagePlace struct {
	object object.Ref
	path   object.Path
	use    project.ImageUse
}

// walk goes through a value in the order of its keys, so that what it notes has an order.
func (f *imageFiller) walk(v any, at imagePlace, missing *[]string) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["name"].(string); ok {
			at.use.Container = name
		}
		path := at.path
		for _, k := range slices.Sorted(maps.Keys(v)) {
			at.path = path.Field(k)
			if s, ok := v[k].(string); ok {
				v[k] = f.replace(s, at, missing)
			} else {
				f.walk(v[k], at, missing)
			}
		}
	case []any:
		path := at.path
		for i, e := range v {
			at.path = path.In(v, i)
			if s, ok := e.(string); ok {
				v[i] = f.replace(s, at, missing)
			} else {
				f.walk(e, at, missing)
			}
		}
	}
}

func (f *imageFiller) replace(s string, at imagePlace, missing *[]string) string {
	asked := len(f.used)
	out := project.ReplaceImageRequests(s, func(name string) string {
		use := at.use
		use.Image = name
		image, ok := project.Resolve(f.fixed, use)
		if !ok {
			*missing = append(*missing, name)
		}
		f.used = append(f.used, Image{Object: at.object, Path: at.path, ImageUse: use, Result: image, Dir: f.item.Dir, Tags: f.item.Tags})
		return image
	})
	if len(f.used) == asked+1 {
		f.used[asked].Whole = out == f.used[asked].Result
	}
	return out
}
