package projectenv

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/weighlock/weighlock/engine/jinja/py"
	"github.com/weighlock/weighlock/engine/jinja/pyyaml"
)

// Lengths of time are integers, in microseconds.
const (
	microsecond = 1
	second      = 1_000_000 * microsecond
	minute      = 60 * second
	hour        = 60 * minute
)

var errNoClock = errors.New("this template has no access to the clock")

func timeNamespace(out *Outside) py.Value {
	d := py.NewDict(6)
	clock := func(name string, zone func() *time.Location) {
		d.SetString(name, py.NewFunc(name, "", func(*py.Thread, []py.Value) (py.Value, error) {
			if out.Now == nil {
				return nil, errNoClock
			}
			return &instant{pyyaml.DateTime{T: out.Now().In(zone()).Truncate(time.Microsecond), Naive: true}}, nil
		}))
	}
	clock("now", func() *time.Location { return out.Now().Location() })
	clock("utcnow", func() *time.Location { return time.UTC })
	d.SetString("parse_iso", py.NewFunc("parse_iso", "s", func(_ *py.Thread, a []py.Value) (py.Value, error) {
		s, ok := py.IsString(a[0])
		if !ok {
			return nil, py.TypeErrorf("fromisoformat: argument must be str")
		}
		return parseISO(s)
	}))
	d.SetString("second", second)
	d.SetString("minute", minute)
	d.SetString("hour", hour)
	return d
}

// isoPattern covers what datetime.fromisoformat takes: extended and basic
// dates, any separator, optional parts of the time of day, an offset.
var isoPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{4})-?(\d{2})-?(\d{2})(?:.(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?(Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?)?$`)
})

func parseISO(s string) (py.Value, error) {
	bad := py.ValueErrorf("Invalid isoformat string: %s", py.ReprString(s))
	m := isoPattern().FindStringSubmatch(s)
	if m == nil {
		return nil, bad
	}
	for i := 4; i <= 6; i++ {
		if m[i] == "" {
			m[i] = "00"
		}
	}
	text := m[1] + "-" + m[2] + "-" + m[3] + " " + m[4] + ":" + m[5] + ":" + m[6] + "." + (m[7] + "000000")[:6]
	t, err := time.Parse("2006-01-02 15:04:05.000000", text)
	if err != nil {
		return nil, bad
	}
	v := &instant{pyyaml.DateTime{T: t, Naive: m[8] == ""}}
	if !v.Naive {
		zone := strings.ReplaceAll(m[8], ":", "")
		layout := map[int]string{1: "Z07", 3: "-07", 5: "-0700", 7: "-070000"}[len(zone)]
		z, err := time.Parse(layout, zone)
		if err != nil {
			return nil, bad
		}
		_, off := z.Zone()
		v.T = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.FixedZone("", off))
	}
	return v, nil
}

// instant is a point in time in templates.
type instant struct{ pyyaml.DateTime }

// PyType implements [py.Object].
func (i *instant) PyType() string { return "SimpleTime" }

// PyQualifiedType implements [py.Qualifier].
func (i *instant) PyQualifiedType() string { return "SimpleTime" }

// PyStr implements [py.Stringer].
func (i *instant) PyStr(*py.Thread) (string, error) { return i.ISO(), nil }

// PyRepr implements [py.Reprer].
func (i *instant) PyRepr(*py.Thread) (string, error) {
	return "<SimpleTime object at 0x7f0000000000>", nil
}

// PyAttr implements [py.Attrer].
func (i *instant) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	method := func(signature string, fn func(a []py.Value) (py.Value, error)) (py.Value, bool, error) {
		f := py.NewFunc(name, signature, func(_ *py.Thread, a []py.Value) (py.Value, error) { return fn(a) })
		return &py.BoundMethod{Self: i, F: f}, true, nil
	}
	part := func(n int) (py.Value, bool, error) {
		return method("self", func([]py.Value) (py.Value, error) { return n, nil })
	}
	switch name {
	case "as_timezone":
		return method("self, tz", func(a []py.Value) (py.Value, error) { return i.asTimezone(a[1]) })
	case "weekday":
		return part((int(i.T.Weekday()) + 6) % 7)
	case "hour":
		return part(i.T.Hour())
	case "minute":
		return part(i.T.Minute())
	case "second":
		return part(i.T.Second())
	case "nanosecond":
		return part(i.T.Nanosecond() / 1000 * 1000)
	}
	return nil, false, nil
}

func (i *instant) asTimezone(tz py.Value) (py.Value, error) {
	name, ok := py.IsString(tz)
	if !ok {
		return nil, py.TypeErrorf("time zone must be str, not %s", py.TypeName(tz))
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, py.Errorf("ZoneInfoNotFoundError", "'No time zone found with key %s'", name)
	}
	return &instant{pyyaml.DateTime{T: i.T.In(loc)}}, nil
}

// PyBinary implements [py.Operand]: adding or subtracting microseconds makes
// a new instant.
func (i *instant) PyBinary(_ *py.Thread, op string, other py.Value, reflected bool) (py.Value, bool, error) {
	if reflected || op != "+" && op != "-" {
		return nil, false, nil
	}
	var us float64
	switch n := other.(type) {
	case int:
		us = float64(n)
	case float64:
		us = n
	case bool:
		if n {
			us = 1
		}
	default:
		return nil, false, py.TypeErrorf("unsupported type for timedelta microseconds component: %s", py.TypeName(other))
	}
	if op == "-" {
		us = -us
	}
	const day = 24 * hour
	if us > 4e6*day || us < -4e6*day {
		return nil, false, py.Errorf("OverflowError", "date value out of range")
	}
	// Python moves the time of day, not the instant, of a time with a zone.
	days := int(us) / day
	t := i.T.AddDate(0, 0, days).Add(time.Duration(int(us)-days*day) * time.Microsecond)
	if _, off := i.T.Zone(); !i.Naive {
		_, now := t.Zone()
		t = t.Add(time.Duration(off-now) * time.Second)
	}
	if y := t.Year(); y < 1 || y > 9999 {
		return nil, false, py.Errorf("OverflowError", "date value out of range")
	}
	return &instant{pyyaml.DateTime{T: t, Naive: i.Naive}}, true, nil
}

// PyCompare implements [py.Comparer].
func (i *instant) PyCompare(op string, other py.Value) (bool, bool, error) {
	o, ok := other.(*instant)
	if !ok {
		return false, false, py.ValueErrorf("value is not a SimpleTime")
	}
	return i.DateTime.PyCompare(op, &o.DateTime)
}
