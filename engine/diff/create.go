package diff

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// creation fills in c for an object that does not exist yet. What is shown is the object as rendered: what the server
// completes is no part of the change.
func (d *differ) creation(c *Change, answer *attempt) {
	c.Op, c.Merged = Create, comparable(c.desired)
	c.told(answer.Warnings)
}

// refusedCreation fills in c for a new object that the server refuses.
func (d *differ) refusedCreation(ctx context.Context, c *Change, err error) {
	var blind *NoDryRunError
	if errors.As(err, &blind) {
		d.uncreated(ctx, c, fmt.Sprintf("webhook %s does not support dry runs", blind.Webhook))
		return
	}
	if webhook, own := d.ownWebhook(err); own {
		d.uncreated(ctx, c, fmt.Sprintf("webhook %s, which the change set itself has, does not answer", webhook))
		return
	}
	var nowhere *NoNamespaceError
	if errors.As(err, &nowhere) && d.refused[c.Ref.Namespace] {
		err = fmt.Errorf("%s: Namespace/%s, in which it is to be, is refused", c.Ref, c.Ref.Namespace)
	}
	d.fail(c, err)
}

// uncreated fills in c for a new object whose creation cannot be simulated: the schema that the server publishes is all
// that it can be judged by.
func (d *differ) uncreated(ctx context.Context, c *Change, why string) {
	if !d.check(ctx, c) {
		return
	}
	c.Op, c.Merged = Create, comparable(c.desired)
	const what = "not simulated, only checked against the server's schema"
	c.Notes = append(c.Notes, c.quoting(what+": "+why, what))
}

// check judges what is to be applied by the server's schema, where no dry run can tell.
func (d *differ) check(ctx context.Context, c *Change) bool {
	err := d.previewer.Check(ctx, c.desired)
	var invalid *InvalidError
	if errors.As(err, &invalid) {
		d.fail(c, err)
		return false
	}
	if err != nil {
		const what = "whether it is valid is not known"
		c.Warnings = append(c.Warnings, c.quoting(fmt.Sprintf("%s: %v", what, err), what))
	}
	return true
}

// creationElsewhere fills in c for an object whose namespace the same change creates. It is simulated in a stand-in:
// under its own name where that is free there, so that the server judges the name, too. What the stand-in's own policies,
// quotas and rights have against it says nothing about the new namespace.
func (d *differ) creationElsewhere(ctx context.Context, c *Change) {
	if d.created[c.Ref.Namespace] > c.stage {
		d.fail(c, fmt.Errorf("%s: its namespace is created only after a later barrier: put the namespace before it", c.Ref))
		return
	}
	if def := d.definitions[kindOf(c.Ref)]; def != nil && def.isNew {
		d.creationOfNewKind(c, def)
		return
	}
	answer, stand := d.simulateElsewhere(ctx, c)
	c.Reason = "simulated elsewhere: the namespace is created in the same change"
	var denied *DeniedError
	var forbidden *ForbiddenError
	switch {
	case answer.err == nil:
		d.creation(c, answer)
	case errors.As(answer.err, &denied):
		c.Reason = "the namespace is created in the same change"
		d.uncreated(ctx, c, fmt.Sprintf("namespace %s, where it was tried, does not admit it, and the new one may not either: %v", d.opts.StandIn, d.original(answer.err, c.Ref, stand)))
	case errors.As(answer.err, &forbidden):
		c.Reason = "the namespace is created in the same change"
		d.uncreated(ctx, c, fmt.Sprintf("it cannot be tried elsewhere: %v", answer.err))
	default:
		d.refusedCreation(ctx, c, d.original(answer.err, c.Ref, stand))
	}
}

// simulateElsewhere creates an object in the stand-in namespace, under another name if there is one of its name.
func (d *differ) simulateElsewhere(ctx context.Context, c *Change) (*attempt, object.Ref) {
	try := c.desired.Clone()
	try.SetNamespace(d.opts.StandIn)
	answer := d.apply(ctx, try, false)
	var conflict *ConflictError
	var invalid *InvalidError
	taken := errors.As(answer.err, &conflict) || answer.err == nil && !answer.created()
	if errors.As(answer.err, &invalid) {
		there, err := d.previewer.Get(ctx, try.Ref())
		taken = err == nil && there != nil // what is refused may be a change to that one
	}
	if taken {
		try.Map("metadata")["name"] = standInName(c.Ref)
		answer = d.apply(ctx, try, false)
	}
	return answer, try.Ref()
}

// standInName is the name under which an object is simulated where its own is taken: the same on every run, and none
// that a person would choose.
func standInName(ref object.Ref) string {
	h := fnv.New64a()
	fmt.Fprint(h, ref.Group, "/", ref.Kind, "/", ref.Namespace, "/", ref.Name)
	return fmt.Sprintf("weighlock-preview-%016x", h.Sum64())
}

// original rewords an error about a stand-in object so that it speaks of the real one.
func (d *differ) original(err error, real, stand object.Ref) error {
	var noKind *NoKindError
	var blind *NoDryRunError
	var gone *UnreachableError
	if real == stand || errors.As(err, &gone) || errors.As(err, &noKind) || errors.As(err, &blind) {
		return err
	}
	reworded := func(text string) string {
		text = strings.ReplaceAll(text, stand.String(), real.String())
		text = strings.ReplaceAll(text, stand.Namespace+"/"+stand.Name, real.Namespace+"/"+real.Name)
		return strings.ReplaceAll(text, stand.Name, real.Name)
	}
	// What kind of refusal it is says what may be shown of it.
	var invalid *InvalidError
	var denied *DeniedError
	switch {
	case errors.As(err, &invalid):
		out := &InvalidError{Err: errors.New(reworded(invalid.Err.Error())), Causes: slices.Clone(invalid.Causes)}
		for i, c := range out.Causes {
			out.Causes[i].Message = reworded(c.Message)
		}
		return out
	case errors.As(err, &denied):
		return &DeniedError{Err: errors.New(reworded(err.Error()))}
	}
	return &RefusedError{Err: errors.New(reworded(err.Error()))}
}
