package checkout

import (
	"strings"
	"testing"
)

func TestGitMustBeNewEnoughForMergeTree(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]string{
		"git version 2.38.0\n":                     "",
		"git version 2.39.5 (Apple Git-154)\n":     "",
		"git version 3.0.1\n":                      "",
		"git version 2.37.7\n":                     "git 2.37 is too old: install git 2.38 or newer",
		"git version 1.99.0\n":                     "git 1.99 is too old",
		"hub version 2.14\n":                       "no version of git",
		"git version 2.47.1.windows.1 (something)": "",
	} {
		err := parseVersion(out, "install git 2.38 or newer")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q", out, err, want)
		}
	}
}

func TestMergeMessagesAreReadWhateverTheFilesAreCalled(t *testing.T) {
	t.Parallel()
	out := "1111\x00b\nb.yaml\x00a.yaml\x00a.yaml\x00\x001\x00a.yaml\x00Auto-merging\x00Auto-merging a.yaml\n\x00" +
		"2\x00a.yaml\x00CONFLICT\x00CONFLICT (contents)\x00CONFLICT (content): in a.yaml\n\x00"
	got, err := parseConflict(out)
	if err != nil {
		t.Fatal(err)
	}
	if want := "a.yaml|b\nb.yaml"; strings.Join(got.Files, "|") != want {
		t.Errorf("files %q, want %q", got.Files, want)
	}
	if want := "CONFLICT (content): in a.yaml"; len(got.Reasons) != 1 || got.Reasons[0] != want {
		t.Errorf("reasons %q, want only %q", got.Reasons, want)
	}
	for _, bad := range []string{"", "1111", "1111\x00a\x00\x00x\x00", "1111\x00a\x00\x009\x00a\x00"} {
		if _, err := parseConflict(bad); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func TestSecretsAreCutOutOfWhatGitSays(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	said := &transcript{secrets: []string{"t0ken"}, forward: &shown}
	for _, part := range []string{"progress 1\rprogr", "ess 2\rremote: your t0", "ken is no good\nfatal: https://u:p@ho", "st/x not found\n", "with t0ken"} {
		if _, err := said.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	said.close()
	want := "progress 1\rprogress 2\rremote: your *** is no good\nfatal: https://***@host/x not found\nwith ***"
	if shown.String() != want {
		t.Errorf("shown %q, want %q", shown.String(), want)
	}
	err := &failure{verb: "fetch", said: said.String()}
	if want := "git fetch: fatal: https://***@host/x not found"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}
