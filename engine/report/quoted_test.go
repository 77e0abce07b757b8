package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

func TestASummaryOfAnErrorShowsNoValueThatTheServerQuotes(t *testing.T) {
	server := errors.New(`Deployment "web" is invalid: spec.replicas: Invalid value: "hunter2": must be a number`)
	invalid := &diff.InvalidError{Err: server, Causes: []diff.InvalidCause{
		{Type: "FieldValueInvalid", Field: "spec.replicas", Message: `Invalid value: "hunter2": must be a number`},
		{Type: "FieldValueInvalid", Field: "spec.selector", Message: `Invalid value: {"a":"hunter2"}: field is immutable`},
		{Type: "FieldValueNotSupported", Field: "spec.type", Message: `Unsupported value: "hunter2"`},
		{Type: "OfLaterVersions", Field: "", Message: `hunter2`},
	}}
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"invalid", invalid, []string{"spec.replicas: invalid\nspec.selector: immutable\nspec.type: not supported\nthe object: refused\n", "weighlock diff"}},
		{"replace", &diff.ReplaceError{Fields: []string{"spec.selector"}, Err: invalid}, []string{"spec.selector cannot be changed: the object has to be deleted"}},
		{"lasting", &diff.ReplaceError{Fields: []string{"spec.size"}, Reason: "it holds data", Err: invalid}, []string{"spec.size cannot be changed: the object is not replaced: it holds data"}},
		{"denied", &diff.DeniedError{Err: server}, []string{"does not admit it"}},
		{"webhook", &diff.UnreachableError{Err: &diff.WebhookDownError{Webhook: "a.b.c", Err: server}}, []string{`admission webhook "a.b.c" did not answer`}},
		{"no dry run", &diff.NoDryRunError{Webhook: "a.b.c", Err: server}, []string{`admission webhook "a.b.c" does not support dry run`}},
		{"else", fmt.Errorf("applying: %w", &diff.RefusedError{Err: server}), []string{"the API server refuses it"}},
	} {
		r := &apply.Result{Outcomes: []apply.Outcome{{Ref: object.Ref{Kind: "Deployment", Name: "web"}, Status: apply.Failed, Err: c.err}}}
		set := &diff.ChangeSet{Stages: []diff.Stage{{Items: []diff.Item{{Changes: []*diff.Change{{Ref: r.Outcomes[0].Ref, Err: c.err}}}}}}}
		p := Preview{Summary: true, Targets: []TargetPreview{{Name: "prod", Set: set}}}
		for place, got := range map[string]string{"alone": WithoutValues(c.err).Error(), "result": ResultMarkdown(ResultWithoutValues(r), 5000), "preview": p.Markdown(5000)} {
			if strings.Contains(got, "hunter2") {
				t.Errorf("%s, %s: it shows a value:\n%s", c.name, place, got)
			}
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s, %s: it does not say %q:\n%s", c.name, place, want, got)
				}
			}
		}
		p.Summary = false
		if got := p.Markdown(5000); !strings.Contains(got, "hunter2") {
			t.Errorf("%s: the whole preview does not tell the server's words:\n%s", c.name, got)
		}
	}
	ours := &diff.NoNamespaceError{Namespace: "shop", Err: server}
	if got := WithoutValues(ours); !errors.Is(got, ours) || got.Error() != ours.Error() {
		t.Errorf("an error in our own words becomes %v", got)
	}
}
