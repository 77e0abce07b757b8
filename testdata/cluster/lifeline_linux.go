package main

import "syscall"

// lifeline makes the kernel kill a child when its parent ends, however that ends. The kernel means the
// parent's *thread*: whoever starts a child holds its thread (runtime.LockOSThread) to the end.
func lifeline() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
