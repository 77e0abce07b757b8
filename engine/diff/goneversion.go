package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/managed"
	"github.com/weighlock/weighlock/engine/object"
)

// When a definition loses a version, the records of who owns which field of its objects stay in it, and from then on the server refuses to
// apply any of them: it cannot convert an object to a version that there is none of. The records are written anew first, in the version that is
// applied. That is a write of its own, so that a preview cannot try what comes after it, but as an update that brings the new records along.

// inNoVersion is how the API server words that there is no such version of a custom resource.
const inNoVersion = "invalid group/version: "

// gone are the versions of records on a live custom resource that there are none of any more, or with the change. refusal is what the server
// has to say against applying it, which names one of them, or nil.
func (d *differ) gone(c *Change, live object.Object, refusal error) []string {
	kind, def := d.live.kinds[kindOf(c.Ref)], d.definitions[kindOf(c.Ref)]
	var out []string
	for _, e := range managed.Entries(live) {
		version, ok := strings.CutPrefix(e.APIVersion, c.Ref.Group+"/")
		switch {
		case !ok, version == c.Ref.Version, slices.Contains(out, e.APIVersion):
		case def != nil && !def.Serves(version), def == nil && len(kind.Versions) > 0 && !kind.serves(version),
			refusal != nil && strings.Contains(refusal.Error(), inNoVersion+e.APIVersion):
			out = append(out, e.APIVersion)
		}
	}
	return out
}

// renew has the records of a live object written anew before it is applied.
func (c *Change) renew(live, merged object.Object, gone []string) {
	if c.takeover = takeover(live, merged, c.left); c.takeover == nil {
		c.takeover = &Takeover{left: c.left}
	}
	c.takeover.gone, c.takeover.version = gone, c.Ref.APIVersion()
	c.Notes = append(c.Notes, fmt.Sprintf("the record of its owners is in %s, which is not served any more; it is rewritten first, in %s", strings.Join(gone, ", "), c.takeover.version))
}

// renewed asks what an apply gives once the records of an object are written anew.
func (d *differ) renewed(ctx context.Context, c *Change, live object.Object, gone []string) *attempt {
	merged := simulate(live, c.desired)
	c.renew(live, merged, gone)
	merged = c.takeover.prune(merged, live, c.desired)
	merged.Map("metadata")["managedFields"] = c.takeover.ManagedFields(live)
	answer, err := d.previewer.Update(ctx, merged)
	return &attempt{sent: c.desired, Preview: answer, err: err}
}
