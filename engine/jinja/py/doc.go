// Package py holds Python's values and operations as Jinja2 templates see them.
//
// A [Value] is a plain Go value of one of a few dynamic types, so that ordinary
// Go data costs nothing to pass in:
//
//	None       nil
//	bool       bool
//	int        int, or *big.Int when it does not fit
//	float      float64
//	complex    complex128
//	str        string
//	Markup     Markup (markupsafe's str subclass)
//	bytes      Bytes
//	list       *List
//	tuple      *Tuple
//	dict       *Dict (insertion order, any hashable key)
//	set        *Set
//	range      *Range
//	undefined  *Undefined
//	others     anything that implements [Object] and the small optional
//	           interfaces beside it ([Attrer], [Caller], [Iterable], …)
//
// Go values of other types never appear; [FromGo] converts what JSON and YAML
// decoders produce. Nothing here reflects: attribute access on a value reaches
// the methods that Python has, never a Go method.
//
// Operations that can be made arbitrarily expensive by a template take a
// [Thread], which counts steps and enforces [Limits].
package py
