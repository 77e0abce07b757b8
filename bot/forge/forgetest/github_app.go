package forgetest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// botSuffix ends the login of an app.
const botSuffix = "[bot]"

type gitHubApp struct {
	id, installation int64
	slug             string
	key              *rsa.PublicKey
}

// AddApp makes a GitHub App with one installation, which may read what is
// public until it is made a collaborator. Its account is the slug's with [bot].
func (g *GitHub) AddApp(slug string, id, installation int64, key *rsa.PublicKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.user(slug + botSuffix)
	g.apps = append(g.apps, gitHubApp{id: id, installation: installation, slug: slug, key: key})
}

// appOf finds the app that has signed a request's token, or nil.
func (g *GitHub) appOf(req *http.Request) *gitHubApp {
	parts := strings.Split(bearer(req), ".")
	if len(parts) != 3 {
		return nil
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil
	}
	var claims struct {
		Issuer  string  `json:"iss"`
		Expires float64 `json:"exp"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return nil
	}
	if left := time.Until(time.Unix(int64(claims.Expires), 0)); left <= 0 || left > 10*time.Minute { // GitHub's limit
		return nil
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for i := range g.apps {
		app := &g.apps[i]
		if claims.Issuer == fmt.Sprint(app.id) && rsa.VerifyPKCS1v15(app.key, crypto.SHA256, sum[:], signature) == nil {
			return app
		}
	}
	return nil
}

func (g *GitHub) getApp(w *response, req request) {
	app := g.appOf(req.Request)
	if app == nil {
		w.refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	w.json(http.StatusOK, g.appJSON(app.slug))
}

func (g *GitHub) getInstallation(w *response, req request) {
	app := g.appOf(req.Request)
	if app == nil {
		w.refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	r := g.repos[forge.Repo{Owner: req.PathValue("account"), Name: req.PathValue("name")}]
	if r == nil || r.permissions[app.slug+botSuffix] == forge.NoPermission {
		w.refuse(http.StatusNotFound, "Not Found")
		return
	}
	at := fmt.Sprintf("%s/app/installations/%d", g.URL(), app.installation)
	w.json(http.StatusOK, object{
		"id": app.installation, "account": g.userJSON(g.user(req.PathValue("account"))), "repository_selection": "all", "access_tokens_url": at + "/access_tokens",
		"repositories_url": g.URL() + "/installation/repositories", "html_url": gitHubURL + "/settings/installations", "app_id": app.id, "target_id": 1, "target_type": "Organization",
		"permissions": object{"checks": "write"}, "events": []string{}, "created_at": exampleTime, "updated_at": exampleTime, "single_file_name": nil, "app_slug": app.slug,
		"suspended_by": nil, "suspended_at": nil,
	})
}

func (g *GitHub) createToken(w *response, req request) {
	app := g.appOf(req.Request)
	if app == nil || fmt.Sprint(app.installation) != req.PathValue("installation") {
		w.refuse(http.StatusNotFound, "Integration not found")
		return
	}
	token := fmt.Sprintf("ghs_installation%d", g.nextID())
	g.tokens[token] = Token{Login: app.slug + botSuffix}
	w.json(http.StatusCreated, object{
		"token": token, "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		"permissions": object{"contents": "read", "checks": "write"}, "repository_selection": "all",
	})
}
