package ready

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"

	"github.com/weighlock/weighlock/engine/object"
)

// A Rule says for one kind when its objects are ready and when they have failed, as CEL expressions over `self`, the
// live object. Failed is asked first; a rule without it never fails. Fields that are absent make an expression false,
// so that a rule need not guard each of them: an object without a status is simply not ready.
type Rule struct {
	Group  string `json:"group"`
	Kind   string `json:"kind"`
	Ready  string `json:"ready"`
	Failed string `json:"failed"`
}

// Rules are compiled rules. They are safe for concurrent use.
type Rules struct{ kinds map[[2]string]programs }

type programs struct{ ready, failed cel.Program }

// costLimit bounds one evaluation, in CEL's units of work: a rule comes from a repository.
const costLimit = 1_000_000

// Compile compiles rules. All mistakes are reported at once; the error names the rule by its place in the list.
func Compile(rules []Rule) (*Rules, error) {
	env, err := cel.NewEnv(cel.Variable("self", cel.DynType), ext.Strings(), ext.Lists(), ext.Sets(), cel.OptionalTypes())
	if err != nil {
		return nil, err
	}
	r := &Rules{kinds: map[[2]string]programs{}}
	var errs []error
	for i, rule := range rules {
		at := fmt.Sprintf("readiness[%d] (%s)", i, object.Ref{Group: rule.Group, Kind: rule.Kind}.GroupKind())
		key := [2]string{rule.Group, rule.Kind}
		switch _, twice := r.kinds[key]; {
		case rule.Kind == "":
			errs = append(errs, fmt.Errorf("readiness[%d]: needs a kind", i))
		case twice:
			errs = append(errs, fmt.Errorf("%s: an earlier rule is for the same kind", at))
		case rule.Ready == "":
			errs = append(errs, fmt.Errorf("%s: needs ready, a CEL expression over self", at))
		}
		p := programs{}
		for _, e := range []struct {
			name, text string
			into       *cel.Program
		}{{"ready", rule.Ready, &p.ready}, {"failed", rule.Failed, &p.failed}} {
			if e.text == "" {
				continue
			}
			if *e.into, err = compile(env, e.text); err != nil {
				errs = append(errs, fmt.Errorf("%s.%s: %w", at, e.name, err))
			}
		}
		r.kinds[key] = p
	}
	return r, errors.Join(errs...)
}

func compile(env *cel.Env, expression string) (cel.Program, error) {
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	if t := ast.OutputType(); t != cel.BoolType && t != cel.DynType {
		return nil, fmt.Errorf("%s gives %s, expected true or false", expression, t)
	}
	return env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
}

// assess applies the rule for the object's kind; ok is false when there is none.
func (r *Rules) assess(o object.Object) (state State, ok bool, err error) {
	if r == nil {
		return State{}, false, nil
	}
	ref := o.Ref()
	p, ok := r.kinds[[2]string{ref.Group, ref.Kind}]
	if !ok {
		return State{}, false, nil
	}
	if p.failed != nil {
		failed, err := holds(p.failed, o)
		if err != nil {
			return State{}, true, fmt.Errorf("%s: readiness rule, failed: %w", ref, err)
		}
		if failed {
			return State{Failed, "by the rule for its kind" + said(o)}, true, nil
		}
	}
	is, err := holds(p.ready, o)
	if err != nil {
		return State{}, true, fmt.Errorf("%s: readiness rule, ready: %w", ref, err)
	}
	if is {
		return State{Ready, "by the rule for its kind"}, true, nil
	}
	return State{Waiting, "not ready by the rule for its kind" + said(o)}, true, nil
}

// said is what the object's own Ready condition says, if it has one.
func said(o object.Object) string {
	for _, c := range conditions(o) {
		if c["type"] == "Ready" && c["status"] != "True" {
			return ": " + text(c, "its Ready condition gives no reason")
		}
	}
	return ""
}

func holds(p cel.Program, o object.Object) (bool, error) {
	v, _, err := p.Eval(map[string]any{"self": map[string]any(o)})
	if err != nil {
		if absent(err) {
			return false, nil
		}
		return false, err
	}
	b, ok := v.Value().(bool)
	if !ok {
		return false, fmt.Errorf("gives %v, expected true or false", v.Type())
	}
	return b, nil
}

// absent says that an evaluation failed on a field, or an element, that the object does not have.
func absent(err error) bool {
	return strings.Contains(err.Error(), "no such key") || strings.Contains(err.Error(), "index out of bounds")
}
