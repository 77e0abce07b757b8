// Package hook reads from an object's annotations whether it is a hook: an object that is not kept in the cluster but
// applied anew at a certain moment of a deploy, such as a Job that migrates a database (project format §9.7, and §4.4 for
// those of Helm).
package hook

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weighlock/weighlock/engine/object"
)

// A Phase is a moment of an item's deploy. Initial is for items of which nothing is in the cluster yet, upgrade for all
// others; the phases without either are for both.
type Phase string

// The phases.
const (
	PreDeploy         Phase = "pre-deploy"
	PostDeploy        Phase = "post-deploy"
	PreDeployInitial  Phase = "pre-deploy-initial"
	PostDeployInitial Phase = "post-deploy-initial"
	PreDeployUpgrade  Phase = "pre-deploy-upgrade"
	PostDeployUpgrade Phase = "post-deploy-upgrade"
	// OnFailure is when something of the item has failed or did not get ready. The format does not have it; Argo CD does.
	OnFailure Phase = "on-failure"
)

var phases = []Phase{PreDeploy, PostDeploy, PreDeployInitial, PostDeployInitial, PreDeployUpgrade, PostDeployUpgrade, OnFailure}

// A Policy says when a hook's object is deleted.
type Policy string

// The policies. Without any, [BeforeCreation] holds.
const (
	BeforeCreation Policy = "before-hook-creation"
	Succeeded      Policy = "hook-succeeded"
	Failed         Policy = "hook-failed"
)

var policies = []Policy{BeforeCreation, Succeeded, Failed}

// A Hook is what an object's annotations say of it as a hook.
type Hook struct {
	// Phases in which it runs. There are none if it is for moments that a deploy does not have, such as Helm's
	// pre-delete: then it is never applied.
	Phases []Phase
	// Weight orders the hooks of a phase, the lower ones first.
	Weight int
	// Policies say when it is deleted.
	Policies []Policy
	// Wait says that what comes after it waits until it is ready.
	Wait bool
	// Timeout bounds that wait; zero leaves it to the deploy's own.
	Timeout time.Duration
}

// The annotations (project format §12).
const (
	annotation       = "kluctl.io/hook"
	annotationWeight = "kluctl.io/hook-weight"
	annotationDelete = "kluctl.io/hook-delete-policy"
	annotationWait   = "kluctl.io/hook-wait"
	annotationLimit  = "kluctl.io/hook-timeout"
	helm             = "helm.sh/hook"
	helmWeight       = "helm.sh/hook-weight"
	helmDelete       = "helm.sh/hook-delete-policy"
	argo             = "argocd.argoproj.io/hook"
	argoWave         = "argocd.argoproj.io/sync-wave"
	argoDelete       = "argocd.argoproj.io/hook-delete-policy"
)

// helmPhases are Helm's events; those without a phase are known and never happen in a deploy.
var helmPhases = map[string]Phase{
	"pre-install": PreDeployInitial, "post-install": PostDeployInitial, "pre-upgrade": PreDeployUpgrade, "post-upgrade": PostDeployUpgrade,
	"pre-delete": "", "post-delete": "", "pre-rollback": "", "post-rollback": "",
}

// argoPhases are Argo CD's events, where neither the format's annotation nor Helm's is there. What it does together with
// the objects comes after them here; those without a phase never happen in a deploy.
var argoPhases = map[string]Phase{
	"PreSync": PreDeploy, "Sync": PostDeploy, "PostSync": PostDeploy, "SyncFail": OnFailure, "Skip": "", "PreDelete": "", "PostDelete": "",
}

var argoPolicies = map[string]Policy{"BeforeHookCreation": BeforeCreation, "HookSucceeded": Succeeded, "HookFailed": Failed}

// Of returns what o is as a hook; nil when it is none. Warnings tell of Helm's events that are not carried out. All
// mistakes are reported at once.
func Of(o object.Object) (*Hook, []string, error) {
	if deleted, _ := strconv.ParseBool(o.Annotation("kluctl.io/delete")); deleted {
		return nil, nil, nil // it is only there to be deleted
	}
	own := list(o.Annotation(annotation))
	events := list(o.Annotation(helm))
	if len(own)+len(events) == 0 {
		return ofArgo(o)
	}
	h := &Hook{Wait: true}
	var errs []error
	for _, p := range own {
		if !slices.Contains(phases, Phase(p)) {
			errs = append(errs, fmt.Errorf("%s: annotation %s: found %q, expected %s", o.Ref(), annotation, p, words(phases)))
		}
		h.add(Phase(p))
	}
	warnings, known := h.events(o, helm, events, helmPhases)
	errs = append(errs, h.settings(o)...)
	if err := errors.Join(errs...); err != nil {
		return nil, warnings, err
	}
	if len(own) == 0 && !known {
		return nil, warnings, nil // with nothing that anybody knows it is an object like any other
	}
	return h, warnings, nil
}

// ofArgo reads the annotations of Argo CD.
func ofArgo(o object.Object) (*Hook, []string, error) {
	events := list(o.Annotation(argo))
	if len(events) == 0 {
		return nil, nil, nil
	}
	h := &Hook{Wait: true}
	warnings, known := h.events(o, argo, events, argoPhases)
	if !known {
		return nil, warnings, nil
	}
	errs := h.settings(o)
	if err := errors.Join(errs...); err != nil {
		return nil, warnings, err
	}
	return h, warnings, nil
}

// events adds the events of another tool's annotation. known says that one of them was one that concerns objects of a
// deploy.
func (h *Hook) events(o object.Object, annotation string, events []string, phases map[string]Phase) (warnings []string, known bool) {
	for _, e := range events {
		phase, ok := phases[e]
		switch {
		case !ok:
			warnings = append(warnings, fmt.Sprintf("%s: annotation %s: %s is not one that a deploy knows; it counts for nothing", o.Ref(), annotation, e))
			continue
		case phase == "":
			warnings = append(warnings, fmt.Sprintf("%s: annotation %s: a deploy has no %s; the object is not applied for it", o.Ref(), annotation, e))
		default:
			h.add(phase)
		}
		known = true
	}
	return warnings, known
}

// settings reads the other annotations.
func (h *Hook) settings(o object.Object) []error {
	var errs []error
	refuse := func(name, found, expected string) {
		errs = append(errs, fmt.Errorf("%s: annotation %s: found %q, expected %s", o.Ref(), name, found, expected))
	}
	weight := annotationWeight
	if o.Annotation(weight) == "" {
		weight = helmWeight
	}
	if o.Annotation(weight) == "" && o.Annotation(argo) != "" {
		weight = argoWave
	}
	if s := o.Annotation(weight); s != "" {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			refuse(weight, s, "a whole number")
		}
		h.Weight = n
	}
	for _, name := range []string{annotationDelete, helmDelete} {
		for _, p := range list(o.Annotation(name)) {
			if !slices.Contains(policies, Policy(p)) {
				refuse(name, p, words(policies))
			}
			if !slices.Contains(h.Policies, Policy(p)) {
				h.Policies = append(h.Policies, Policy(p))
			}
		}
	}
	for _, p := range list(o.Annotation(argoDelete)) {
		policy, ok := argoPolicies[p]
		if !ok {
			refuse(argoDelete, p, "BeforeHookCreation, HookSucceeded or HookFailed")
		}
		if !slices.Contains(h.Policies, policy) {
			h.Policies = append(h.Policies, policy)
		}
	}
	if len(h.Policies) == 0 {
		h.Policies = []Policy{BeforeCreation}
	}
	if s := o.Annotation(annotationWait); s != "" {
		wait, err := strconv.ParseBool(s)
		if err != nil {
			refuse(annotationWait, s, "true or false")
		}
		h.Wait = wait
	}
	if s := o.Annotation(annotationLimit); s != "" {
		limit, err := time.ParseDuration(s)
		if err != nil || limit <= 0 {
			refuse(annotationLimit, s, "a duration such as 90s or 10m")
		}
		h.Timeout = limit
	}
	return errs
}

func (h *Hook) add(p Phase) {
	if !slices.Contains(h.Phases, p) {
		h.Phases = append(h.Phases, p)
	}
}

// A Moment is where a deploy of an item stands.
type Moment struct {
	// Before is for what runs before the item's objects are applied; else after them.
	Before bool
	// Initial says that nothing of the item was in the cluster when the deploy began.
	Initial bool
	// Failed is for what runs because something of the item went wrong; then the other two do not count.
	Failed bool
}

// Runs says whether the hook runs at a moment.
func (h *Hook) Runs(m Moment) bool {
	if m.Failed {
		return slices.Contains(h.Phases, OnFailure)
	}
	both, initial, upgrade := PostDeploy, PostDeployInitial, PostDeployUpgrade
	if m.Before {
		both, initial, upgrade = PreDeploy, PreDeployInitial, PreDeployUpgrade
	}
	if m.Initial {
		upgrade = initial
	}
	return slices.Contains(h.Phases, both) || slices.Contains(h.Phases, upgrade)
}

// Has says whether a policy holds for the hook.
func (h *Hook) Has(p Policy) bool { return slices.Contains(h.Policies, p) }

// Persistent says whether the hook's object is meant to stay in the cluster after a deploy that went well.
func (h *Hook) Persistent() bool {
	return slices.ContainsFunc(h.Phases, func(p Phase) bool { return p != OnFailure }) && !h.Has(Succeeded)
}

// Compare orders hooks by weight; equal ones stay in the order of the files under a stable sort.
func Compare(a, b *Hook) int { return cmp.Compare(a.Weight, b.Weight) }

// list splits at commas, as Helm and Kluctl do: blanks around the words do not count.
func list(s string) []string {
	var out []string
	for _, e := range strings.Split(s, ",") {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	return out
}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = string(e)
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}
