//go:build !unix

package checkout

import "io/fs"

// isOurs is not asked where files have no owner by number: who may write is by their lists there.
func isOurs(fs.FileInfo) bool { return true }
