// Package servetest runs the server as a process, delivers what a stand-in forge tells, signed as the forge would, and kills it.
// Tests and the demonstration use it.
package servetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/weighlock/weighlock/bot/forge/forgetest"
)

// Secret is the webhooks' secret, SigningToken what GitLab signs them with.
const (
	Secret       = "the webhooks' secret, of this test"
	SigningToken = "whsec_dGhlIHNpZ25pbmcga2V5IG9mIHRoaXMgdGVzdA=="
)

// A Server is the program as a server.
type Server struct {
	// Program and its leading arguments; "serve" is appended. Env is added to an environment of its own.
	Program []string
	Env     []string
	// Kind is github or gitlab; API and Git are their addresses, Token is whom it speaks as.
	Kind, API, Git, Token string
	// Signs says that GitLab signs webhooks, in place of sending its secret token.
	Signs bool
	// Database is a path or an address; empty is a file in Dir. Limits are those of the configuration, such as "{workers: 2}".
	Database, Limits string
	// Poll, if it is not empty, is how often the forge is asked; there is no door then.
	Poll string
	// Repositories are those that it looks at when it starts, or YAML that says more of them; default: all that it hears of.
	Repositories []string
	Kubeconfig   string
	// PreviewKubeconfig, if set, is that of previews.
	PreviewKubeconfig string
	// Dir is where the configuration and all files of the server are.
	Dir string

	mu         sync.Mutex
	configured bool
	cmd        *exec.Cmd
	exited     chan error
	webhooks   string
	internal   string
}

// Start starts the server, and waits until it serves. It listens where it did before.
func (s *Server) Start(ctx context.Context) error {
	if !s.configured {
		if err := s.configure(); err != nil {
			return err
		}
		s.configured = true
	}
	listen := func(address string) string {
		if address == "" {
			return "127.0.0.1:0"
		}
		return address
	}
	cmd := exec.Command(s.Program[0], append(append([]string(nil), s.Program[1:]...), "serve", "--config", filepath.Join(s.Dir, "server.yaml"), "--listen", listen(s.webhooks), "--internal", listen(s.internal))...)
	cmd.Dir = s.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir, "TMPDIR=" + os.TempDir(), "FORGE_TOKEN=" + s.Token, "WEBHOOK_SECRET=" + Secret, "SIGNING_TOKEN=" + SigningToken}, s.Env...)
	// What the server has logged before it answers a request is there when the answer is: it writes to the file itself.
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	s.cmd, s.exited = cmd, exited
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		serving, err := s.serving(before)
		if serving || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case err := <-exited:
			exited <- err
			return fmt.Errorf("the server has not started: %w\n%s", errors.Join(err), s.Log())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.Kill())
		}
	}
}

func (s *Server) logPath() string { return filepath.Join(s.Dir, "server.log") }

func (s *Server) configure() error {
	if s.Database == "" {
		s.Database = filepath.Join(s.Dir, "weighlock.db")
	}
	repositories := "  repositories: ['*/*']\n"
	if len(s.Repositories) > 0 {
		repositories = "  repositories: [" + strings.Join(s.Repositories, ", ") + "]\n"
	}
	limits := s.Limits
	if limits == "" {
		limits = "{}"
	}
	secrets := "secrets: [{env: WEBHOOK_SECRET}]"
	switch {
	case s.Poll != "":
		secrets = ""
	case s.Signs:
		secrets = "signingTokens: [{env: SIGNING_TOKEN}]"
	}
	if s.Poll != "" {
		limits += "\npoll: " + s.Poll
	}
	config := fmt.Sprintf("version: 1\ndatabase: %q\ncache: %q\nkubeconfig: %q\nlimits: %s\nforges:\n- kind: %s\n  api: %s\n  git: %s\n  token: {env: FORGE_TOKEN}\n  %s\n%s",
		s.Database, filepath.Join(s.Dir, "cache"), s.Kubeconfig, limits, s.Kind, s.API, s.Git, secrets, repositories)
	if s.PreviewKubeconfig != "" {
		config += fmt.Sprintf("preview: {kubeconfig: %q}\n", s.PreviewKubeconfig)
	}
	return os.WriteFile(filepath.Join(s.Dir, "server.yaml"), []byte(config), 0o600)
}

// serving looks for the line that says where the server listens, behind what the log had before.
func (s *Server) serving(before int64) (bool, error) {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return false, err
	}
	for line := range bytes.Lines(text[before:]) {
		var said struct{ Msg, Webhooks, Internal string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "serving" {
			s.mu.Lock()
			s.webhooks, s.internal = said.Webhooks, said.Internal
			s.mu.Unlock()
			return true, nil
		}
	}
	return false, nil
}

// Internal is the address of what is for operators.
func (s *Server) Internal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.internal
}

// Log is what the server has logged so far, also before it was started anew.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Kill kills the server as kill -9 does.
func (s *Server) Kill() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
	return err
}

// Stop asks the server to end, and waits for that.
func (s *Server) Stop() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	err = errors.Join(err, <-s.exited)
	s.cmd = nil
	return err
}

// Deliver posts a webhook, signed, and returns the status of the answer.
func (s *Server) Deliver(ctx context.Context, hook forgetest.Webhook) (int, error) {
	return s.deliver(ctx, hook, Secret)
}

// Forge posts a webhook that is signed by somebody who does not know the secret.
func (s *Server) Forge(ctx context.Context, hook forgetest.Webhook) (int, error) {
	return s.deliver(ctx, hook, "another secret, that was guessed")
}

func (s *Server) deliver(ctx context.Context, hook forgetest.Webhook, secret string) (int, error) {
	s.mu.Lock()
	url := "http://" + s.webhooks + "/webhook/" + s.Kind
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(hook.Body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	switch {
	case s.Kind == "gitlab" && s.Signs:
		key := []byte(secret)
		if secret == Secret {
			key, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(SigningToken, "whsec_"))
		}
		now := strconv.FormatInt(time.Now().Unix(), 10)
		req.Header.Set("X-Gitlab-Event", hook.Name)
		req.Header.Set("webhook-id", hook.Delivery)
		req.Header.Set("webhook-timestamp", now)
		req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sign(key, []byte(hook.Delivery+"."+now+"."), hook.Body)))
	case s.Kind == "gitlab":
		req.Header.Set("X-Gitlab-Event", hook.Name)
		req.Header.Set("X-Gitlab-Event-UUID", hook.Delivery)
		req.Header.Set("X-Gitlab-Token", secret)
	default:
		req.Header.Set("X-GitHub-Event", hook.Name)
		req.Header.Set("X-GitHub-Delivery", hook.Delivery)
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sign([]byte(secret), hook.Body)))
	}
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, errors.Join(err, resp.Body.Close())
}

func sign(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// Idle waits until nothing waits any more, and nothing that this server runs is still to be logged.
func (s *Server) Idle(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := s.sum(ctx, "weighlock_queue_items")
		if err == nil && n == 0 {
			// A run is no item of the queue any more when it has yet to say that it has ended.
			if running, err := s.sum(ctx, "weighlock_oldest_run_seconds"); err == nil && running == 0 {
				return nil
			}
		}
		select {
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("the server has ended: %w\n%s", errors.Join(err), s.Log())
		case <-ctx.Done():
			return fmt.Errorf("%g items are open: %w", n, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// sum adds up a metric over its labels.
func (s *Server) sum(ctx context.Context, metric string) (float64, error) {
	text, err := s.Get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	total, found := 0.0, false
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, metric+"{"); ok {
			_, value, _ = strings.Cut(strings.TrimSpace(value), "} ")
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			total, found = total+n, true
		}
	}
	if !found {
		return 0, fmt.Errorf("the metrics have no %s", metric)
	}
	return total, nil
}

// Get reads a page of the internal listener; an error is also what is not a success.
func (s *Server) Get(ctx context.Context, path string) (string, error) {
	s.mu.Lock()
	url := "http://" + s.internal + path
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}
