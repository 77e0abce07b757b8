package webhook_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weighlock/weighlock/bot/webhook"
)

// FuzzVerify: whatever the headers are, only who knows a secret is let in, and then with an event and an ID.
func FuzzVerify(f *testing.F) {
	key := []byte("the key of a hook")
	f.Add("push", "1", hubSignature(secret, "body"), "", "", []byte("body"))
	f.Add("push", "1", "sha256="+strings.ToUpper(strings.TrimPrefix(hubSignature(secret, "body"), "sha256=")), "", "", []byte("body"))
	f.Add("push", "1", "sha256=zz", secret, "1700000000", []byte("body"))
	f.Add("Push Hook", "id", "v1,"+base64.StdEncoding.EncodeToString(key), "another token of a hook", "1700000000", []byte("{}"))
	gitHub, err := webhook.GitHub([]string{secret})
	if err != nil {
		f.Fatal(err)
	}
	gitLab, err := webhook.GitLab([]string{older}, []string{"whsec_" + base64.StdEncoding.EncodeToString(key)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, event, id, signature, token, at string, body []byte) {
		header := http.Header{}
		for name, value := range map[string]string{
			"X-GitHub-Event": event, "X-GitHub-Delivery": id, "X-Hub-Signature-256": signature, "X-Hub-Signature": signature,
			"X-Gitlab-Event": event, "X-Gitlab-Event-UUID": id, "X-Gitlab-Token": token, "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature,
		} {
			header.Set(name, value)
		}
		// A digest in capitals is the same digest.
		for verify, knows := range map[*webhook.Verify]bool{&gitHub: strings.EqualFold(signature, hubSignature(secret, string(body))), &gitLab: token == older && signature == ""} {
			got, err := (*verify)(header, body, time.Unix(1700000000, 0))
			switch {
			case err == nil && (!knows || got.Event == "" || got.ID == ""):
				t.Errorf("let in: %+v", got)
			case err != nil && !errors.Is(err, webhook.ErrForged):
				t.Errorf("got %v", err)
			}
		}
	})
}
