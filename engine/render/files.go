package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/weighlock/weighlock/engine/project"
)

// maxFiles is how many bytes the rendered files of all items may have: they are held in memory together, and the same
// file counts each time that a link or an entry names it.
const maxFiles = 512 << 20

var errTooMuch = fmt.Errorf("the files of all items have more than the %d bytes allowed: do links or templates multiply them?", maxFiles)

// renderFiles reads the files below an item's directory and renders their templates (project format §3), and
// decrypts those that SOPS encrypted (§8). The result is
// keyed by slash path below the item's directory. The problems of all files are reported together. What they hold is
// taken from left, which all items share.
func renderFiles(ctx context.Context, d *project.Deployment, item project.Item, left *atomic.Int64) (map[string][]byte, error) {
	if item.Chart {
		return chartFiles(ctx, d, item)
	}
	source := item.Source
	tpl := source.Templates(item.SearchDirs)
	files := map[string][]byte{}
	var errs []error // of a plain project, which may be a whole repository, those of files that belong to it
	var charts []string
	ignored, err := ignoresAbove(source, item.Dir)
	if err != nil {
		return nil, err
	}
	linked := false // below a link to a directory
	loose := isLoose(item)
	var visit fs.WalkDirFunc
	visit = func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			to, err := follow(source, item, name)
			switch {
			case err != nil:
				errs = append(errs, err)
				return nil
			case to == toDirectory && !linked:
				linked = true
				err = fs.WalkDir(source.FS(), name, visit)
				linked = false
				return err
			case to != toFile:
				return nil
			}
		}
		if e.IsDir() {
			if e.Name() == ".git" {
				return fs.SkipDir
			}
			if name != item.Dir && isChart(source, name) {
				charts = append(charts, name)
			}
			return ignored.enter(name)
		}
		if path.Dir(name) == item.Dir && (configures(e.Name()) || item.Plain && isForeign(source, name)) {
			return nil
		}
		var data []byte
		chart := inside(name, charts)
		if chart || ignored.match(name) {
			data, err = source.Read(name)
		} else {
			data, err = tpl.File(ctx, name, item.Vars)
		}
		if err == nil && !chart {
			data, err = d.Decrypt(ctx, source, name, data)
		}
		if err != nil {
			if !item.Plain || counts(name, path.Dir(name) == item.Dir && !loose) {
				errs = append(errs, err)
			}
			return nil
		}
		size := int64(len(data))
		switch rest := left.Add(-size); {
		case rest+size < 0:
			return fs.SkipAll // another file said it
		case rest < 0:
			return errTooMuch
		}
		files[below(item.Dir, name)] = data
		return nil
	}
	if err = fs.WalkDir(source.FS(), item.Dir, visit); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", source.Display(item.Dir), err))
	}
	return files, errors.Join(errs...)
}

// isLoose says whether an item is a plain project with a kustomization, which says what belongs to it.
func isLoose(item project.Item) bool {
	return item.Plain && !item.Chart && slices.ContainsFunc(project.Kustomizations, func(name string) bool {
		_, err := fs.Stat(item.Source.FS(), path.Join(item.Dir, name))
		return err == nil
	})
}

// counts says whether what is wrong with a file of a plain project is an error before anything names the file: it is a release, or
// its values, or one of the manifests that are all taken.
func counts(name string, isTaken bool) bool {
	switch path.Base(name) {
	case "helm-chart.yaml", "helm-chart.yml", "helm-values.yaml", "helm-values.yml":
		return true
	}
	ext := strings.ToLower(path.Ext(name))
	return isTaken && (ext == ".yaml" || ext == ".yml")
}

// target is what a symbolic link leads to.
type target int

const (
	toNothing target = iota
	toFile
	toDirectory
)

// follow says what a link in an item leads to. A directory above it, or one in an item whose sub-directories all count, is as
// good as nothing: its files are there already. A link to nothing is an error only where it stands for objects.
func follow(source *project.Source, item project.Item, name string) (target, error) {
	info, err := fs.Stat(source.FS(), name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP):
		if ext := strings.ToLower(path.Ext(name)); (path.Dir(name) == item.Dir || item.Recursive) && (ext == ".yaml" || ext == ".yml") {
			return toNothing, fmt.Errorf("%s: is a symbolic link to nothing", source.Display(name))
		}
		return toNothing, nil
	case err != nil || !info.IsDir():
		return toFile, nil // reading it says what is wrong
	}
	if item.Recursive {
		return toNothing, nil
	}
	for at := path.Dir(name); ; at = path.Dir(at) {
		if above, err := fs.Stat(source.FS(), at); err == nil && os.SameFile(above, info) {
			return toNothing, nil
		}
		if at == item.Dir || at == "." {
			return toDirectory, nil
		}
	}
}

// configures says whether a file is read by this program or by SOPS and holds no object.
func configures(name string) bool {
	switch strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml") {
	case ".kluctl", ".kluctl-library", ".weighlock", ".sops":
		return true
	}
	return false
}

var kindKey = regexp.MustCompile(`(?m)^(\{.*)?["']?kind["']?\s*:`)

// isForeign says whether a file of a plain project, which may be a whole repository, is another program's, such as .gitlab-ci.yml:
// its name begins with a dot, and it holds no object.
func isForeign(source *project.Source, name string) bool {
	if !strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	data, err := source.Read(name)
	return err == nil && !kindKey.Match(data)
}

// isChart says whether a directory is a Helm chart, whose files belong to Helm's template language and not to ours.
func isChart(source *project.Source, dir string) bool {
	for _, name := range []string{"Chart.yaml", "Chart.yml"} {
		if _, err := fs.Stat(source.FS(), path.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func inside(name string, dirs []string) bool {
	for _, d := range dirs {
		if strings.HasPrefix(name, d+"/") {
			return true
		}
	}
	return false
}

// below is the path of name relative to dir, both slash paths below the source root.
func below(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}
