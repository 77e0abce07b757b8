package diff

import (
	"regexp"
	"slices"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
)

// A Takeover makes fields that forerunners own ours, so that what is not in the project any more goes with the next
// apply. Without it such fields would stay for ever: an apply removes only what its own manager has set.
type Takeover struct {
	// Managers are whose fields are taken.
	Managers []string
	// left are fields that rules leave to their owners.
	left []managed.Path
	// begun is the record of our fields for an object that has none, be it that somebody wiped it.
	begun managed.Tree
	// gone are the versions that records are in and that there are none of any more, and version is the one to write in their place.
	gone    []string
	version string
}

// nobody is the manager that the server names as the owner of what was there before its record began.
const nobody = "before-first-apply"

// firstContact are the client-side managers whose fields are taken over when we meet an object for the first time.
// Later, what they set is somebody's change by hand.
var firstContact = regexp.MustCompile(`^(helm|kubectl-client-side-apply|` + nobody + `)$`)

// forerunner is the manager whose projects we carry on.
const forerunner = "kluctl"

// takeover says whose fields an apply to live takes over; nil if nobody's. merged is what the apply gives, left are the
// fields that rules leave to others.
func takeover(live, merged object.Object, left []managed.Path) *Takeover {
	entries := managed.Entries(live)
	if len(entries) == 0 {
		// Else the server would hand all that is there to nobody, who would keep for ever what the project removes later.
		return &Takeover{begun: appliedFields(merged)}
	}
	known := slices.ContainsFunc(entries, func(e managed.Entry) bool {
		return e.Operation == managed.Apply && managers[e.Manager]
	})
	var names []string
	for _, e := range entries {
		if e.Subresource == "" && (e.Manager == forerunner || !known && firstContact.MatchString(e.Manager)) && !slices.Contains(names, e.Manager) {
			names = append(names, e.Manager)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return &Takeover{Managers: names, left: left}
}

// split parts the entries of an object: the fields that are taken, and those that stay with the others.
func (t *Takeover) split(entries []managed.Entry) (taken managed.Tree, others []managed.Tree) {
	taken = managed.Tree{}
	for _, e := range entries {
		switch {
		case e.Subresource == "" && slices.Contains(t.Managers, e.Manager):
			fields := e.Fields
			for _, p := range t.left {
				fields = fields.Without(p)
			}
			taken = managed.Union(taken, fields)
		case !isOurs(e):
			others = append(others, e.Fields)
		}
	}
	return taken, others
}

// prune returns merged without the fields that are ours by the takeover and that desired does not have.
func (t *Takeover) prune(merged, live, desired object.Object) object.Object {
	taken, others := t.split(managed.Entries(live))
	return object.Object(managed.Prune(map[string]any(merged), taken, map[string]any(desired), others...).(map[string]any))
}

// ManagedFields returns the managedFields of a live object as they are to be before it is applied: the taken fields in
// our entry. It is nil when there is nothing to take.
func (t *Takeover) ManagedFields(live object.Object) []any {
	taken, _ := t.split(managed.Entries(live))
	if len(managed.Entries(live)) == 0 {
		taken = t.begun
	}
	list, _ := live.Map("metadata")["managedFields"].([]any)
	var out []any
	var ours map[string]any
	renewed := false
	for _, raw := range list {
		m, _ := raw.(map[string]any)
		o := object.Object(m)
		if slices.Contains(t.gone, o.Text("apiVersion")) {
			m, renewed = with(m, "apiVersion", t.version), true
			o = object.Object(m)
		}
		e := managed.Entry{Manager: o.Text("manager"), Operation: o.Text("operation"), Subresource: o.Text("subresource"), Fields: o.Map("fieldsV1")}
		switch {
		case isOurs(e):
			ours = m
		case e.Subresource == "" && slices.Contains(t.Managers, e.Manager):
			if rest := t.kept(e.Fields); len(rest) > 0 {
				out = append(out, with(m, "fieldsV1", map[string]any(rest)))
			}
		default:
			out = append(out, m)
		}
	}
	switch {
	case len(taken) == 0 && !renewed:
		return nil
	case len(taken) == 0 && ours == nil:
		return out
	case ours == nil:
		ours = map[string]any{
			"manager": FieldManager, "operation": managed.Apply, "apiVersion": live.Ref().APIVersion(), "fieldsType": "FieldsV1",
			"fieldsV1": map[string]any{},
		}
	default:
		taken = managed.Union(object.Object(ours).Map("fieldsV1"), taken)
	}
	return append(out, with(ours, "fieldsV1", map[string]any(taken)))
}

// appliedFields are the fields of an object that we have applied.
func appliedFields(o object.Object) managed.Tree {
	for _, e := range managed.Entries(o) {
		if isOurs(e) {
			return e.Fields
		}
	}
	return nil
}

// kept are the fields of a taken entry that rules leave to their owner.
func (t *Takeover) kept(fields managed.Tree) managed.Tree {
	out := managed.Tree{}
	for p := range fields.Members() {
		for _, left := range t.left {
			if slices.Equal(p, left) {
				out = managed.Union(out, managed.TreeOf(p))
			}
		}
	}
	return out
}

func with(m map[string]any, key string, v any) map[string]any {
	out := object.CloneValue(m).(map[string]any)
	out[key] = v
	return out
}
