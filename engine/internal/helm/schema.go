package helm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
)

// schemaURL is how a chart's schema is called inside of the validator.
const schemaURL = "file:///values.schema.json"

// checkSchemas validates values against the values.schema.json of the chart and its subcharts, as Helm does, except that nothing is
// ever loaded from elsewhere: Helm fetches references to http and file addresses. A schema with such a reference is not
// applied, and a warning says so.
func checkSchemas(c *chart.Chart, values map[string]any) (warnings []string, err error) {
	var errs []error
	if c.Schema != nil {
		switch err := checkSchema(c.Schema, values); {
		case errors.As(err, new(*jsonschema.LoadURLError)):
			warnings = append(warnings, fmt.Sprintf("chart %s: values are not checked, since values.schema.json needs %s, which is not loaded",
				c.Name(), loadError(err).URL))
		case err != nil:
			errs = append(errs, fmt.Errorf("values do not fit values.schema.json of chart %s: %w", c.Name(), err))
		}
	}
	for _, sub := range c.Dependencies() {
		v, has := values[sub.Name()]
		if !has || v == nil {
			continue
		}
		m, ok := v.(map[string]any)
		if !ok {
			errs = append(errs, fmt.Errorf("values of subchart %s: found %T, expected a map", sub.Name(), v))
			continue
		}
		w, err := checkSchemas(sub, m)
		warnings = append(warnings, w...)
		errs = append(errs, err)
	}
	return warnings, errors.Join(errs...)
}

func loadError(err error) *jsonschema.LoadURLError {
	var e *jsonschema.LoadURLError
	errors.As(err, &e)
	return e
}

func checkSchema(schema []byte, values map[string]any) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nothing{})
	if err := compiler.AddResource(schemaURL, doc); err != nil {
		return err
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return err
	}
	if err := compiled.Validate(values); err != nil {
		_, list, _ := strings.Cut(err.Error(), "\n") // the first line only repeats the address
		return errors.New(strings.TrimSpace(list))
	}
	return nil
}

// nothing is a loader that loads nothing.
type nothing struct{}

func (nothing) Load(string) (any, error) { return nil, errors.New("not loaded") }
