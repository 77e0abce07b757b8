package sops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"github.com/aws/aws-sdk-go-v2/aws"
	gosops "github.com/getsops/sops/v3"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/hcvault"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/kms"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/pgp"
	"github.com/getsops/sops/v3/shamir"
	"github.com/sirupsen/logrus"
)

func init() { logging.SetLevel(logrus.PanicLevel) } // the engine never logs

// Keys say where keys come from. The zero value has none.
type Keys struct {
	// Env looks up environment variables, those that SOPS knows: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE,
	// SOPS_AGE_SSH_PRIVATE_KEY_FILE, GNUPGHOME, VAULT_TOKEN, and HOME and XDG_CONFIG_HOME for the files' usual places. nil
	// means that there are no keys.
	Env func(name string) (string, bool)
	// Online allows asking key services over the network. Which ones, and at which address, says the encrypted file; they
	// are sent the credentials that are at hand.
	Online bool
	// AWS says as whom AWS KMS is asked where the encrypted file does not name a profile; nil leaves that to the AWS client.
	AWS func(context.Context) (aws.CredentialsProvider, error)
}

func (k Keys) env(name string) string {
	v, _ := k.Env(name)
	return v
}

// identities reads the age identities that SOPS would use. A file that is not where it usually is is no mistake; one that
// a variable names is.
func (k Keys) identities() ([]age.Identity, error) {
	var ids []age.Identity
	var errs []error
	add := func(more []age.Identity, where string, err error) {
		ids = append(ids, more...)
		if err != nil {
			errs = append(errs, fmt.Errorf("age keys of %s: %w", where, err))
		}
	}
	parse := func(text string) ([]age.Identity, error) {
		return age.ParseIdentities(strings.NewReader(strings.Join(strings.Fields(text), "\n")))
	}
	parseFile := func(data []byte) ([]age.Identity, error) { return age.ParseIdentities(bytes.NewReader(data)) }
	parseSSH := func(data []byte) ([]age.Identity, error) {
		id, err := agessh.ParseIdentity(data)
		return []age.Identity{id}, err
	}
	file := func(name string, required bool, parse func([]byte) ([]age.Identity, error)) {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && !required {
			return
		}
		var more []age.Identity
		if err == nil {
			more, err = parse(data)
		}
		if err != nil && !required {
			return // a key of another kind, or one with a passphrase: nobody said that it is for us
		}
		if err != nil {
			more = nil
		}
		add(more, name, err)
	}
	if text := k.env("SOPS_AGE_KEY"); text != "" {
		more, err := parse(text)
		add(more, "SOPS_AGE_KEY", err)
	}
	if name := k.env("SOPS_AGE_KEY_FILE"); name != "" {
		file(name, true, parseFile)
	}
	if name := k.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE"); name != "" {
		file(name, true, parseSSH)
	}
	home, config := k.env("HOME"), k.env("XDG_CONFIG_HOME")
	if config == "" && home != "" {
		config = filepath.Join(home, ".config")
	}
	if config != "" {
		file(filepath.Join(config, "sops", "age", "keys.txt"), false, parseFile)
	}
	if home != "" {
		file(filepath.Join(home, ".ssh", "id_ed25519"), false, parseSSH)
		file(filepath.Join(home, ".ssh", "id_rsa"), false, parseSSH)
	}
	return ids, errors.Join(errs...)
}

// A NoKeyError says that a file cannot be decrypted: no key for it is at hand, or none could be asked.
type NoKeyError struct {
	// File is the file's name.
	File string
	// Keys are the names of the keys with one of which it could be.
	Keys []string
	// Err is what went wrong with those that were tried; nil when there was nothing to try.
	Err error
}

// Error names the file and the keys.
func (e *NoKeyError) Error() string {
	text := fmt.Sprintf("no key for %s (needs one of %s)", e.File, strings.Join(e.Keys, ", "))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *NoKeyError) Unwrap() error { return e.Err }

// A Decrypter decrypts files with the same keys. It is safe for concurrent use, and asks for each data key once.
type Decrypter struct {
	keys       Keys
	identities func() ([]age.Identity, error)

	mu       sync.Mutex
	dataKeys map[[sha256.Size]byte]*dataKey
}

type dataKey struct {
	once sync.Once
	key  []byte
	err  error
}

// New returns a Decrypter.
func New(k Keys) *Decrypter {
	return &Decrypter{keys: k, identities: sync.OnceValues(k.identities), dataKeys: map[[sha256.Size]byte]*dataKey{}}
}

// dataKey returns the key of the values of a file. Its error is a *[NoKeyError] or the context's.
func (d *Decrypter) dataKey(ctx context.Context, file string, m gosops.Metadata) ([]byte, error) {
	h := sha256.New()
	for _, g := range m.KeyGroups {
		for _, k := range g {
			fmt.Fprintf(h, "%s %q\n", k.ToString(), k.EncryptedDataKey())
		}
		fmt.Fprintln(h, m.ShamirThreshold)
	}
	id := [sha256.Size]byte(h.Sum(nil))
	d.mu.Lock()
	e := d.dataKeys[id]
	if e == nil {
		e = &dataKey{}
		d.dataKeys[id] = e
	}
	d.mu.Unlock()
	e.once.Do(func() { e.key, e.err = d.unlock(ctx, m) })
	if err := ctx.Err(); err != nil && e.err != nil {
		return nil, err
	}
	if e.err != nil {
		err := e.err
		if errors.Is(err, errNoKey) {
			err = nil
		}
		return nil, &NoKeyError{File: file, Keys: names(m), Err: err}
	}
	return e.key, nil
}

func names(m gosops.Metadata) []string {
	var out []string
	for _, g := range m.KeyGroups {
		for _, k := range g {
			name := k.ToString()
			if _, ok := k.(*pgp.MasterKey); ok {
				name = "PGP " + name
			}
			out = append(out, name)
		}
	}
	return out
}

var errNoKey = errors.New("no key is at hand")

// unlock decrypts the data key with a key of each group, or of as many groups as it is shared among.
func (d *Decrypter) unlock(ctx context.Context, m gosops.Metadata) ([]byte, error) {
	var parts [][]byte
	var errs []error
	for _, group := range m.KeyGroups {
		part, err := d.unlockGroup(ctx, group)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		parts = append(parts, part)
	}
	switch {
	case len(m.KeyGroups) == 1 && len(parts) == 1:
		return parts[0], nil
	case len(m.KeyGroups) > 1 && len(parts) > 0 && len(parts) >= m.ShamirThreshold:
		return shamir.Combine(parts)
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, errNoKey) })
	if len(errs) == 0 {
		return nil, errNoKey
	}
	return nil, errors.Join(errs...)
}

func (d *Decrypter) unlockGroup(ctx context.Context, group gosops.KeyGroup) ([]byte, error) {
	offlineFirst := slices.Clone(group)
	slices.SortStableFunc(offlineFirst, func(a, b keys.MasterKey) int { return online(a) - online(b) })
	var errs []error
	for _, k := range offlineFirst {
		key, err := d.unlockWith(ctx, k)
		if err == nil {
			return key, nil
		}
		if !errors.Is(err, errNoKey) {
			errs = append(errs, fmt.Errorf("%s: %w", k.ToString(), err))
		}
	}
	if len(errs) == 0 {
		return nil, errNoKey
	}
	return nil, errors.Join(errs...)
}

// online is 1 for a key that only a service can use.
func online(k keys.MasterKey) int {
	switch k.(type) {
	case *sopsage.MasterKey, *pgp.MasterKey:
		return 0
	}
	return 1
}

func (d *Decrypter) unlockWith(ctx context.Context, k keys.MasterKey) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.keys.Env == nil || online(k) > 0 && !d.keys.Online {
		return nil, errNoKey
	}
	switch k := k.(type) {
	case *sopsage.MasterKey:
		ids, err := d.identities()
		if len(ids) == 0 {
			return nil, errors.Join(err, errNoKeyUnless(err))
		}
		sopsage.ParsedIdentities(ids).ApplyToMasterKey(k)
		key, err := k.Decrypt()
		var wrong *age.NoIdentityMatchError
		if errors.As(err, &wrong) {
			return nil, errNoKey
		}
		return key, err
	case *pgp.MasterKey:
		if home := d.keys.env("GNUPGHOME"); home != "" {
			pgp.GnuPGHome(home).ApplyToMasterKey(k)
		} else if home := d.keys.env("HOME"); home != "" {
			pgp.GnuPGHome(filepath.Join(home, ".gnupg")).ApplyToMasterKey(k)
		}
		return k.DecryptContext(ctx)
	case *hcvault.MasterKey:
		if token := d.keys.env("VAULT_TOKEN"); token != "" {
			hcvault.Token(token).ApplyToMasterKey(k)
		}
		return k.DecryptContext(ctx)
	case *kms.MasterKey:
		if d.keys.AWS != nil && k.AwsProfile == "" {
			as, err := d.keys.AWS(ctx)
			if err != nil {
				return nil, err
			}
			kms.NewCredentialsProvider(as).ApplyToMasterKey(k)
		}
		return k.DecryptContext(ctx)
	case interface {
		DecryptContext(ctx context.Context) ([]byte, error)
	}:
		return k.DecryptContext(ctx)
	}
	return k.Decrypt()
}

func errNoKeyUnless(err error) error {
	if err != nil {
		return nil
	}
	return errNoKey
}
