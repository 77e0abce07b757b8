package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// rbacGroup is the API group of roles and bindings.
const rbacGroup = "rbac.authorization.k8s.io"

// rights says in Markdown what a role newly allows, or whom a binding newly gives a role; "" where it gives nothing more.
// brief says only that there is something.
func rights(c *diff.Change, brief bool) string {
	if c.Ref.Group != rbacGroup || c.Op != diff.Create && c.Op != diff.Update && c.Op != diff.Replace {
		return ""
	}
	var text string
	switch c.Ref.Kind {
	case "Role", "ClusterRole":
		text = allowed(c)
	case "RoleBinding", "ClusterRoleBinding":
		text = given(c)
	}
	if brief && text != "" {
		return refCode(c.Ref) + " gives more rights"
	}
	return text
}

// maxRights is how many resources or subjects are named.
const maxRights = 6

// given says whom a binding newly gives its role.
func given(c *diff.Change) string {
	role := c.Merged.Map("roleRef")
	before := map[string]bool{}
	if object.Equal(c.Live.Map("roleRef"), role) {
		for _, s := range subjects(c.Live) {
			before[s] = true
		}
	}
	var who []string
	for _, s := range subjects(c.Merged) {
		if !before[s] {
			who = append(who, Code(s))
		}
	}
	if len(who) == 0 {
		return ""
	}
	where := "in namespace " + Code(c.Ref.Namespace)
	if c.Ref.Namespace == "" {
		where = "in the whole cluster"
	}
	return fmt.Sprintf("gives %s the role %s %s, by %s", some(who, maxRights),
		Code(object.ScalarText(role["kind"])+" "+object.ScalarText(role["name"])), where, refCode(c.Ref))
}

// subjects are those of a binding, as people write them.
func subjects(binding object.Object) []string {
	list, _ := binding["subjects"].([]any)
	var out []string
	for _, s := range list {
		subject, _ := s.(map[string]any)
		name := object.ScalarText(subject["name"])
		if ns := object.ScalarText(subject["namespace"]); subject["namespace"] != nil {
			name = ns + "/" + name
		}
		out = append(out, object.ScalarText(subject["kind"])+" "+name)
	}
	return out
}

// allowed says what a role newly allows.
func allowed(c *diff.Change) string {
	before, now := permissions(c.Live), permissions(c.Merged)
	verbs := map[string][]string{}
	for p := range now {
		if !before.cover(p) && (p.verb == "*" || !now[permission{p.on, "*"}]) {
			verbs[p.on] = append(verbs[p.on], p.verb)
		}
	}
	var list []string
	for _, on := range slices.Sorted(maps.Keys(verbs)) {
		slices.Sort(verbs[on])
		list = append(list, fmt.Sprintf("%s (%s)", Code(on), Escape(strings.Join(verbs[on], ", "))))
	}
	text := ""
	if len(list) > 0 {
		text = fmt.Sprintf("%s allows %s", refCode(c.Ref), some(list, maxRights))
		if c.Op != diff.Create {
			text = fmt.Sprintf("%s allows more: %s", refCode(c.Ref), some(list, maxRights))
		}
	}
	if to := aggregated(c); len(list) > 0 && to != "" {
		text += ", also to all who have " + to
	}
	return text
}

// aggregated names the roles that the rules of a ClusterRole are added to, by its labels.
func aggregated(c *diff.Change) string {
	const prefix = rbacGroup + "/aggregate-to-"
	var out []string
	labels := c.Merged.Map("metadata", "labels")
	for _, l := range slices.Sorted(maps.Keys(labels)) {
		if role, ok := strings.CutPrefix(l, prefix); ok && labels[l] == "true" {
			out = append(out, Code("ClusterRole "+role))
		}
	}
	return some(out, maxRights)
}

// A permission is a verb on a resource, written resource.group name, or on a path.
type permission struct{ on, verb string }

type permissionSet map[permission]bool

// permissions are those of a role.
func permissions(role object.Object) permissionSet {
	out := permissionSet{}
	rules, _ := role["rules"].([]any)
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		var on []string
		for _, resource := range texts(rule["resources"]) {
			for _, group := range texts(rule["apiGroups"]) {
				name := resource
				if group != "" {
					name += "." + group
				}
				names := texts(rule["resourceNames"])
				for _, n := range names {
					on = append(on, name+" "+n)
				}
				if len(names) == 0 {
					on = append(on, name)
				}
			}
		}
		for _, what := range append(on, texts(rule["nonResourceURLs"])...) {
			for _, verb := range texts(rule["verbs"]) {
				out[permission{what, verb}] = true
			}
		}
	}
	return out
}

// cover says whether a permission is in the set, by itself or by a wildcard.
func (s permissionSet) cover(p permission) bool {
	name, _, _ := strings.Cut(p.on, " ")
	resource, group, grouped := strings.Cut(name, ".")
	on := []string{p.on, name, resource + ".*", "*.*"}
	if grouped {
		on = append(on, "*."+group)
	} else {
		on = append(on, "*")
	}
	for _, o := range on {
		if s[permission{o, p.verb}] || s[permission{o, "*"}] {
			return true
		}
	}
	return false
}

// texts are the strings of a list.
func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, object.ScalarText(e))
	}
	return out
}
