//go:build !unix

package servetest

import "errors"

// Freeze is for Unix.
func (s *Server) Freeze() (thaw func() error, err error) {
	return nil, errors.New("a process cannot be stopped and continued here")
}
