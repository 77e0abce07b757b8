package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/weighlock/weighlock/engine/object"
)

// pauses are how long a request waits before it is sent again.
var pauses = []time.Duration{200 * time.Millisecond, 600 * time.Millisecond, 1500 * time.Millisecond}

// retry sends a request that may be sent twice, again if it fails for a reason that may pass: one that changes nothing, or
// to the same each time. (Answers that say when to come back, such as 429, the client has already obeyed.) A server that
// has never answered is not waited for.
func (c *Cluster) retry(ctx context.Context, send func() error) error {
	for i, pause := range pauses {
		err := send()
		if status := apierrors.APIStatus(nil); err == nil || errors.As(err, &status) {
			c.answered.Store(true)
		}
		// A token that has just expired is renewed by the client when it is refused, for the next request.
		renewed := i == 0 && apierrors.IsUnauthorized(err)
		if !passing(err) && !renewed || !c.answered.Load() {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
	return send()
}

// passing says whether a failure may be gone in a moment.
func passing(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		// What an object itself is to blame for may be told as an internal error, too. Not so by what stands in front of
		// the API server and knows no objects.
		return slices.Contains([]int32{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, code) ||
			code == http.StatusInternalServerError && (apierrors.IsUnexpectedServerError(err) || behind.MatchString(err.Error()))
	}
	var network net.Error
	var address *url.Error
	return errors.As(err, &network) || errors.As(err, &address) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNREFUSED) ||
		cutOff.MatchString(err.Error())
}

// cutOff is how the client words that an answer ended in the middle; what it wraps then depends on the protocol.
var cutOff = regexp.MustCompile(`error when reading response body, may be caused by closed connection|unexpected error when reading response body`)

// unraced writes again where somebody else's write came in between. That others own fields, or that
// the object is another one by now, is no such thing.
func unraced(write func() error) (err error) {
	for range 5 {
		if err = write(); !apierrors.IsConflict(err) || another(err) || conflicts(object.Ref{}, err) != nil {
			break
		}
	}
	return err
}

// poll asks until the answer is yes or no, through outages that pass.
func poll(ctx context.Context, interval, timeout time.Duration, ask wait.ConditionWithContextFunc) error {
	var outage error
	err := wait.PollUntilContextTimeout(ctx, interval, timeout, true, func(ctx context.Context) (bool, error) {
		done, err := ask(ctx)
		if passing(err) {
			outage, err = err, nil
		} else {
			outage = nil
		}
		return done, err
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case outage != nil && wait.Interrupted(err):
		return outage
	}
	return err
}

// patient sends reads again that fail for a reason that may pass, for a client that does not do so by itself.
func (c *Cluster) patient(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (res *http.Response, err error) {
		err = c.retry(req.Context(), func() error {
			if res, err = next.RoundTrip(req); err != nil { //nolint:bodyclose // the caller's, or closed below
				return err
			}
			switch {
			case res.StatusCode < http.StatusInternalServerError, res.Header.Get("Retry-After") != "":
				c.answered.Store(true)
				return nil
			}
			// The last one's body is the caller's.
			body, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
			res.Body.Close()
			res.Body = io.NopCloser(bytes.NewReader(body))
			if err != nil {
				return err
			}
			return &apierrors.StatusError{ErrStatus: metav1.Status{Code: http.StatusServiceUnavailable, Message: res.Status}}
		})
		if status := apierrors.APIStatus(nil); errors.As(err, &status) {
			return res, nil
		}
		return res, err
	})
}

// ending ends requests when done is closed.
func ending(next http.RoundTripper, done <-chan struct{}) http.RoundTripper {
	if done == nil {
		return next
	}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithCancel(req.Context())
		// Not when this function returns: the answer's body is still to be read.
		go func() {
			defer cancel()
			select {
			case <-done:
			case <-ctx.Done():
			}
		}()
		return untilRead(next, req.WithContext(ctx), cancel)
	})
}

// untilRead sends a request whose context is cancelled once its answer has been read.
func untilRead(next http.RoundTripper, req *http.Request, cancel context.CancelFunc) (*http.Response, error) {
	res, err := next.RoundTrip(req)
	if err != nil {
		cancel()
		return nil, err
	}
	res.Body = &endingBody{res.Body, cancel}
	return res, nil
}

// endingBody is a body that lets go of its request when it is closed.
type endingBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements [io.Closer].
func (b *endingBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// maxRefusal bounds the text of a refusal.
const maxRefusal = 1 << 20
