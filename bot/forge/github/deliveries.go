package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// maxRedeliveries is how many deliveries are asked for again at a time: after a
// long outage the rest comes with the next ones.
const maxRedeliveries = 100

// Redeliver asks GitHub to send the app's webhooks again that were sent since
// then and of which no attempt had a success. It returns how many those are.
// [forge.ErrUnsupported] without an app: who may see the deliveries to a
// repository's own webhook may change that, too, which is not asked for.
//
// https://docs.github.com/en/rest/apps/webhooks
func (c *Client) Redeliver(ctx context.Context, since time.Time) (int, error) {
	const op = "look for webhooks that failed"
	if c.installed == nil {
		return 0, &forge.Error{Op: op, Err: forge.ErrUnsupported}
	}
	asApp := github.NewClient(&http.Client{Transport: c.installed.app, Timeout: 30 * time.Second, CheckRedirect: rest.FollowReads})
	asApp.BaseURL, asApp.UserAgent = c.installed.base, c.api.UserAgent
	delivered := map[string]bool{} // by GUID, which all attempts share: whether one had a success
	last := map[string]int64{}     // the newest attempt
	var order []string
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
			if _, seen := last[d.GUID]; !seen {
				last[d.GUID] = d.ID
				order = append(order, d.GUID)
			}
			delivered[d.GUID] = delivered[d.GUID] || d.StatusCode >= 200 && d.StatusCode < 300
		}
	}
	asked := 0
	for i := len(order) - 1; i >= 0 && asked < maxRedeliveries; i-- { // in the order in which things happened
		if delivered[order[i]] {
			continue
		}
		if err := c.pace.Wait(ctx); err != nil {
			return asked, err
		}
		req, err := asApp.NewRequest(http.MethodPost, fmt.Sprintf("app/hook/deliveries/%d/attempts", last[order[i]]), nil)
		if err != nil {
			return asked, err
		}
		// 202: it will be sent.
		if _, err := asApp.Do(ctx, req, nil); err != nil && !errors.As(err, new(*github.AcceptedError)) {
			return asked, c.failure(ctx, "ask for a webhook again", err)
		}
		asked++
	}
	return asked, nil
}

// wireDelivery is an attempt to deliver a webhook.
type wireDelivery struct {
	ID          int64     `json:"id"`
	GUID        string    `json:"guid"`
	DeliveredAt time.Time `json:"delivered_at"`
	StatusCode  int       `json:"status_code"`
}
