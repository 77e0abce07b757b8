package sops

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	gosops "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
	yamlv3 "go.yaml.in/yaml/v3"
)

// maxSize is the size, in bytes, of the largest encrypted file that is decrypted (project format §8).
const maxSize = 5 << 20

// A File is a file that may be encrypted.
type File struct {
	// Name is the file's path, for messages; its extension says the format.
	Name string
	// Data is its text after templates were rendered.
	Data []byte
	// Committed is its text as it lies in the repository; nil when that is Data.
	Committed []byte
}

// A Plain is a decrypted file.
type Plain struct {
	Data []byte
	// Secrets are the values that were encrypted, as text.
	Secrets []string
	// Missing says why Data holds placeholders; nil when it holds the values.
	Missing *NoKeyError
}

// Replace gives another value of the same type for one that was encrypted.
type Replace func(value any) any

// Decrypt returns the plain text of f, or nil when it is not encrypted. Without a key each encrypted value of the result
// is a placeholder of the same type, which is another one for each salt: what depends on it shows when files with two
// salts are rendered and compared. replace, when not nil, changes the values that were encrypted.
//
// Errors are a file that is damaged, or was changed after it had been encrypted.
func (d *Decrypter) Decrypt(ctx context.Context, f File, salt string, replace Replace) (plain *Plain, err error) {
	store, ok := storeOf(f)
	if !ok {
		return nil, nil
	}
	defer func() {
		// SOPS trusts what the file says of a value's type.
		if r := recover(); r != nil {
			plain, err = nil, fmt.Errorf("%s: is no valid SOPS file", f.Name)
		}
	}()
	tree, err := load(store, f.Data)
	if errors.Is(err, gosops.MetadataNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: reading the encrypted file: %w", f.Name, err)
	}
	if len(f.Data) > maxSize {
		return nil, fmt.Errorf("%s: is encrypted and has %d bytes; at most %d are decrypted", f.Name, len(f.Data), maxSize)
	}
	plain = &Plain{}
	encrypted := ciphertexts(tree.Branches)
	key, err := d.dataKey(ctx, f.Name, tree.Metadata)
	switch {
	case errors.As(err, &plain.Missing):
		walk(tree.Branches, func(i int, v any) any {
			if encrypted[i] {
				return placeholder(f.Name, salt, i, v)
			}
			return v
		})
	case err != nil:
		return nil, err
	default:
		if err := decrypt(store, f, &tree, key); err != nil {
			return nil, err
		}
		walk(tree.Branches, func(i int, v any) any {
			if !encrypted[i] {
				return v
			}
			plain.Secrets = append(plain.Secrets, text(v))
			if _, comment := v.(gosops.Comment); comment || replace == nil {
				return v
			}
			return replace(v)
		})
	}
	if plain.Data, err = store.EmitPlainFile(tree.Branches); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return plain, nil
}

// IsCandidate says whether a file looks so much like an encrypted one that [Decrypter.Decrypt] is worth a try.
func IsCandidate(name string, data []byte) bool {
	_, ok := storeOf(File{Name: name, Data: data})
	return ok
}

// storeOf returns the format of a file that may be encrypted.
func storeOf(f File) (gosops.Store, bool) {
	if !bytes.Contains(f.Data, []byte("sops")) || !bytes.Contains(f.Data, []byte(ciphertextStart)) {
		return nil, false
	}
	c := config.NewStoresConfig()
	switch path.Ext(f.Name) {
	case ".yaml", ".yml":
		return yaml.NewStore(&c.YAML), true
	case ".json":
		return json.NewStore(&c.JSON), true
	case ".env":
		return dotenv.NewStore(&c.Dotenv), true
	case ".ini":
		return ini.NewStore(&c.INI), true
	}
	return nil, false
}

// load reads an encrypted file. What has no metadata of SOPS, or no sense in its format, gives
// [gosops.MetadataNotFound].
func load(store gosops.Store, data []byte) (gosops.Tree, error) {
	if _, ok := store.(*yaml.Store); ok {
		if err := checkYAML(data); err != nil {
			return gosops.Tree{}, err
		}
	} else if _, err := store.LoadPlainFile(data); err != nil {
		return gosops.Tree{}, gosops.MetadataNotFound
	}
	return store.LoadEncryptedFile(data)
}

// checkYAML finds out whether a YAML text has metadata of SOPS, and refuses aliases, which SOPS never writes and would
// copy without a limit.
func checkYAML(data []byte) error {
	dec := yamlv3.NewDecoder(bytes.NewReader(data))
	var doc yamlv3.Node
	if dec.Decode(&doc) != nil || len(doc.Content) == 0 || !hasMetadata(doc.Content[0]) {
		return gosops.MetadataNotFound
	}
	for {
		if line := alias(&doc); line > 0 {
			return fmt.Errorf("line %d: an alias; SOPS encrypts none", line)
		}
		doc = yamlv3.Node{}
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func hasMetadata(n *yamlv3.Node) bool {
	if n.Kind != yamlv3.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "sops" && n.Content[i+1].Kind == yamlv3.MappingNode {
			return true
		}
	}
	return false
}

func alias(n *yamlv3.Node) int {
	if n.Kind == yamlv3.AliasNode {
		return n.Line
	}
	for _, c := range n.Content {
		if line := alias(c); line > 0 {
			return line
		}
	}
	return 0
}

// decrypt decrypts tree, which was loaded from f.
func decrypt(store gosops.Store, f File, tree *gosops.Tree, key []byte) error {
	whole, err := open(tree, key)
	if err == nil && !whole && f.Committed != nil && !bytes.Equal(f.Committed, f.Data) {
		// Templates may have changed a plain value. The file that they are in must be whole.
		var committed gosops.Tree
		if committed, err = load(store, f.Committed); err == nil {
			whole, err = open(&committed, key)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: decrypting: %w", f.Name, err)
	}
	if !whole {
		return fmt.Errorf("%s: was changed after it had been encrypted: its message authentication code does not match; undo the change, or make it with sops", f.Name)
	}
	return nil
}

// open decrypts all values of tree and says whether they are those that were encrypted together.
func open(tree *gosops.Tree, key []byte) (whole bool, err error) {
	// SOPS's errors quote the text that they do not understand; it may be a secret that somebody forgot to encrypt.
	mac, err := tree.Decrypt(key, aes.NewCipher())
	if err != nil {
		return false, errors.New("a value is not encrypted although the file says so, or was encrypted by another key or at another place")
	}
	want, err := aes.NewCipher().Decrypt(tree.Metadata.MessageAuthenticationCode, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		return false, nil
	}
	text, _ := want.(string)
	return hmac.Equal([]byte(text), []byte(mac)), nil
}

// walk replaces each leaf of the documents, comments too, by what f makes of it. The leaves have the same numbers before
// and after decryption.
func walk(branches gosops.TreeBranches, f func(i int, v any) any) {
	n := 0
	leaf := func(v any) any {
		n++
		return f(n-1, v)
	}
	var value func(v any) any
	branch := func(b gosops.TreeBranch) {
		for i := range b {
			if c, ok := b[i].Key.(gosops.Comment); ok {
				b[i].Key = leaf(c)
				continue
			}
			b[i].Value = value(b[i].Value)
		}
	}
	value = func(v any) any {
		switch v := v.(type) {
		case nil:
			return nil
		case gosops.TreeBranch:
			branch(v)
			return v
		case []any:
			for i := range v {
				v[i] = value(v[i])
			}
			return v
		}
		return leaf(v)
	}
	for _, b := range branches {
		branch(b)
	}
}

// ciphertextStart begins each encrypted value.
const ciphertextStart = "ENC[AES256_GCM,"

// ciphertexts says which leaves are encrypted.
func ciphertexts(branches gosops.TreeBranches) map[int]bool {
	out := map[int]bool{}
	walk(branches, func(i int, v any) any {
		if strings.HasPrefix(text(v), ciphertextStart) {
			out[i] = true
		}
		return v
	})
	return out
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case gosops.Comment:
		return v.Value
	}
	return fmt.Sprint(v)
}

var ciphertextType = regexp.MustCompile(`,type:([a-z]+)\]$`)

// placeholder stands for the encrypted value v, the i-th of a file.
func placeholder(file, salt string, i int, v any) any {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", file, i)
	number := 10_000 + int(h.Sum64()%20_000) // good for a port, too
	if salt != "" {
		number += 12_345
	}
	h.Write([]byte(salt))
	if c, ok := v.(gosops.Comment); ok {
		c.Value = " encrypted"
		return c
	}
	kind := ""
	if m := ciphertextType.FindStringSubmatch(text(v)); m != nil {
		kind = m[1]
	}
	switch kind {
	case "int":
		return number
	case "float":
		return float64(number) + 0.5
	case "bool":
		return salt == ""
	case "time":
		return time.Unix(int64(number)*100_000, 0).UTC()
	}
	return fmt.Sprintf("weighlock-has-no-key-%016x", h.Sum64())
}
