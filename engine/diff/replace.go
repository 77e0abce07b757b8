package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// A ReplaceError says that an object cannot be changed into what is wanted, and that replacing it is not allowed. How it may be allowed is
// up to the caller: [ReplaceError.Allowable] says whether [Options.Replace] would do.
type ReplaceError struct {
	Ref object.Ref
	// Fields are those that cannot change.
	Fields []string
	// Reason is why it must not be replaced, or "".
	Reason string
	Err    error
}

// Allowable says whether it is nothing but the options that keep the object from being replaced.
func (e *ReplaceError) Allowable() bool { return e.Reason == "" }

// Error names the fields and the server's words.
func (e *ReplaceError) Error() string {
	fields := strings.Join(e.Fields, ", ")
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s cannot be changed, and the object is not replaced: %s: %v", e.Ref, fields, e.Reason, e.Err)
	}
	return fmt.Sprintf("%s: %s cannot be changed: the object has to be deleted and created anew, and nobody has allowed that (weighlock deploy --force-replace-on-error does): %s",
		e.Ref, fields, strings.TrimPrefix(e.Err.Error(), e.Ref.String()+": "))
}

// Unwrap returns the server's refusal.
func (e *ReplaceError) Unwrap() error { return e.Err }

// immutable is how the API server words that a field of an existing object must stay as it is.
var immutable = regexp.MustCompile(strings.Join([]string{
	`field is immutable`, `cannot change roleRef`, `may not change once set`, `is immutable after creation`, `is immutable when`,
	`updates to \w+ spec for fields other than .* are forbidden`, `pod updates may not change fields other than`,
	`updates to (parameters|provisioner|reclaimPolicy|volumeBindingMode) (is|are) forbidden`, `may not be changed in an update`,
	`may not be (changed|modified|removed) once set`, `cannot be changed once set`, `is immutable`,
}, "|"))

// refusedUpdate fills in c for an existing object of which the server says that the change is not valid. If the object
// would be valid as a new one, it is the change that is not possible, and the object has to be replaced.
func (d *differ) refusedUpdate(ctx context.Context, c *Change, live object.Object, refused *InvalidError) {
	if !saysImmutable(refused) && (!mayBeTransition(refused) || !d.validAnew(ctx, c, live)) {
		d.fail(c, refused)
		return
	}
	try := c.desired.Clone()
	try.Map("metadata")["name"] = standInName(c.Ref)
	answer := d.apply(ctx, try, false)
	var blind *NoDryRunError
	var gone *UnreachableError
	switch {
	case answer.err == nil:
		answer.Merged.Map("metadata")["name"] = c.Ref.Name
		dropAllocated(answer.Merged, c.desired)
	case errors.As(answer.err, &blind), !errors.As(answer.err, &gone) && saysImmutable(refused):
		// Its name is part of what makes it valid, such as that of an APIService, or there may not be two, such as by a quota.
		answer = &attempt{Preview: Preview{Merged: simulate(live, c.desired)}}
		dropAllocated(answer.Merged, c.desired)
		c.Notes = append(c.Notes, "not simulated: the object cannot be created under another name")
	default:
		d.fail(c, refused)
		return
	}
	before := live.Clone()
	dropAllocated(before, c.desired)
	c.Live = comparable(before)
	d.conclusion(c, before, answer)
	c.Op, c.force, c.takeover = Replace, false, nil
	fields := make([]string, 0, len(refused.Causes))
	for _, cause := range refused.Causes {
		if !slices.Contains(fields, cause.Field) {
			fields = append(fields, cause.Field)
		}
	}
	c.Reason = fmt.Sprintf("%s cannot be changed: the object is deleted and created anew", strings.Join(fields, ", "))
	switch {
	case cmp.Or(lasting(live), lasting(c.desired)) != "":
		c.Err = &ReplaceError{Ref: c.Ref, Fields: fields, Reason: cmp.Or(lasting(live), lasting(c.desired)), Err: refused}
	case !d.opts.Replace:
		c.Err = &ReplaceError{Ref: c.Ref, Fields: fields, Err: refused}
	}
	if c.Err != nil {
		c.Reason = fmt.Sprintf("%s cannot be changed: the object would have to be deleted and created anew, and is not", strings.Join(fields, ", "))
	}
}

// mayBeTransition says whether all causes are of the types that rules about changes have.
func mayBeTransition(e *InvalidError) bool {
	return !slices.ContainsFunc(e.Causes, func(c InvalidCause) bool { return c.Type != "FieldValueInvalid" && c.Type != "FieldValueForbidden" })
}

// validAnew says whether what the change would make of the live object would be valid as a new object. If not, it is not
// the transition that is refused.
func (d *differ) validAnew(ctx context.Context, c *Change, live object.Object) bool {
	try := comparable(simulate(live, c.desired))
	dropAllocated(try, c.desired)
	delete(try.Map("metadata"), "ownerReferences")
	try.Map("metadata")["name"] = standInName(c.Ref)
	return d.apply(ctx, try, false).err == nil
}

// saysImmutable says whether the server's own words are, for each field, that it cannot change.
func saysImmutable(e *InvalidError) bool {
	return !slices.ContainsFunc(e.Causes, func(c InvalidCause) bool { return !immutable.MatchString(c.Message) })
}

// lasting is why an object is not deleted even where it is created anew, or "": who keeps it from being deleted means what
// is in it.
func lasting(o object.Object) string {
	if annotated(o, skipDelete) {
		return "it is annotated with " + skipDelete
	}
	if m := keepMarks[0]; o.Annotation(m.annotation) == m.value {
		return fmt.Sprintf("it is annotated with %s: %s", m.annotation, m.value)
	}
	return ""
}
