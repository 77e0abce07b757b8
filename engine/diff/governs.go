package diff

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// enforceLabel is what a Namespace asks of its pods.
const enforceLabel = "pod-security.kubernetes.io/enforce"

// governs notes which objects of the change set rule over others of it: each dry run sees the cluster as it is so far, without them.
func (d *differ) governs(set *ChangeSet) {
	var written []*Change
	for c := range set.All() {
		if c.writes() {
			written = append(written, c)
		}
	}
	for _, c := range written {
		var ruled int
		for _, other := range written {
			if other != c && d.ruled(c, other) {
				ruled++
			}
		}
		if ruled == 0 {
			continue
		}
		which := count(ruled, "object of this change, which was tried without it", "objects of this change, which were tried without it")
		if c.Ref.IsNamespace() {
			which = fmt.Sprintf("pods of %s are admitted then is not known", count(ruled, "object of this change", "objects of this change"))
			c.Notes = append(c.Notes, fmt.Sprintf("enforces Pod Security level %q from now on: whether %s", c.desired.Label(enforceLabel), which))
			continue
		}
		c.Notes = append(c.Notes, "may decide about "+which)
	}
}

// writes says whether the deploy is to write the object of c.
func (c *Change) writes() bool {
	return c.Err == nil && c.desired != nil && slices.Contains([]Op{Create, Update, Replace, Run}, c.Op)
}

// ruled says whether what c newly says may decide whether another object is admitted, or what becomes of it.
func (d *differ) ruled(c, other *Change) bool {
	switch {
	case c.Ref.IsNamespace():
		level := c.desired.Label(enforceLabel)
		return level != "" && level != "privileged" && level != c.Live.Label(enforceLabel) && other.Ref.Namespace == c.Ref.Name && hasPods(other.desired)
	case c.Ref.Group == "" && c.Ref.Kind == "ResourceQuota":
		return c.saysAnew() && other.Ref.Namespace == c.Ref.Namespace && other.Op != Update && d.counted(c.desired.Map("spec", "hard"), other)
	case c.Ref.Group == "" && c.Ref.Kind == "LimitRange":
		return c.saysAnew() && other.Ref.Namespace == c.Ref.Namespace && (hasPods(other.desired) || other.Ref.Kind == "PersistentVolumeClaim")
	case c.Ref.Group == admissionGroup:
		return c.saysAnew() && other.Ref.Group != admissionGroup && slices.ContainsFunc(mutatorsOf(c.desired), func(m mutator) bool {
			return mayPick(m.objects, other.desired.Map("metadata", "labels")) && slices.ContainsFunc(m.rules, func(r any) bool {
				return matchesRule(r, other.Ref, d.live.kinds[kindOf(other.Ref)].Resource, map[bool]string{true: "UPDATE", false: "CREATE"}[other.Op == Update])
			})
		})
	}
	return false
}

// counted says whether a quota limits what an object takes.
func (d *differ) counted(hard map[string]any, c *Change) bool {
	resource := d.live.kinds[kindOf(c.Ref)].Resource
	byName := "count/" + strings.TrimSuffix(resource+"."+c.Ref.Group, ".")
	for what := range hard {
		switch {
		case what == byName, c.Ref.Group == "" && (what == resource || strings.HasPrefix(what, resource+".")):
			return true
		case strings.Contains(what, "storage") && resource == "persistentvolumeclaims":
			return true
		case hasPods(c.desired) && ofPods.MatchString(what):
			return true
		}
	}
	return false
}

// ofPods are what quotas limit of pods.
var ofPods = regexp.MustCompile(`^(count/)?pods$|^(requests\.|limits\.)?(cpu|memory|ephemeral-storage)$|^requests\.|^hugepages-`)

// saysAnew says whether there is anything new in what an object says, beside its metadata.
func (c *Change) saysAnew() bool {
	return c.Op != Update || slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return f.Path[0].Field != "metadata" })
}

// hasPods says whether an object is a pod, or makes some.
func hasPods(o object.Object) bool {
	for _, at := range [][]string{{"spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}} {
		if _, ok := o.Map(at...)["containers"].([]any); ok {
			return true
		}
	}
	return false
}
