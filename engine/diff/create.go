package diff

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// creation fills in c for an object that does not exist yet. What is shown is the object as rendered: what the server
// completes is no part of the change.
func (d *differ) creation(c *Change, answer *attempt) {
	c.Op, c.Merged = Create, comparable(c.desired)
	c.addWarnings(answer.Warnings)
}

// refusedCreation fills in c for a new object that the server refuses.
func (d *differ) refusedCreation(_ context.Context, c *Change, err error) {
	var blind *NoDryRunError
	if errors.As(err, &blind) {
		c.Op, c.Merged = Create, comparable(c.desired)
		c.Notes = append(c.Notes, fmt.Sprintf("not simulated: webhook %s does not support dry runs", blind.Webhook))
		return
	}
	if webhook, own := d.ownWebhook(err); own {
		c.Op, c.Merged = Create, comparable(c.desired)
		c.Notes = append(c.Notes, fmt.Sprintf("not simulated: webhook %s, which the change set itself has, does not answer", webhook))
		return
	}
	d.fail(c, err)
}

// creationElsewhere fills in c for an object whose namespace the same change creates. It is simulated in a stand-in:
// under its own name where that is free there, so that the server judges the name, too.
func (d *differ) creationElsewhere(ctx context.Context, c *Change) {
	if d.created[c.Ref.Namespace] > c.stage {
		d.fail(c, fmt.Errorf("%s: its namespace is created only after a later barrier: put the namespace before it", c.Ref))
		return
	}
	if def := d.definitions[kindOf(c.Ref)]; def != nil && def.isNew {
		d.creationOfNewKind(c, def)
		return
	}
	try := c.desired.Clone()
	try.SetNamespace(d.opts.StandIn)
	answer := d.apply(ctx, try, false)
	var conflict *ConflictError
	if errors.As(answer.err, &conflict) || (answer.err == nil && !answer.created()) {
		try.Map("metadata")["name"] = standInName(c.Ref)
		answer = d.apply(ctx, try, false)
	}
	c.Reason = "simulated elsewhere: the namespace is created in the same change"
	if answer.err != nil {
		d.refusedCreation(ctx, c, d.original(answer.err, c.Ref, try.Ref()))
		return
	}
	d.creation(c, answer)
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
	var forbidden *ForbiddenError
	var noKind *NoKindError
	var blind *NoDryRunError
	if real == stand || errors.As(err, &forbidden) || errors.As(err, &noKind) || errors.As(err, &blind) {
		return err
	}
	text := strings.ReplaceAll(err.Error(), stand.String(), real.String())
	return errors.New(strings.ReplaceAll(text, stand.Name, real.Name))
}
