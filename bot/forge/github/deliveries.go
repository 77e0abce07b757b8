package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// maxRedeliveries is how many deliveries are asked for again at a time: after a
// long outage the rest comes with the next ones.
const maxRedeliveries = 100

// A failedHook is a delivery of which no attempt had a success yet.
type failedHook struct {
	last  int64     // the newest attempt
	sent  time.Time // when that was
	asked int       // how often it was asked for again
	next  time.Time // when it is to be asked for again
}

// again is how long a delivery is left alone that was asked for and failed again; twice as long each time.
const again = time.Minute

// offered is for how long GitHub sends a delivery again.
const offered = 3 * 24 * time.Hour

// Redeliver asks GitHub to send the app's webhooks again that were sent since
// then and of which no attempt had a success, and those of earlier calls, each
// less and less often: what is not understood fails again. It returns how many
// it asked for, also with an error.
// [forge.ErrUnsupported] without an app: who may see the deliveries to a
// repository's own webhook may change that, too, which is not asked for.
//
// https://docs.github.com/en/rest/apps/webhooks
func (c *Client) Redeliver(ctx context.Context, since, now time.Time) (int, error) {
	const op = "look for webhooks that failed"
	if c.installed == nil {
		return 0, &forge.Error{Op: op, Err: forge.ErrUnsupported}
	}
	asApp := github.NewClient(&http.Client{Transport: c.installed.app, Timeout: 30 * time.Second, CheckRedirect: rest.Follow})
	asApp.BaseURL, asApp.UserAgent = c.installed.base, c.api.UserAgent
	delivered := map[string]bool{} // by GUID, which all attempts share: whether one had a success
	newest := map[string]wireDelivery{}
	for cursor, more := "", true; more; {
		var page []wireDelivery
		path := "app/hook/deliveries?per_page=100"
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		err := rest.Read(ctx, c.backoff, func() error {
			page = nil
			req, err := asApp.NewRequest(http.MethodGet, path, nil)
			if err != nil {
				return err
			}
			resp, err := asApp.Do(ctx, req, &page)
			if err != nil {
				return c.failure(ctx, op, err)
			}
			cursor = resp.Cursor
			return nil
		})
		if err != nil {
			return 0, err
		}
		more = cursor != "" && len(page) > 0
		for _, d := range page { // the newest first
			if d.DeliveredAt.Before(since) {
				more = false
				break
			}
			if _, seen := newest[d.GUID]; !seen {
				newest[d.GUID] = d
			}
			delivered[d.GUID] = delivered[d.GUID] || d.StatusCode >= 200 && d.StatusCode < 300
		}
	}
	c.installed.hooks.Lock()
	defer c.installed.hooks.Unlock()
	failed := c.installed.hooks.failed
	for guid, d := range newest {
		if failed[guid] == nil {
			failed[guid] = &failedHook{}
		}
		failed[guid].last, failed[guid].sent = d.ID, d.DeliveredAt
	}
	due := map[string]*failedHook{}
	for guid, h := range failed {
		switch {
		case delivered[guid] || now.Sub(h.sent) > offered:
			delete(failed, guid)
		case !now.Before(h.next):
			due[guid] = h
		}
	}
	asked := 0
	var refused []error
	// In the order in which things happened.
	for _, guid := range slices.SortedFunc(maps.Keys(due), func(a, b string) int {
		return cmp.Or(due[a].sent.Compare(due[b].sent), cmp.Compare(due[a].last, due[b].last))
	}) {
		if asked == maxRedeliveries {
			break
		}
		if err := c.pace.Wait(ctx); err != nil {
			return asked, err
		}
		h := due[guid]
		req, err := asApp.NewRequest(http.MethodPost, fmt.Sprintf("app/hook/deliveries/%d/attempts", h.last), nil)
		if err != nil {
			return asked, err
		}
		// 202: it will be sent.
		if _, err := asApp.Do(ctx, req, nil); err != nil && !errors.As(err, new(*github.AcceptedError)) {
			err = c.failure(ctx, "ask for a webhook again", err)
			if !errors.Is(err, forge.ErrInvalid) && !errors.Is(err, forge.ErrNotFound) {
				return asked, errors.Join(append(refused, err)...)
			}
			refused = append(refused, err) // one that is not to be had holds no other one up
		} else {
			asked++
		}
		h.next = now.Add(again << min(h.asked, 10))
		h.asked++
	}
	return asked, errors.Join(refused...)
}

// wireDelivery is an attempt to deliver a webhook.
type wireDelivery struct {
	ID          int64     `json:"id"`
	GUID        string    `json:"guid"`
	DeliveredAt time.Time `json:"delivered_at"`
	StatusCode  int       `json:"status_code"`
}
