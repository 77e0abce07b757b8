package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// download says how one file is got from a web server.
type download struct {
	cred    Credential
	environ []string
	limit   int64                       // of the file, in bytes
	remedy  func(status int) string     // what to do about an answer that is none; begins with "; " or is empty
	allow   func(redirect string) error // asked before a redirect is followed; nil allows all
}

// slowest is how long one file may take; the context may allow less.
const slowest = 5 * time.Minute

// get gets a file. What goes wrong names its address, without user and query, which can hold secrets.
func (d download) get(ctx context.Context, at *url.URL) ([]byte, error) {
	shown := withoutSecrets(at)
	transport, err := httpTransport(d.cred, d.environ)
	if err != nil {
		return nil, err
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeoutCause(ctx, slowest, fmt.Errorf("it took longer than %s", slowest))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s is not an address that can be asked", shown)
	}
	req.Header.Set("User-Agent", "weighlock")
	req.URL.User = nil
	if d.cred.Username != "" || d.cred.Password != "" {
		req.SetBasicAuth(d.cred.Username, d.cred.Password)
	}
	client := http.Client{Transport: transport, CheckRedirect: d.redirected(at)}
	resp, err := client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // its text has the address, which may have been redirected to one with a secret
			err = failed.Err
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s: %w; is the server up, and reachable from here?", shown, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the server answers %s%s", shown, resp.Status, d.remedy(resp.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, d.limit+1))
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", shown, context.Cause(ctx))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%s: the server's answer is cut off after %d bytes", shown, len(data))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", shown, err)
	case int64(len(data)) > d.limit:
		return nil, fmt.Errorf("%s: has more than the %d bytes allowed", shown, d.limit)
	}
	return data, nil
}

// redirected bounds where the server of an address may lead to.
func (d download) redirected(at *url.URL) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		switch {
		case len(via) >= 10:
			return errors.New("it is redirected without an end")
		case at.Scheme == "https" && next.URL.Scheme != "https":
			return errors.New("it is redirected to an address without TLS")
		case d.allow != nil:
			if err := d.allow(withoutSecrets(next.URL)); err != nil {
				return fmt.Errorf("it is redirected to %s: %w", withoutSecrets(next.URL), err)
			}
		}
		return nil
	}
}

// withoutSecrets is an address without user and query.
func withoutSecrets(at *url.URL) string {
	return (&url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}).String()
}

// A File is one from a web server.
type File struct {
	Data []byte
	// URL is its address, without user and query.
	URL string
	// Digest is of Data: sha256:….
	Digest string
}

// maxFile is much more than the manifests have that projects publish.
const maxFile = 32 << 20

// File gets a file from a web server, once in a run. It is asked without credentials.
func (c *Cache) File(ctx context.Context, text string) (File, error) {
	at, err := url.Parse(text)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return File{}, errors.New("the address of a file must begin with https:// and name a host")
	}
	file := File{URL: withoutSecrets(at)}
	if _, err := parseAddress(file.URL); err != nil {
		return File{}, err
	}
	allow := func(url string) error {
		if c.opts.Allow == nil {
			return nil
		}
		return c.opts.Allow(KindFile, url)
	}
	if err := allow(file.URL); err != nil {
		return File{}, fmt.Errorf("%s: %w", file.URL, err)
	}
	c.mu.Lock()
	asked, known := c.files[text]
	if !known {
		asked = newOnced[[]byte]()
		c.files[text] = asked
	}
	c.mu.Unlock()
	file.Data, err = asked.get(ctx, func() ([]byte, error) {
		return download{environ: c.opts.Environ, limit: maxFile, remedy: fileRemedy, allow: allow}.get(ctx, at)
	})
	sum := sha256.Sum256(file.Data)
	file.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return file, err
}

func fileRemedy(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "; files are asked for without credentials: name the repository that it is in, as git does"
	case http.StatusNotFound:
		return "; check the address"
	}
	return ""
}
