package enginetest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditLog is the API server's audit log from some moment on.
type AuditLog struct {
	cluster *Cluster
	from    int64 // byte offset, at the beginning of a line
}

// Audit returns the log of what happens from now on: of requests that are answered after the call.
func (c *Cluster) Audit(tb testing.TB) *AuditLog {
	tb.Helper()
	return &AuditLog{cluster: c, from: c.mark(tb)}
}

// Since returns the requests that have been answered since the log was taken, everybody's, in the order in
// which they arrived at the server. Calling it again returns them again. A watch counts when it ends.
func (a *AuditLog) Since(tb testing.TB) AuditEvents {
	tb.Helper()
	to := a.cluster.mark(tb)
	text, err := a.cluster.readAuditLog(a.from, to)
	if err != nil {
		tb.Fatal(err)
	}
	var events AuditEvents
	for line := range bytes.Lines(text) {
		event, complete, err := decodeAuditEvent(line)
		if err != nil {
			tb.Fatalf("audit log: %v: %s", err, line)
		}
		if complete && !strings.HasPrefix(event.Name, markPrefix) {
			events = append(events, event)
		}
	}
	slices.SortStableFunc(events, func(a, b AuditEvent) int { return a.Begin.Compare(b.Begin) })
	return events
}

// markPrefix begins the names of objects that do not exist and whose deletion is asked for to leave a mark.
const markPrefix = "enginetest-mark-"

// mark leaves a mark in the audit log and returns the offset behind it. All requests that were answered before
// are in front of it: the server answers when the event is written.
func (c *Cluster) mark(tb testing.TB) (end int64) {
	tb.Helper()
	stat, err := os.Stat(c.env.AuditLog)
	if err != nil {
		tb.Fatal(err)
	}
	from := stat.Size()
	name := markPrefix + strings.ToLower(rand.Text())
	dryRun := metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}
	err = c.client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Delete(tb.Context(), name, dryRun)
	if !apierrors.IsNotFound(err) {
		tb.Fatalf("marking the audit log: deletion of what does not exist: %v", err)
	}
	await(tb, "mark in the audit log", func(context.Context) error {
		text, err := c.readAuditLog(from, -1)
		if err != nil {
			return err
		}
		at := bytes.Index(text, []byte(name))
		if at < 0 {
			return errors.New("not there")
		}
		line := bytes.IndexByte(text[at:], '\n')
		if line < 0 {
			return errors.New("half there")
		}
		end = from + int64(at+line+1)
		return nil
	})
	return end
}

// readAuditLog reads the log between two offsets; to the end with a negative to.
func (c *Cluster) readAuditLog(from, to int64) ([]byte, error) {
	file, err := os.Open(c.env.AuditLog)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}
	if to < 0 {
		return io.ReadAll(file)
	}
	return io.ReadAll(io.LimitReader(bufio.NewReader(file), to-from))
}

// AuditEvent is one request that the API server has answered.
type AuditEvent struct {
	User      string // who sent it
	As        string // whom the sender impersonated, or ""
	UserAgent string

	Verb         string // get, list, watch, create, update, patch, apply (server-side), delete, deletecollection
	Group        string // "" is core
	Resource     string // plural
	Subresource  string
	Namespace    string
	Name         string
	DryRun       bool
	Force        bool // of an apply
	FieldManager string

	// RequestObject is the body of a write; nil where it was none or is no JSON object (a JSON patch is a list).
	RequestObject map[string]any
	Code          int // HTTP status of the answer
	Begin, End    time.Time
}

// Writes reports whether the request was one that changes objects where it is granted: no dry run, and no
// review, which only asks a question. Code tells whether it was granted.
func (e AuditEvent) Writes() bool {
	switch e.Verb {
	case "create", "update", "patch", "apply", "delete", "deletecollection":
	default:
		return false
	}
	question := e.Group == "authorization.k8s.io" || e.Group == "authentication.k8s.io" || e.Subresource == "token"
	return !e.DryRun && !question
}

func (e AuditEvent) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", e.Begin.Format("15:04:05.000"), e.Verb, e.Resource)
	if e.Group != "" {
		fmt.Fprintf(&b, ".%s", e.Group)
	}
	fmt.Fprintf(&b, " %s/%s", e.Namespace, e.Name)
	if e.Subresource != "" {
		fmt.Fprintf(&b, "/%s", e.Subresource)
	}
	if e.DryRun {
		b.WriteString(" (dry run)")
	}
	if e.Force {
		b.WriteString(" (force)")
	}
	fmt.Fprintf(&b, " by %s: %d", e.User, e.Code)
	return b.String()
}

// AuditEvents are events in the order of their beginning.
type AuditEvents []AuditEvent

// By returns the events that an identity caused.
func (events AuditEvents) By(id Identity) AuditEvents {
	return events.where(func(e AuditEvent) bool { return e.User == id.User })
}

// In returns the events of one namespace's objects.
func (events AuditEvents) In(namespace string) AuditEvents {
	return events.where(func(e AuditEvent) bool { return e.Namespace == namespace })
}

// Writes returns the events that are writes, see [AuditEvent.Writes].
func (events AuditEvents) Writes() AuditEvents { return events.where(AuditEvent.Writes) }

func (events AuditEvents) where(keep func(AuditEvent) bool) AuditEvents {
	var kept AuditEvents
	for _, e := range events {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// decodeAuditEvent reads one line of the log, an Event of audit.k8s.io/v1. It is not complete where the request
// still goes on.
func decodeAuditEvent(line []byte) (event AuditEvent, complete bool, err error) {
	var wire struct {
		Stage        string
		RequestURI   string
		Verb         string
		UserAgent    string
		User         struct{ Username string }
		Impersonated struct{ Username string } `json:"impersonatedUser"`
		ObjectRef    struct{ APIGroup, Resource, Subresource, Namespace, Name string }
		Response     struct{ Code int } `json:"responseStatus"`
		Request      json.RawMessage    `json:"requestObject"`
		Begin        time.Time          `json:"requestReceivedTimestamp"`
		End          time.Time          `json:"stageTimestamp"`
	}
	if err := json.Unmarshal(line, &wire); err != nil {
		return AuditEvent{}, false, err
	}
	target, err := url.Parse(wire.RequestURI)
	if err != nil {
		return AuditEvent{}, false, err
	}
	query := target.Query()
	event = AuditEvent{
		User: wire.User.Username, As: wire.Impersonated.Username, UserAgent: wire.UserAgent,
		Verb: wire.Verb, Group: wire.ObjectRef.APIGroup, Resource: wire.ObjectRef.Resource, Subresource: wire.ObjectRef.Subresource,
		Namespace: wire.ObjectRef.Namespace, Name: wire.ObjectRef.Name,
		DryRun: query.Has("dryRun"), Force: query.Get("force") == "true", FieldManager: query.Get("fieldManager"),
		Code: wire.Response.Code, Begin: wire.Begin, End: wire.End,
	}
	// A list does not fit; then the field stays nil, as it says.
	_ = json.Unmarshal(wire.Request, &event.RequestObject)
	event.completeFromBody()
	return event, wire.Stage == "ResponseComplete" || wire.Stage == "Panic", nil
}

// completeFromBody takes from the body what the log does not have elsewhere.
func (e *AuditEvent) completeFromBody() {
	if e.Name == "" {
		metadata, _ := e.RequestObject["metadata"].(map[string]any)
		e.Name, _ = metadata["name"].(string)
	}
	if e.RequestObject["kind"] == "DeleteOptions" && e.RequestObject["dryRun"] != nil {
		e.DryRun = true
	}
	// The log calls a server-side apply a patch. Of all patches only an apply names its manager and is a whole object.
	_, typed := e.RequestObject["apiVersion"]
	if e.Verb == "patch" && typed && e.RequestObject["kind"] != nil && e.FieldManager != "" {
		e.Verb = "apply"
	}
}
