package forgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/weighlock/weighlock/testdata/openapi"
)

// description is a forge's own account of its API.
type description struct {
	forge  string
	doc    *openapi3.T
	router routers.Router
	// refusal checks the body of an error that the operation does not describe.
	refusal func(*description, []byte) error
}

// loadGitHub reads GitHub's, once a process: it is large and never changes.
var loadGitHub = sync.OnceValues(func() (*description, error) {
	return loadDescription("GitHub", openapi.GitHub, func(d *description, body []byte) error { return d.value("basic-error", body) })
})

// loadGitLab reads GitLab's. It says nothing about the bodies of errors.
var loadGitLab = sync.OnceValues(func() (*description, error) {
	return loadDescription("GitLab", openapi.GitLab, func(_ *description, body []byte) error {
		var o map[string]any
		if err := json.Unmarshal(body, &o); err != nil {
			return err
		}
		if o["message"] == nil && o["error"] == nil {
			return errors.New("an error has a message, or an error")
		}
		return nil
	})
})

func loadDescription(name string, data []byte, refusal func(*description, []byte) error) (*description, error) {
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("%s's OpenAPI description: %w", name, err)
	}
	doc.Servers = nil // any host will do
	router, err := legacy.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("%s's OpenAPI description: %w", name, err)
	}
	return &description{forge: name, doc: doc, router: router, refusal: refusal}, nil
}

var errUnknownOperation = errors.New("the forge's OpenAPI description, as trimmed, has no such operation")

// operation is one that a request asked for.
type operation struct {
	of    *description
	input *openapi3filter.RequestValidationInput
}

// request checks a request and says which operation it asks for.
func (d *description) request(req *http.Request, body []byte) (*operation, error) {
	name := req.Method + " " + req.URL.Path
	route, params, err := d.router.FindRoute(req)
	if err != nil {
		return nil, fmt.Errorf("request %s: %w: %w", name, errUnknownOperation, err)
	}
	known := map[string]bool{}
	for _, p := range route.Operation.Parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			known[p.Value.Name] = true
		}
	}
	for p := range req.URL.Query() {
		if !known[p] {
			return nil, fmt.Errorf("request %s: the query parameter %q is none of this operation", name, p)
		}
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	options := &openapi3filter.Options{
		IncludeResponseStatus:             true,
		RejectWhenRequestBodyNotSpecified: true,
		SkipSettingDefaults:               true,
	}
	options.WithCustomSchemaErrorFunc(where)
	input := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		return nil, fmt.Errorf("request %s: %w", name, err)
	}
	return &operation{of: d, input: input}, nil
}

// response checks an answer. Refusals that the operation does not list (a bad
// token, a rate limit, a failing gateway) must at least be of the general form.
func (o *operation) response(answer *response) error {
	name := fmt.Sprintf("response %d to %s %s", answer.status, o.input.Request.Method, o.input.Request.URL.Path)
	described := o.input.Route.Operation.Responses.Status(answer.status)
	if answer.status >= 400 && (described == nil || len(described.Value.Content) == 0) {
		if err := o.of.refusal(o.of, answer.body.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	if answer.status == http.StatusNoContent && described != nil && answer.body.Len() == 0 {
		return nil // GitLab's description gives such an answer a type of content
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: o.input,
		Status:                 answer.status,
		Header:                 answer.header,
		Body:                   io.NopCloser(bytes.NewReader(answer.body.Bytes())),
		Options:                o.input.Options,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// value checks JSON against one of the description's schemas.
func (d *description) value(schema string, data []byte) error {
	ref := d.doc.Components.Schemas[schema]
	if ref == nil {
		return fmt.Errorf("%s's OpenAPI description, as trimmed, has no schema %s", d.forge, schema)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	if err := ref.Value.VisitJSON(v, openapi3.SetSchemaErrorMessageCustomizer(where)); err != nil {
		return fmt.Errorf("schema %s: %w", schema, err)
	}
	return nil
}

// where says which part of a value is wrong and why; the library would print
// the whole schema and the whole value.
func where(err *openapi3.SchemaError) string {
	message := fmt.Sprintf("at /%s: %s", strings.Join(err.JSONPointer(), "/"), err.Reason)
	if err.Origin != nil {
		message += ": " + err.Origin.Error()
	}
	return message
}
