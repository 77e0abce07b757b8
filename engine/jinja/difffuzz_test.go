//go:build difffuzz

package jinja_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/engine/jinja"
)

// The differential fuzzer: generated templates are rendered by Python's Jinja2
// and by this package, and must come out the same.
//
//	go test -tags difffuzz -run TestDifferential ./engine/jinja -templates 200000 -timeout 2h
var (
	fuzzCount = flag.Int("templates", 2000, "how many templates to try")
	fuzzSeed  = flag.Uint64("diffseed", 0, "seed; 0 takes the clock's")
	fuzzKeep  = flag.String("keep", "", "file to append the minimised differences to, as cases")
)

// oracle is a long-lived Python process.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func startOracle(t *testing.T) *oracle {
	t.Helper()
	cmd := exec.Command("python3", "../../testdata/jinja/oracle.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 64<<20)
	return &oracle{in, sc}
}

type answer struct {
	Out   string `json:"out"`
	Error string `json:"error"`
	Line  int    `json:"line"`
}

func (o *oracle) ask(t *testing.T, c fuzzCase) answer {
	t.Helper()
	o.send(t, c)
	return o.receive(t)
}

func (o *oracle) send(t *testing.T, c fuzzCase) {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Error(err)
	}
	if _, err := o.in.Write(append(data, '\n')); err != nil {
		t.Error(err)
	}
}

func (o *oracle) receive(t *testing.T) answer {
	t.Helper()
	if !o.out.Scan() {
		t.Fatalf("the oracle has ended: %v", o.out.Err())
	}
	var a answer
	if err := json.Unmarshal(o.out.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

type fuzzCase struct {
	Name  string            `json:"name,omitempty"`
	Tpl   string            `json:"tpl"`
	Ctx   json.RawMessage   `json:"ctx"`
	Files map[string]string `json:"files"`
	Opts  map[string]any    `json:"opts"`
	Out   string            `json:"out,omitempty"`
	Error string            `json:"error,omitempty"`
}

var fuzzFiles = map[string]string{
	"inc": "<{{ v }}{{ name }}{{ x|default('-') }}>",
	"m":   "{% macro f(a, b='d') %}{{ a }}{{ b }}{{ name }}{% endmacro %}{% set v = 5 %}",
}

func (c fuzzCase) ours(t *testing.T) (answer, error) {
	t.Helper()
	data, err := json.Marshal(c.Opts)
	if err != nil {
		t.Fatal(err)
	}
	var o caseOptions
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	env := jinja.New(o.options(c.Files))
	tpl, err := env.Parse("", c.Tpl)
	var a answer
	if err == nil {
		a.Out, err = tpl.Render(context.Background(), decodeVars(t, c.Ctx))
	}
	var je *jinja.Error
	if errors.As(err, &je) {
		a.Error, a.Line = je.Kind, je.Line
		if strings.HasPrefix(je.Kind, "Template") || je.Kind == "UndefinedError" || je.Kind == "FilterArgumentError" {
			a.Error += ": " + je.Msg
		}
	}
	return a, err
}

// differs reports whether the answers differ, apart from what is documented.
func (c fuzzCase) differs(want, got answer, err error) bool {
	if want.Error == "unstable" || strings.HasPrefix(want.Error, "oracle:") || strings.HasPrefix(want.Error, "RecursionError") || strings.HasPrefix(got.Error, "LimitError") {
		return false
	}
	if strings.Contains(strings.ToLower(got.Out), "0x7f0000000000") {
		return false // an address, which Python prints too, or sorted or cut it
	}
	if strings.Contains(got.Out, "0x7") && strings.Contains(got.Out, "object") {
		return false // an address that a filter has broken into pieces
	}
	if want.Line == 0 && (want.Error == "TypeError" || strings.HasPrefix(want.Error, "UndefinedError")) {
		return false // a constant expression that fails, which Python finds while it compiles
	}
	if got.Error == "TypeError" && strings.Contains(c.Tpl, "[") && strings.Contains(err.Error(), "is not subscriptable") {
		return false // a slice of a constant, which is undefined when Python folds it
	}
	if want.Error != got.Error || want.Out != got.Out {
		return true
	}
	return want.Line != 0 && want.Line != got.Line && !strings.Contains(c.Tpl, "{% with")
}

func TestDifferential(t *testing.T) {
	data, err := os.ReadFile("../../testdata/jinja/filters.json")
	if err != nil {
		t.Fatal(err)
	}
	var file caseFile
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seed := *fuzzSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	g := &generator{r: rand.New(rand.NewPCG(seed, 1))}
	o := startOracle(t)
	const batch = 64
	failures, errs := 0, 0
	start := time.Now()
	for done := 0; done < *fuzzCount; done += batch {
		cases := make([]fuzzCase, batch)
		trees := make([]*gnode, batch)
		for i := range cases {
			g.vars, g.depth = nil, 0
			trees[i] = g.body()
			cases[i] = fuzzCase{Tpl: trees[i].String(), Ctx: file.Ctx, Files: fuzzFiles, Opts: g.options()}
		}
		go func() { // beside the answers, for the pipes hold only so much
			for _, c := range cases {
				o.send(t, c)
			}
		}()
		wants := make([]answer, batch)
		for i := range wants { // all of them, before the oracle is asked about differences
			wants[i] = o.receive(t)
		}
		for i, want := range wants {
			if want.Error != "" {
				errs++
			}
			got, err := cases[i].ours(t)
			if !cases[i].differs(want, got, err) {
				continue
			}
			failures++
			cases[i] = minimise(t, o, cases[i], trees[i])
			report(t, o, cases[i])
		}
		if done%6400 == 0 && done > 0 {
			fmt.Printf("%d templates, %d errors, %d differences, %.0f/s\n", done, errs, failures, float64(done)/time.Since(start).Seconds())
		}
		if failures > 60 {
			t.Fatalf("too many differences after %d templates", done)
		}
	}
	t.Logf("%d templates, %d of them errors, %d differences", *fuzzCount, errs, failures)
}

func (g *generator) options() map[string]any {
	o := map[string]any{}
	for _, name := range []string{"trim_blocks", "lstrip_blocks", "keep_trailing_newline", "autoescape"} {
		if g.chance(4) {
			o[name] = true
		}
	}
	if u := g.pick("", "", "strict", "chainable", "debug"); u != "" {
		o["undefined"] = u
	}
	return o
}

func report(t *testing.T, o *oracle, c fuzzCase) {
	t.Helper()
	want := o.ask(t, c)
	got, err := c.ours(t)
	t.Errorf("%s\n%v\n got %q %v\nwant %q %s line %d", c.Tpl, c.Opts, got.Out, err, want.Out, want.Error, want.Line)
	if *fuzzKeep == "" {
		return
	}
	c.Out, c.Error, c.Ctx = want.Out, want.Error, nil
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(*fuzzKeep, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "%s\n", data)
}

// minimise replaces pieces of the template by smaller ones as long as the
// difference stays.
func minimise(t *testing.T, o *oracle, c fuzzCase, tree *gnode) fuzzCase {
	t.Helper()
	still := func() bool {
		try := c
		try.Tpl = tree.String()
		got, err := try.ours(t)
		return try.differs(o.ask(t, try), got, err)
	}
	for name := range c.Opts {
		v := c.Opts[name]
		delete(c.Opts, name)
		if !still() {
			c.Opts[name] = v
		}
	}
	budget := 400
	for changed := true; changed && budget > 0; {
		changed = shrink(tree, still, &budget)
	}
	c.Tpl = tree.String()
	return c
}

func shrink(n *gnode, still func() bool, budget *int) bool {
	changed := false
	for i, p := range n.parts {
		c, ok := p.(*gnode)
		if !ok {
			continue
		}
		var tries []any
		if c.kind == 's' {
			tries = append(tries, "")
		}
		for _, cp := range c.parts {
			if gc, ok := cp.(*gnode); ok && gc.kind == c.kind {
				tries = append(tries, gc)
			}
		}
		if c.kind == 'e' && len(c.String()) > 4 {
			tries = append(tries, "1", "'a'", "[]", "l", "d")
		}
		for _, try := range tries {
			if *budget--; *budget < 0 {
				return changed
			}
			n.parts[i] = try
			if still() {
				changed = true
				break
			}
			n.parts[i] = c
		}
		if next, ok := n.parts[i].(*gnode); ok && shrink(next, still, budget) {
			changed = true
		}
	}
	return changed
}
