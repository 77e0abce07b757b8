package py

// PPrint is pprint.pformat(v).
func PPrint(t *Thread, v Value) (string, error) { return Repr(t, v) }
