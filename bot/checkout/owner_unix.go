//go:build unix

package checkout

import (
	"io/fs"
	"os"
	"syscall"
)

// isOurs says whether a file belongs to who runs this process.
func isOurs(about fs.FileInfo) bool {
	stat, ok := about.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
