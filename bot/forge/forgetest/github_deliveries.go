package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// hookDelivery is an attempt to deliver a webhook to the app.
type hookDelivery struct {
	id     int64
	hook   Webhook
	at     time.Time
	status int
	again  bool
}

// Delivered tells the stand-in what a webhook of the app was answered with, 0
// for nothing at all.
func (g *GitHub) Delivered(hook Webhook, status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	again := slices.ContainsFunc(g.attempts, func(d hookDelivery) bool { return d.hook.Delivery == hook.Delivery })
	g.attempts = append(g.attempts, hookDelivery{id: g.nextID(), hook: hook, at: g.clock(), status: status, again: again})
}

// Wanted returns the webhooks that were asked for again since the last time, in
// that order: GitHub would send them now.
func (g *GitHub) Wanted() []Webhook {
	g.mu.Lock()
	defer g.mu.Unlock()
	wanted := g.wanted
	g.wanted = nil
	return wanted
}

func (g *GitHub) listDeliveries(w *response, req request) {
	if g.appOf(req.Request) == nil {
		w.refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	size, from := 30, 0
	if n, err := strconv.Atoi(req.URL.Query().Get("per_page")); err == nil {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(req.URL.Query().Get("cursor")); err == nil {
		from = n
	}
	out := []object{}
	for i := len(g.attempts) - 1 - from; i >= 0 && len(out) < size; i-- { // the newest first
		d := g.attempts[i]
		out = append(out, object{
			"id": d.id, "guid": d.hook.Delivery, "delivered_at": d.at.UTC().Format(time.RFC3339), "redelivery": d.again, "duration": 0.1,
			"status": http.StatusText(d.status), "status_code": d.status, "event": d.hook.Name, "action": nil, "installation_id": nil, "repository_id": nil,
		})
	}
	if next := from + len(out); next < len(g.attempts) {
		u := url.URL{Path: req.URL.Path, RawQuery: url.Values{"per_page": {fmt.Sprint(size)}, "cursor": {fmt.Sprint(next)}}.Encode()}
		w.header.Set("Link", fmt.Sprintf(`<%s%s>; rel="next"`, g.url, u.String()))
	}
	w.json(http.StatusOK, out)
}

func (g *GitHub) redeliver(w *response, req request) {
	if g.appOf(req.Request) == nil {
		w.refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
		return
	}
	for _, d := range g.attempts {
		if fmt.Sprint(d.id) == req.PathValue("delivery") {
			g.wanted = append(g.wanted, d.hook)
			w.json(http.StatusAccepted, object{})
			return
		}
	}
	w.refuse(http.StatusNotFound, "Not Found")
}
