//go:build amd64 || arm64

package offline

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// separate gives the process a group of its own, an end with ours, and where the system has them namespaces of its own: a network
// with nothing in it, and a user who may do nothing elsewhere.
func separate(cmd *exec.Cmd, isolated bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if isolated {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// nobody is who the process is in its namespace.
const nobody = 65534

// confine keeps this process, from now on, to reading the directories and to its limits. It returns what the system does not give.
func confine(l Limits, dirs ...string) ([]string, error) {
	for what, limit := range map[int]uint64{
		unix.RLIMIT_DATA: uint64(l.Memory), unix.RLIMIT_CPU: seconds(l.CPU), unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: openFiles,
	} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return nil, fmt.Errorf("limiting a process that compares: %w", err)
		}
	}
	// What forbids more rights and calls holds for all threads; it comes first, because files can be restricted only where there
	// are no more rights to be had.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("confining a process that compares: %w", err)
	}
	var without []string
	if err := restrictCalls(); err != nil {
		without = append(without, fmt.Sprintf("seccomp: %v", err))
	}
	if err := restrictFiles(dirs...); err != nil {
		without = append(without, fmt.Sprintf("Landlock: %v", err))
	}
	return without, nil
}

// restrictFiles lets nothing be read but the directories, and nothing be written, run or asked of other processes (Landlock).
func restrictFiles(dirs ...string) error {
	abi, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return e
	}
	// What each version of the interface knows.
	handled := unix.LandlockRulesetAttr{Access_fs: unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1}
	if abi >= 2 {
		handled.Access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		handled.Access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		handled.Access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 5 {
		handled.Access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	size := unsafe.Offsetof(handled.Access_net)
	if abi >= 4 {
		size += unsafe.Sizeof(handled.Access_net)
	}
	rules, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&handled)), size, 0)
	if e != 0 {
		return e
	}
	defer unix.Close(int(rules))
	for _, dir := range dirs {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		may := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR, Parent_fd: int32(fd)}
		_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, rules, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&may)), 0, 0, 0)
		if err := unix.Close(fd); err != nil || e != 0 {
			return errors.Join(err, e)
		}
	}
	// It is a matter of each thread; a program that is built with C has some that are out of reach.
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, rules, 0, 0); e != 0 {
		return e
	}
	return nil
}

// refusedCalls are those that reach other processes, the network, other programs, or much of the kernel that rendering needs
// nothing of.
var refusedCalls = []uint32{
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_KILL, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_IO_URING_SETUP, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_MOVE_MOUNT,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_MEMFD_CREATE, unix.SYS_SHMGET, unix.SYS_MSGGET, unix.SYS_SEMGET,
}

// restrictCalls lets the refused calls fail, on all threads (seccomp).
func restrictCalls() error {
	const (
		offsetCall, offsetArch = 0, 4 // of struct seccomp_data
		x32                    = 0x40000000
		allThreads             = unix.SECCOMP_FILTER_FLAG_TSYNC
	)
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	end := func(what uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what}
	}
	// What is refused comes last, and is jumped to over all that is left.
	refuse := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K}
	filter := []unix.SockFilter{
		load(offsetArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: arch, Jt: 1},
		end(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetCall),
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: x32, Jt: uint8(len(refusedCalls) + 1)},
	}
	for i, call := range refusedCalls {
		refuse.K, refuse.Jt = call, uint8(len(refusedCalls)-i)
		filter = append(filter, refuse)
	}
	filter = append(filter, end(unix.SECCOMP_RET_ALLOW), end(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, allThreads, uintptr(unsafe.Pointer(&program))); e != 0 {
		return e
	}
	return nil
}

// outOfTime says whether a process has used up its time on the processor.
func outOfTime(err error) bool { return signalOf(err) == syscall.SIGXCPU }

// killed says whether the system has killed a process, as it does with those that have too much memory.
func killed(err error) bool { return signalOf(err) == syscall.SIGKILL }

func signalOf(err error) syscall.Signal {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return s.Signal()
		}
	}
	return 0
}
