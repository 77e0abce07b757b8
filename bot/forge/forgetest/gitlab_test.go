package forgetest

import (
	"net/http"
	"testing"
)

func TestEveryOperationOfGitLabThatIsKeptIsServed(t *testing.T) {
	t.Parallel()
	g := StartGitLab(t)
	paths := g.described.doc.Paths.Map()
	if len(paths) == 0 {
		t.Fatal("no operations")
	}
	for path, item := range paths {
		for method := range item.Operations() {
			req, err := http.NewRequestWithContext(t.Context(), method, g.URL()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, pattern := g.routes.Handler(req); pattern == "" {
				t.Errorf("testdata/openapi/gitlab.keep.txt keeps %s %s, which the stand-in does not serve", method, path)
			}
		}
	}
}
