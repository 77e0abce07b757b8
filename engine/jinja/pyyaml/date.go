package pyyaml

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/jinja/py"
)

// Date is Python's datetime.date, which a YAML date becomes.
type Date struct{ T time.Time }

// DateTime is Python's datetime.datetime. Naive says that it has no time zone.
type DateTime struct {
	T     time.Time
	Naive bool
}

func (d *Date) text() string { return d.T.Format("2006-01-02") }

// text is isoformat with the separator given.
func (d *DateTime) text(sep string) string {
	s := d.T.Format("2006-01-02") + sep + d.T.Format("15:04:05")
	if us := d.T.Nanosecond() / 1000; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	if !d.Naive {
		s += d.T.Format("-07:00")
	}
	return s
}

// ISO is datetime.isoformat.
func (d *DateTime) ISO() string { return d.text("T") }

func constructTime(s string) (py.Value, error) {
	m := patterns().parts.FindStringSubmatch(s)
	if m == nil {
		return nil, py.Errorf("AttributeError", "'NoneType' object has no attribute 'groupdict'")
	}
	n := func(i int) int {
		v, err := strconv.Atoi(m[i])
		if err != nil {
			return 0 // the group is optional and did not match
		}
		return v
	}
	year, month, day := n(1), n(2), n(3)
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year < 1 {
		return nil, py.ValueErrorf("year %d is out of range", year)
	}
	if month < 1 || month > 12 {
		return nil, py.ValueErrorf("month must be in 1..12")
	}
	if date.Day() != day || date.Month() != time.Month(month) {
		return nil, py.ValueErrorf("day is out of range for month")
	}
	if m[4] == "" {
		return &Date{date}, nil
	}
	hour, minute, second := n(4), n(5), n(6)
	switch {
	case hour > 23:
		return nil, py.ValueErrorf("hour must be in 0..23")
	case minute > 59:
		return nil, py.ValueErrorf("minute must be in 0..59")
	case second > 59:
		return nil, py.ValueErrorf("second must be in 0..59")
	}
	micro := 0
	if m[7] != "" {
		frac := (m[7] + "000000")[:6]
		v, err := strconv.Atoi(frac)
		if err != nil {
			return nil, py.ValueErrorf("invalid fraction %s", py.ReprString(m[7]))
		}
		micro = v
	}
	dt := &DateTime{Naive: true}
	zone := time.UTC
	switch {
	case m[9] != "":
		off := n(10)*3600 + n(11)*60
		if off >= 24*3600 {
			return nil, py.ValueErrorf("offset must be strictly between -24 and 24 hours")
		}
		if m[9] == "-" {
			off = -off
		}
		zone, dt.Naive = time.FixedZone("", off), false
	case m[8] != "":
		dt.Naive = false
	}
	dt.T = time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, zone)
	return dt, nil
}

// PyType implements [py.Object].
func (d *Date) PyType() string { return "date" }

// PyQualifiedType implements [py.Qualifier].
func (d *Date) PyQualifiedType() string { return "datetime.date" }

// PyStr implements [py.Stringer].
func (d *Date) PyStr(*py.Thread) (string, error) { return d.text(), nil }

// PyRepr implements [py.Reprer].
func (d *Date) PyRepr(*py.Thread) (string, error) {
	return fmt.Sprintf("datetime.date(%d, %d, %d)", d.T.Year(), d.T.Month(), d.T.Day()), nil
}

// PyKey implements [py.Keyer].
func (d *Date) PyKey() any { return Date{d.T} }

// PyCompare implements [py.Comparer].
func (d *Date) PyCompare(op string, other py.Value) (bool, bool, error) {
	o, ok := other.(*Date)
	if !ok {
		return false, false, nil
	}
	return compareTimes(op, d.T, o.T), true, nil
}

func compareTimes(op string, a, b time.Time) bool {
	c := a.Compare(b)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	return c == 0
}

// PyAttr implements [py.Attrer].
func (d *Date) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	if v, ok := dateAttr(d.T, name); ok {
		return v, true, nil
	}
	if name == "isoformat" {
		return &py.BoundMethod{Self: d, F: py.NewFunc(name, "self", func(_ *py.Thread, a []py.Value) (py.Value, error) {
			return d.text(), nil
		})}, true, nil
	}
	return timeMethod(d, d.T, name)
}

func dateAttr(t time.Time, name string) (py.Value, bool) {
	switch name {
	case "year":
		return t.Year(), true
	case "month":
		return int(t.Month()), true
	case "day":
		return t.Day(), true
	}
	return nil, false
}

// timeMethod returns the methods that date and datetime share.
func timeMethod(self py.Value, t time.Time, name string) (py.Value, bool, error) {
	var fn func(*py.Thread, []py.Value) (py.Value, error)
	signature := "self"
	switch name {
	case "weekday":
		fn = func(*py.Thread, []py.Value) (py.Value, error) { return (int(t.Weekday()) + 6) % 7, nil }
	case "isoweekday":
		fn = func(*py.Thread, []py.Value) (py.Value, error) { return (int(t.Weekday())+6)%7 + 1, nil }
	case "toordinal":
		fn = func(*py.Thread, []py.Value) (py.Value, error) {
			day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
			return int(day.Sub(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)).Hours()/24) + 1, nil
		}
	case "strftime":
		signature = "self, format"
		fn = func(_ *py.Thread, a []py.Value) (py.Value, error) {
			f, ok := py.IsString(a[1])
			if !ok {
				return nil, py.TypeErrorf("strftime() argument 1 must be str, not %s", py.TypeName(a[1]))
			}
			return strftime(t, f), nil
		}
	default:
		return nil, false, nil
	}
	return &py.BoundMethod{Self: self, F: py.NewFunc(name, signature, fn)}, true, nil
}

// strftime knows the directives that do not depend on a locale.
func strftime(t time.Time, format string) string {
	layouts := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'I': "03", 'p': "PM",
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'j': "002", 'z': "-0700", 'Z': "MST",
		'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", 'R': "15:04", 'e': "_2",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; {
		case c == '%':
			b.WriteByte('%')
		case c == 'f':
			fmt.Fprintf(&b, "%06d", t.Nanosecond()/1000)
		case c == 's':
			fmt.Fprint(&b, t.Unix())
		case layouts[c] != "":
			b.WriteString(t.Format(layouts[c]))
		default:
			b.WriteString(format[i-1 : i+1])
		}
	}
	return b.String()
}

// PyType implements [py.Object].
func (d *DateTime) PyType() string { return "datetime" }

// PyQualifiedType implements [py.Qualifier].
func (d *DateTime) PyQualifiedType() string { return "datetime.datetime" }

// PyStr implements [py.Stringer].
func (d *DateTime) PyStr(*py.Thread) (string, error) { return d.text(" "), nil }

// PyRepr implements [py.Reprer].
func (d *DateTime) PyRepr(*py.Thread) (string, error) {
	t := d.T
	s := fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute())
	us := t.Nanosecond() / 1000
	if t.Second() != 0 || us != 0 {
		s += fmt.Sprintf(", %d", t.Second())
	}
	if us != 0 {
		s += fmt.Sprintf(", %d", us)
	}
	if !d.Naive {
		_, off := t.Zone()
		switch {
		case off == 0:
			s += ", tzinfo=datetime.timezone.utc"
		case off > 0:
			s += fmt.Sprintf(", tzinfo=datetime.timezone(datetime.timedelta(seconds=%d))", off)
		default:
			s += fmt.Sprintf(", tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=%d))", 86400+off)
		}
	}
	return s + ")", nil
}

// PyKey implements [py.Keyer].
func (d *DateTime) PyKey() any {
	return struct {
		ns    int64
		naive bool
	}{d.T.UnixMicro(), d.Naive}
}

// PyCompare implements [py.Comparer].
func (d *DateTime) PyCompare(op string, other py.Value) (bool, bool, error) {
	o, ok := other.(*DateTime)
	if !ok {
		return false, false, nil
	}
	if d.Naive != o.Naive {
		if op == "==" {
			return false, true, nil
		}
		return false, true, py.TypeErrorf("can't compare offset-naive and offset-aware datetimes")
	}
	return compareTimes(op, d.T, o.T), true, nil
}

// PyAttr implements [py.Attrer].
func (d *DateTime) PyAttr(_ *py.Thread, name string) (py.Value, bool, error) {
	if v, ok := dateAttr(d.T, name); ok {
		return v, true, nil
	}
	switch name {
	case "hour":
		return d.T.Hour(), true, nil
	case "minute":
		return d.T.Minute(), true, nil
	case "second":
		return d.T.Second(), true, nil
	case "microsecond":
		return d.T.Nanosecond() / 1000, true, nil
	case "isoformat":
		return &py.BoundMethod{Self: d, F: py.NewFunc(name, "self, sep='T'", func(_ *py.Thread, a []py.Value) (py.Value, error) {
			sep, _ := py.IsString(a[1])
			return d.text(sep), nil
		})}, true, nil
	case "timestamp":
		return &py.BoundMethod{Self: d, F: py.NewFunc(name, "self", func(_ *py.Thread, a []py.Value) (py.Value, error) {
			return float64(d.T.UnixMicro()) / 1e6, nil
		})}, true, nil
	case "date":
		return &py.BoundMethod{Self: d, F: py.NewFunc(name, "self", func(_ *py.Thread, a []py.Value) (py.Value, error) {
			y, m, day := d.T.Date()
			return &Date{time.Date(y, m, day, 0, 0, 0, 0, time.UTC)}, nil
		})}, true, nil
	}
	return timeMethod(d, d.T, name)
}
