package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxLogins is how many numbered sets of WEIGHLOCK_HTTP_n_* are looked at.
const maxLogins = 100

// loginFor finds the user for a host: in the environment, else in the netrc file. A set for "host:port" is for that port
// only, one for "host" for all.
func (c *Client) loginFor(u *url.URL) (login, bool, error) {
	for n := -1; n < maxLogins; n++ {
		prefix := "WEIGHLOCK_HTTP_"
		if n >= 0 {
			prefix += strconv.Itoa(n) + "_"
		}
		if host := c.env(prefix + "HOST"); host == "" || !strings.EqualFold(host, u.Host) && !strings.EqualFold(host, u.Hostname()) {
			continue
		}
		return login{url.UserPassword(c.env(prefix+"USERNAME"), c.env(prefix+"PASSWORD")), prefix + "*"}, true, nil
	}
	file := c.env("NETRC")
	if file == "" {
		home := c.env("HOME")
		if home == "" {
			return login{}, false, nil
		}
		file = filepath.Join(home, ".netrc")
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return login{}, false, nil
	}
	if err != nil {
		return login{}, false, fmt.Errorf("looking for credentials for %s: %w", u.Host, err)
	}
	user, ok := netrc(string(data), u.Hostname())
	return login{user, file}, ok, nil
}

// netrc finds a host's user in a file of ftp's format, as curl and git read it: machine NAME login USER password SECRET, and
// default for any host. Macros are passed over.
func netrc(text, host string) (*url.Userinfo, bool) {
	var words []string
	macro := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			macro = false
		case macro || strings.HasPrefix(fields[0], "#"):
		default:
			if macro = fields[0] == "macdef"; !macro {
				words = append(words, fields...)
			}
		}
	}
	var user, password string
	here := false
	for i := 0; i < len(words); i++ {
		value := ""
		if words[i] != "default" && i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "machine", "default":
			if here {
				return url.UserPassword(user, password), true
			}
			here = words[i] == "default" || strings.EqualFold(value, host)
		case "login":
			if here {
				user = value
			}
		case "password":
			if here {
				password = value
			}
		}
		if words[i] != "default" {
			i++
		}
	}
	return url.UserPassword(user, password), here
}
