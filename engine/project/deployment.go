package project

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/internal/mask"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A Deployment is a target's tree of deployment files, flattened: what to render, in which order.
type Deployment struct {
	Target Target
	// Items stand in the order of the files. A barrier is an item too; it may carry no directory.
	Items []Item
	// Layers are where the variables come from that every item sees, but those of libraries.
	Layers []*Layer
	// Sources are the trees from elsewhere that it is made of, in the order of their addresses.
	Sources []Fetched
	// Warnings are what the caller should know although nothing failed.
	Warnings []string
	// Secrets are the values that nobody may see. What rendering decrypts is added to them.
	Secrets *mask.Set

	kept  *kept
	again func(context.Context, Variant) (*Deployment, error)
}

// An Item is one entry of a deployment file.
type Item struct {
	// Source is the tree that the item's files are read from: the project's own, or that of an include.
	Source *Source
	// Dir is the item's directory as a slash path below the root of Source; "" for an entry that only is a barrier.
	Dir string
	// From is the deployment file that names the item, for messages.
	From string
	// Chart says that the directory is a Helm chart and nothing else; its values are the arguments.
	Chart bool
	// Plain says that the directory is the project, without a deployment file: what its kustomization names elsewhere below the root
	// of Source belongs to it, though it is no item.
	Plain bool
	// Barrier waits, after this item, for everything before it.
	Barrier bool
	// OnlyRender items are there for others to refer to; they have no objects of their own.
	OnlyRender bool
	// AlwaysDeploy items are picked whatever the inclusion says.
	AlwaysDeploy bool
	// SkipDeleteIfTags keeps the item's objects from being deleted where tags pick what is deleted.
	SkipDeleteIfTags bool
	// Message is shown at a barrier.
	Message string
	// Recursive takes manifests of sub-directories too, where the item has no kustomization of its own.
	Recursive bool
	// Tags are the item's own and all that its ancestors hand down.
	Tags []string
	// Labels and Annotations go onto each object.
	Labels, Annotations map[string]string
	// Namespace, when set, is the namespace of all objects of the item.
	Namespace string
	// Vars are the variables that the item's templates see.
	Vars Vars
	// Layers are where Vars come from.
	Layers []*Layer
	// Waiting and Deletions are what the item does besides applying its objects.
	Waiting   Waiting
	Deletions []ObjectRef
	// CreateNamespace adds the namespaces that its objects live in, where nobody else makes them.
	CreateNamespace bool
	// Needs are the positions in Deployment.Items of the items that are to be deployed and ready before it.
	Needs []int
	// Rules concern the comparison and the conflicts of its objects, its own project's before those of the ones above.
	Rules Rules
	// SearchDirs are where its templates look for includes: the item, then each project above it.
	SearchDirs []string

	inside    []directory // its own, and those of the deployment files above it
	dependsOn []dependency
}

// Waiting says what an item waits for before it counts as deployed.
type Waiting struct {
	// All waits for each object of the item.
	All bool
	// Objects are others, perhaps of kinds that do not exist yet.
	Objects []ObjectRef
	// Timeout bounds the wait for each of them; zero leaves it to the deploy.
	Timeout time.Duration
}

// Rules are the rules of the deployment files above an item.
type Rules struct {
	Ignore   []IgnoreRule
	Conflict []ConflictRule
}

// scope is what a deployment file hands down to its items and includes.
type scope struct {
	source      *Source
	dir         string
	chain       []string // the deployment directories from the root to this one, as displayed, to find circles
	vars        Vars
	layers      []*Layer // where vars come from
	via         []string // the entries that include this file
	tags        []string // from this project up to the root
	labels      map[string]string
	annotations map[string]string
	namespace   string
	rules       Rules
	search      []string     // from this project up to the root
	inside      []directory  // of the deployment files from this one up to the root
	dependsOn   []dependency // of the entries that include this file
}

// variables are Vars and where they come from.
type variables struct {
	Vars
	layers []*Layer
}

// resolver is one run of Resolve.
type resolver struct {
	project *Project
	asked   asked    // outside of the project
	layers  []*Layer // of the root deployment file
	fetches fetches
	files   int // deployment files so far
	kept    *kept
	known   map[directory]bool // what entries name, those among them whose condition is false
	// warnings are of entries that say what has no effect.
	warnings []string
}

// resolve is one run of [Project.Resolve].
func (r *resolver) resolve(ctx context.Context, t Target) (*Deployment, error) {
	p, d := r.project, &Deployment{Target: t, Warnings: t.warnings}
	root := scope{source: p.source, dir: p.dir, vars: Vars{"args": t.Args, "target": t.tree()}, layers: t.layers()}
	file, err := p.source.find(p.dir, "deployment")
	if err != nil {
		return nil, err
	}
	plain := file == ""
	if !plain {
		if plain, err = p.source.isObject(file); err != nil {
			return nil, err
		}
		plain = plain || p.source.isListed(file)
	}
	if plain {
		// A plain directory of manifests, a kustomization or a chart is a project of one item (project format §1.5).
		d.Layers = root.layers
		item := Item{Source: p.source, Dir: p.dir, From: p.dir, Plain: true, Vars: root.vars, Layers: root.layers, SearchDirs: []string{p.dir}}
		if item.Chart, err = p.source.isChart(p.dir); err != nil {
			return nil, err
		}
		d.Items = []Item{item}
		return d, nil
	}
	items, err := r.walk(ctx, root, file)
	if err != nil {
		return nil, err
	}
	d.Layers = r.layers
	d.Sources = r.fetched()
	d.Warnings = slices.Concat(t.Inclusion.unmatched(items), t.warnings, r.warnings, overridden(d.Sources))
	for _, item := range items {
		if picked, ok := t.Inclusion.pick(item); ok {
			d.Items = append(d.Items, picked)
		}
	}
	return d, r.order(d.Items)
}

// maxFiles is how many deployment files a run reads: a few lines that include each other could make any number of them.
const maxFiles = 10_000

var errTooManyFiles = fmt.Errorf("the project has more than %d deployment files: do includes multiply?", maxFiles)

// walk reads one deployment file and returns its items, those of its includes among them.
func (r *resolver) walk(ctx context.Context, parent scope, file string) ([]Item, error) {
	if r.files++; r.files > maxFiles {
		return nil, fmt.Errorf("%s: %w", parent.source.Display(file), errTooManyFiles)
	}
	s, doc, top, err := r.enter(ctx, parent, file)
	if err != nil || doc == nil {
		return nil, err
	}
	r.prefetch(ctx, s, doc.Deployments)
	var items []Item
	var errs []error
	for i, entry := range doc.Deployments {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := r.entry(ctx, s, entry, top.key("deployments").index(i))
		if errors.Is(err, errTooManyFiles) {
			return nil, err // all that follows would be one more
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		items = append(items, more...)
	}
	return items, errors.Join(errs...)
}

// enter renders and reads a deployment file and returns what it hands down and where it stands; no file when its condition
// is false.
func (r *resolver) enter(ctx context.Context, parent scope, file string) (scope, *deploymentFile, place, error) {
	s := parent
	s.search = append([]string{s.dir}, parent.search...)
	s.chain = append(slices.Clone(parent.chain), s.source.Display(s.dir))
	s.inside = append([]directory{{s.source, s.dir}}, parent.inside...)
	tpl := s.source.Templates(s.search)
	var doc deploymentFile
	top, err := tpl.read(ctx, file, s.vars, &doc)
	if err != nil {
		return s, nil, top, err
	}
	if doc.When != nil {
		at := top.key("when").String()
		if len(parent.chain) == 0 {
			return s, nil, top, fmt.Errorf("%s: not allowed in the root deployment file; put it on the items", at)
		}
		if ok, err := tpl.Condition(ctx, at, string(*doc.When), s.vars); err != nil || !ok {
			return s, nil, top, err
		}
	}
	s.vars = s.vars.Clone()
	added, err := r.loadVars(ctx, tpl, doc.Vars, s.vars, top.key("vars"))
	if err != nil {
		return s, nil, top, err
	}
	s.layers = s.with(added)
	if len(parent.chain) == 0 {
		r.layers = s.layers
	}
	s.tags = union(doc.Tags, parent.tags)
	s.labels = overlay(parent.labels, doc.CommonLabels)
	s.annotations = overlay(parent.annotations, doc.CommonAnnotations)
	if doc.OverrideNamespace != "" {
		s.namespace = doc.OverrideNamespace
	}
	s.rules = Rules{
		Ignore:   append(slices.Clone(doc.IgnoreForDiff), parent.rules.Ignore...),
		Conflict: append(slices.Clone(doc.ConflictResolution), parent.rules.Conflict...),
	}
	return s, &doc, top, nil
}

// entry turns one entry of a deployment file into items.
func (r *resolver) entry(ctx context.Context, s scope, e itemEntry, at place) ([]Item, error) {
	r.name(s, e)
	needs, err := s.dependencies(e, at)
	if err != nil {
		return nil, err
	}
	tpl := s.source.Templates(s.search)
	if e.When != nil {
		if ok, err := tpl.Condition(ctx, at.key("when").String(), string(*e.When), s.vars); err != nil || !ok {
			return nil, err
		}
	}
	r.warnOfFlags(e, at)
	if e.Include != "" || e.remote() {
		s.dependsOn = needs
		items, err := r.include(ctx, s, e, at)
		if err == nil && (e.Barrier || len(e.DeleteObjects)+len(e.WaitReadinessObjects) > 0) {
			items = append(items, s.bare(e, at))
		}
		return items, err
	}
	own, err := r.entryVars(ctx, s, variables{s.vars, s.layers}, e, at)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Path != "":
		dir, err := itemDir(s, e.Path, at.key("path"))
		if err != nil {
			return nil, err
		}
		tags := e.Tags
		if base := path.Base(e.Path); len(tags) == 0 && base != "." && base != ".." {
			tags = []string{base}
		}
		return []Item{{
			Source: s.source, Dir: dir, From: at.String(), Barrier: e.Barrier, Message: e.Message, Recursive: e.Recursive,
			OnlyRender: e.OnlyRender, AlwaysDeploy: e.AlwaysDeploy, SkipDeleteIfTags: e.SkipDeleteIfTags,
			Waiting: Waiting{All: e.WaitReadiness, Objects: e.WaitReadinessObjects}, Deletions: e.DeleteObjects, Rules: s.rules,
			CreateNamespace: e.CreateNamespace, inside: append([]directory{{s.source, dir}}, s.inside...), dependsOn: needs,
			Tags: union(s.tags, tags), Labels: s.labels, Annotations: s.annotations, Namespace: s.namespace,
			Vars: own.Vars, Layers: own.layers, SearchDirs: append([]string{dir}, s.search...),
		}}, nil
	default:
		return []Item{s.bare(e, at)}, nil
	}
}

// warnOfFlags tells of what an entry says that only others heed (project format §2.1).
func (r *resolver) warnOfFlags(e itemEntry, at place) {
	includes := e.Include != "" || e.remote()
	warn := func(given bool, at place, text string) {
		if given {
			r.warnings = append(r.warnings, at.String()+": "+text)
		}
	}
	const ofIncluded = "has no effect on an include; write it to the entries of what is included"
	warn(includes && e.OnlyRender, at.key("onlyRender"), ofIncluded)
	warn(includes && e.AlwaysDeploy, at.key("alwaysDeploy"), ofIncluded)
	warn(includes && e.SkipDeleteIfTags, at.key("skipDeleteIfTags"), ofIncluded)
	warn(e.Recursive && e.Path == "", at.key("recursive"), "has an effect only with path")
	warn(e.Message != "" && !e.Barrier, at.key("message"), "is shown only with barrier: true")
	warn(!includes && e.Path == "" && !e.Barrier && len(e.DeleteObjects)+len(e.WaitReadinessObjects) == 0, at,
		"does nothing; it needs path, include, git, oci, barrier, deleteObjects or waitReadinessObjects")
}

// entryVars loads an entry's own variables over those that it inherits.
func (r *resolver) entryVars(ctx context.Context, s scope, inherited variables, e itemEntry, at place) (variables, error) {
	own := variables{Vars: inherited.Clone()}
	added, err := r.loadVars(ctx, s.source.Templates(s.search), e.Vars, own.Vars, at.key("vars"))
	for _, l := range added {
		l.Via = s.via
	}
	own.layers = slices.Concat(inherited.layers, added)
	return own, err
}

// with returns the scope's layers and those that were added to them.
func (s scope) with(added []*Layer) []*Layer {
	for _, l := range added {
		l.Via = s.via
	}
	return append(s.layers[:len(s.layers):len(s.layers)], added...)
}

// bare is what an entry does without objects of its own.
func (s scope) bare(e itemEntry, at place) Item {
	return Item{From: at.String(), Barrier: e.Barrier, Message: e.Message, Tags: union(s.tags, e.Tags),
		Waiting: Waiting{Objects: e.WaitReadinessObjects}, Deletions: e.DeleteObjects, dependsOn: s.dependsOn}
}

func (r *resolver) include(ctx context.Context, s scope, e itemEntry, at place) ([]Item, error) {
	child, err := r.included(ctx, s, e, at.key(e.kind()))
	if err != nil {
		return nil, err
	}
	from, dir := child.source, child.source.Display(child.dir)
	if slices.Contains(s.chain, dir) {
		return nil, fmt.Errorf("%s: %s includes itself: %s", at.key(e.kind()), dir, strings.Join(append(s.chain, dir), " → "))
	}
	file, err := from.find(child.dir, "deployment")
	if err != nil {
		return nil, err
	}
	if file == "" {
		if k, _ := from.find(child.dir, "kustomization"); k != "" && !e.remote() {
			return nil, fmt.Errorf("%s: %s has no deployment.yaml but a kustomization: write path instead of include", at.key(e.kind()), dir)
		}
		return nil, fmt.Errorf("%s: %s has no deployment.yaml", at.key(e.kind()), dir)
	}
	if object, err := from.isObject(file); err != nil {
		return nil, err
	} else if object {
		return nil, fmt.Errorf("%s: %s is a Kubernetes object and no deployment file: write path instead of include to take the directory's manifests", at.key(e.kind()), from.Display(file))
	}
	tags := e.Tags
	if base := path.Base(e.Include); len(tags) == 0 && base != "." && base != ".." {
		tags = []string{base}
	}
	child.tags, child.via = union(tags, s.tags), append(s.via[:len(s.via):len(s.via)], at.String())
	vars, err := r.includeVars(ctx, s, child, e, at)
	if err != nil {
		return nil, err
	}
	child.vars, child.layers = vars.Vars, vars.layers
	return r.walk(ctx, child, file)
}

// included returns the scope of an include, as far as it is known by where it is: below the same root, or at that of
// another tree.
func (r *resolver) included(ctx context.Context, s scope, e itemEntry, at place) (scope, error) {
	if !e.remote() {
		dir, err := itemDir(s, e.Include, at)
		s.dir = dir
		return s, err
	}
	tree, err := r.tree(ctx, e.tree())
	if err != nil {
		return s, fmt.Errorf("%s: %w", at, err)
	}
	from, err := r.project.trees.get(tree)
	if err != nil {
		return s, fmt.Errorf("%s: %w", at, err)
	}
	s.source, s.search = from, nil
	s.dir, err = itemDir(scope{source: from, dir: "."}, e.subDir(), at)
	return s, err
}

// includeVars returns the variables that an included project sees: all of them, or where it is a library its arguments
// alone, unless passVars hands the others on (project format §2.4).
func (r *resolver) includeVars(ctx context.Context, s, child scope, e itemEntry, at place) (variables, error) {
	file, err := child.source.find(child.dir, ".kluctl-library")
	if err != nil {
		return variables{}, err
	}
	if file == "" {
		if e.Args != nil {
			return variables{}, fmt.Errorf("%s: %s is no library, so nobody reads them: give it a .kluctl-library.yaml that declares them, or pass vars", at.key("args"), child.source.Display(child.dir))
		}
		return r.entryVars(ctx, s, variables{s.vars, s.layers}, e, at)
	}
	data, err := child.source.Read(file)
	if err != nil {
		return variables{}, err
	}
	var lib libraryConfig
	display := child.source.Display(file)
	if err := yamldoc.Decode(display, data, &lib); err != nil {
		return variables{}, err
	}
	args, err := defaults(display, lib.Args)
	if err != nil {
		return variables{}, err
	}
	own := []*Layer{{Origin: display, Values: map[string]any{"args": map[string]any(Vars(args).Clone())}}, {Origin: at.key("args").String(), Via: s.via, Values: map[string]any{"args": e.Args}}}
	merge(args, e.Args)
	if err := required(at.String()+": ", display, lib.Args, args, "give %s under args of the entry"); err != nil {
		return variables{}, err
	}
	seen := variables{Vars: Vars{}}
	if e.PassVars {
		seen.Vars = s.vars.Clone()
		seen.layers = withoutArgs(s.layers)
	}
	seen.Vars["args"] = args
	seen.layers = slices.Concat(seen.layers, own)
	return r.entryVars(ctx, s, seen, e, at)
}

// withoutArgs returns layers without the arguments that they set.
func withoutArgs(layers []*Layer) []*Layer {
	var out []*Layer
	for _, l := range layers {
		rest := maps.Clone(l.Values)
		delete(rest, "args")
		if len(rest) > 0 {
			other := *l
			other.Values = rest
			out = append(out, &other)
		}
	}
	return out
}

// itemDir resolves a directory that a deployment file names relative to itself, even if it writes it like an absolute one.
func itemDir(s scope, rel string, at place) (string, error) {
	dir := path.Join(s.dir, rel)
	ok, err := s.source.IsDir(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w", at, err)
	}
	if !ok {
		return "", fmt.Errorf("%s: %s", at, s.source.noDirectory(dir))
	}
	return dir, nil
}

// union joins lists, keeping the first of equal entries.
func union(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		for _, s := range l {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

func overlay(parent map[string]string, child map[string]scalar) map[string]string {
	out := make(map[string]string, len(parent)+len(child))
	for k, v := range parent {
		out[k] = v
	}
	for k, v := range child {
		out[k] = string(v)
	}
	return out
}
