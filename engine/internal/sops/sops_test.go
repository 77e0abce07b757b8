package sops_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	gosops "github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/hcvault"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/kms"
	"github.com/getsops/sops/v3/pgp"

	"github.com/weighlock/weighlock/engine/enginetest"
	"github.com/weighlock/weighlock/engine/internal/sops"
)

// env is an environment of the test's own.
func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func ageKey(t *testing.T) (identity, recipient string) {
	t.Helper()
	identity, recipient, err := enginetest.AgeKey()
	if err != nil {
		t.Fatal(err)
	}
	return identity, recipient
}

func encrypt(t *testing.T, name, plain, recipient string, edit func(*gosops.Metadata)) []byte {
	t.Helper()
	data, err := enginetest.EncryptForAge(name, []byte(plain), recipient, edit)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func withAge(identity string) *sops.Decrypter {
	return sops.New(sops.Keys{Env: env(map[string]string{"SOPS_AGE_KEY": identity})})
}

func decrypted(t *testing.T, d *sops.Decrypter, f sops.File) *sops.Plain {
	t.Helper()
	p, err := d.Decrypt(t.Context(), f, "", nil)
	if err != nil || p == nil {
		t.Fatalf("%s: got %v, %v", f.Name, p, err)
	}
	return p
}

const values = "plain_unencrypted: open\npassword: hunter2\nnested:\n    - pin: 1234\n      flag: true\n      rate: 1.5\n    - text\n"

func TestFilesAreDecryptedByTheirExtensionAndTellWhatWasEncrypted(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	for name, c := range map[string]struct {
		plain   string
		want    string
		secrets []string
	}{
		"a.yaml": {values, values, []string{"hunter2", "1234", "true", "1.5", "text"}},
		"a.yml":  {"a: x\n---\nb: z\n", "a: x\n---\nb: z\n", []string{"x", "z"}},
		"a.json": {`{"a": "x", "b": [1]}`, "{\n\t\"a\": \"x\",\n\t\"b\": [\n\t\t1\n\t]\n}\n", []string{"x", "1"}},
		"a.env":  {"A=x\nB_unencrypted=y\n", "A=x\nB_unencrypted=y\n", []string{"x"}},
		"a.ini":  {"[s]\na = x\n", "[s]\na = x\n", []string{"x"}},
	} {
		written := strings.Replace(name, ".yml", ".yaml", 1)
		data := encrypt(t, written, c.plain, recipient, nil)
		if strings.Contains(string(data), "hunter2") {
			t.Fatalf("%s is not encrypted", name)
		}
		p := decrypted(t, withAge(id), sops.File{Name: name, Data: data})
		if string(p.Data) != c.want || !slices.Equal(p.Secrets, c.secrets) || p.Missing != nil {
			t.Errorf("%s: got %q, %q, %v", name, p.Data, p.Secrets, p.Missing)
		}
	}
}

func TestWhatIsNotEncryptedIsLeftAlone(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	data := string(encrypt(t, "a.yaml", "a: x\n", recipient, nil))
	for name, text := range map[string]string{
		"a.txt": data, "a": data, "a.yaml": "a: b\n", "b.yaml": "sops: {}\na: b\n", "c.yaml": "text: about sops and ENC[AES256_GCM,\n",
		"d.yaml": "sops: 'ENC[AES256_GCM,'\n", "e.yaml": "sops: [ENC[AES256_GCM,\n", "f.json": `{"sops": "ENC[AES256_GCM,`, "g.env": "A=ENC[AES256_GCM,sops\n", "h.yaml": "",
	} {
		p, err := withAge(id).Decrypt(t.Context(), sops.File{Name: name, Data: []byte(text)}, "", nil)
		if p != nil || err != nil {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
}

func TestAFileThatWasChangedAfterItHadBeenEncryptedIsRefused(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	file := string(encrypt(t, "a.yaml", "open_unencrypted: value\na: first\nb: second\nn: 5\n", recipient, nil))
	cipher := regexp.MustCompile(`ENC\[[^\]]*\]`).FindAllString(file, -1)
	other := string(encrypt(t, "a.yaml", "a: other\n", recipient, nil))
	for name, change := range map[string]string{
		"a plain value":           strings.Replace(file, "value", "worse", 1),
		"a plain value is added":  strings.Replace(file, "a: ENC", "c_unencrypted: new\na: ENC", 1),
		"a value is removed":      strings.Replace(file, "b: "+cipher[1]+"\n", "", 1),
		"two values change place": strings.NewReplacer(cipher[0], cipher[1], cipher[1], cipher[0]).Replace(file),
		"a value is another's":    strings.Replace(file, cipher[0], regexp.MustCompile(`ENC\[[^\]]*\]`).FindString(other), 1),
		"a value is plain":        strings.Replace(file, cipher[0], "s3cr3t-in-the-open", 1),
		"no code":                 strings.Replace(file, cipher[3], `""`, 1),
		"a type that panics":      strings.Replace(file, "type:int", "type:bytes", 1),
		"an unknown type":         strings.Replace(file, "type:int", "type:x", 1),
	} {
		p, err := withAge(id).Decrypt(t.Context(), sops.File{Name: "a.yaml", Data: []byte(change)}, "", nil)
		if err == nil || !strings.HasPrefix(err.Error(), "a.yaml: ") || p != nil {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error quotes a secret: %v", name, err)
		}
	}
}

func TestTheCommittedFileMustBeWholeAndTemplatesMayChangeItsPlainValues(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	committed := encrypt(t, "a.yaml", "name_unencrypted: '{{ args.name }}'\na: first\n", recipient, nil)
	rendered := bytes.ReplaceAll(committed, []byte("{{ args.name }}"), []byte("shop"))
	p := decrypted(t, withAge(id), sops.File{Name: "a.yaml", Data: rendered, Committed: committed})
	if string(p.Data) != "name_unencrypted: 'shop'\na: first\n" && string(p.Data) != "name_unencrypted: shop\na: first\n" {
		t.Errorf("got %s", p.Data)
	}
	tampered := bytes.ReplaceAll(committed, []byte("args.name"), []byte("args.evil"))
	for _, f := range []sops.File{{Data: rendered, Committed: tampered}, {Data: rendered}, {Data: rendered, Committed: rendered}, {Data: rendered, Committed: []byte("no file of sops")}} {
		f.Name = "a.yaml"
		if _, err := withAge(id).Decrypt(t.Context(), f, "", nil); err == nil {
			t.Errorf("taken although %s is not what was encrypted", f.Committed)
		}
	}
	// A template that includes an encrypted file.
	decrypted(t, withAge(id), sops.File{Name: "a.yaml", Data: committed, Committed: []byte(`{% include "b.yaml" %}`)})
}

func TestWithoutAKeyEachValueHasAPlaceholderOfItsType(t *testing.T) {
	t.Parallel()
	_, recipient := ageKey(t)
	stranger, _ := ageKey(t)
	data := encrypt(t, "a.yaml", values, recipient, nil)
	for name, d := range map[string]*sops.Decrypter{"no keys": sops.New(sops.Keys{}), "none": sops.New(sops.Keys{Env: env(nil)}), "another's": withAge(stranger)} {
		one := decrypted(t, d, sops.File{Name: "a.yaml", Data: data})
		if one.Missing == nil || one.Missing.Error() != "no key for a.yaml (needs one of "+recipient+")" {
			t.Errorf("%s: got %v", name, one.Missing)
		}
		form := regexp.MustCompile(`^plain_unencrypted: open\npassword: weighlock-has-no-key-[0-9a-f]{16}\nnested:\n    - pin: \d{5}\n      flag: true\n      rate: \d{5}\.5\n    - weighlock-has-no-key-[0-9a-f]{16}\n$`)
		if !form.Match(one.Data) || len(one.Secrets) > 0 {
			t.Errorf("%s: got\n%s", name, one.Data)
		}
		other, err := d.Decrypt(t.Context(), sops.File{Name: "a.yaml", Data: data}, "other", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, b := strings.Split(string(one.Data), "\n"), strings.Split(string(other.Data), "\n")
		for i, line := range a {
			if plain := line == b[i]; plain != (i == 0 || i == 2 || i == len(a)-1) {
				t.Errorf("%s: with another salt, %q is %q", name, line, b[i])
			}
		}
		if again := decrypted(t, d, sops.File{Name: "a.yaml", Data: data}); !bytes.Equal(again.Data, one.Data) {
			t.Errorf("%s: the same file has other placeholders", name)
		}
	}
}

func TestEncryptedValuesCanBeReplacedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	data := encrypt(t, "a.yaml", "# about\na_unencrypted: x\nb: 1\nc: y\n", recipient, nil)
	p, err := withAge(id).Decrypt(t.Context(), sops.File{Name: "a.yaml", Data: data}, "", func(v any) any {
		if n, ok := v.(int); ok {
			return n + 1
		}
		return "z"
	})
	if err != nil || string(p.Data) != "# about\na_unencrypted: x\nb: 2\nc: z\n" || !slices.Equal(p.Secrets, []string{" about", "1", "y"}) {
		t.Errorf("got %q, %q, %v", p.Data, p.Secrets, err)
	}
}

func TestHugeFilesAndAliasesAreRefused(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	data := string(encrypt(t, "a.yaml", "a_unencrypted: x\nb: y\n", recipient, nil))
	for name, c := range map[string]struct{ data, want string }{
		"huge":  {data + "# " + strings.Repeat("x", 5<<20) + "\n", "at most 5242880"},
		"alias": {strings.Replace(data, "a_unencrypted: x", "a_unencrypted: &a x\nc_unencrypted: *a", 1), "line 2: an alias"},
	} {
		if _, err := withAge(id).Decrypt(t.Context(), sops.File{Name: "a.yaml", Data: []byte(c.data)}, "", nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAgeKeysAreFoundWhereSOPSLooksForThem(t *testing.T) {
	t.Parallel()
	id, recipient := ageKey(t)
	data := encrypt(t, "a.yaml", "a: x\n", recipient, nil)
	home := t.TempDir()
	file := filepath.Join(home, ".config", "sops", "age", "keys.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("# a comment\n"+id+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, _ := ageKey(t)
	for name, vars := range map[string]map[string]string{
		"variable":     {"SOPS_AGE_KEY": other + " " + id},
		"named file":   {"SOPS_AGE_KEY_FILE": file},
		"home":         {"HOME": home},
		"config":       {"HOME": "/nonexistent", "XDG_CONFIG_HOME": filepath.Join(home, ".config")},
		"one of these": {"SOPS_AGE_KEY": other, "HOME": home},
	} {
		if p := decrypted(t, sops.New(sops.Keys{Env: env(vars)}), sops.File{Name: "a.yaml", Data: data}); p.Missing != nil {
			t.Errorf("%s: %v", name, p.Missing)
		}
	}
	p := decrypted(t, sops.New(sops.Keys{Env: env(map[string]string{"SOPS_AGE_KEY_FILE": home + "/gone"})}), sops.File{Name: "a.yaml", Data: data})
	if p.Missing == nil || !strings.Contains(p.Missing.Error(), home+"/gone") {
		t.Errorf("a key file that is not there: %v", p.Missing)
	}
	p = decrypted(t, sops.New(sops.Keys{Env: env(map[string]string{"SOPS_AGE_KEY": "AGE-SECRET-KEY-1BROKEN"})}), sops.File{Name: "a.yaml", Data: data})
	if p.Missing == nil || strings.Contains(p.Missing.Error(), "BROKEN") {
		t.Errorf("a broken key: %v", p.Missing)
	}
}

func TestSharedKeysNeedOneOfEachGroup(t *testing.T) {
	t.Parallel()
	id1, r1 := ageKey(t)
	id2, r2 := ageKey(t)
	_, r3 := ageKey(t)
	data, err := enginetest.Encrypt("a.yaml", []byte("a: x\n"), nil,
		gosops.KeyGroup{&sopsage.MasterKey{Recipient: r3}, &sopsage.MasterKey{Recipient: r1}}, gosops.KeyGroup{&sopsage.MasterKey{Recipient: r2}})
	if err != nil {
		t.Fatal(err)
	}
	if p := decrypted(t, withAge(id1+"\n"+id2), sops.File{Name: "a.yaml", Data: data}); string(p.Data) != "a: x\n" {
		t.Errorf("got %s", p.Data)
	}
	if p := decrypted(t, withAge(id1), sops.File{Name: "a.yaml", Data: data}); p.Missing == nil || len(p.Missing.Keys) != 3 {
		t.Errorf("got %v", p.Missing)
	}
}

func TestPGPKeysOfARing(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil { // GnuPG uses no other
		t.Fatal(err)
	}
	entity, err := openpgp.NewEntity("test", "", "test@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	var public, private bytes.Buffer
	if err := errors.Join(entity.SerializePrivate(&private, nil), entity.Serialize(&public)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(home, "pubring.gpg"), public.Bytes(), 0o600), os.WriteFile(filepath.Join(home, "secring.gpg"), private.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	key := pgp.NewMasterKeyFromFingerprint(strings.ToUpper(hexOf(entity.PrimaryKey.Fingerprint)))
	pgp.GnuPGHome(home).ApplyToMasterKey(key)
	data, err := enginetest.Encrypt("a.yaml", []byte("a: x\n"), nil, gosops.KeyGroup{key})
	if err != nil {
		t.Fatal(err)
	}
	d := sops.New(sops.Keys{Env: env(map[string]string{"GNUPGHOME": home})})
	if p := decrypted(t, d, sops.File{Name: "a.yaml", Data: data}); string(p.Data) != "a: x\n" {
		t.Errorf("got %s, %v", p.Data, p.Missing)
	}
	if p := decrypted(t, sops.New(sops.Keys{}), sops.File{Name: "a.yaml", Data: data}); p.Missing == nil || !strings.HasPrefix(p.Missing.Keys[0], "PGP ") {
		t.Errorf("got %v", p.Missing)
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

// transit is a Vault that wraps data keys: its ciphertext is the key in base64.
func transit(t *testing.T, asked *int) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		if r.URL.Path != "/v1/transit/decrypt/shop" || r.Header.Get("X-Vault-Token") != "vault-token" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors": ["permission denied"]}`)
			return
		}
		var in struct{ Ciphertext string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"plaintext": strings.TrimPrefix(in.Ciphertext, "vault:v1:")}})
	}))
	t.Cleanup(s.Close)
	return s
}

// encryptWrapped encrypts for a key that needs no service to encrypt: it holds its data key in base64.
func encryptWrapped(t *testing.T, prefix string, key keys.MasterKey, more ...keys.MasterKey) []byte {
	t.Helper()
	dataKey := bytes.Repeat([]byte{7}, 32)
	key.SetEncryptedDataKey([]byte(prefix + base64.StdEncoding.EncodeToString(dataKey)))
	data, err := enginetest.Encrypt("a.yaml", []byte("a: x\n"), func(m *gosops.Metadata) { m.DataKey = dataKey }, append(gosops.KeyGroup{key}, more...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestVaultIsAskedOnlineOnceAndAfterTheKeysAtHand(t *testing.T) {
	t.Parallel()
	var asked int
	vault := transit(t, &asked)
	id, recipient := ageKey(t)
	data := encryptWrapped(t, "vault:v1:", hcvault.NewMasterKey(vault.URL, "transit", "shop"))
	token := map[string]string{"VAULT_TOKEN": "vault-token"}
	if p := decrypted(t, sops.New(sops.Keys{Env: env(token)}), sops.File{Name: "a.yaml", Data: data}); p.Missing == nil || asked != 0 {
		t.Errorf("offline: asked %d times: %v", asked, p.Missing)
	}
	d := sops.New(sops.Keys{Env: env(token), Online: true})
	for range 3 {
		if p := decrypted(t, d, sops.File{Name: "a.yaml", Data: data}); string(p.Data) != "a: x\n" {
			t.Errorf("got %s, %v", p.Data, p.Missing)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	denied := decrypted(t, sops.New(sops.Keys{Env: env(map[string]string{"VAULT_TOKEN": "wrong-token"}), Online: true}), sops.File{Name: "a.yaml", Data: data})
	if denied.Missing == nil || !strings.Contains(denied.Missing.Error(), "permission denied") || strings.Contains(denied.Missing.Error(), "wrong-token") {
		t.Errorf("got %v", denied.Missing)
	}
	asked = 0
	both := encryptWrapped(t, "vault:v1:", hcvault.NewMasterKey(vault.URL, "transit", "shop"), &sopsage.MasterKey{Recipient: recipient})
	d = sops.New(sops.Keys{Env: env(map[string]string{"SOPS_AGE_KEY": id, "VAULT_TOKEN": "vault-token"}), Online: true})
	if p := decrypted(t, d, sops.File{Name: "a.yaml", Data: both}); p.Missing != nil || asked != 0 {
		t.Errorf("asked %d times: %v", asked, p.Missing)
	}
}

func TestAWSIsAsked(t *testing.T) { // not parallel: the SDK reads the process's environment
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "TrentService.Decrypt" {
			t.Errorf("asked for %s", r.Header.Get("X-Amz-Target"))
		}
		var in struct{ CiphertextBlob string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"Plaintext": in.CiphertextBlob, "KeyId": "k"})
	}))
	defer server.Close()
	for name, v := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, v)
	}
	data := encryptWrapped(t, "", kms.NewMasterKey("arn:aws:kms:eu-west-1:1234:key/shop", "", nil))
	if p := decrypted(t, sops.New(sops.Keys{Env: env(nil), Online: true}), sops.File{Name: "a.yaml", Data: data}); string(p.Data) != "a: x\n" {
		t.Errorf("got %s, %v", p.Data, p.Missing)
	}
}
