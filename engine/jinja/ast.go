package jinja

import "github.com/weighlock/weighlock/engine/jinja/py"

// A template is parsed into the nodes below. The compiler (compile.go) then
// resolves every name to a slot and fills in the lower-case fields marked
// "compiled"; after that nodes are read only, so that many renders can share
// them.

type node interface{ pos() int }

type expr interface {
	node
	eval(f *frame) (py.Value, error)
}

type stmt interface {
	node
	exec(f *frame) error
}

// line is the embedded position of a node.
type line int

func (l line) pos() int { return int(l) }

type nameCtx uint8

const (
	load nameCtx = iota
	store
	param
)

// varRef says where a variable lives: up functions out, in slot.
type varRef struct{ up, slot int }

type (
	constExpr struct {
		line
		v py.Value
	}
	// dataExpr is template text.
	dataExpr struct {
		line
		text string
	}
	nameExpr struct {
		line
		name string
		ctx  nameCtx
		ref  varRef // compiled
	}
	// nsRefExpr is the target of {% set ns.attr = … %}.
	nsRefExpr struct {
		line
		name, attr string
		ref        varRef // compiled
	}
	tupleExpr struct {
		line
		items []expr
	}
	listExpr struct {
		line
		items []expr
	}
	dictExpr struct {
		line
		items []pairExpr
	}
	pairExpr  struct{ key, value expr }
	unaryExpr struct {
		line
		neg bool
		x   expr
	}
	notExpr struct {
		line
		x expr
	}
	binExpr struct {
		line
		op   py.Op
		l, r expr
		base bool // compiled: l is a constant base of a power; see negatedPower
		// pieces, compiled, part the format l by its conversions where Python makes one text of format and tuple.
		pieces []string
	}
	andExpr struct {
		line
		l, r expr
	}
	orExpr struct {
		line
		l, r expr
	}
	compareExpr struct {
		line
		x   expr
		ops []operand
	}
	operand struct {
		op string // "==", …, "in", "not in"
		x  expr
	}
	concatExpr struct {
		line
		items []expr
		esc   escapeMode // compiled
	}
	condExpr struct {
		line
		test, yes, no expr
		msg           string // compiled: says that there is no else
	}
	attrExpr struct {
		line
		x    expr
		name string
		key  py.Value // name, boxed once
	}
	itemExpr struct {
		line
		x, arg expr
	}
	sliceExpr struct {
		line
		start, stop, step expr
	}
	// callArgs are the arguments of calls, filters and tests.
	callArgs struct {
		args   []expr
		kwargs []keyword
		dyn    expr // *args
		dynKw  expr // **kwargs
	}
	keyword struct {
		name  string
		value expr
	}
	callExpr struct {
		line
		fn expr
		callArgs
		visible []nameSlot // compiled: variables set in the loop or block around
		caller  *macroDef  // the body of a call block
	}
	filterExpr struct {
		line
		x    expr // nil for the block's own contents
		name string
		callArgs
		fn  *py.Func   // compiled; nil when unknown
		esc escapeMode // compiled
	}
	testExpr struct {
		line
		x    expr
		name string
		callArgs
		fn *py.Func // compiled; nil when unknown
	}
)

// nameSlot is a variable by name and place.
type nameSlot struct {
	name string
	ref  varRef
}

type (
	outputStmt struct {
		line
		items []expr
		esc   escapeMode // compiled
		gated gate       // compiled
	}
	forStmt struct {
		line
		target    expr
		iter      expr
		body      []stmt
		orelse    []stmt
		test      expr
		recursive bool
		code      *forCode // compiled
	}
	ifStmt struct {
		line
		test   expr
		body   []stmt
		elifs  []*ifStmt
		orelse []stmt
	}
	// macroDef is what macros and call blocks share.
	macroDef struct {
		line
		name     string // "" for a call block
		args     []*nameExpr
		defaults []expr
		body     []stmt
		code     *macroCode // compiled
	}
	macroStmt struct {
		*macroDef
		top bool   // compiled: at the top level, so exported
		ref varRef // compiled
	}
	callStmt struct {
		*macroDef
		call *callExpr
		esc  escapeMode // compiled
	}
	filterStmt struct {
		line
		filter expr
		body   []stmt
		enter  []loadOp // compiled
	}
	withStmt struct {
		line
		targets, values []expr
		body            []stmt
		enter           []loadOp // compiled
	}
	setStmt struct {
		line
		target, value expr
		refs          []*nsRefExpr // compiled: namespaces to check
		export        exports      // compiled
	}
	setBlockStmt struct {
		line
		target expr
		filter expr
		body   []stmt
		enter  []loadOp // compiled
		export exports  // compiled
	}
	blockStmt struct {
		line
		name             string
		scoped, required bool
		body             []stmt
		gated            gate       // compiled
		locals           []nameSlot // compiled: what a scoped block sees
	}
	extendsStmt struct {
		line
		template expr
		again    againMode // compiled
	}
	includeStmt struct {
		line
		template      expr
		ignoreMissing bool
		withContext   bool
		locals        []nameSlot // compiled
	}
	importStmt struct {
		line
		template    expr
		target      string
		withContext bool
		ref         varRef     // compiled
		top         bool       // compiled
		locals      []nameSlot // compiled
	}
	fromStmt struct {
		line
		template    expr
		names       []importName
		withContext bool
		refs        []varRef   // compiled
		top         bool       // compiled
		locals      []nameSlot // compiled
	}
	importName     struct{ name, alias string }
	autoescapeStmt struct {
		line
		value expr
		body  []stmt
		enter []loadOp // compiled
	}
	doStmt struct {
		line
		x expr
	}
	breakStmt    struct{ line }
	continueStmt struct{ line }
)

// gate says whether output is written in a template that may extend another.
type gate uint8

const (
	gateOpen    gate = iota // always
	gateDynamic             // unless an extends was executed before
	gateClosed              // never
)

// againMode says what a second extends does.
type againMode uint8

const (
	extendsFirst againMode = iota
	extendsMaybeAgain
	extendsAgain
)

// escapeMode says whether output is escaped.
type escapeMode uint8

const (
	escapeOff escapeMode = iota
	escapeOn
	escapeVolatile // ask the evaluation context at run time
)
