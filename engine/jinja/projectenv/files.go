package projectenv

import (
	"context"
	"io/fs"

	"github.com/weighlock/weighlock/engine/jinja"
)

// SearchFiles are [Files] found by a [jinja.SearchLoader].
type SearchFiles struct{ jinja.SearchLoader }

var _ Files = SearchFiles{}

// Read implements [Files].
func (s SearchFiles) Read(_ context.Context, name, from string) (string, []byte, error) {
	p, err := s.Find(name, from)
	if err != nil {
		return "", nil, err
	}
	data, err := fs.ReadFile(s.FS, p)
	return p, data, err
}
