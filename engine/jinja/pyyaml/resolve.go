package pyyaml

import (
	"regexp"
	"strings"
	"sync"
)

// The YAML 1.1 forms of plain scalars that are not strings, as PyYAML knows them.
var patterns = sync.OnceValue(func() (p struct{ float, integer, timestamp, parts *regexp.Regexp }) {
	p.float = regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\n?$`)
	p.integer = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)\n?$`)
	const date = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
	const clock = `[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?`
	p.timestamp = regexp.MustCompile(`^(?:` + date + `|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)` + clock + `)\n?$`)
	p.parts = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})` +
		`(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?\n?$`)
	return p
})

// resolve returns the tag of a plain scalar.
func resolve(s string) string { return tagPrefix + kindOf(s) }

func kindOf(s string) string {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return "null"
	case "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE",
		"on", "On", "ON", "off", "Off", "OFF":
		return "bool"
	case "<<":
		return "merge"
	case "=":
		return "value"
	}
	if strings.IndexByte("+-.0123456789", s[0]) < 0 {
		return "str"
	}
	p := patterns()
	switch {
	case p.float.MatchString(s):
		return "float"
	case s[0] != '.' && p.integer.MatchString(s):
		return "int"
	case p.timestamp.MatchString(s) && s[0] >= '0' && s[0] <= '9':
		return "timestamp"
	}
	return "str"
}
