package engine_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the table of cases names as proof exists.
func TestTheCasesOfTheDiffNameTestsThatExist(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/diff-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "internal/*/*_test.go", "../cmd/weighlock/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(data)
		}
	}
	tests := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(doc), -1)
	for _, name := range tests {
		if !strings.Contains(source.String(), "func "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
	if len(tests) < 50 {
		t.Errorf("only %d tests are named", len(tests))
	}
	list, _, _ := mutations(t)
	for _, row := range regexp.MustCompile(`mutations? ([^;|]+)`).FindAllStringSubmatch(string(doc), -1) {
		for _, name := range regexp.MustCompile(`\b[a-z]+(-[a-z0-9]+)+(-\\\*)?|\b[a-z]+-\\\*`).FindAllString(row[1], -1) {
			prefix, any := strings.CutSuffix(name, `\*`)
			found := false
			for _, m := range list {
				found = found || m.Name == name || any && strings.HasPrefix(m.Name, prefix)
			}
			if !found && !strings.Contains(name, "testdata") {
				t.Errorf("there is no mutation %s", name)
			}
		}
	}
	for _, script := range regexp.MustCompile("`((?:cluster|script)/[^`]+)`").FindAllStringSubmatch(string(doc), -1) {
		files, err := filepath.Glob("../cmd/weighlock/testdata/" + script[1] + ".txtar")
		if err != nil || len(files) == 0 {
			t.Errorf("there is no script %s", script[1])
		}
	}
}
