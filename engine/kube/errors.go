package kube

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/weighlock/weighlock/engine/apply"
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
	case apierrors.IsForbidden(err) && notYet.MatchString(err.Error()):
		return &diff.DeniedError{Err: &apply.NotYetError{Err: worded}}
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
		return &apply.NotServedError{Err: fmt.Errorf("%w: the server keeps no objects of this kind that could be applied", worded)}
	case passing(err):
		if m := deadWebhook.FindStringSubmatch(err.Error()); m != nil {
			worded = &diff.WebhookDownError{Webhook: m[1], Err: worded}
		}
		return &diff.UnreachableError{Err: worded}
	}
	return &diff.RefusedError{Err: worded}
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

// notYet is how admission words that a controller has not done its part yet: that of quotas, which counts what there is, and that of
// service accounts, which gives each new namespace one.
var notYet = regexp.MustCompile(`status unknown for quota|serviceaccount "default" not found`)

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
