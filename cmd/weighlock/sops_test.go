package main

import (
	"os"

	"github.com/getsops/sops/v3"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// encryptFiles is the script command "encrypt [-only REGEX] FILE...": it encrypts files in place, as sops does, all values or
// those below keys that match, with the age key of the script, which it makes and leaves in $AGE_KEY and $AGE_RECIPIENT.
func encryptFiles(ts *testscript.TestScript, _ bool, args []string) {
	if ts.Getenv("AGE_RECIPIENT") == "" {
		key, recipient, err := enginetest.AgeKey()
		ts.Check(err)
		ts.Setenv("AGE_KEY", key)
		ts.Setenv("AGE_RECIPIENT", recipient)
	}
	only := func(*sops.Metadata) {}
	if args[0] == "-only" {
		regex := args[1]
		only, args = func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", regex }, args[2:]
	}
	for _, name := range args {
		data, err := enginetest.EncryptForAge(name, []byte(ts.ReadFile(name)), ts.Getenv("AGE_RECIPIENT"), only)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
	}
}
