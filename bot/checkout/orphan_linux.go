package checkout

import (
	"os/exec"
	"syscall"
)

// endsWithUs has the system end a git whose parent was killed: it removes its temporary files then, and ends its own children. The system
// looks at the thread that started it; Go keeps its threads, but for those that a goroutine holds to its end, which none does here.
func endsWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
