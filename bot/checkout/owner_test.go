//go:build unix

package checkout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weighlock/weighlock/bot/checkout"
)

// Git obeys what stands in a mirror's configuration: nobody else may write it.
func TestACacheThatOthersCanWriteToIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(mirrors string) error{
		"open to all": func(mirrors string) error { return os.Chmod(mirrors, 0o777) },
		"another's":   func(mirrors string) error { return os.Chown(mirrors, 65534, 65534) },
		"a link": func(mirrors string) error {
			if err := os.Remove(mirrors); err != nil {
				return err
			}
			return os.Symlink(os.TempDir(), mirrors)
		},
	} {
		if name == "another's" && os.Geteuid() != 0 {
			continue // only root can make it so; as root, which CI is, it is tested
		}
		dir := t.TempDir()
		mirrors := filepath.Join(dir, "mirrors")
		if err := os.Mkdir(mirrors, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := spoil(mirrors); err != nil {
			t.Fatal(err)
		}
		c, err := checkout.NewCache(dir, 0)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "name another cache") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
