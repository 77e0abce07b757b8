package doctor

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/object"
)

// An Account is a ServiceAccount that rights are suggested for, and the namespace in which locks and results are kept.
type Account struct{ Name, Namespace, Records string }

// Suggest returns manifests with the least rights that an account needs to deploy objects: to read, apply and delete their
// kinds, in their namespaces and no others, and to keep locks and results. What is rendered without a namespace is taken to be
// of the whole cluster. Orphans of kinds that the target does not have any more are beyond these rights, and stay unknown;
// so are the rights to grant what a Role among the objects grants, but for "escalate" and "bind" on its kind.
func Suggest(objects []object.Object, to Account) []object.Object {
	plurals := definedPlurals(objects)
	byNamespace := map[string]map[string][]string{} // namespace → group → resources
	for _, o := range objects {
		ref := o.Ref()
		namespace := ref.Namespace
		if byNamespace[namespace] == nil {
			byNamespace[namespace] = map[string][]string{}
		}
		group := ref.Group
		resource := cmp.Or(plurals[group+"/"+ref.Kind], plural(ref.Kind))
		if !slices.Contains(byNamespace[namespace][group], resource) {
			byNamespace[namespace][group] = append(byNamespace[namespace][group], resource)
		}
	}
	out := []object.Object{{
		"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": to.Name, "namespace": to.Namespace},
	}}
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		out = append(out, bound(to, to.Name, namespace, ruleList(byNamespace[namespace]))...)
	}
	return append(out, bound(to, to.Name+"-records", to.Records, []any{
		rule("coordination.k8s.io", []string{"leases"}, "get", "list", "create", "update", "delete"),
		rule("", []string{"secrets"}, "get", "list", "create", "delete"),
	})...)
}

// granting are the kinds that grant rights: who writes them needs those rights, or these verbs.
var granting = map[string]string{"roles": "escalate", "clusterroles": "escalate", "rolebindings": "bind", "clusterrolebindings": "bind"}

func ruleList(resources map[string][]string) []any {
	var out []any
	for _, group := range slices.Sorted(maps.Keys(resources)) {
		list := slices.Sorted(slices.Values(resources[group]))
		out = append(out, rule(group, list, "get", "list", "watch", "create", "patch", "update", "delete"))
		if group != "rbac.authorization.k8s.io" {
			continue
		}
		for _, r := range list {
			if verb := granting[r]; verb == "escalate" {
				out = append(out, rule(group, []string{r}, verb))
			} else if verb == "bind" { // binding is a verb on the role
				out = append(out, rule(group, []string{"roles", "clusterroles"}, verb))
			}
		}
	}
	return out
}

func rule(group string, resources []string, verbs ...string) map[string]any {
	list := func(items []string) []any {
		out := make([]any, len(items))
		for i, s := range items {
			out[i] = s
		}
		return out
	}
	return map[string]any{"apiGroups": []any{group}, "resources": list(resources), "verbs": list(verbs)}
}

// bound is a role with rules, in a namespace or with "" in the cluster, and its binding to the account.
func bound(to Account, name, namespace string, rules []any) []object.Object {
	prefix := ""
	meta := func() map[string]any { return map[string]any{"name": name} }
	if namespace == "" {
		prefix = "Cluster"
	} else {
		meta = func() map[string]any { return map[string]any{"name": name, "namespace": namespace} }
	}
	const group = "rbac.authorization.k8s.io"
	return []object.Object{
		{"apiVersion": group + "/v1", "kind": prefix + "Role", "metadata": meta(), "rules": rules},
		{
			"apiVersion": group + "/v1", "kind": prefix + "RoleBinding", "metadata": meta(),
			"roleRef":  map[string]any{"apiGroup": group, "kind": prefix + "Role", "name": name},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": to.Name, "namespace": to.Namespace}},
		},
	}
}

// definedPlurals are the resources of the kinds that definitions among the objects define, by group/kind.
func definedPlurals(objects []object.Object) map[string]string {
	out := map[string]string{}
	for _, o := range objects {
		if o.Ref().Kind == "CustomResourceDefinition" {
			out[o.Text("spec", "group")+"/"+o.Text("spec", "names", "kind")] = o.Text("spec", "names", "plural")
		}
	}
	return out
}

// plural is a kind's resource by the rule that all built-in kinds but Endpoints follow.
func plural(kind string) string {
	s := strings.ToLower(kind)
	switch {
	case s == "endpoints":
		return s
	case strings.HasSuffix(s, "s"), strings.HasSuffix(s, "x"), strings.HasSuffix(s, "ch"), strings.HasSuffix(s, "sh"):
		return s + "es"
	case strings.HasSuffix(s, "y") && !strings.HasSuffix(s, "ay") && !strings.HasSuffix(s, "ey"):
		return strings.TrimSuffix(s, "y") + "ies"
	}
	return s + "s"
}
