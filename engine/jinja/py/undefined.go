package py

// UndefinedKind says what a template may do with a name that has no value.
type UndefinedKind uint8

// The four kinds of Jinja2.
const (
	// Lenient prints as nothing, iterates as empty and is false; all else is an error.
	Lenient UndefinedKind = iota
	// Chainable is Lenient whose attributes and items are itself.
	Chainable
	// Debug is Lenient that prints as {{ name }}.
	Debug
	// Strict allows nothing but the tests that ask whether it is defined.
	Strict
)

// String returns the name of Jinja2's class.
func (k UndefinedKind) String() string {
	return [...]string{"Undefined", "ChainableUndefined", "DebugUndefined", "StrictUndefined"}[k]
}

// Undefined is the value of a name, attribute or item that does not exist.
type Undefined struct {
	Kind   UndefinedKind
	Hint   string // if set, the whole message
	Name   Value  // the name or key asked for
	Obj    Value  // what it was asked of, when HasObj
	HasObj bool
	// Exc is the kind of the exception; empty means UndefinedError.
	Exc string
}

// Message says what is undefined, in Jinja2's words.
func (u *Undefined) Message() string {
	if u.Hint != "" {
		return u.Hint
	}
	name, err := Repr(nil, u.Name)
	if err != nil {
		name = "?"
	}
	if !u.HasObj {
		return name + " is undefined"
	}
	if _, ok := IsString(u.Name); !ok {
		return ObjectTypeRepr(u.Obj) + " has no element " + name
	}
	return ReprString(ObjectTypeRepr(u.Obj)) + " has no attribute " + name
}

// Err returns the exception that any forbidden use of u raises.
func (u *Undefined) Err() error {
	kind := u.Exc
	if kind == "" {
		kind = "UndefinedError"
	}
	return &Error{Kind: kind, Msg: u.Message(), Undefined: u}
}

func (u *Undefined) str() (string, error) {
	switch u.Kind {
	case Strict:
		return "", u.Err()
	case Debug:
		var msg string
		switch {
		case u.Hint != "":
			msg = "undefined value printed: " + u.Hint
		case !u.HasObj:
			s, ok := IsString(u.Name)
			if !ok {
				s = "None"
			}
			msg = s
		default:
			name, err := Repr(nil, u.Name)
			if err != nil {
				return "", err
			}
			msg = "no such element: " + ObjectTypeRepr(u.Obj) + "[" + name + "]"
		}
		return "{{ " + msg + " }}", nil
	}
	return "", nil
}

// ObjectTypeRepr names the type of v as Jinja2's messages do: "dict object".
func ObjectTypeRepr(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *Undefined:
		return "jinja2.runtime." + v.Kind.String() + " object"
	case Markup:
		return "markupsafe.Markup object"
	case *Tuple:
		if v.Names != nil {
			return "jinja2.filters._GroupTuple object"
		}
	case Qualifier:
		return v.PyQualifiedType() + " object"
	}
	return TypeName(v) + " object"
}

// Qualifier is an [Object] whose type lives in a module: "jinja2.utils.Cycler".
type Qualifier interface{ PyQualifiedType() string }
