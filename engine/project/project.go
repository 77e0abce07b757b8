package project

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// Options say how a project is opened. The zero value opens it as a person's own.
type Options struct {
	// SourceRoot is the directory that confines the project; default: the git root above the project, else its directory.
	SourceRoot string
	// Now is the clock that templates may ask; nil makes asking it an error.
	Now func() time.Time
}

// A Project is a deployment project opened from disk: the targets that .kluctl.yaml names and the confined tree that
// its files come from. It is read-only and safe for concurrent use; Close it when done.
type Project struct {
	source *Source
	dir    string // slash path of the project below the source root
	file   string // .kluctl.yaml, "" when there is none
	config config
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
	source, err := openSource(root)
	if err != nil {
		return nil, err
	}
	source.now = opts.Now
	return &Project{source: source, dir: filepath.ToSlash(rel)}, nil
}

// Close releases the project's tree.
func (p *Project) Close() error { return p.source.Close() }

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
	file, err := p.source.find(p.dir, ".kluctl")
	if err != nil || file == "" {
		return err
	}
	p.file = file
	data, err := p.source.Read(file)
	if err != nil {
		return err
	}
	if err := yamldoc.Decode(file, data, &p.config); err != nil {
		return err
	}
	return p.check()
}

// check finds what decoding cannot: names that are missing or given twice.
func (p *Project) check() error {
	var errs []error
	seen := map[string]bool{}
	for i, t := range p.config.Targets {
		switch {
		case t.Name == "":
			errs = append(errs, fmt.Errorf("%s: targets[%d]: a target needs a name", p.file, i))
		case seen[t.Name]:
			errs = append(errs, fmt.Errorf("%s: targets[%d]: the name %q is taken by an earlier target", p.file, i, t.Name))
		}
		seen[t.Name] = true
	}
	for i, a := range p.config.Args {
		if a.Name == "" {
			errs = append(errs, fmt.Errorf("%s: args[%d]: an argument needs a name", p.file, i))
		}
	}
	return errors.Join(errs...)
}

// Targets are the names of the project's targets in the order of the file; none for a project without targets, whose
// only target has the name "".
func (p *Project) Targets() []string {
	var names []string
	for _, t := range p.config.Targets {
		names = append(names, t.Name)
	}
	return names
}

// A Target is a named destination and its arguments; with a [Project] it is the unit of work.
type Target struct {
	Name string
	// Context is the kubeconfig context to use; "" is the current one.
	Context string
	// Discriminator marks the target's objects in the cluster; "" when the project has none.
	Discriminator string
	// Args are the arguments that templates see as `args`: defaults, then the target's, then the caller's.
	Args map[string]any
}

// A Selection picks a target and overrides what the project says of it.
type Selection struct {
	Target        string
	Args          map[string]any
	Context       string
	Discriminator string
}

// Target returns the target that sel picks, its arguments merged and its templates rendered. A required argument that
// nobody set, an unknown target, and a target left open where the project has some, are errors.
func (p *Project) Target(ctx context.Context, sel Selection) (Target, error) {
	cfg, err := p.pick(sel.Target)
	if err != nil {
		return Target{}, err
	}
	t := Target{Name: cfg.Name, Context: cfg.Context, Discriminator: cfg.Discriminator, Args: map[string]any{}}
	if t.Discriminator == "" {
		t.Discriminator = p.config.Discriminator
	}
	for _, a := range p.config.Args {
		if a.Default != nil {
			v, err := jsonValue(a.Default)
			if err != nil {
				return Target{}, fmt.Errorf("%s: default of argument %s: %w", p.file, a.Name, err)
			}
			def := map[string]any{}
			setDotted(def, a.Name, v)
			merge(t.Args, def)
		}
	}
	merge(t.Args, cfg.Args)
	merge(t.Args, sel.Args)
	if err := p.required(t.Args); err != nil {
		return Target{}, err
	}
	if t, err = p.renderTarget(ctx, t); err != nil {
		return Target{}, err
	}
	if sel.Context != "" {
		t.Context = sel.Context
	}
	if sel.Discriminator != "" {
		t.Discriminator = sel.Discriminator
	}
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
	return targetConfig{}, fmt.Errorf("target %q does not exist: %s has %s", name, p.file, strings.Join(names, ", "))
}

func (p *Project) required(args map[string]any) error {
	var errs []error
	for _, a := range p.config.Args {
		if a.Default == nil {
			if _, ok := lookup(args, a.Name); !ok {
				errs = append(errs, fmt.Errorf("required argument %s is not set: give it with --arg %s=VALUE or under the target's args in %s", a.Name, a.Name, p.file))
			}
		}
	}
	return errors.Join(errs...)
}

// targetRounds is how often a target's templates are rendered at most until nothing changes: its fields may refer to
// each other (project format §1.1).
const targetRounds = 10

func (p *Project) renderTarget(ctx context.Context, t Target) (Target, error) {
	tpl := newTemplates(p.source, []string{p.dir})
	for range targetRounds {
		tree, changed, err := tpl.values(ctx, cmp.Or(p.file, "arguments"), t.tree(), Vars{"target": t.tree(), "args": t.Args})
		if err != nil {
			return Target{}, fmt.Errorf("target %q: %w", t.Name, err)
		}
		m := tree.(map[string]any)
		t.Args, _ = m["args"].(map[string]any)
		t.Context, _ = m["context"].(string)
		t.Discriminator, _ = m["discriminator"].(string)
		if !changed {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("target %q: its templates still change after %d rounds; do they refer to each other in a circle?", t.Name, targetRounds)
}

// tree is the target as templates see it.
func (t Target) tree() map[string]any {
	return map[string]any{"name": t.Name, "context": t.Context, "discriminator": t.Discriminator, "args": t.Args}
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
