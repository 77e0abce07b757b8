package jinja

import (
	"fmt"
	"strings"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Kinds of errors that are Jinja2's own.
const (
	kindSyntax    = "TemplateSyntaxError"
	kindAssertion = "TemplateAssertionError"
	kindRuntime   = "TemplateRuntimeError"
	kindNotFound  = "TemplateNotFound"
	kindArgument  = "FilterArgumentError"
)

// maxNesting is how deep expressions and blocks may nest in a template, and
// maxChain how long a row of operators may be: both bound the recursion of
// the parser and of the evaluation.
const (
	maxNesting = 200
	maxChain   = 1500
	maxDepth   = 2500 // of the tree that both make together
)

// syntaxError is an error with the line it was found on.
type syntaxError struct {
	line int
	err  error
}

func (e *syntaxError) Error() string { return e.err.Error() }
func (e *syntaxError) Unwrap() error { return e.err }

// parser turns tokens into nodes. It stops at the first error by panicking
// with a *syntaxError, which parse recovers.
type parser struct {
	lx     *lexer
	tok    token
	ahead  token
	peeked bool
	env    *Env
	tags   []string   // open tags, innermost last
	ends   [][]string // tags that may end the open blocks
	depth  int
	facts  facts

	// The nodes that templates are full of come from slabs.
	vars    slab[nameExpr]
	consts  slab[constExpr]
	attrs   slab[attrExpr]
	filters slab[filterExpr]
	data    slab[dataExpr]
	outputs slab[outputStmt]
}

// slab hands out the elements of arrays, each twice as long as the one before:
// one allocation for many nodes that live as long as each other.
type slab[T any] struct {
	free []T
	made int
}

func (s *slab[T]) next() *T {
	if len(s.free) == 0 {
		s.made = min(max(2*s.made, 2), 32)
		s.free = make([]T, s.made)
	}
	t := &s.free[0]
	s.free = s.free[1:]
	return t
}

// facts is what the parser notices on its way, so that the compiler need not
// look for what is not there.
type facts struct {
	blocks  []*blockStmt
	extends bool
	names   map[string]bool // special names that occur: loop, self, super, caller, …
}

// special lists the names that mean something to the compiler.
var special = map[string]bool{"loop": true, "self": true, "super": true, "caller": true, "kwargs": true, "varargs": true}

func (p *parser) newName(l line, name string, ctx nameCtx) *nameExpr {
	if len(name) >= 4 && len(name) <= 7 && special[name] {
		if p.facts.names == nil {
			p.facts.names = map[string]bool{}
		}
		p.facts.names[name] = true
	}
	n := p.vars.next()
	*n = nameExpr{line: l, name: name, ctx: ctx}
	return n
}

func (p *parser) constant(l line, v py.Value) *constExpr {
	c := p.consts.next()
	*c = constExpr{l, v}
	return c
}

func parseTemplate(env *Env, source string) (body []stmt, found facts, err error) {
	p := &parser{lx: newLexer(env.syntax, source), env: env}
	defer recoverSyntax(&err)
	p.skip()
	body = p.subparse(nil)
	return body, p.facts, nil
}

// parseExpression parses a single expression that must be the whole source.
func parseExpression(env *Env, source string) (e expr, found facts, err error) {
	p := &parser{lx: newLexer(env.syntax, source), env: env}
	p.lx.state = tokVariableBegin
	defer recoverSyntax(&err)
	p.skip()
	e = p.expression(true)
	if p.tok.kind != tokEOF {
		p.failAt(p.tok.line, "chunk after expression")
	}
	return e, p.facts, nil
}

func recoverSyntax(err *error) {
	switch r := recover().(type) {
	case nil:
	case *syntaxError:
		*err = r
	default:
		panic(r)
	}
}

func (p *parser) failKind(kind string, line int, format string, args ...any) {
	panic(&syntaxError{line, py.Errorf(kind, format, args...)})
}

func (p *parser) failAt(line int, format string, args ...any) {
	p.failKind(kindSyntax, line, format, args...)
}

func (p *parser) fail(format string, args ...any) { p.failAt(p.tok.line, format, args...) }

// nest guards against input that nests without end. What nests must take the
// level back when it is done; after a failure nobody counts any more.
func (p *parser) nest() {
	if p.depth++; p.depth > maxNesting {
		p.failKind("RecursionError", p.tok.line, "template nests more than %d levels deep", maxNesting)
	}
}

func (p *parser) chain(n int) {
	if n > maxChain {
		p.failKind("RecursionError", p.tok.line, "expression has more than %d operators in a row", maxChain)
	}
}

func (p *parser) read(t *token) {
	if err := p.lx.next(t); err != nil {
		if se, ok := err.(*syntaxError); ok {
			panic(se)
		}
		panic(&syntaxError{p.tok.line, err})
	}
}

// skip moves to the next token.
func (p *parser) skip() {
	if p.peeked {
		p.tok, p.peeked = p.ahead, false
	} else {
		p.read(&p.tok)
	}
}

// advance is skip that returns the token left behind.
func (p *parser) advance() token {
	old := p.tok
	p.skip()
	return old
}

// look returns the token after the current one.
func (p *parser) look() *token {
	if !p.peeked {
		p.read(&p.ahead)
		p.peeked = true
	}
	return &p.ahead
}

func (p *parser) skipIf(kind tokenKind) bool {
	if p.tok.kind == kind {
		p.skip()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.tok.is(name) {
		p.skip()
		return true
	}
	return false
}

func (p *parser) expect(kind tokenKind) token {
	if p.tok.kind != kind {
		p.expected(tokenText[kind])
	}
	return p.advance()
}

func (p *parser) expectName(name string) token {
	if !p.tok.is(name) {
		p.expected(name)
	}
	return p.advance()
}

func (p *parser) expected(what string) {
	if p.tok.kind == tokEOF {
		p.fail("unexpected end of template, expected %s.", py.ReprString(what))
	}
	p.fail("expected token %s, got %s", py.ReprString(what), py.ReprString(p.tok.String()))
}

// isAny reports whether the current token is one of the names.
func (p *parser) isAny(names []string) bool {
	if p.tok.kind != tokName {
		return false
	}
	for _, n := range names {
		if p.tok.text == n {
			return true
		}
	}
	return false
}

// subparse reads statements up to one of the end tags, which stays current,
// or to the end of the template when there are none.
func (p *parser) subparse(ends []string) []stmt {
	p.nest()
	if ends == nil {
		body := p.subparseTo(nil)
		p.depth--
		return body
	}
	p.ends = append(p.ends, ends)
	body := p.subparseTo(ends)
	p.ends = p.ends[:len(p.ends)-1]
	p.depth--
	return body
}

func (p *parser) subparseTo(ends []string) []stmt {
	var body []stmt
	var out []expr
	for {
		var s stmt
		switch p.tok.kind {
		case tokData, tokVariableBegin:
			if out == nil {
				out = make([]expr, 0, 4)
			}
			out = append(out, p.outputItem())
			continue
		case tokEOF:
			return p.appendOutput(body, out)
		case tokBlockBegin:
			body = p.appendOutput(body, out)
			out = nil
			p.skip()
			if ends != nil && p.isAny(ends) {
				return body
			}
			s = p.statement()
			p.expect(tokBlockEnd)
		default:
			p.fail("internal parsing error")
		}
		if body == nil {
			body = make([]stmt, 0, 4)
		}
		body = append(body, s)
	}
}

// appendOutput adds the text and expressions read since the last statement.
func (p *parser) appendOutput(body []stmt, out []expr) []stmt {
	if len(out) == 0 {
		return body
	}
	o := p.outputs.next()
	*o = outputStmt{line: line(out[0].pos()), items: out}
	return append(body, o)
}

func (p *parser) outputItem() expr {
	if p.tok.kind == tokData {
		t := p.advance()
		d := p.data.next()
		*d = dataExpr{line(t.line), t.text}
		return d
	}
	p.skip()
	e := p.tuple(tupleOpts{condexpr: true})
	p.expect(tokVariableEnd)
	return e
}

// statements reads the body of a tag whose head was just parsed.
func (p *parser) statements(drop bool, ends ...string) []stmt {
	p.skipIf(tokColon)
	p.expect(tokBlockEnd)
	body := p.subparse(ends)
	if p.tok.kind == tokEOF {
		p.unknownTag("", append(p.ends, ends), p.tok.line)
	}
	if drop {
		p.skip()
	}
	return body
}

// unknownTag fails for a tag that does not belong here, or for the end of the
// template when name is empty.
func (p *parser) unknownTag(name string, ends [][]string, line int) {
	var looking string
	expected := false
	for _, set := range ends {
		for _, e := range set {
			expected = expected || e == name
		}
	}
	if len(ends) > 0 {
		var quoted []string
		for _, e := range ends[len(ends)-1] {
			quoted = append(quoted, py.ReprString(e))
		}
		looking = strings.Join(quoted, " or ")
	}
	msg := []string{"Unexpected end of template."}
	if name != "" {
		msg[0] = fmt.Sprintf("Encountered unknown tag %s.", py.ReprString(name))
	}
	if looking != "" {
		if name != "" && expected {
			msg = append(msg, "You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for "+looking+".")
		} else {
			msg = append(msg, "Jinja was looking for the following tags: "+looking+".")
		}
	}
	if len(p.tags) > 0 {
		msg = append(msg, fmt.Sprintf("The innermost block that needs to be closed is %s.", py.ReprString(p.tags[len(p.tags)-1])))
	}
	p.failAt(line, "%s", strings.Join(msg, " "))
}
