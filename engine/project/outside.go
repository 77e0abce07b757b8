package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/ohler55/ojg/jp"

	"github.com/weighlock/weighlock/engine/internal/store"
	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/object"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// outside is a source of variables that lies outside of the project and its repositories: a web server, a secret store, the
// target's cluster. Its own strings are rendered before it is asked.
type outside interface {
	yamldoc.Checker
	// fetch asks the source. What does not exist is a *[store.MissingError].
	fetch(ctx context.Context, r *resolver) (fetched, error)
}

// fetched is what a source outside of the project gave.
type fetched struct {
	// origin names the source for people.
	origin string
	// text is a document, or several; where it is nil, value is what the source gave.
	text  []byte
	value any
	// render says that text, or the strings of value, are templates; parse that value is a document once it is rendered.
	render, parse bool
	sensitive     bool
	// mediaType is what a web server says that it is.
	mediaType string
}

// outside returns the entry's source outside of the project and its field's name; "" for none.
func (e *varsEntry) outside() (outside, string) {
	for _, s := range []struct {
		name   string
		source outside
	}{
		{"http", e.HTTP}, {"vault", e.Vault}, {"awsSecretsManager", e.AWSSecretsManager}, {"gcpSecretManager", e.GCPSecretManager}, {"azureKeyVault", e.AzureKeyVault},
		{"clusterConfigMap", e.ClusterConfigMap}, {"clusterSecret", e.ClusterSecret}, {"clusterObject", e.ClusterObject},
	} {
		if !reflect.ValueOf(s.source).IsNil() {
			return s.source, s.name
		}
	}
	return nil, ""
}

// loadOutside loads an entry from outside of the project.
func (r *resolver) loadOutside(ctx context.Context, tpl *Templates, e varsEntry, vars Vars, at string) (loaded, error) {
	source, name := e.outside()
	at += "." + name
	if err := r.project.refuse(name); err != nil {
		return loaded{}, fmt.Errorf("%s: %w", at, err)
	}
	source, err := renderFields(ctx, tpl, source, vars, at)
	if err != nil {
		return loaded{}, err
	}
	f, err := source.fetch(ctx, r)
	var missing *store.MissingError
	switch {
	case errors.As(err, &missing) && e.IgnoreMissing:
		return loaded{value: absent(source)}, nil
	case errors.As(err, &missing):
		return loaded{}, fmt.Errorf("%s: %w; if it need not exist, say ignoreMissing: true", at, err)
	case err != nil:
		return loaded{}, fmt.Errorf("%s: %w", at, err)
	}
	l := loaded{origin: f.origin, sensitive: f.sensitive}
	l.value, err = f.decode(ctx, tpl, vars, e.Multidoc)
	if err != nil {
		return loaded{}, fmt.Errorf("%s: %w", at, err)
	}
	return l, nil
}

// absent is what stands for a source that does not exist: for an object of the cluster something that templates can ask
// for fields, for all others nothing.
func absent(source outside) any {
	o, ok := source.(*clusterObjectSource)
	switch {
	case !ok:
		return nil
	case o.List:
		return []any{}
	default:
		return map[string]any{}
	}
}

// renderFields returns a source whose strings are rendered with the variables so far, checked again.
func renderFields(ctx context.Context, tpl *Templates, source outside, vars Vars, at string) (outside, error) {
	data, err := json.Marshal(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	tree, _, err = tpl.values(ctx, at, tree, vars)
	if err != nil {
		return nil, err
	}
	if data, err = json.Marshal(tree); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	out := reflect.New(reflect.TypeOf(source).Elem()).Interface().(outside)
	if err := json.Unmarshal(data, out); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	var errs []error
	out.Check(func(key, format string, args ...any) {
		if key != "" {
			key = "." + key
		}
		errs = append(errs, fmt.Errorf("%s%s: %s", at, key, fmt.Sprintf(format, args...)))
	})
	return out, errors.Join(errs...)
}

// decode turns what was fetched into a value: templates are rendered first, then documents are read.
func (f fetched) decode(ctx context.Context, tpl *Templates, vars Vars, multidoc bool) (any, error) {
	if f.text == nil {
		return f.decodeValue(ctx, tpl, vars, multidoc)
	}
	text := string(f.text)
	if f.render {
		var err error
		if text, err = tpl.Text(ctx, f.origin, text, vars); err != nil {
			return nil, f.discreet(err)
		}
	}
	v, err := documents(f.origin, []byte(text), multidoc)
	if err != nil {
		return nil, f.discreet(err)
	}
	return v, nil
}

func (f fetched) decodeValue(ctx context.Context, tpl *Templates, vars Vars, multidoc bool) (any, error) {
	v := object.CloneValue(f.value) // others may be given the same one
	if f.render {
		var err error
		if v, _, err = tpl.values(ctx, f.origin, v, vars); err != nil {
			return nil, f.discreet(err)
		}
	}
	if !f.parse {
		return v, nil
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	for i, e := range list {
		text, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("%s: found %s, expected text that holds YAML", f.origin, kindOf(e))
		}
		parsed, err := documents(f.origin, []byte(text), multidoc)
		if err != nil {
			return nil, f.discreet(err)
		}
		list[i] = parsed
	}
	if isList {
		return list, nil
	}
	return list[0], nil
}

// discreet words an error without what may be secret: the messages of templates and of YAML quote what they do not
// understand.
func (f fetched) discreet(err error) error {
	page := ""
	if f.mediaType == "text/html" {
		page = "; the server says that it is a web page, perhaps one to log in on"
	}
	if !f.sensitive {
		return fmt.Errorf("%w%s", err, page)
	}
	var tpl *jinja.Error
	if errors.As(err, &tpl) {
		return fmt.Errorf("%s: line %d: its template cannot be rendered (%s); what is wrong is not shown, for the text may be secret; where braces are no template, enclose them in {%% raw %%}", f.origin, tpl.Line, tpl.Kind)
	}
	var doc *yamldoc.Error
	if errors.As(err, &doc) {
		return fmt.Errorf("%s: line %d: is not YAML; what is wrong is not shown, for the text may be secret%s", f.origin, doc.Line, page)
	}
	return fmt.Errorf("%s: cannot be read; what is wrong is not shown, for the text may be secret%s", f.origin, page)
}

// kindOf names a decoded value's type.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return "text"
	case bool:
		return "a boolean"
	default:
		return "a number"
	}
}

// selectOne returns the one value that a JSON path finds (project format §0.3); ok is false where it finds none.
func selectOne(path string, v any) (found any, ok bool, err error) {
	expr, err := jp.ParseString(path)
	if err != nil {
		return nil, false, fmt.Errorf("found %q, expected a JSON path: %w", path, err)
	}
	all := expr.Get(v)
	switch len(all) {
	case 0:
		return nil, false, nil
	case 1:
		return all[0], true, nil
	}
	return nil, false, fmt.Errorf("%s finds %d values, expected one", path, len(all))
}
