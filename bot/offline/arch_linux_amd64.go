package offline

import "golang.org/x/sys/unix"

// arch is what system calls are numbered by.
const arch = unix.AUDIT_ARCH_X86_64
