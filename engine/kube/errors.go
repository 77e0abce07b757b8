package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weighlock/weighlock/engine/diff"
	"github.com/weighlock/weighlock/engine/object"
)

// failed words a request about an object that went wrong: the server's refusal as it is, else that it cannot be reached.
// What callers act on gets a type of package diff.
func (c *Cluster) failed(doing string, ref object.Ref, err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return c.unreachable(doing+" "+ref.String(), err)
	}
	worded := fmt.Errorf("%s: %s: %w", ref, doing, err)
	details := status.Status().Details
	switch {
	case apierrors.IsForbidden(err) && missingRight.MatchString(err.Error()):
		m := missingRight.FindStringSubmatch(err.Error())
		f := &diff.ForbiddenError{User: m[1], Verb: m[2], Resource: m[3], Err: worded}
		if m[4] != "" {
			f.Resource += "." + m[4]
		}
		if n := inNamespace.FindStringSubmatch(err.Error()); n != nil {
			f.Namespace = n[1]
		}
		return f
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return &diff.TerminatingError{Namespace: ref.Namespace, Err: worded}
	case noDryRun.MatchString(err.Error()):
		return &diff.NoDryRunError{Webhook: noDryRun.FindStringSubmatch(err.Error())[1], Err: worded}
	case apierrors.IsForbidden(err), denied.MatchString(err.Error()):
		return &diff.DeniedError{Err: worded}
	case apierrors.IsInvalid(err) && details != nil && len(details.Causes) > 0:
		out := &diff.InvalidError{Err: worded}
		for _, cause := range details.Causes {
			out.Causes = append(out.Causes, diff.InvalidCause{Type: string(cause.Type), Field: cause.Field, Message: cause.Message})
		}
		return out
	case apierrors.IsNotFound(err) && details != nil && details.Kind == "namespaces" && ref.Namespace != "":
		return &diff.NoNamespaceError{Namespace: ref.Namespace, Err: worded}
	case apierrors.IsMethodNotSupported(err), apierrors.IsNotFound(err) && (details == nil || details.Name == ""):
		return fmt.Errorf("%w: the server keeps no objects of this kind that could be applied", worded)
	case passing(err):
		if m := deadWebhook.FindStringSubmatch(err.Error()); m != nil {
			worded = &diff.WebhookDownError{Webhook: m[1], Err: worded}
		}
		return &diff.UnreachableError{Err: worded}
	}
	return worded
}

// How the API server words that an authorizer said no, as against an admission plugin, whose no is about the object.
var (
	missingRight = regexp.MustCompile(`User "([^"]*)" cannot (\w+) resource "([^"]+)" in API group "([^"]*)"`)
	inNamespace  = regexp.MustCompile(`in the namespace "([^"]+)"`)
	deadWebhook  = regexp.MustCompile(`failed calling webhook "([^"]+)"`)
	noDryRun     = regexp.MustCompile(`admission webhook "([^"]+)" does not support dry run`)
	// A policy or a webhook chooses its own code.
	denied = regexp.MustCompile(`ValidatingAdmissionPolicy '.*' with binding '.*' denied request|admission webhook ".*" denied the request`)
)

// behind is how the API server words that something behind it did not answer.
var behind = regexp.MustCompile(`failed calling webhook|etcdserver: |connection refused|context deadline exceeded`)

// conflictMessage is how the API server words a conflict: conflict with "name" with subresource "x" using v1 at time.
var conflictMessage = regexp.MustCompile(`^conflict with "([^"]*)"`)

// conflicts reads a field manager conflict out of an API error; nil when err is something else.
func conflicts(ref object.Ref, err error) *diff.ConflictError {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	out := &diff.ConflictError{Ref: ref}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			manager := cause.Message
			if m := conflictMessage.FindStringSubmatch(cause.Message); m != nil {
				manager = m[1]
			}
			out.Causes = append(out.Causes, diff.ConflictCause{Manager: manager, Field: cause.Field})
		}
	}
	if len(out.Causes) == 0 {
		return nil
	}
	return out
}

// unreachable words a failure to speak with the server.
func (c *Cluster) unreachable(doing string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &diff.UnreachableError{Err: fmt.Errorf("cluster %s (%s): %s: %w", c.context, c.server, doing, err)}
}

// pauses are how long a request waits before it is sent again.
var pauses = []time.Duration{200 * time.Millisecond, 600 * time.Millisecond, 1500 * time.Millisecond}

// retry sends a request that changes nothing, again if it fails for a reason that may pass. (Answers that say when to
// come back, such as 429, the client has already obeyed.) A server that has never answered is not waited for.
func (c *Cluster) retry(ctx context.Context, send func() error) error {
	for _, pause := range pauses {
		err := send()
		if status := apierrors.APIStatus(nil); err == nil || errors.As(err, &status) {
			c.answered.Store(true)
		}
		if !passing(err) || !c.answered.Load() {
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
		// What an object itself is to blame for may be told as an internal error, too.
		return slices.Contains([]int32{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, code) ||
			code == http.StatusInternalServerError && behind.MatchString(err.Error())
	}
	var network net.Error
	var address *url.Error
	return errors.As(err, &network) || errors.As(err, &address) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNREFUSED)
}
