//go:build !linux

package checkout

import "os/exec"

func endsWithUs(*exec.Cmd) {}
