package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/resmap"
)

const noInflation = "kustomize's own chart inflation is off: use a helm-chart.yaml instead"

// plugin checks an entry of generators, transformers or validators: inline YAML, or a file or directory of plugin configurations.
// These have paths of their own.
func (c *checker) plugin(file, field, entry string) {
	if isInline(entry) {
		c.configuration(file, field, []byte(entry))
		return
	}
	target, ok := c.target(file, field, entry)
	switch {
	case !ok:
	case c.fsys.IsDir(target):
		c.pluginDir(file, field, target)
	case c.fsys.Exists(target):
		data, err := c.fsys.ReadFile(target)
		if err != nil {
			c.refuse(target, "%v", err)
			return
		}
		c.configuration(target, field, data)
	default:
		c.refuseEntry(file, field, entry, c.missing("no such file or directory", target))
	}
}

// pluginDir notes a directory whose kustomization makes plugin configurations. Patches may put paths into these, so they are looked
// at once they are built; one level of that is enough for anybody.
func (c *checker) pluginDir(file, field, dir string) {
	if c.inPlugin {
		c.refuse(file, "%s: a directory of plugin configurations cannot use another one", field)
		return
	}
	makers, unsure := c.makers, c.unsure
	c.inPlugin = true
	c.visit(dir)
	c.inPlugin = false
	c.makers, c.unsure = makers, unsure // it makes no objects
	c.pluginDirs = append(c.pluginDirs, pluginDir{dir, c.dir})
}

// A pluginDir is a directory of plugin configurations; what paths they have count from that of the kustomization that uses
// them.
type pluginDir struct{ dir, user string }

// built checks the plugin configurations that the kustomization in dir makes.
func (c *checker) built(dir string) {
	file := kustomizationPath(c.fsys, dir)
	m, err := c.buildAlone(dir)
	if err != nil {
		c.errs = append(c.errs, c.buildError(dir, err))
		return
	}
	for _, r := range m.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			c.refuse(file, "%v", err)
			continue
		}
		c.configuration(file, "plugin "+r.CurId().String(), text)
		if config, err := r.Map(); err == nil {
			c.made[dir] = append(c.made[dir], config)
		}
	}
}

func (c *checker) buildAlone(dir string) (resmap.ResMap, error) {
	defer prepareSchema(c.schema)()
	return c.run(c.fsys, dir)
}

// isInline says whether an entry is YAML itself, not the name of a file.
func isInline(entry string) bool {
	var v any
	if yaml.Unmarshal([]byte(entry), &v) != nil {
		return strings.Contains(entry, "\n")
	}
	_, isText := v.(string)
	return v != nil && !isText
}

// configuration refuses remote paths in plugin configurations.
func (c *checker) configuration(file, field string, data []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.refuse(file, "%s: %v", field, err)
			return
		}
		c.paths(file, field, doc)
	}
}

// pathKeys are the keys by which kustomize's built-in plugins take paths. Like kustomize, without regard to case.
var pathKeys = map[string]bool{
	"path": true, "paths": true, "files": true, "env": true, "envs": true,
	"targetfilepath": true, "valuesfile": true, "additionalvaluesfiles": true,
}

func (c *checker) paths(file, field string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			c.pathEntry(file, field, key, value)
		}
	case map[any]any: // what the decoder makes of a map with a key that is not text
		for key, value := range v {
			c.pathEntry(file, field, fmt.Sprint(key), value)
		}
	case []any:
		for _, value := range v {
			c.paths(file, field, value)
		}
	}
}

func (c *checker) pathEntry(file, field, key string, value any) {
	if strings.EqualFold(key, "kind") && value == "HelmChartInflationGenerator" {
		c.refuse(file, "%s: %s", field, noInflation)
	}
	if pathKeys[strings.ToLower(key)] {
		c.texts(file, field+"."+key, value)
	}
	c.paths(file, field, value)
}

func (c *checker) texts(file, field string, v any) {
	switch v := v.(type) {
	case string:
		c.local(file, field, v)
	case []any:
		for _, value := range v {
			c.texts(file, field, value)
		}
	}
}
