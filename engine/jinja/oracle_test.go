package jinja_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/engine/jinja"
	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/jinja/pyyaml"
)

// caseFile is a file under testdata/jinja: templates and what Python's Jinja2
// made of them.
type caseFile struct {
	Version string          `json:"version"`
	Ctx     json.RawMessage `json:"ctx"`
	Cases   []oracleCase    `json:"cases"`
}

type oracleCase struct {
	Name  string            `json:"name"`
	Tpl   string            `json:"tpl"`
	Files map[string]string `json:"files"`
	Opts  caseOptions       `json:"opts"`
	Ctx   json.RawMessage   `json:"ctx"` // instead of the file's
	Out   string            `json:"out"`
	Line  int               `json:"line"`  // of the error; 0 when Python does not know
	Error string            `json:"error"` // the exception's class, or class and message
}

type caseOptions struct {
	Undefined           string `json:"undefined"`
	Autoescape          bool   `json:"autoescape"`
	TrimBlocks          bool   `json:"trim_blocks"`
	LstripBlocks        bool   `json:"lstrip_blocks"`
	KeepTrailingNewline bool   `json:"keep_trailing_newline"`
	LineStatementPrefix string `json:"line_statement_prefix"`
	LineCommentPrefix   string `json:"line_comment_prefix"`
	NewlineSequence     string `json:"newline_sequence"`
	BlockStart          string `json:"block_start_string"`
	BlockEnd            string `json:"block_end_string"`
	VariableStart       string `json:"variable_start_string"`
	VariableEnd         string `json:"variable_end_string"`
	CommentStart        string `json:"comment_start_string"`
	CommentEnd          string `json:"comment_end_string"`
	NoExtensions        bool   `json:"no_extensions"`
	Custom              bool   `json:"custom"` // with the functions of customize
	YAML                bool   `json:"yaml"`   // with the filters of yamlFilters
}

// yamlFilters are the project format's, without the rest of its environment.
func yamlFilters(o *jinja.Options) {
	style := func(s string) byte {
		switch {
		case len(py.SplitLines(s, false)) > 1:
			return '|'
		case py.IsNumeric(s):
			return '\''
		}
		return 0
	}
	o.Filters = map[string]*py.Func{
		"to_yaml": py.NewFunc("to_yaml", "v", func(t *py.Thread, a []py.Value) (py.Value, error) {
			return pyyaml.Dump(t, a[0], pyyaml.Options{Style: style})
		}),
		"from_yaml": py.NewFunc("from_yaml", "s", func(t *py.Thread, a []py.Value) (py.Value, error) {
			return pyyaml.Load(t, a[0].(string))
		}),
		"to_json": py.NewFunc("to_json", "v", func(t *py.Thread, a []py.Value) (py.Value, error) {
			return py.JSON(t, a[0], py.JSONOptions{})
		}),
	}
}

// customize adds what the case files call a custom environment.
func customize(o *jinja.Options) {
	fn := func(name, signature string, f func(t *py.Thread, a []py.Value) (py.Value, error)) map[string]*py.Func {
		return map[string]*py.Func{name: py.NewFunc(name, signature, f)}
	}
	o.Globals = map[string]any{"env_var": py.NewFunc("env_var", "name", func(_ *py.Thread, a []py.Value) (py.Value, error) {
		return "ENV:" + a[0].(string), nil
	})}
	o.Filters = fn("b64x", "s, pad=False", func(_ *py.Thread, a []py.Value) (py.Value, error) {
		r := []rune(a[0].(string))
		slices.Reverse(r)
		if a[1] == true {
			r = append(r, '=')
		}
		return string(r), nil
	})
	o.Tests = fn("bigger", "n, than", func(t *py.Thread, a []py.Value) (py.Value, error) {
		return py.Compare(t, ">", a[0], a[1])
	})
}

func (o caseOptions) options(files map[string]string) jinja.Options {
	opts := jinja.Options{
		Syntax: jinja.Syntax{
			TrimBlocks: o.TrimBlocks, LstripBlocks: o.LstripBlocks, KeepTrailingNewline: o.KeepTrailingNewline,
			LineStatementPrefix: o.LineStatementPrefix, LineCommentPrefix: o.LineCommentPrefix, NewlineSequence: o.NewlineSequence,
			BlockStart: o.BlockStart, BlockEnd: o.BlockEnd, VariableStart: o.VariableStart, VariableEnd: o.VariableEnd,
			CommentStart: o.CommentStart, CommentEnd: o.CommentEnd,
		},
		LoopControls: !o.NoExtensions,
		Do:           !o.NoExtensions,
		Loader:       jinja.MapLoader(files),
	}
	switch o.Undefined {
	case "strict":
		opts.Undefined = jinja.Strict
	case "chainable":
		opts.Undefined = jinja.Chainable
	case "debug":
		opts.Undefined = jinja.Debug
	}
	if o.Custom {
		customize(&opts)
	}
	if o.YAML {
		yamlFilters(&opts)
	}
	if o.Autoescape {
		opts.Autoescape = jinja.Always
	}
	return opts
}

// decodeVars reads JSON with the key order that it is written in, as Python does.
func decodeVars(t testing.TB, data []byte) *py.Dict {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	v, err := decodeValue(d)
	if err != nil {
		t.Fatal(err)
	}
	return v.(*py.Dict)
}

func decodeValue(d *json.Decoder) (py.Value, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		m := py.NewDict(0)
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			m.SetString(k.(string), v)
		}
		_, err := d.Token()
		return m, err
	case json.Delim('['):
		l := py.NewList()
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			l.Append(v)
		}
		_, err := d.Token()
		return l, err
	}
	return py.FromGo(tok), nil
}

// render runs a case and returns the output, or the kind of the error.
func (c oracleCase) render(vars *py.Dict) (out, kind string, err error) {
	env := jinja.New(c.Opts.options(c.Files))
	tpl, err := env.Parse("", c.Tpl)
	if err == nil {
		out, err = tpl.Render(context.Background(), vars)
	}
	var je *jinja.Error
	switch {
	case err == nil:
		return out, "", nil
	case errors.As(err, &je):
		if strings.Contains(c.Error, ": ") {
			return "", je.Kind + ": " + je.Msg, err
		}
		return "", je.Kind, err
	}
	return "", "not a jinja.Error", err
}

func TestRendersWhatPythonRenders(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/jinja/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var file caseFile
			if err := json.Unmarshal(data, &file); err != nil {
				t.Fatal(err)
			}
			for _, c := range file.Cases {
				ctx := c.Ctx
				if ctx == nil {
					ctx = file.Ctx
				}
				out, kind, err := c.render(decodeVars(t, ctx))
				var je *jinja.Error
				if out != c.Out || kind != c.Error || c.Line != 0 && errors.As(err, &je) && je.Line != c.Line {
					t.Errorf("%s: %s\n got %q %v\nwant %q %s line %d", c.Name, c.Tpl, out, err, c.Out, c.Error, c.Line)
				}
			}
		})
	}
}
