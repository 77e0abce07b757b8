package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An HTTPRequest asks a web server for a document.
type HTTPRequest struct {
	URL string
	// Method "" is GET.
	Method  string
	Body    string
	Headers map[string]string
}

// HTTP returns the document of a web server's answer. Success is any status from 200 to 299; 404 is a [MissingError].
//
// A server that asks for credentials, by 401, gets those of its host by basic authentication: the address's own, or those of
// WEIGHLOCK_HTTP[_n]_HOST, _USERNAME and _PASSWORD, or those of the file that NETRC names, else of ~/.netrc. Where a
// redirect leads to another host, neither credentials nor headers follow, and none are looked up for it.
func (c *Client) HTTP(ctx context.Context, r HTTPRequest) (Answer, error) {
	return c.once(ctx, r, func(ctx context.Context) (Answer, error) {
		u, err := url.Parse(r.URL)
		if err != nil {
			return Answer{}, errors.New("the address cannot be read: is a character in it that would have to be escaped?") // the error repeats the address
		}
		if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return Answer{}, fmt.Errorf("found the address %s, expected one that begins with https:// or http://", shown(u))
		}
		own := u.User
		u.User = nil
		a, err := c.get(ctx, r, u, nil)
		a.Secret = hasCredentials(r.Headers)
		var locked *lockedError
		if !errors.As(err, &locked) {
			return a, err
		}
		user, err := c.unlock(locked, r, u, own)
		if err != nil {
			return Answer{}, err
		}
		a, err = c.get(ctx, r, u, user.Userinfo)
		a.Secret = true
		if errors.As(err, &locked) {
			return Answer{}, fmt.Errorf("%s: refused (401); the credentials of %s are not valid there", shown(u), user.from)
		}
		return a, err
	})
}

// Address is an address for messages, without what may be secret in it: the user, the query, the fragment.
func Address(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "an address that cannot be read"
	}
	return shown(u)
}

// shown is an address without what may be secret in it.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// plainHeaders are those that nobody gives a credential in.
var plainHeaders = map[string]bool{"Accept": true, "Accept-Language": true, "Content-Type": true, "User-Agent": true}

func hasCredentials(headers map[string]string) bool {
	for k := range headers {
		if !plainHeaders[http.CanonicalHeaderKey(k)] {
			return true
		}
	}
	return false
}

// get sends one request, and follows redirects.
func (c *Client) get(ctx context.Context, r HTTPRequest, u *url.URL, user *url.Userinfo) (Answer, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", shown(u), err)
	}
	if user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	for k, v := range r.Headers {
		if strings.EqualFold(k, "Host") {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	client := &http.Client{Transport: c.transport(), CheckRedirect: redirect}
	resp, err := client.Do(req)
	if err != nil {
		var failed *url.Error // it repeats the address with its query
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return Answer{}, fmt.Errorf("%s: %w", shown(u), err)
	}
	defer resp.Body.Close()
	final := resp.Request.URL
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return Answer{}, &MissingError{What: shown(final)}
	case resp.StatusCode == http.StatusUnauthorized:
		return Answer{}, &lockedError{url: final, challenges: resp.Header.Values("WWW-Authenticate")}
	case resp.StatusCode == http.StatusForbidden:
		return Answer{}, fmt.Errorf("%s: refused (403); what is sent does not give the right to read it", shown(final))
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return Answer{}, fmt.Errorf("%s: the server answered %s, expected a status from 200 to 299", shown(final), resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%s: reading the answer: %w", shown(final), err)
	case len(text) > maxAnswer:
		return Answer{}, fmt.Errorf("%s: the answer is larger than %d MiB, too much for variables", shown(final), maxAnswer>>20)
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return Answer{Text: text, MediaType: strings.TrimSpace(media)}, nil
}

const maxRedirects = 10

// redirect takes from a redirect to another host what was meant for the first one.
func redirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case first.URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("is redirected to %s, out of encryption; name an address that is not", shown(req.URL))
	case req.URL.Host == first.URL.Host:
		return nil
	case req.Body != nil && req.Body != http.NoBody:
		return fmt.Errorf("is redirected to %s, another host, with the request's body; name that address if it may have it", shown(req.URL))
	}
	for k := range req.Header {
		if !plainHeaders[k] {
			req.Header.Del(k)
		}
	}
	req.Host = ""
	return nil
}

// A lockedError is an answer that asks for credentials.
type lockedError struct {
	url        *url.URL
	challenges []string
}

func (e *lockedError) Error() string { return shown(e.url) + ": asks for credentials (401)" }

// login is a user and where the password is from.
type login struct {
	*url.Userinfo
	from string
}

// unlock finds the credentials for an answer that asks for some.
func (c *Client) unlock(locked *lockedError, r HTTPRequest, asked *url.URL, own *url.Userinfo) (login, error) {
	if locked.url.Host != asked.Host {
		return login{}, fmt.Errorf("%s: is redirected to another host, whose answer asks for credentials (401): %s; name that address if it may have them", shown(asked), shown(locked.url))
	}
	for k := range r.Headers {
		if strings.EqualFold(k, "Authorization") {
			return login{}, fmt.Errorf("%s: refused (401); the Authorization header of the source is not valid there", shown(asked))
		}
	}
	if schemes := challengeSchemes(locked.challenges); len(schemes) > 0 && !schemes["basic"] {
		return login{}, fmt.Errorf("%s: asks for credentials by %s (401), which Weighlock does not speak: it knows basic authentication, and sends the headers that the source names",
			shown(asked), strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
	}
	if own != nil {
		return login{own, "the address"}, nil
	}
	l, ok, err := c.loginFor(asked)
	if err != nil {
		return login{}, err
	}
	if !ok {
		return login{}, fmt.Errorf("%s: asks for credentials (401), and there are none for %s; set WEIGHLOCK_HTTP_HOST=%s, WEIGHLOCK_HTTP_USERNAME and WEIGHLOCK_HTTP_PASSWORD, or name the host in ~/.netrc",
			shown(asked), asked.Hostname(), asked.Host)
	}
	return l, nil
}

// challengeSchemes are the ways of authentication that a server offers, in lower case.
func challengeSchemes(challenges []string) map[string]bool {
	schemes := map[string]bool{}
	for _, c := range challenges {
		// Several may share a header; a scheme is a word that no "=" follows.
		for part := range strings.SplitSeq(c, ",") {
			word, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if word != "" && !strings.Contains(word, "=") {
				schemes[strings.ToLower(word)] = true
			}
		}
	}
	return schemes
}
