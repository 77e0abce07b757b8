package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/weighlock/weighlock/engine/object"
)

// A guard is a ValidatingAdmissionPolicy and a binding of it, judged by what is written there.
type guard struct {
	name string
	// gaps are what it lets pass of what is no dry run, open what of it cannot be judged by reading it. With neither, it refuses all.
	gaps, open []string
}

// String says what keeps it from refusing all.
func (g guard) String() string {
	why := strings.Join(append(slices.Clone(g.gaps), g.open...), "; ")
	if why == "" {
		why = "refuses all that is no dry run"
	}
	return g.name + ": " + why
}

// guards judges each policy as it is bound, for what a user asks for. Those that leave the user out are not among them.
func guards(policies, bindings []object.Object, user string) []guard {
	var out []guard
	for _, p := range policies {
		for _, b := range bindings {
			if b.Text("spec", "policyName") != p.Ref().Name {
				continue
			}
			g := guard{name: fmt.Sprintf("policy %s, bound by %s", p.Ref().Name, b.Ref().Name)}
			if g.applies(p, user) {
				g.covers("the policy", p.Map("spec", "matchConstraints"), true)
				g.covers("the binding", b.Map("spec", "matchResources"), false)
				g.refuses(p, b, user)
				out = append(out, g)
			}
		}
	}
	return out
}

func (g *guard) gap(format string, args ...any) {
	g.gaps = append(g.gaps, fmt.Sprintf(format, args...))
}
func (g *guard) unclear(format string, args ...any) {
	g.open = append(g.open, fmt.Sprintf(format, args...))
}

// applies looks at the conditions on which the policy judges at all.
func (g *guard) applies(policy object.Object, user string) bool {
	for _, c := range entries(policy.Map("spec"), "matchConditions") {
		switch expression := text(c, "expression"); judge(expression, user) {
		case yes:
		case no:
			return false
		default:
			g.unclear("whether its condition %s holds for all that this identity asks for cannot be told from %s", text(c, "name"), expression)
		}
	}
	return true
}

// operations are all that admission knows.
var operations = []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}

// covers looks at which requests are matched; all must be. Without rules a binding takes what the policy does.
func (g *guard) covers(whose string, match map[string]any, mustHaveRules bool) {
	for _, selector := range []struct{ key, what string }{{"namespaceSelector", "namespaces"}, {"objectSelector", "objects"}} {
		if s, _ := match[selector.key].(map[string]any); len(requirements(s)) > 0 {
			g.gap("%s is for some %s alone (%s: %s)", whose, selector.what, selector.key, strings.Join(requirements(s), ", "))
		}
	}
	rules := entries(match, "resourceRules")
	if len(rules) > 0 || mustHaveRules {
		whole := map[string]bool{}
		for _, r := range rules {
			if scope := text(r, "scope"); scope != "" && scope != "*" || len(list(r, "resourceNames")) > 0 || !slices.Contains(list(r, "apiGroups"), "*") ||
				!slices.Contains(list(r, "apiVersions"), "*") || !slices.Contains(list(r, "resources"), "*/*") {
				continue
			}
			for _, o := range list(r, "operations") {
				whole[o] = true
			}
		}
		var missing []string
		for _, o := range operations {
			if !whole[o] && !whole["*"] {
				missing = append(missing, strings.ToLower(o))
			}
		}
		if len(missing) > 0 {
			g.gap(`%s has no rule of all groups, versions and resources with their subresources ("*", "*", "*/*") for %s`, whose, strings.Join(missing, ", "))
		}
	}
	for _, r := range entries(match, "excludeResourceRules") {
		if !questions(r) {
			g.gap("%s leaves out %s of the groups %q", whose, strings.Join(list(r, "resources"), ", "), list(r, "apiGroups"))
		}
	}
}

// questions says whether a rule names only what the server answers and does not keep.
func questions(rule map[string]any) bool {
	groups, resources := list(rule, "apiGroups"), list(rule, "resources")
	kept := func(resource string) bool {
		return !slices.Contains([]string{"selfsubjectreviews", "tokenreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews", "localsubjectaccessreviews"}, resource)
	}
	other := func(group string) bool { return group != "authentication.k8s.io" && group != "authorization.k8s.io" }
	return len(groups) > 0 && len(resources) > 0 && !slices.ContainsFunc(groups, other) && !slices.ContainsFunc(resources, kept)
}

// refuses looks at what becomes of a request that is matched and is no dry run.
func (g *guard) refuses(policy, binding object.Object, user string) {
	if actions := list(binding.Map("spec"), "validationActions"); !slices.Contains(actions, "Deny") {
		g.gap("the binding does not deny (validationActions: %s)", strings.Join(actions, ", "))
	}
	if p := policy.Text("spec", "failurePolicy"); p != "" && p != "Fail" {
		g.gap("the policy lets pass what it fails to judge (failurePolicy: %s)", p)
	}
	if policy.Map("spec", "paramKind") != nil || binding.Map("spec", "paramRef") != nil {
		g.unclear("it takes parameters, by which it may let things pass")
	}
	var unclear []string
	for _, v := range entries(policy.Map("spec"), "validations") {
		switch expression := text(v, "expression"); judge(expression, user) {
		case no:
			return
		case yes:
		default:
			unclear = append(unclear, expression)
		}
	}
	if len(unclear) > 0 {
		g.unclear("whether it refuses all that is no dry run cannot be told from %s", strings.Join(unclear, " and "))
		return
	}
	g.gap("none of its validations refuses what is no dry run")
}

// An answer is what an expression is for all requests of a user that are no dry runs.
type answer int

const (
	unclear answer = iota
	yes
	no
)

// unknowns are what may be anything in a request of which only the user is known, and that it is no dry run.
var unknowns = func() []*cel.AttributePatternType {
	var out []*cel.AttributePatternType
	for _, v := range []string{"object", "oldObject", "params", "namespaceObject", "authorizer", "variables"} {
		out = append(out, cel.AttributePattern(v))
	}
	for _, field := range []string{"kind", "resource", "subResource", "requestKind", "requestResource", "requestSubResource", "name", "namespace", "operation", "options"} {
		out = append(out, cel.AttributePattern("request").QualString(field))
	}
	for _, field := range []string{"groups", "uid", "extra"} {
		out = append(out, cel.AttributePattern("request").QualString("userInfo").QualString(field))
	}
	return out
}()

// judge says what an expression is whatever else the request is; unclear where that depends, or where the expression is beyond us.
func judge(expression, user string) answer {
	var options []cel.EnvOption
	for _, v := range []string{"request", "object", "oldObject", "params", "namespaceObject", "authorizer", "variables"} {
		options = append(options, cel.Variable(v, cel.DynType))
	}
	env, err := cel.NewEnv(append(options, cel.OptionalTypes())...)
	if err != nil {
		return unclear
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return unclear
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptPartialEval))
	if err != nil {
		return unclear
	}
	vars, err := cel.PartialVars(map[string]any{"request": map[string]any{"dryRun": false, "userInfo": map[string]any{"username": user}}}, unknowns...)
	if err != nil {
		return unclear
	}
	value, _, err := program.Eval(vars)
	switch {
	case err != nil:
	case value == types.True:
		return yes
	case value == types.False:
		return no
	}
	return unclear
}

// text, list and entries read fields of what was decoded.
func text(m map[string]any, key string) string { s, _ := m[key].(string); return s }

func list(m map[string]any, key string) []string {
	var out []string
	all, _ := m[key].([]any)
	for _, v := range all {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func entries(m map[string]any, key string) []map[string]any {
	var out []map[string]any
	all, _ := m[key].([]any)
	for _, v := range all {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// requirements is a selector as people write it, one requirement each.
func requirements(selector map[string]any) []string {
	var out []string
	labels, _ := selector["matchLabels"].(map[string]any)
	for k, v := range labels {
		out = append(out, fmt.Sprintf("%s=%v", k, v))
	}
	slices.Sort(out)
	for _, e := range entries(selector, "matchExpressions") {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", text(e, "key"), text(e, "operator"), strings.Join(list(e, "values"), " "))))
	}
	return out
}
