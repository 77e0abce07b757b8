package enginetest

import (
	"crypto/rand"
	"path"
	"time"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/shamir"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
)

// AgeKey makes an age key: the identity decrypts what was encrypted for the recipient.
func AgeKey() (identity, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", err
	}
	return id.String(), id.Recipient().String(), nil
}

// EncryptForAge encrypts a file as sops does, for one age recipient. edit, when not nil, changes which values are
// encrypted.
func EncryptForAge(name string, plain []byte, recipient string, edit func(*sops.Metadata)) ([]byte, error) {
	return Encrypt(name, plain, edit, sops.KeyGroup{&sopsage.MasterKey{Recipient: recipient}})
}

// Encrypt encrypts a file as sops does, for groups of keys of which one each is needed. A data key that edit sets is
// taken, and keys that have it already are left as they are.
func Encrypt(name string, plain []byte, edit func(*sops.Metadata), groups ...sops.KeyGroup) ([]byte, error) {
	c := config.NewStoresConfig()
	stores := map[string]sops.Store{
		".yaml": yaml.NewStore(&c.YAML), ".json": json.NewStore(&c.JSON), ".env": dotenv.NewStore(&c.Dotenv), ".ini": ini.NewStore(&c.INI),
	}
	store := stores[path.Ext(name)]
	branches, err := store.LoadPlainFile(plain)
	if err != nil {
		return nil, err
	}
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		KeyGroups: groups, ShamirThreshold: len(groups), LastModified: time.Now().UTC(), Version: "3.13.3", UnencryptedSuffix: sops.DefaultUnencryptedSuffix,
	}}
	if edit != nil {
		edit(&tree.Metadata)
	}
	key := tree.Metadata.DataKey
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key) // never fails
	}
	parts := [][]byte{key}
	if len(groups) > 1 {
		if parts, err = shamir.Split(key, len(groups), len(groups)); err != nil {
			return nil, err
		}
	}
	for i, g := range groups {
		for _, k := range g {
			if err := k.EncryptIfNeeded(parts[i]); err != nil {
				return nil, err
			}
		}
	}
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		return nil, err
	}
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		return nil, err
	}
	return store.EmitEncryptedFile(tree)
}
