//go:build ignore

// Trim cuts GitHub's OpenAPI description down to what our tests need.
//
//	go run trim.go -keep github.keep.txt -in package/generated/api.github.com.json >github.json
//
// The input comes from the npm package @octokit/openapi; the version in use
// stands in README.md.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("trim: ")
	keep := flag.String("keep", "", "file that lists operations and schemas to keep")
	in := flag.String("in", "", "OpenAPI description, JSON")
	flag.Parse()
	if err := run(*keep, *in); err != nil {
		log.Fatal(err)
	}
}

func run(keepFile, inFile string) error {
	raw, err := os.ReadFile(inFile)
	if err != nil {
		return err
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", inFile, err)
	}
	k := keeper{from: doc, paths: object{}, components: object{}}
	if err := k.list(keepFile); err != nil {
		return err
	}
	out := object{
		"openapi":    doc["openapi"],
		"info":       info(doc["info"].(object)),
		"servers":    doc["servers"],
		"paths":      k.paths,
		"components": k.components,
	}
	strip(k.paths, names)
	strip(k.components, keywords)
	closeRequests(k.paths)
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(out)
}

type object = map[string]any

// keeper copies what is listed, and what that refers to.
type keeper struct {
	from, paths, components object
}

func (k keeper) list(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return fmt.Errorf("%s:%d: want two words", file, n)
		}
		if words[0] == "schema" {
			err = k.ref("#/components/schemas/" + words[1])
		} else {
			err = k.operation(words[0], words[1])
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	return lines.Err()
}

func (k keeper) operation(method, path string) error {
	item, ok := k.from["paths"].(object)[path].(object)
	if !ok {
		return fmt.Errorf("no path %s", path)
	}
	op, ok := item[strings.ToLower(method)]
	if !ok {
		return fmt.Errorf("%s has no %s", path, method)
	}
	kept, ok := k.paths[path].(object)
	if !ok {
		kept = object{}
		k.paths[path] = kept
	}
	kept[strings.ToLower(method)] = op
	return k.refs(op)
}

// refs keeps every component that v refers to. Examples hold no references
// that matter and are dropped later, so they are passed over.
func (k keeper) refs(v any) error {
	switch v := v.(type) {
	case object:
		for key, child := range v {
			if key == "examples" || key == "example" {
				continue
			}
			if ref, ok := child.(string); ok && key == "$ref" {
				if err := k.ref(ref); err != nil {
					return err
				}
			}
			if err := k.refs(child); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range v {
			if err := k.refs(child); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k keeper) ref(ref string) error {
	parts := strings.Split(strings.TrimPrefix(ref, "#/components/"), "/")
	if len(parts) != 2 {
		return fmt.Errorf("reference %s is none to a component", ref)
	}
	section, ok := k.components[parts[0]].(object)
	if !ok {
		section = object{}
		k.components[parts[0]] = section
	}
	if _, ok := section[parts[1]]; ok {
		return nil
	}
	all, _ := k.from["components"].(object)[parts[0]].(object)
	component, ok := all[parts[1]]
	if !ok {
		return fmt.Errorf("no component %s", ref)
	}
	section[parts[1]] = component
	return k.refs(component)
}

// What the keys of an object are: words of OpenAPI, or names that somebody gave.
const (
	keywords = iota
	names
)

// named are the keywords whose value is an object with names for keys.
var named = map[string]bool{
	"paths": true, "properties": true, "patternProperties": true,
	"responses": true, "headers": true, "content": true,
	"schemas": true, "parameters": true,
}

// strip drops prose: descriptions, examples, GitHub's own extensions. A
// response must have a description, so it keeps an empty one.
func strip(v any, keys int) {
	switch v := v.(type) {
	case []any:
		for _, child := range v {
			strip(child, keywords)
		}
	case object:
		for key, child := range v {
			if keys == names {
				strip(child, keywords)
				continue
			}
			switch {
			case key == "example", key == "examples", key == "externalDocs",
				key == "summary", key == "title", key == "tags",
				key == "links", key == "deprecated", strings.HasPrefix(key, "x-"):
				delete(v, key)
			case key == "description":
				delete(v, key)
			case key == "enum", key == "default":
				// values, not a part of the description
			case named[key]:
				strip(child, names)
			default:
				strip(child, keywords)
			}
			if key == "responses" {
				describe(child)
			}
		}
	}
}

func describe(responses any) {
	byName, _ := responses.(object)
	for _, r := range byName {
		if r, ok := r.(object); ok && r["$ref"] == nil {
			r["description"] = ""
		}
	}
}

func info(from object) object {
	return object{"title": from["title"], "version": from["version"], "license": from["license"]}
}

// closeRequests forbids fields that GitHub does not know in the bodies that we
// send. GitHub passes over them in silence; in a test they are a mistake.
func closeRequests(paths object) {
	for _, item := range paths {
		for _, op := range item.(object) {
			body, ok := op.(object)["requestBody"].(object)
			if !ok {
				continue
			}
			for _, media := range body["content"].(object) {
				schema := media.(object)["schema"].(object)
				if schema["type"] == "object" {
					schema["additionalProperties"] = false
				}
			}
		}
	}
}
