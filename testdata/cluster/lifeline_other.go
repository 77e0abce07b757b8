//go:build !linux

package main

import "syscall"

// lifeline has no counterpart here: after a kill -9 of this program its components go on.
func lifeline() *syscall.SysProcAttr { return nil }
