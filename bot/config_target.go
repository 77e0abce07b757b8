package bot

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A DeployMode says what deploys a target.
type DeployMode string

// The deploy modes.
const (
	DeployOnMerge   DeployMode = "merge"   // a push to the target's branch; a command may, too
	DeployOnCommand DeployMode = "command" // a /deploy comment
	DeployNever     DeployMode = "never"
)

// A PreviewMode says when a target is compared with its cluster for a pull request.
type PreviewMode string

// The preview modes.
const (
	// PreviewChanged compares a target whose rendered objects the pull request changes.
	PreviewChanged PreviewMode = "changed"
	PreviewAlways  PreviewMode = "always"
	PreviewNever   PreviewMode = "never"
)

// A PruneMode says what happens to objects that were removed from the project.
type PruneMode string

// The prune modes.
const (
	PruneReport PruneMode = "report"
	PruneApply  PruneMode = "apply"
)

// A LockMode says whether a target may be deployed to without a lock.
type LockMode string

// The lock modes. With LockOptional missing rights are a warning.
const (
	LockRequired LockMode = "required"
	LockOptional LockMode = "optional"
)

// A ChecksMode says which checks of others must be green before a deploy by command.
type ChecksMode string

// The checks modes. ChecksRequired are those that the forge requires for a merge, as far as it tells.
const (
	ChecksRequired ChecksMode = "required"
	ChecksAll      ChecksMode = "all"
	ChecksNone     ChecksMode = "none"
)

// Allow says who may deploy: who has the permission, and is one of the users or in one of the teams if any are named.
type Allow struct {
	// Permission is what a user needs in the repository.
	Permission forge.Permission
	// Teams are as the forge writes them, such as acme/sre.
	Teams, Users []string
}

// Environment is the forge's environment that a target's deploys are recorded in.
type Environment struct {
	// Name defaults to the target's name.
	Name string `json:"name"`
	// URL is where people find what is deployed.
	URL string `json:"url"`
}

// A PruneGuard says from when on deletions need an explicit --prune.
type PruneGuard struct {
	// Max is how many objects go without asking.
	Max int
	// Kinds are those that never do.
	Kinds []string
}

// A TargetPolicy is what holds for a target.
type TargetPolicy struct {
	Preview PreviewMode
	Deploy  DeployMode
	// Branch is the branch whose pushes deploy; "" is the repository's default branch.
	Branch string
	Allow  Allow
	// Approvals is how many people other than the author must have approved the head commit.
	Approvals int
	Checks    ChecksMode
	// After are targets that must have been deployed at the same commit before.
	After []string
	// Pin demands that a command names the commit.
	Pin   bool
	Prune PruneMode
	// PruneGuard bounds what Prune deletes by itself.
	PruneGuard PruneGuard
	// ServiceAccount is who previews and deploys impersonate, as namespace:name; "" is nobody.
	ServiceAccount string
	// RequireReviewed holds a deploy on merge whose change is not the one that the pull request showed.
	RequireReviewed bool
	// Adopt allows to take over objects of another owner.
	Adopt       bool
	Lock        LockMode
	Environment Environment
	// Codeowners demands that who deploys owns every file that the pull request touches.
	Codeowners bool
}

// User is whom the policy's service account is to the API server, "" for none.
func (p TargetPolicy) User() string {
	if p.ServiceAccount == "" {
		return ""
	}
	return "system:serviceaccount:" + p.ServiceAccount
}

// defaultPolicy is what holds where nothing is said.
func defaultPolicy() TargetPolicy {
	return TargetPolicy{
		Preview: PreviewChanged, Deploy: DeployOnCommand, Allow: Allow{Permission: forge.Write}, Checks: ChecksRequired, Prune: PruneReport,
		PruneGuard:      PruneGuard{Max: 10, Kinds: []string{"Namespace", "CustomResourceDefinition", "PersistentVolumeClaim"}},
		RequireReviewed: true, Lock: LockRequired,
	}
}

type fileTarget struct {
	Preview         *PreviewMode    `json:"preview"`
	Deploy          *DeployMode     `json:"deploy"`
	Branch          *string         `json:"branch"`
	Allow           *fileAllow      `json:"allow"`
	Approvals       *int            `json:"approvals"`
	Checks          *ChecksMode     `json:"checks"`
	After           *[]string       `json:"after"`
	Pin             *bool           `json:"pin"`
	Prune           *PruneMode      `json:"prune"`
	PruneGuard      *filePruneGuard `json:"pruneGuard"`
	ServiceAccount  *string         `json:"serviceAccount"`
	RequireReviewed *bool           `json:"requireReviewed"`
	Adopt           *bool           `json:"adopt"`
	Lock            *LockMode       `json:"lock"`
	Environment     *Environment    `json:"environment"`
	Codeowners      *bool           `json:"codeowners"`
}

type fileAllow struct {
	Permission *string   `json:"permission"`
	Teams      *[]string `json:"teams"`
	Users      *[]string `json:"users"`
}

type filePruneGuard struct {
	Max   *int      `json:"max"`
	Kinds *[]string `json:"kinds"`
}

var (
	serviceAccount = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	teamName       = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`)
	userName       = regexp.MustCompile(`^[A-Za-z0-9_.-]+(\[bot\])?$`)
)

func checkTarget(doc yamldoc.Document, at []string, t fileTarget) []error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, doc.Errorf(append(slices.Clone(at), strings.Split(key, ".")...), format, args...))
	}
	if t.Preview != nil && !slices.Contains([]PreviewMode{PreviewChanged, PreviewAlways, PreviewNever}, *t.Preview) {
		bad("preview", "found %q, expected changed, always or never", *t.Preview)
	}
	if t.Deploy != nil && !slices.Contains([]DeployMode{DeployOnMerge, DeployOnCommand, DeployNever}, *t.Deploy) {
		bad("deploy", "found %q, expected merge, command or never", *t.Deploy)
	}
	if t.Checks != nil && !slices.Contains([]ChecksMode{ChecksRequired, ChecksAll, ChecksNone}, *t.Checks) {
		bad("checks", "found %q, expected required, all or none", *t.Checks)
	}
	if t.Prune != nil && *t.Prune != PruneReport && *t.Prune != PruneApply {
		bad("prune", "found %q, expected report or apply", *t.Prune)
	}
	if t.Lock != nil && *t.Lock != LockRequired && *t.Lock != LockOptional {
		bad("lock", "found %q, expected required or optional", *t.Lock)
	}
	if t.Approvals != nil && *t.Approvals < 0 {
		bad("approvals", "found %d, expected how many reviewers must have approved", *t.Approvals)
	}
	if g := t.PruneGuard; g != nil && g.Max != nil && *g.Max < 0 {
		bad("pruneGuard.max", "found %d, expected how many objects may be deleted unasked", *g.Max)
	}
	if t.ServiceAccount != nil && *t.ServiceAccount != "" && !serviceAccount.MatchString(*t.ServiceAccount) {
		bad("serviceAccount", "found %q, expected namespace:name", *t.ServiceAccount)
	}
	if e := t.Environment; e != nil && e.URL != "" {
		if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			bad("environment.url", "found %q, expected a web address", e.URL)
		}
	}
	if t.Allow == nil {
		return errs
	}
	if name := t.Allow.Permission; name != nil {
		if p, err := forge.ParsePermission(*name); err != nil || p < forge.Triage {
			bad("allow.permission", "found %q, expected triage, write, maintain or admin", *name)
		}
	}
	for _, name := range deref(t.Allow.Teams) {
		if !teamName.MatchString(name) {
			bad("allow.teams", "found %q, expected organisation/team", name)
		}
	}
	for _, name := range deref(t.Allow.Users) {
		if !userName.MatchString(name) {
			bad("allow.users", "found %q, expected a user's name, without the @", name)
		}
	}
	return errs
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// literal is how much of a pattern is no wildcard: of two globs the one that leaves less open is the more exact one.
func literal(pattern string) int {
	return len(pattern) - strings.Count(pattern, "*") - strings.Count(pattern, "?")
}

// exactness orders patterns: a glob, a target's name, a project and target.
func exactness(pattern string) int {
	n := 0
	if !strings.ContainsAny(pattern, `*?[\`) {
		n += 2
	}
	if strings.Contains(pattern, ":") {
		n++
	}
	return n
}

// A Rule is one key of a target's policy and where its value is from.
type Rule struct {
	Key, Value string
	// From is the place in the file, with the pattern; "default" where no entry says anything.
	From string
}

// Policy is what holds for a target of a project: defaults, then each entry that matches, the more exact and the later
// ones last.
func (c *Config) Policy(project, target string) TargetPolicy {
	p, _ := c.policy(project, target)
	return p
}

// Branches lists the branches that targets name as those whose pushes deploy; the repository's default branch, which holds where
// nothing is said, is not among them.
func (c *Config) Branches() []string {
	var out []string
	for _, e := range c.targets {
		if b := e.target.Branch; b != nil && *b != "" && !slices.Contains(out, *b) {
			out = append(out, *b)
		}
	}
	return out
}

// Explain is [Config.Policy], rule by rule.
func (c *Config) Explain(project, target string) []Rule {
	p, from := c.policy(project, target)
	text := func(v any) string {
		if s := strings.Trim(fmt.Sprint(v), "[]"); s != "" {
			return strings.ReplaceAll(s, " ", ", ")
		}
		return "none"
	}
	var out []Rule
	for _, r := range []Rule{
		{Key: "preview", Value: text(p.Preview)}, {Key: "deploy", Value: text(p.Deploy)}, {Key: "branch", Value: cmp.Or(p.Branch, "the default branch")},
		{Key: "allow.permission", Value: text(p.Allow.Permission)}, {Key: "allow.teams", Value: text(p.Allow.Teams)}, {Key: "allow.users", Value: text(p.Allow.Users)},
		{Key: "approvals", Value: text(p.Approvals)}, {Key: "checks", Value: text(p.Checks)}, {Key: "after", Value: text(p.After)}, {Key: "pin", Value: text(p.Pin)},
		{Key: "codeowners", Value: text(p.Codeowners)}, {Key: "requireReviewed", Value: text(p.RequireReviewed)},
		{Key: "prune", Value: text(p.Prune)}, {Key: "pruneGuard.max", Value: text(p.PruneGuard.Max)}, {Key: "pruneGuard.kinds", Value: text(p.PruneGuard.Kinds)},
		{Key: "serviceAccount", Value: text(p.ServiceAccount)}, {Key: "adopt", Value: text(p.Adopt)}, {Key: "lock", Value: text(p.Lock)},
		{Key: "environment.name", Value: cmp.Or(p.Environment.Name, target, project)}, {Key: "environment.url", Value: text(p.Environment.URL)},
	} {
		r.From = cmp.Or(from[r.Key], "default")
		out = append(out, r)
	}
	return out
}

// policy is the policy and where each of its keys is from.
func (c *Config) policy(project, target string) (TargetPolicy, map[string]string) {
	p, from := defaultPolicy(), map[string]string{}
	for _, e := range c.targets {
		name := target
		if strings.Contains(e.pattern, ":") {
			name = project + ":" + target
		}
		if ok, _ := path.Match(e.pattern, name); ok || e.pattern == name { // a name may hold what globs are made of
			e.apply(&p, from)
		}
	}
	return p, from
}

// apply puts what the entry says in the place of what held before.
func (e targetEntry) apply(p *TargetPolicy, from map[string]string) {
	told := func(key string) {
		from[key] = fmt.Sprintf("%s (%s)", e.at(strings.Split(key, ".")...), e.pattern)
	}
	t := e.target
	set(&p.Preview, t.Preview, "preview", told)
	set(&p.Deploy, t.Deploy, "deploy", told)
	set(&p.Branch, t.Branch, "branch", told)
	set(&p.Approvals, t.Approvals, "approvals", told)
	set(&p.Checks, t.Checks, "checks", told)
	set(&p.After, t.After, "after", told)
	set(&p.Pin, t.Pin, "pin", told)
	set(&p.Prune, t.Prune, "prune", told)
	set(&p.ServiceAccount, t.ServiceAccount, "serviceAccount", told)
	set(&p.RequireReviewed, t.RequireReviewed, "requireReviewed", told)
	set(&p.Adopt, t.Adopt, "adopt", told)
	set(&p.Lock, t.Lock, "lock", told)
	set(&p.Codeowners, t.Codeowners, "codeowners", told)
	if a := t.Allow; a != nil {
		if a.Permission != nil {
			p.Allow.Permission, _ = forge.ParsePermission(*a.Permission)
			told("allow.permission")
		}
		set(&p.Allow.Teams, a.Teams, "allow.teams", told)
		set(&p.Allow.Users, a.Users, "allow.users", told)
	}
	if g := t.PruneGuard; g != nil {
		set(&p.PruneGuard.Max, g.Max, "pruneGuard.max", told)
		set(&p.PruneGuard.Kinds, g.Kinds, "pruneGuard.kinds", told)
	}
	if env := t.Environment; env != nil {
		if env.Name != "" {
			set(&p.Environment.Name, &env.Name, "environment.name", told)
		}
		if env.URL != "" {
			set(&p.Environment.URL, &env.URL, "environment.url", told)
		}
	}
}

func set[T any](to, value *T, key string, told func(string)) {
	if value != nil {
		*to = *value
		told(key)
	}
}
