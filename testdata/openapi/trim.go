//go:build ignore

// Trim cuts a forge's OpenAPI description, JSON or YAML, down to what our tests
// need.
//
//	go run trim.go -keep github.keep.txt -in package/generated/api.github.com.json >github.json
//	go run trim.go -keep gitlab.keep.txt -in openapi_v3.yaml -loose >gitlab.json
//
// README.md says where the inputs come from, in which versions.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("trim: ")
	keep := flag.String("keep", "", "file that lists operations and schemas to keep")
	in := flag.String("in", "", "OpenAPI description, JSON or YAML")
	loose := flag.Bool("loose", false, "the description does not say which fields of an answer may be null: let all")
	flag.Parse()
	if err := run(*keep, *in, *loose); err != nil {
		log.Fatal(err)
	}
}

func run(keepFile, inFile string, loose bool) error {
	raw, err := os.ReadFile(inFile)
	if err != nil {
		return err
	}
	var doc map[string]any
	if err := yaml.Unmarshal(raw, &doc); err != nil { // JSON is YAML, too
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
	if loose {
		allowNull(k.components["schemas"].(object))
		k.typeParameters()
	}
	k.closeRequests()
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
		switch words[0] {
		case "schema":
			err = k.ref("#/components/schemas/" + words[1])
		case "integer", "boolean", "list":
			err = k.correct(words[1], words[0])
		default:
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

// correct sets the type of "schema.property", where the description is wrong.
func (k keeper) correct(what, to string) error {
	name, property, _ := strings.Cut(what, ".")
	schema, _ := k.components["schemas"].(object)[name].(object)
	properties, _ := schema["properties"].(object)
	if properties[property] == nil {
		return fmt.Errorf("nothing that is kept has a property %s", what)
	}
	if to == "list" { // of what the description has one of
		properties[property] = object{"type": "array", "items": properties[property]}
		return nil
	}
	properties[property] = object{"type": to}
	return nil
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

// allowNull lets the schemas and all their properties be null, and forbids
// properties that a schema does not name.
func allowNull(schemas object) {
	for name, v := range schemas {
		schema := v.(object)
		properties, ok := schema["properties"].(object)
		if !ok || strings.HasPrefix(name, "RequestBody_") {
			continue
		}
		schema["additionalProperties"], schema["nullable"] = false, true
		for _, p := range properties {
			if p := p.(object); p["$ref"] == nil { // what stands beside a reference does not count
				p["nullable"] = true
			}
		}
	}
}

// typeParameters makes parameters strings that the description says nothing of,
// and lists ones of anything that it says nothing more of.
func (k keeper) typeParameters() {
	for _, item := range k.paths {
		for _, op := range item.(object) {
			parameters, _ := op.(object)["parameters"].([]any)
			for _, p := range parameters {
				schema, ok := p.(object)["schema"].(object)
				if ok && len(schema) == 0 {
					schema["type"] = "string"
				}
				variants, _ := schema["oneOf"].([]any)
				for _, v := range variants {
					if v := v.(object); v["type"] == "array" && v["items"] == nil {
						v["items"] = object{}
					}
				}
			}
		}
	}
}

// closeRequests forbids fields that the forge does not know in the bodies that
// we send. Forges pass over them in silence; in a test they are a mistake.
func (k keeper) closeRequests() {
	for _, item := range k.paths {
		for _, op := range item.(object) {
			body, ok := op.(object)["requestBody"].(object)
			if !ok {
				continue
			}
			for _, media := range body["content"].(object) {
				schema := media.(object)["schema"].(object)
				if ref, ok := schema["$ref"].(string); ok {
					name := ref[strings.LastIndexByte(ref, '/')+1:]
					schema = k.components["schemas"].(object)[name].(object)
				}
				if schema["type"] == "object" {
					schema["additionalProperties"] = false
				}
			}
		}
	}
}
