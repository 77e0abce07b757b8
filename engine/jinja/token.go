package jinja

import "github.com/weighlock/weighlock/engine/jinja/py"

// tokenKind is the type of a token.
type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokVariableBegin
	tokVariableEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokInteger
	tokFloat
	tokAdd
	tokSub
	tokDiv
	tokFloorDiv
	tokMul
	tokMod
	tokPow
	tokTilde
	tokLBracket
	tokRBracket
	tokLParen
	tokRParen
	tokLBrace
	tokRBrace
	tokEq
	tokNe
	tokGt
	tokGtEq
	tokLt
	tokLtEq
	tokAssign
	tokDot
	tokColon
	tokPipe
	tokComma
	tokSemicolon
)

// tokenText is how messages call a kind.
var tokenText = [...]string{
	tokEOF: "end of template", tokData: "template data / text",
	tokVariableBegin: "begin of print statement", tokVariableEnd: "end of print statement",
	tokBlockBegin: "begin of statement block", tokBlockEnd: "end of statement block",
	tokName: "name", tokString: "string", tokInteger: "integer", tokFloat: "float",
	tokAdd: "+", tokSub: "-", tokDiv: "/", tokFloorDiv: "//", tokMul: "*", tokMod: "%", tokPow: "**", tokTilde: "~",
	tokLBracket: "[", tokRBracket: "]", tokLParen: "(", tokRParen: ")", tokLBrace: "{", tokRBrace: "}",
	tokEq: "==", tokNe: "!=", tokGt: ">", tokGtEq: ">=", tokLt: "<", tokLtEq: "<=", tokAssign: "=",
	tokDot: ".", tokColon: ":", tokPipe: "|", tokComma: ",", tokSemicolon: ";",
}

// token is one token of a template.
type token struct {
	kind tokenKind
	line int
	text string   // name, string contents or data
	num  py.Value // integer or float
}

func (t token) String() string {
	if t.kind == tokName {
		return t.text
	}
	return tokenText[t.kind]
}

// is reports whether t is the name given.
func (t *token) is(name string) bool { return t.kind == tokName && t.text == name }

// Syntax is the set of delimiters and white space rules of a template. The
// zero value is Jinja2's default syntax.
type Syntax struct {
	BlockStart, BlockEnd       string // {% %}
	VariableStart, VariableEnd string // {{ }}
	CommentStart, CommentEnd   string // {# #}
	LineStatementPrefix        string // none
	LineCommentPrefix          string // none
	NewlineSequence            string // \n
	TrimBlocks                 bool   // remove the newline after a block tag
	LstripBlocks               bool   // remove white space from the start of a line to a block tag
	KeepTrailingNewline        bool   // keep the newline at the end of the template
}

func (s Syntax) withDefaults() Syntax {
	def := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	def(&s.BlockStart, "{%")
	def(&s.BlockEnd, "%}")
	def(&s.VariableStart, "{{")
	def(&s.VariableEnd, "}}")
	def(&s.CommentStart, "{#")
	def(&s.CommentEnd, "#}")
	def(&s.NewlineSequence, "\n")
	return s
}
