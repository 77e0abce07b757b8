package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

func TestWritesAreKeptApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pace := rest.NewPace(time.Second)
		begin := time.Now()
		for i := range 61 {
			if err := pace.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := time.Since(begin), time.Duration(i)*time.Second; got != want {
				t.Fatalf("write %d goes after %s, want %s", i, got, want)
			}
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		begin = time.Now()
		if err := pace.Wait(t.Context()); err != nil || time.Since(begin) != 0 {
			t.Errorf("after a pause a write waits for %s, %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := pace.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAReadIsTriedAgainAfterTheTimeThatTheForgeAsksFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   *forge.Error
		tries int
		wait  time.Duration
	}{
		{&forge.Error{Err: forge.ErrRateLimited, RetryAfter: 20 * time.Second}, 4, 60 * time.Second},
		{&forge.Error{Err: forge.ErrRateLimited}, 4, 3 * time.Minute},
		{&forge.Error{Err: forge.ErrRateLimited, RetryAfter: time.Hour}, 1, 0},
		{&forge.Error{Err: forge.ErrUnavailable}, 4, 7 * time.Second},
		{&forge.Error{Err: forge.ErrForbidden}, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, tries := time.Now(), 0
			err := rest.Read(t.Context(), time.Second, func() error { tries++; return tt.err })
			if !errors.Is(err, tt.err) || tries != tt.tries || time.Since(begin) != tt.wait {
				t.Errorf("%v: %d tries in %s, %v; want %d in %s", tt.err, tries, time.Since(begin), err, tt.tries, tt.wait)
			}
		})
	}
}

func TestAWriteIsTriedAgainOnlyWhereItDidNotTakePlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   *forge.Error
		tries int
		wait  time.Duration
	}{
		{&forge.Error{Err: forge.ErrRateLimited, RetryAfter: 20 * time.Second}, 4, 60 * time.Second},
		{&forge.Error{Err: forge.ErrRateLimited}, 1, 0}, // nobody knows for how long
		{&forge.Error{Err: forge.ErrRateLimited, RetryAfter: time.Hour}, 1, 0},
		{&forge.Error{Err: forge.ErrUnavailable}, 1, 0},
		{&forge.Error{Err: forge.ErrForbidden}, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, tries := time.Now(), 0
			err := rest.Write(t.Context(), func() error { tries++; return tt.err })
			if !errors.Is(err, tt.err) || tries != tt.tries || time.Since(begin) != tt.wait {
				t.Errorf("%v: %d tries in %s, %v; want %d in %s", tt.err, tries, time.Since(begin), err, tt.tries, tt.wait)
			}
		})
	}
}

func TestAnAnswerThatStillHoldsIsNotSentAgain(t *testing.T) {
	t.Parallel()
	version, sent := 1, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		tag := fmt.Sprintf(`"%d"`, version)
		w.Header().Set("ETag", tag)
		w.Header().Set("X-RateLimit-Remaining", fmt.Sprint(100-version))
		if req.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		w.Header().Set("Link", "next")
		fmt.Fprintf(w, "version %d%s", version, strings.Repeat(" ", len(req.URL.RawQuery)*1000))
	}))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &rest.Conditional{}}
	read := func(query string) string {
		t.Helper()
		resp, err := client.Get(server.URL + "/?" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Link") != "next" {
			t.Errorf("got %s %v, %v", resp.Status, resp.Header, err)
		}
		return strings.TrimSpace(string(body))
	}
	for _, want := range []struct{ version, sent int }{{1, 1}, {1, 1}, {2, 2}, {2, 2}} {
		version = want.version
		if got := read(""); got != fmt.Sprint("version ", version) || sent != want.sent {
			t.Errorf("got %q, sent %d times, want %d", got, sent, want.sent)
		}
	}
	long := strings.Repeat("x", 1100) // an answer that is too long to be kept
	read(long)
	if got := read(long); got != "version 2" || sent != 4 {
		t.Errorf("got %q, sent %d times", got, sent)
	}
	for range 2 { // a forge of many pull requests
		for i := range 500 {
			read(fmt.Sprint("a=", i))
		}
	}
	if read(""); sent != 504 {
		t.Errorf("sent %d times", sent)
	}
	for i := range 40 { // what was kept longest goes
		read(strings.Repeat("x", 900) + fmt.Sprint(i))
	}
	if read(""); sent != 545 {
		t.Errorf("sent %d times", sent)
	}
}
