package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// imageList is what list-images prints and --fixed-images-file reads.
type imageList struct {
	Images []project.FixedImage `json:"images"`
}

func listImagesCommand(p process) *cobra.Command {
	var target targetFlags
	var how renderFlags
	var out listFlags
	var simple bool
	c := &cobra.Command{
		Use:   "list-images",
		Short: "List the images that a target asks for by images.get_image",
		Long: "List the images that the templates of a target ask for by images.get_image, and what they got. The list can be given back as\n" +
			"--fixed-images-file. With a cluster, each entry also says which image is deployed there now.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			proj, t, err := target.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer proj.Close()
			opts, err := how.options(p, target.kubeconfig, t)
			if err != nil {
				return err
			}
			m, err := engine.Render(cmd.Context(), proj, t, opts)
			if err != nil {
				return err
			}
			warn(p, m.Warnings)
			if simple {
				return writeImages(p, outputs, simpleImages(m.Images))
			}
			list, err := fullImages(cmd.Context(), m.Images, opts.Reader)
			if err != nil {
				return err
			}
			return writeImages(p, outputs, list)
		},
	}
	target.register(c)
	how.register(c)
	out.register(c, "yaml")
	c.Flags().BoolVar(&simple, "simple", false, "print only image and resultImage, each pair once")
	return c
}

func writeImages(p process, outputs []output, list []project.FixedImage) error {
	rows := [][]string{{"IMAGE", "RESULT", "DEPLOYED", "NAMESPACE", "WORKLOAD", "CONTAINER"}}
	for _, f := range list {
		rows = append(rows, []string{f.Image, f.ResultImage, f.DeployedImage, f.Namespace, f.Deployment, f.Container})
	}
	if list == nil {
		list = []project.FixedImage{}
	}
	return writeList(p.stdout, outputs, imageList{list}, columns(rows))
}

func simpleImages(images []render.Image) []project.FixedImage {
	var list []project.FixedImage
	for _, i := range images {
		one := project.FixedImage{Image: i.Image, ResultImage: i.Result}
		if !slices.ContainsFunc(list, func(f project.FixedImage) bool { return f.Image == one.Image && f.ResultImage == one.ResultImage }) {
			list = append(list, one)
		}
	}
	return list
}

// fullImages says all of each use; live is nil without a cluster.
func fullImages(ctx context.Context, images []render.Image, live render.Reader) ([]project.FixedImage, error) {
	var list []project.FixedImage
	var errs []error
	for _, i := range images {
		ref, err := json.Marshal(objectRef(i.Object))
		if err != nil {
			return nil, err
		}
		f := project.FixedImage{
			Image: i.Image, ResultImage: i.Result, Namespace: i.Namespace, Deployment: i.Deployment, Container: i.Container,
			DeployTags: i.Tags, DeploymentDir: i.Dir, Object: ref,
		}
		if live != nil && i.Whole {
			f.DeployedImage, err = deployedImage(ctx, live, i)
			errs = append(errs, err)
		}
		if !slices.ContainsFunc(list, func(have project.FixedImage) bool { return reflect.DeepEqual(have, f) }) {
			list = append(list, f)
		}
	}
	return list, errors.Join(errs...)
}

func objectRef(r object.Ref) map[string]string {
	ref := map[string]string{"kind": r.Kind, "name": r.Name}
	for key, value := range map[string]string{"group": r.Group, "version": r.Version, "namespace": r.Namespace} {
		if value != "" {
			ref[key] = value
		}
	}
	return ref
}

// deployedImage is what stands in the live object where an image was asked for; "" when there is none.
func deployedImage(ctx context.Context, live render.Reader, i render.Image) (string, error) {
	o, err := live.Get(ctx, i.Object)
	var noKind *object.NoKindError
	if errors.As(err, &noKind) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s for its image: %w", i.Object, err)
	}
	found, _ := i.Path.Lookup(map[string]any(o))
	image, _ := found.(string)
	return image, nil
}
