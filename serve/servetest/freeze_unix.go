//go:build unix

package servetest

import "syscall"

// Freeze stops the server's clockwork, as a machine does that is paused, until the returned function is called.
func (s *Server) Freeze() (thaw func() error, err error) {
	p := s.cmd.Process
	return func() error { return p.Signal(syscall.SIGCONT) }, p.Signal(syscall.SIGSTOP)
}
