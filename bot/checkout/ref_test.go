package checkout

import "testing"

func TestARefIsWhatGitTakesForOne(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"refs/heads/main", "refs/heads/fix#12", "refs/heads/a(b)", "refs/heads/it's", "refs/heads/größe/🚀", "refs/heads/a&b;c", "refs/heads/-x",
		"refs/heads/a@b", "refs/heads/{x}", "refs/heads/a,b", "refs/heads/50%", "refs/pull/1/merge",
	} {
		if !isRef(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		"", "main", "refs", "refs/", "refs/heads/", "refs/heads//a", "refs/heads/a..b", "refs/heads/.a", "refs/heads/a.", "refs/heads/a.lock", "refs/heads/a.lock/b",
		"refs/heads/a b", "refs/heads/a\tb", "refs/heads/a\x7f", "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?", "refs/heads/*",
		"refs/heads/a[b]", `refs/heads/a\b`, "refs/heads/a@{1}", "--upload-pack=x", "+refs/heads/main",
	} {
		if isRef(name) {
			t.Errorf("%q is taken", name)
		}
	}
}
