package project

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/engine/internal/git"
	"github.com/weighlock/weighlock/engine/internal/source"
)

// derive returns the discriminator of a target of a project that sets none: it is made of the repository's remote, the
// project's directory and the target's name, so that it is the same in every clone. "" where there is no remote: what is
// only on one machine cannot be told from what others deploy.
func (p *Project) derive(ctx context.Context, target string) (string, error) {
	address := p.opts.Repository
	if address == "" && p.source.git {
		var err error
		if address, err = (git.WorkTree{Dir: p.source.Root(), Environ: p.opts.Remotes.Environ}).Remote(ctx); err != nil {
			return "", fmt.Errorf("finding the repository's remote, from which a discriminator is derived: %w; set discriminator in .kluctl.yaml, or give --discriminator", err)
		}
	}
	if address == "" {
		return "", nil
	}
	key, err := source.RepoKey(address)
	if err != nil {
		return "", nil // on this machine, or of a form that nobody else has
	}
	return labelValue(key, p.dir, target), nil
}

// oneOfSeveral says why a target may be deployed more than once, by what only the caller of this run knows: a derived
// discriminator would be the same for all of these deployments, and each of them would prune the objects of the others. ""
// where it is the only one. Arguments that change nothing do not count.
func (p *Project) oneOfSeveral(t Target, sel Selection) string {
	if p.opts.ConfigFile != "" {
		return "with a project file of the caller's choice this may be one of several deployments of the directory"
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(sel.Args)) {
		if !reflect.DeepEqual(t.Args[name], t.without[name]) {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return ""
	}
	return fmt.Sprintf("with arguments of the caller (%s) this may be one of several deployments of the target", strings.Join(changed, ", "))
}

var (
	// port is what an address by ssh may have and the same repository's by https has not.
	port = regexp.MustCompile(`^([^/]*[^:/]):[0-9]+/`)
	// plainName is a path that is readable in a label, which must begin and end with a letter or digit. Underscores stand
	// for slashes.
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(/[A-Za-z0-9.-]+)*$`)
	endsPlain = regexp.MustCompile(`[A-Za-z0-9]$`)
	notPlain  = regexp.MustCompile(`[^A-Za-z0-9.-]+`)
)

// maxLabel is how long a label's value may be.
const maxLabel = 63

// labelValue makes a readable label's value of a repository's host/path, a directory in it and a target: the slashes of
// paths become _, and __ stands between the three. Where that is too long or could be read in two ways, it is cut and ends
// in a hash. The host's port and the case of the repository's name do not count: clones by ssh and https, and with
// differently written addresses, are of one repository.
func labelValue(repository, dir, target string) string {
	repository = strings.ToLower(port.ReplaceAllString(repository, "$1/"))
	plain := plainName.MatchString(repository)
	text := repository
	if dir != "." {
		text += "//" + dir
		plain = plain && target != "" && plainName.MatchString(dir)
	}
	if target != "" {
		text += "//" + target
		plain = plain && plainName.MatchString(target) && !strings.Contains(target, "/")
	}
	value := notPlain.ReplaceAllStringFunc(text, func(s string) string {
		if s == "//" {
			return "__"
		}
		return "_"
	})
	if plain && len(value) <= maxLabel && endsPlain.MatchString(value) {
		return value
	}
	sum := sha256.Sum256([]byte(repository + "\x00" + dir + "\x00" + target))
	hash := hex.EncodeToString(sum[:5])
	value = strings.Trim(value[:min(len(value), maxLabel-len(hash)-1)], "_.-")
	if value == "" {
		return hash
	}
	return value + "-" + hash
}
