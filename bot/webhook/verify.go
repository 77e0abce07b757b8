package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// minSecret is how long a secret must be at least: shorter ones can be guessed.
const minSecret = 16

func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return errors.New("no webhook secret: without one anybody could give orders")
	}
	for _, s := range secrets {
		if len(s) < minSecret {
			return fmt.Errorf("a webhook secret has %d characters, want %d at least", len(s), minSecret)
		}
	}
	return nil
}

// GitHub verifies X-Hub-Signature-256 by any of the secrets; the older SHA-1 signature counts for nothing. The delivery's ID is
// not signed: who repeats an old request under another ID gets it carried out again as far as it still holds.
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
func GitHub(secrets []string) (Verify, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	return func(header http.Header, body []byte, _ time.Time) (Header, error) {
		h := Header{Event: header.Get("X-GitHub-Event"), ID: header.Get("X-GitHub-Delivery")}
		signature, ok := strings.CutPrefix(header.Get("X-Hub-Signature-256"), "sha256=")
		if !ok {
			return h, fmt.Errorf("%w: there is no X-Hub-Signature-256", ErrForged)
		}
		got, err := hex.DecodeString(signature)
		if err != nil || !signedByAny(secrets, got, body) {
			return h, ErrForged
		}
		return h, complete(h)
	}, nil
}

// GitHubPromising says whether a request has what each of GitHub's has.
func GitHubPromising(h http.Header) bool {
	return h.Get("X-Hub-Signature-256") != "" && h.Get("X-GitHub-Event") != "" && h.Get("X-GitHub-Delivery") != ""
}

// GitLabPromising says whether a request has what each of GitLab's has.
func GitLabPromising(h http.Header) bool {
	return h.Get("X-Gitlab-Event") != "" && (h.Get("X-Gitlab-Token") != "" || h.Get("webhook-signature") != "")
}

// oldest is how far the time that a signature covers may be off.
const oldest = 5 * time.Minute

// GitLab verifies what a GitLab hook is configured with: a signing token (the headers of Standard Webhooks), by any of the keys,
// or the secret token, which is sent as it is, by any of the secrets. A request with a signature is judged by that alone.
// https://docs.gitlab.com/user/project/integrations/webhooks/, https://github.com/standard-webhooks/standard-webhooks
func GitLab(secrets, keys []string) (Verify, error) {
	if err := checkSecrets(append(append([]string(nil), secrets...), keys...)); err != nil {
		return nil, err
	}
	decoded := make([]string, len(keys))
	for i, key := range keys {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
		if err != nil || len(raw) < minSecret {
			return nil, errors.New("a webhook's signing token is not what GitLab shows: whsec_ and base64")
		}
		decoded[i] = string(raw)
	}
	return func(header http.Header, body []byte, now time.Time) (Header, error) {
		h := Header{Event: header.Get("X-Gitlab-Event"), ID: firstOf(header, "Idempotency-Key", "X-Gitlab-Event-UUID")}
		if signatures := header.Get("webhook-signature"); signatures != "" && len(keys) > 0 {
			h.ID = header.Get("webhook-id") // which is signed
			seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
			if err != nil {
				return h, fmt.Errorf("%w: there is no webhook-timestamp", ErrForged)
			}
			if off := now.Sub(time.Unix(seconds, 0)); off > oldest || off < -oldest {
				return h, fmt.Errorf("%w: it was made at another time (%s off)", ErrForged, off.Round(time.Second))
			}
			for one := range strings.FieldsSeq(signatures) {
				got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
				if err == nil && strings.HasPrefix(one, "v1,") && signedByAny(decoded, got, []byte(h.ID+"."+header.Get("webhook-timestamp")+"."), body) {
					return h, complete(h)
				}
			}
			return h, ErrForged
		}
		token := sha256.Sum256([]byte(header.Get("X-Gitlab-Token")))
		same := 0
		for _, s := range secrets {
			want := sha256.Sum256([]byte(s)) // of one length, so that the time says nothing of it
			same |= subtle.ConstantTimeCompare(token[:], want[:])
		}
		if same != 1 {
			return h, ErrForged
		}
		return h, complete(h)
	}, nil
}

// complete refuses what names no event or no delivery: it cannot be told from others.
func complete(h Header) error {
	const longest = 200
	if h.Event == "" || h.ID == "" || len(h.ID) > longest {
		return fmt.Errorf("%w, or no forge made the request: it names no event or no delivery", ErrForged)
	}
	return nil
}

func firstOf(header http.Header, names ...string) string {
	for _, name := range names {
		if v := header.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// signedByAny says whether an HMAC with SHA-256 over the parts is by one of the secrets.
func signedByAny(secrets []string, got []byte, parts ...[]byte) bool {
	found := false
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s))
		for _, p := range parts {
			mac.Write(p)
		}
		found = hmac.Equal(got, mac.Sum(nil)) || found
	}
	return found
}
