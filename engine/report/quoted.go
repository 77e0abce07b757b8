package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/apply"
	"github.com/weighlock/weighlock/engine/diff"
)

// WithoutValues is an error for those who may not see what objects hold: where it passes on the API server's words, which quote
// values, it names the fields and what is wrong with them in ours.
func WithoutValues(err error) error {
	var invalid *diff.InvalidError
	var replace *diff.ReplaceError
	var down *diff.WebhookDownError
	var noDryRun *diff.NoDryRunError
	var unready *apply.NotReadyError
	var text string
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unready) && len(unready.Symptoms) > 0:
		without := *unready
		without.Symptoms = []string{"weighlock validate tells more, and so do its conditions, events and logs."}
		return &without
	case errors.As(err, &replace):
		why := "the object has to be deleted and created anew"
		if replace.Reason != "" {
			why = "the object is not replaced: " + replace.Reason
		}
		return fmt.Errorf("%s cannot be changed: %s", strings.Join(replace.Fields, ", "), why)
	case errors.As(err, &invalid):
		text = invalidFields(invalid)
	case errors.As(err, &down):
		return fmt.Errorf("admission webhook %q did not answer", down.Webhook)
	case errors.As(err, &noDryRun):
		return fmt.Errorf("admission webhook %q does not support dry run", noDryRun.Webhook)
	case errors.As(err, new(*diff.DeniedError)):
		text = "a policy or a webhook of the cluster does not admit it"
	case errors.As(err, new(*diff.RefusedError)):
		text = "the API server refuses it"
	default:
		return err
	}
	return errors.New(text + "\nweighlock diff shows the server's words, which may quote values.")
}

// faults are the types of the API server's errors about fields, in words.
// Source: k8s.io/apimachinery/pkg/util/validation/field, ErrorType.
var faults = map[string]string{
	"FieldValueNotFound": "not found", "FieldValueRequired": "required", "FieldValueDuplicate": "duplicate", "FieldValueInvalid": "invalid",
	"FieldValueNotSupported": "not supported", "FieldValueForbidden": "forbidden", "FieldValueTooLong": "too long",
	"FieldValueTooMany": "too many items", "FieldValueTypeInvalid": "of another type",
}

func invalidFields(e *diff.InvalidError) string {
	var lines []string
	for _, c := range e.Causes {
		fault := faults[c.Type]
		if fault == "" {
			fault = "refused"
		}
		if strings.HasSuffix(c.Message, ": field is immutable") {
			fault = "immutable"
		}
		field := c.Field
		if field == "" || field == "<nil>" {
			field = "the object"
		}
		lines = append(lines, field+": "+fault)
	}
	return strings.Join(lines, "\n")
}

// ResultWithoutValues is a result whose errors are such as [WithoutValues] makes.
func ResultWithoutValues(r *apply.Result) *apply.Result {
	if r == nil {
		return nil
	}
	out := *r
	out.Outcomes = make([]apply.Outcome, len(r.Outcomes))
	for i, o := range r.Outcomes {
		o.Err = WithoutValues(o.Err)
		out.Outcomes[i] = o
	}
	return &out
}
