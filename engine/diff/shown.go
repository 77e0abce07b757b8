package diff

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/weighlock/weighlock/engine/object"
)

// shown is a Change without methods.
type shown Change

// A shownChange is what of a Change may be shown, and so leave the process.
type shownChange struct {
	shown
	Err    string `json:",omitempty"`
	Orphan bool   `json:",omitempty"`
}

// MarshalJSON writes what may be shown of a change, for another process to show.
func (c *Change) MarshalJSON() ([]byte, error) {
	out := shownChange{shown: shown(*c), Orphan: c.orphan}
	if c.Err != nil {
		out.Err = c.Err.Error()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes. The change can be shown; there is nothing in it to be applied.
func (c *Change) UnmarshalJSON(data []byte) error {
	var in shownChange
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	*c = Change(in.shown)
	c.orphan, c.Err = in.Orphan, nil
	if in.Err != "" {
		c.Err = errors.New(in.Err)
	}
	c.Live, c.Merged = whole(c.Live), whole(c.Merged)
	for i := range c.Fields {
		f := &c.Fields[i]
		f.Old, f.New = object.Normalize(f.Old), object.Normalize(f.New)
	}
	for i := range c.Conflicts {
		f := &c.Conflicts[i]
		f.Ours, f.Theirs = object.Normalize(f.Ours), object.Normalize(f.Theirs)
	}
	return nil
}

// whole is an object with numbers of the kinds that objects have.
func whole(o object.Object) object.Object {
	if o == nil {
		return nil
	}
	return object.Normalize(o).(map[string]any)
}
