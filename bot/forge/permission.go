package forge

import "fmt"

// Permission is what a user may do in a repository. Permissions are ordered:
// compare them with < and >=.
//
// They are GitHub's roles. GitLab's access levels map onto them: guest is
// read, reporter is triage, developer is write, maintainer is maintain, owner
// is admin.
type Permission int

// The permissions, from the least to the greatest.
const (
	NoPermission Permission = iota
	Read
	Triage
	Write
	Maintain
	Admin
)

var permissionNames = [...]string{"none", "read", "triage", "write", "maintain", "admin"}

// ParsePermission reads a permission by the name that [Permission.String]
// gives it.
func ParsePermission(s string) (Permission, error) {
	for p, name := range permissionNames {
		if s == name {
			return Permission(p), nil
		}
	}
	return NoPermission, fmt.Errorf("permission %q: want none, read, triage, write, maintain or admin", s)
}

// String is the permission's name in configuration and messages.
func (p Permission) String() string {
	if p < 0 || int(p) >= len(permissionNames) {
		return fmt.Sprintf("Permission(%d)", int(p))
	}
	return permissionNames[p]
}

// UnmarshalText reads what ParsePermission reads, for configuration files.
func (p *Permission) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePermission(string(text))
	return err
}

// MarshalText writes the permission's name.
func (p Permission) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
