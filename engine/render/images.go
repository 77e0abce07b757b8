package render

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
)

// imageFiller puts images in the place of what templates asked for (project format §7). That has to wait for the
// objects: which image it is may depend on the namespace, the workload and the container.
type imageFiller struct {
	fixed []project.FixedImage
	item  project.Item
}

// fill replaces the requests in all strings of an object. Images that are not known are reported together.
func (f imageFiller) fill(o object.Object) error {
	ref := o.Ref()
	use := project.ImageUse{Namespace: ref.Namespace, Deployment: ref.Kind + "/" + ref.Name}
	var missing []string
	f.walk(map[string]any(o), use, &missing)
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	var errs []error
	for _, name := range slices.Compact(missing) {
		errs = append(errs, fmt.Errorf("%s: %s: there is no fixed image for %s: give one with --fixed-image %s=IMAGE, in the target's images, or in the variable images", f.item.Dir, ref, name, name))
	}
	return errors.Join(errs...)
}

func (f imageFiller) walk(v any, use project.ImageUse, missing *[]string) {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["name"].(string); ok {
			use.Container = name
		}
		for k, e := range v {
			if s, ok := e.(string); ok {
				v[k] = f.replace(s, use, missing)
			} else {
				f.walk(e, use, missing)
			}
		}
	case []any:
		for i, e := range v {
			if s, ok := e.(string); ok {
				v[i] = f.replace(s, use, missing)
			} else {
				f.walk(e, use, missing)
			}
		}
	}
}

func (f imageFiller) replace(s string, use project.ImageUse, missing *[]string) string {
	return project.ReplaceImageRequests(s, func(name string) string {
		use.Image = name
		image, ok := project.Resolve(f.fixed, use)
		if !ok {
			*missing = append(*missing, name)
		}
		return image
	})
}
