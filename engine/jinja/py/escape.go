package py

import "strings"

// Escape replaces the five characters that HTML gives a meaning to.
func Escape(s string) Markup {
	if !strings.ContainsAny(s, `&<>'"`) {
		return Markup(s)
	}
	return Markup(htmlEscaper.Replace(s))
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// EscapeValue is markupsafe.escape: safe text stays as it is, other values
// are turned into a str and escaped.
func EscapeValue(t *Thread, v Value) (Markup, error) {
	switch v := v.(type) {
	case Markup:
		return v, nil
	case string:
		return Escape(v), nil
	case HTMLer:
		s, err := v.PyHTML(t)
		return Markup(s), err
	case *Undefined:
		if v.Kind == Chainable {
			return "", nil
		}
	}
	s, err := Str(t, v)
	return Escape(s), err
}

// HasHTML reports whether v has a __html__ method.
func HasHTML(v Value) bool {
	switch v := v.(type) {
	case Markup, HTMLer:
		return true
	case *Undefined:
		return v.Kind == Chainable
	}
	return false
}

// ToMarkup is the Markup constructor: it marks str(v) as safe.
func ToMarkup(t *Thread, v Value) (Markup, error) {
	switch v := v.(type) {
	case Markup:
		return v, nil
	case string:
		return Markup(v), nil
	case HTMLer:
		s, err := v.PyHTML(t)
		return Markup(s), err
	}
	s, err := Str(t, v)
	return Markup(s), err
}

// SoftStr is str(v) that leaves Markup as it is.
func SoftStr(t *Thread, v Value) (Value, error) {
	switch v.(type) {
	case string, Markup:
		return v, nil
	}
	s, err := Str(t, v)
	return s, err
}
