package main

import (
	"encoding/base64"
	"os"

	"github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/kms"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weighlock/weighlock/engine/enginetest"
)

// encryptFiles is the script command "encrypt [-kms ARN] [-only REGEX] FILE...": it encrypts files in place, as sops does, all values or
// those below keys that match, with the age key of the script, which it makes and leaves in $AGE_KEY and $AGE_RECIPIENT, or for a key of AWS KMS as
// serveSources has it.
func encryptFiles(ts *testscript.TestScript, _ bool, args []string) {
	if ts.Getenv("AGE_RECIPIENT") == "" {
		key, recipient, err := enginetest.AgeKey()
		ts.Check(err)
		ts.Setenv("AGE_KEY", key)
		ts.Setenv("AGE_RECIPIENT", recipient)
	}
	arn := ""
	if args[0] == "-kms" {
		arn, args = args[1], args[2:]
	}
	only := func(*sops.Metadata) {}
	if args[0] == "-only" {
		regex := args[1]
		only, args = func(m *sops.Metadata) { m.UnencryptedSuffix, m.EncryptedRegex = "", regex }, args[2:]
	}
	for _, name := range args {
		keys := sops.KeyGroup{&sopsage.MasterKey{Recipient: ts.Getenv("AGE_RECIPIENT")}}
		if arn != "" {
			key := kms.NewMasterKey(arn, "", nil)
			dataKey := []byte("0123456789abcdef0123456789abcdef")
			key.SetEncryptedDataKey([]byte(base64.StdEncoding.EncodeToString(dataKey)))
			keys = sops.KeyGroup{key}
			inner := only
			only = func(m *sops.Metadata) { inner(m); m.DataKey = dataKey }
		}
		data, err := enginetest.Encrypt(name, []byte(ts.ReadFile(name)), only, keys)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
	}
}
