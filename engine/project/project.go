package project

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/weighlock/weighlock/engine/internal/sops"
	"github.com/weighlock/weighlock/engine/internal/source"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// Options say how a project is opened. The zero value opens it as a person's own.
type Options struct {
	// SourceRoot is the directory that confines the project; default: the git root above the project, else its directory.
	SourceRoot string
	// ConfigFile is read instead of the project's .kluctl.yaml; it may lie anywhere.
	ConfigFile string
	// Now is the clock that templates may ask; nil makes asking it an error.
	Now func() time.Time
	// Env looks up environment variables for the source systemEnvVars, and says as whom secret stores are asked; nil puts both
	// out of reach.
	Env func(name string) (string, bool)
	// Withheld says which variables systemEnvVars may not load, such as the credentials of the stores; nil withholds none.
	Withheld func(name string) bool
	// Remotes say how git repositories and OCI artifacts are reached.
	Remotes Remotes
	// RemoteBases lets kustomizations name repositories and files elsewhere; a stranger's only those that it may use at all.
	RemoteBases bool
	// Keys decrypt files of SOPS; the zero value has none, nor has a stranger's project.
	Keys Keys
	// Repository is the address of the repository that the project is of, where its source root is no clone; the
	// discriminator of a project that sets none is derived from it. Default: git is asked for the clone's remote.
	Repository string
	// Untrusted opens the project as a stranger's; nil opens it as one's own.
	Untrusted *Untrusted
}

// A Project is a deployment project opened from disk: the targets that .kluctl.yaml names and the confined tree that
// its files come from. It is read-only and safe for concurrent use; Close it when done.
type Project struct {
	source *Source
	dir    string // slash path of the project below the source root
	file   string // .kluctl.yaml, "" when there is none
	config config
	doc    yamldoc.Document // the file, for the lines of what it says
	opts   Options
	cache  *source.Cache
	trees  trees // of includes
	// decrypter remembers keys, so that a key service is asked once.
	decrypter *sops.Decrypter
}

// Open opens the project in dir and reads .kluctl.yaml, if there is one. All mistakes of that file are reported at once.
func Open(dir string, opts Options) (*Project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	p, err := locate(abs, opts)
	if err != nil {
		return nil, err
	}
	if err := p.load(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// locate opens the source root above an absolute directory.
func locate(dir string, opts Options) (*Project, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: no such directory", dir)
	}
	root := opts.SourceRoot
	if root == "" {
		root = gitRoot(dir)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s is outside of its source root %s", dir, root)
	}
	tree, err := openSource(root)
	if err != nil {
		return nil, err
	}
	tree.now, tree.environ, tree.isExport = opts.Now, opts.Remotes.Environ, opts.Repository != ""
	p := &Project{source: tree, dir: filepath.ToSlash(rel), opts: opts}
	p.cache, p.trees.opts = p.newCache(), opts
	p.decrypter = sops.New(p.keys())
	return p, nil
}

// keys are the project's; a stranger's has none, for its templates could show what they decrypt.
func (p *Project) keys() Keys {
	if p.opts.Untrusted != nil {
		return Keys{}
	}
	return p.opts.Keys
}

// Close releases the project's tree and those of its includes.
func (p *Project) Close() error { return errors.Join(p.source.Close(), p.trees.Close()) }

// Source is the tree that the project is read from.
func (p *Project) Source() *Source { return p.source }

// Dir is the project's directory, as a slash path below the source root ("." for the root itself).
func (p *Project) Dir() string { return p.dir }

func (p *Project) load() error {
	if ok, err := p.source.IsDir(p.dir); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%s: no such directory", path.Join(p.source.Root(), p.dir))
	}
	read := p.source.Read
	if p.file = p.opts.ConfigFile; p.file != "" {
		read = os.ReadFile
	} else if file, err := p.source.find(p.dir, ".kluctl"); err != nil || file == "" {
		return err
	} else {
		p.file = file
	}
	data, err := read(p.file)
	if err != nil {
		return err
	}
	p.doc, err = yamldoc.Read(p.file, data, &p.config)
	return err
}

// Targets are the names of the project's targets in the order of the file; none for a project without targets, whose
// only target has the name "".
func (p *Project) Targets() []string {
	var names []string
	for _, t := range p.config.Targets {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// declaredTwice warns of arguments that are declared several times: their defaults are merged, later ones over earlier ones.
func (p *Project) declaredTwice() []string {
	var out []string
	for i, a := range p.config.Args {
		if slices.ContainsFunc(p.config.Args[:i], func(b argument) bool { return a.Name == b.Name }) {
			out = append(out, p.doc.Errorf([]string{"args", strconv.Itoa(i)}, "").At()+": the argument "+a.Name+" is declared before")
		}
	}
	return out
}

// shadowed warns of targets that nobody can select, because an earlier one has their name.
func (p *Project) shadowed(name string) []string {
	var out []string
	taken := false
	for i, t := range p.config.Targets {
		if t.Name != name {
			continue
		}
		if taken {
			out = append(out, p.doc.Errorf([]string{"targets", strconv.Itoa(i)}, "").At()+": is never used: an earlier target has the name "+name)
		}
		taken = true
	}
	return out
}

// A Target is a named destination and its arguments; with a [Project] it is the unit of work.
type Target struct {
	Name string
	// Context is the kubeconfig context to use; "" is the current one.
	Context string
	// Discriminator marks the target's objects in the cluster; "" when there is none: the project sets none, and it has no
	// remote to derive one from, or what the caller gave may make it one of several deployments of the same target.
	Discriminator string
	// Derived says that the discriminator is not the project's own but derived from the repository's remote.
	Derived bool
	// Args are the arguments that templates see as `args`: defaults, then the target's, then the caller's.
	Args map[string]any
	// Images are fixed images, in the order in which later ones win.
	Images []FixedImage
	// Inclusion picks the items that are dealt with.
	Inclusion Inclusion

	own       map[string]any // what of Args the target itself sets; nil where it has no args
	ownImages []FixedImage   // what of Images the target itself sets
	without   map[string]any // Args without the caller's
	argLayers []*Layer       // where Args come from
	aws       awsConfig      // as whom AWS is asked
	warnings  []string
}

// A Selection picks a target and overrides what the project says of it. Empty fields override nothing.
type Selection struct {
	Target string
	// Name is what the target is called after it was found.
	Name string
	Args map[string]any
	// ArgLayers are where Args come from, for [Explain]; nil says only that it is the caller.
	ArgLayers     []*Layer
	Context       string
	Discriminator string
	// Images win over the target's own.
	Images    []FixedImage
	Inclusion Inclusion
}

// Target returns the target that sel picks, its arguments merged and its templates rendered. A required argument that
// nobody set, an unknown target, and a target left open where the project has some, are errors.
func (p *Project) Target(ctx context.Context, sel Selection) (Target, error) {
	cfg, err := p.pick(sel.Target)
	if err != nil {
		return Target{}, err
	}
	if cfg.Discriminator == "" {
		cfg.Discriminator = p.config.Discriminator
	}
	t, err := p.renderTarget(ctx, cfg, sel)
	if err != nil {
		return Target{}, err
	}
	if err := required("", p.file, p.config.Args, t.Args, "give it with --arg %s=VALUE, or under args of the target"); err != nil {
		return Target{}, err
	}
	t.Name = cmp.Or(sel.Name, t.Name)
	t.Context = cmp.Or(sel.Context, t.Context)
	t.Discriminator = cmp.Or(sel.Discriminator, t.Discriminator)
	t.warnings = slices.Concat(p.shadowed(cfg.Name), p.declaredTwice(), p.misspelt(sel.Args))
	if t.Discriminator == "" {
		if t.Discriminator, err = p.derive(ctx, t.Name); err != nil {
			return Target{}, err
		}
		if why := p.oneOfSeveral(t, sel); why != "" && t.Discriminator != "" {
			t.warnings = append(t.warnings, "no discriminator is derived from the repository's remote: "+why+", whose objects it would not tell apart; set discriminator in .kluctl.yaml, or give --discriminator")
			t.Discriminator = ""
		}
		t.Derived = t.Discriminator != ""
	}
	if problems := validation.IsValidLabelValue(t.Discriminator); len(problems) > 0 {
		return Target{}, fmt.Errorf("target %q: discriminator %q: it becomes a label's value: %s", t.Name, t.Discriminator, strings.Join(problems, "; "))
	}
	t.Images = append(t.Images, sel.Images...)
	t.Inclusion = sel.Inclusion
	return t, nil
}

func (p *Project) pick(name string) (targetConfig, error) {
	names := p.Targets()
	if len(names) == 0 {
		if name != "" {
			return targetConfig{}, fmt.Errorf("target %q does not exist: the project %s has no targets", name, p.dir)
		}
		return targetConfig{}, nil
	}
	if name == "" {
		return targetConfig{}, fmt.Errorf("choose a target with --target: %s has %s", p.file, strings.Join(names, ", "))
	}
	for _, t := range p.config.Targets {
		if t.Name == name {
			return t, nil
		}
	}
	hint := ""
	if near := yamldoc.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	return targetConfig{}, fmt.Errorf("target %q does not exist: %s has %s%s", name, p.file, strings.Join(names, ", "), hint)
}

// defaults are the values of declared arguments that nobody has to set.
func defaults(file string, declared []argument) (map[string]any, error) {
	args := map[string]any{}
	for _, a := range declared {
		if a.Default == nil {
			continue
		}
		v, err := jsonValue(a.Default)
		if err != nil {
			return nil, fmt.Errorf("%s: default of argument %s: %w", file, a.Name, err)
		}
		one := map[string]any{}
		setDotted(one, a.Name, v)
		merge(args, one)
	}
	return args, nil
}

// misspelt finds arguments of the caller that look like others that are declared. Arguments need not be declared.
func (p *Project) misspelt(args map[string]any) []string {
	var declared, out []string
	for _, a := range p.config.Args {
		root, _, _ := strings.Cut(a.Name, ".")
		declared = append(declared, root)
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if near := yamldoc.Nearest(name, declared); near != "" && !slices.Contains(declared, name) {
			out = append(out, fmt.Sprintf("argument %s is not declared in %s; did you mean %s?", name, p.file, near))
		}
	}
	return out
}

// required finds declared arguments without a default that nobody set. Errors begin with at; how says what to do about one by its
// name.
func required(at, file string, declared []argument, args map[string]any, how string) error {
	var errs []error
	for _, a := range declared {
		if a.Default == nil {
			if _, ok := lookup(args, a.Name); !ok {
				errs = append(errs, fmt.Errorf("%srequired argument %s is not set (declared in %s): %s", at, a.Name, file, fmt.Sprintf(how, a.Name)))
			}
		}
	}
	return errors.Join(errs...)
}

// targetRounds is how often a target's templates are rendered at most until nothing changes: its fields may refer to
// each other (project format §1.1).
const targetRounds = 10

// renderTarget renders what the project file says of a target. Defaults and the caller's arguments are values, not
// templates.
func (p *Project) renderTarget(ctx context.Context, cfg targetConfig, sel Selection) (Target, error) {
	base, err := defaults(p.file, p.config.Args)
	if err != nil {
		return Target{}, err
	}
	args := func(own map[string]any) map[string]any {
		out := Vars(base).Clone()
		merge(out, own)
		merge(out, sel.Args)
		return out
	}
	tpl := p.source.Templates([]string{p.dir})
	t := Target{Name: cfg.Name, Context: cfg.Context, Discriminator: cfg.Discriminator, Images: cfg.Images, aws: cfg.AWS.over(p.config.AWS)}
	own := cfg.Args
	for range targetRounds {
		t.Args, t.own, t.ownImages = args(own), own, t.Images
		seen := t.tree()
		tree := map[string]any{"context": t.Context, "discriminator": t.Discriminator, "args": map[string]any(Vars(own).Clone()), "images": imageTree(t.Images), "aws": t.aws.tree()}
		out, changed, err := tpl.values(ctx, p.at(cfg.Name), tree, Vars{"target": seen, "args": t.Args})
		if err != nil {
			return Target{}, fmt.Errorf("target %q: %w", t.Name, err)
		}
		m := out.(map[string]any)
		if cfg.Args != nil {
			own, _ = m["args"].(map[string]any)
		}
		t.Context, _ = m["context"].(string)
		t.Discriminator, _ = m["discriminator"].(string)
		t.Images = imagesOf(m["images"])
		t.aws = awsOf(m["aws"])
		if !changed {
			t.Args, t.own, t.ownImages = args(own), own, t.Images
			t.without = Vars(base).Clone()
			merge(t.without, own)
			t.argLayers = p.argLayers(base, own, sel)
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("target %q: its templates still change after %d rounds; do they refer to each other in a circle?", t.Name, targetRounds)
}

// at is the place of a target in the project's file.
func (p *Project) at(target string) string {
	for i, t := range p.config.Targets {
		if t.Name == target {
			return p.doc.Errorf([]string{"targets", strconv.Itoa(i)}, "").At()
		}
	}
	return p.file
}

// argLayers are where a target's arguments come from.
func (p *Project) argLayers(base, own map[string]any, sel Selection) []*Layer {
	var layers []*Layer
	if len(base) > 0 {
		layers = append(layers, &Layer{Origin: p.file + ": args", Values: base})
	}
	if len(own) > 0 {
		layers = append(layers, &Layer{Origin: p.at(sel.Target) + ".args", Values: own})
	}
	switch {
	case sel.ArgLayers != nil:
		layers = append(layers, sel.ArgLayers...)
	case len(sel.Args) > 0:
		layers = append(layers, &Layer{Origin: "the caller's arguments", Values: sel.Args})
	}
	return layers
}

// layers are where the variables come from that the root deployment file sees.
func (t Target) layers() []*Layer {
	layers := []*Layer{{Origin: "the target", Values: map[string]any{"target": t.tree()}}}
	for _, l := range t.argLayers {
		nested := *l
		nested.Values = map[string]any{"args": l.Values}
		layers = append(layers, &nested)
	}
	return layers
}

// tree is the target as templates see it: what the project file says of it, so that args and images are its own alone, and
// undefined where it has none.
func (t Target) tree() map[string]any {
	tree := map[string]any{"name": t.Name, "context": t.Context, "discriminator": t.Discriminator}
	if t.own != nil {
		tree["args"] = t.own
	}
	if len(t.ownImages) > 0 {
		tree["images"] = imageTree(t.ownImages)
	}
	if aws := t.aws.tree(); len(aws) > 0 {
		tree["aws"] = aws
	}
	return tree
}

func jsonValue(raw json.RawMessage) (any, error) {
	var v any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return object.Normalize(v), nil
}
