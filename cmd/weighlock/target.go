package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weighlock/weighlock/engine"
	"github.com/weighlock/weighlock/engine/kube"
	"github.com/weighlock/weighlock/engine/project"
	"github.com/weighlock/weighlock/engine/render"
)

// projectFlags name a project and the arguments that its targets are built with.
type projectFlags struct {
	dir, config string
	args        []string
	argsFiles   []string
}

func (f *projectFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.dir, "project-dir", ".", "the project's `directory`")
	flags.StringVarP(&f.config, "project-config", "c", "", "`file` to read instead of the project's .kluctl.yaml")
	flags.StringArrayVarP(&f.args, "arg", "a", nil, "argument, `name=value`; the value is read as YAML, @file reads it from a file (repeatable)")
	flags.StringArrayVar(&f.argsFiles, "args-from-file", nil, "YAML `file` of arguments; wins over --arg (repeatable)")
	flags.Duration(timeoutFlag, defaultTimeout, "give up after this `duration`; 0 never does")
}

func (f *projectFlags) options(p process) project.Options {
	return project.Options{ConfigFile: f.config, Now: time.Now, Env: p.lookupenv, Keys: project.Keys{Env: p.lookupenv, Online: true}}
}

// arguments reads the arguments, those of files last. All that is wrong is reported at once.
func (f *projectFlags) arguments() ([]*project.Layer, error) {
	layers, err := project.ParseArgs(f.args, os.ReadFile)
	errs := []error{err}
	for _, name := range f.argsFiles {
		layer, err := readArgs(name)
		errs = append(errs, err)
		layers = append(layers, layer)
	}
	return layers, errors.Join(errs...)
}

func readArgs(name string) (*project.Layer, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return project.ReadArgs(name, data)
}

// targetFlags pick a project, a target and a cluster; several commands share them.
type targetFlags struct {
	projectFlags
	selection  project.Selection
	images     []string
	imagesFile string
	kubeconfig string
	remotes    remoteFlags
	bases      bool
}

func (f *targetFlags) register(c *cobra.Command) {
	f.projectFlags.register(c)
	flags, sel := c.Flags(), &f.selection
	flags.StringVarP(&sel.Target, "target", "t", "", "target to use, one of .kluctl.yaml")
	flags.StringVarP(&sel.Name, "target-name-override", "T", "", "name that templates see as the target's, instead of its own")
	flags.StringVar(&sel.Context, "context", "", "kubeconfig context to use instead of the target's")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `file`; default: $KUBECONFIG, then ~/.kube/config")
	flags.StringVar(&sel.Discriminator, "discriminator", "", "discriminator to use instead of the target's")
	flags.StringArrayVarP(&f.images, "fixed-image", "F", nil, "image for images.get_image, `name[:namespace[:Kind/name[:container]]]=image` (repeatable)")
	flags.StringVar(&f.imagesFile, "fixed-images-file", "", "YAML `file` of fixed images, as list-images prints them")
	flags.StringArrayVarP(&sel.Inclusion.IncludeTags, "include-tag", "I", nil, "deal only with items that have this `tag` (repeatable)")
	flags.StringArrayVarP(&sel.Inclusion.ExcludeTags, "exclude-tag", "E", nil, "leave out items that have this `tag` (repeatable)")
	flags.StringArrayVar(&sel.Inclusion.IncludeDirs, "include-deployment-dir", nil, "deal only with items in this `directory`, relative to the repository's root (repeatable)")
	flags.StringArrayVar(&sel.Inclusion.ExcludeDirs, "exclude-deployment-dir", nil, "leave out items in this `directory`, relative to the repository's root (repeatable)")
	flags.BoolVar(&f.bases, "allow-remote-bases", false, "let kustomizations name git repositories and files elsewhere")
	f.remotes.register(c)
}

// open opens the project and picks the target. The caller closes the project.
func (f *targetFlags) open(ctx context.Context, p process) (*project.Project, project.Target, error) {
	sel, err := f.complete()
	if err != nil {
		return nil, project.Target{}, err
	}
	proj, err := f.openAt(p, f.dir, "")
	if err != nil {
		return nil, project.Target{}, err
	}
	t, err := proj.Target(ctx, sel)
	if err != nil {
		return nil, project.Target{}, errors.Join(err, proj.Close())
	}
	p.log.target(proj, t)
	return proj, t, nil
}

// openAt opens the project in a directory that the source root confines; "" is the git root above it.
func (f *targetFlags) openAt(p process, dir, sourceRoot string) (*project.Project, error) {
	remotes, err := f.remotes.remotes(p)
	if err != nil {
		return nil, err
	}
	opts := f.options(p)
	opts.Remotes, opts.SourceRoot, opts.RemoteBases = remotes, sourceRoot, f.bases
	return engine.Open(dir, opts)
}

// complete reads the files that flags name. All that is wrong is reported at once.
func (f *targetFlags) complete() (project.Selection, error) {
	sel := f.selection
	layers, err := f.arguments()
	errs := []error{err}
	if f.imagesFile != "" {
		data, err := os.ReadFile(f.imagesFile)
		if err == nil {
			sel.Images, err = project.ReadFixedImages(f.imagesFile, data)
		}
		errs = append(errs, err)
	}
	for _, s := range f.images {
		image, err := project.ParseFixedImage(s)
		errs = append(errs, err)
		sel.Images = append(sel.Images, image)
	}
	if err := errors.Join(errs...); err != nil {
		return sel, err
	}
	sel.Args, sel.ArgLayers = project.Merged(layers), layers
	return sel, nil
}

var kubeVersionForm = regexp.MustCompile(`^v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+].+)?$`)

// renderFlags say how objects are rendered.
type renderFlags struct {
	offline     bool
	kubeVersion string
}

func (f *renderFlags) register(c *cobra.Command) {
	c.Flags().BoolVar(&f.offline, "offline-kubernetes", false, "render without a cluster")
	c.Flags().StringVar(&f.kubeVersion, "kubernetes-version", "", "Kubernetes version that charts see, instead of the cluster's")
}

// options connects to the cluster, unless it is left alone. Where nobody has named one, because there is no kubeconfig at all
// and the target has no context, rendering does without (project format §1.1).
func (f *renderFlags) options(p process, kubeconfig string, t project.Target) (render.Options, error) {
	opts := render.Options{Capabilities: render.Capabilities{KubeVersion: f.kubeVersion}}
	if f.kubeVersion != "" && !kubeVersionForm.MatchString(f.kubeVersion) {
		return opts, fmt.Errorf("--kubernetes-version %q: expected a version such as 1.36.3", f.kubeVersion)
	}
	if f.offline {
		return opts, nil
	}
	cluster, err := connect(p, kubeconfig, t)
	if errors.Is(err, kube.ErrNoKubeconfig) && kubeconfig == "" && t.Context == "" {
		warn(p, []string{"there is no kubeconfig: objects are rendered without a cluster, as with --offline-kubernetes"})
		return opts, nil
	}
	if err != nil {
		return opts, fmt.Errorf("%w (or do without a cluster: --offline-kubernetes)", err)
	}
	opts.Reader = cluster.Reader()
	return opts, nil
}

// connect connects to the target's cluster.
func connect(p process, kubeconfig string, t project.Target) (*kube.Cluster, error) {
	return connectAs(p, kubeconfig, t, "")
}

// connectAs connects as another user, if as is not empty.
func connectAs(p process, kubeconfig string, t project.Target, as string) (*kube.Cluster, error) {
	return connectWith(p, kubeconfig, kube.Config{Impersonate: as, Context: t.Context})
}

// connectWith connects as the configuration says, by the kubeconfigs that a flag and the environment name.
func connectWith(p process, kubeconfig string, config kube.Config) (*kube.Cluster, error) {
	config.Kubeconfigs, config.UserAgent, config.Trace = kubeconfigs(p.getenv, kubeconfig), "weighlock/"+version, p.log.request
	c, err := kube.Open(config)
	if err == nil {
		p.log.Debug("cluster", "context", c.Context(), "server", c.Server())
	}
	return c, err
}

// kubeconfigs are the files that kubectl would read, too.
func kubeconfigs(getenv func(string) string, flag string) []string {
	if flag != "" {
		return []string{flag}
	}
	if list := getenv("KUBECONFIG"); list != "" {
		var out []string
		for _, f := range filepath.SplitList(list) {
			if strings.TrimSpace(f) != "" {
				out = append(out, f)
			}
		}
		return out
	}
	return []string{filepath.Join(getenv("HOME"), ".kube", "config")}
}
