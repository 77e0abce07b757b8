package bot

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A Target is one target of one of the repository's projects, with the policy that holds for it.
type Target struct {
	Project ProjectConfig
	// Name is the target's name in its project; "" for a project without targets.
	Name   string
	Policy TargetPolicy
}

// ID names the target among all of the repository: "staging", or "shop:staging" where another project has a target of
// the same name.
type ID string

// A Job is one target's unit of work.
type Job struct {
	Target
	ID ID
	// Asked says that somebody named the target: it is looked at whether it is affected or not.
	Asked bool
}

// A Plan is the jobs that an event calls for, in order, or the reason why there are none.
type Plan struct {
	Jobs   []Job
	Reason string
}

// identify gives each target its ID.
func identify(targets []Target) []Job {
	count := map[string]int{}
	for _, t := range targets {
		count[t.Name]++
	}
	jobs := make([]Job, len(targets))
	for i, t := range targets {
		id := t.Name
		if id == "" {
			id = t.Project.Name
		} else if count[t.Name] > 1 {
			id = t.Project.Name + ":" + t.Name
		}
		jobs[i] = Job{Target: t, ID: ID(id)}
	}
	return jobs
}

// PlanPreview plans the previews of a pull request: all targets, those that are asked for by name in any case. Which of the
// others are affected shows when they are rendered.
func PlanPreview(targets []Target, asked []string) (Plan, error) {
	jobs := identify(targets)
	if len(jobs) == 0 {
		return Plan{}, errors.New("the repository has no targets")
	}
	for _, name := range asked {
		i, err := named(jobs, name)
		if err != nil {
			return Plan{}, err
		}
		jobs[i].Asked = true
	}
	return Plan{Jobs: jobs}, nil
}

// A noTargetError says that no target, or more than one, goes by a name.
type noTargetError struct {
	name  string
	there []string
}

func (e *noTargetError) Error() string {
	text := fmt.Sprintf("there is no target %s", e.name)
	if near := yamldoc.Nearest(e.name, e.there); near != "" {
		text += fmt.Sprintf(" (did you mean %s?)", near)
	}
	words := make([]string, len(e.there))
	for i, name := range e.there {
		if words[i] = ID(name).word(); strings.HasSuffix(name, ".") {
			words[i] = strconv.Quote(name) // the full stop behind it is none of its
		}
	}
	return text + "; there are: " + strings.Join(words, ", ")
}

// named is the target that goes by a name; an error lists the names there are.
func named(jobs []Job, name string) (int, error) {
	i := slices.IndexFunc(jobs, func(j Job) bool {
		return string(j.ID) == name || j.Project.Name+":"+j.Name == name
	})
	if i < 0 {
		return i, &noTargetError{name, ids(jobs)}
	}
	return i, nil
}

// PlanPush plans what a push to a branch deploys: the targets whose policy says merge and whose branch it is.
func PlanPush(targets []Target, e forge.BranchPushed) Plan {
	var p Plan
	for _, j := range identify(targets) {
		branch := j.Policy.Branch
		if branch == "" {
			branch = e.DefaultBranch
		}
		if j.Policy.Deploy == DeployOnMerge && branch == e.Branch {
			p.Jobs = append(p.Jobs, j)
		}
	}
	if len(p.Jobs) == 0 {
		p.Reason = fmt.Sprintf("no target deploys on a push to %s", e.Branch)
	}
	p.Jobs = inOrder(p.Jobs)
	return p
}

// inOrder puts each job behind those that its policy wants before it. Where these want each other, they stay as they are:
// their gates refuse.
func inOrder(jobs []Job) []Job {
	var out []Job
	left := slices.Clone(jobs)
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(j Job) bool {
			return !slices.ContainsFunc(j.Policy.After, func(name string) bool { _, err := named(left, name); return err == nil })
		})
		if i < 0 {
			return append(out, left...)
		}
		out = append(out, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return out
}

// PlanCommand plans what a /deploy command deploys: the targets that it names, in its order but for what their policies want before them. A name that no target, or
// more than one, goes by is an error that lists the names there are.
func PlanCommand(targets []Target, c Command) (Plan, error) {
	jobs := identify(targets)
	var p Plan
	for _, name := range c.Targets {
		i, err := named(jobs, name)
		if err != nil {
			return Plan{}, err
		}
		if !slices.Contains(ids(p.Jobs), string(jobs[i].ID)) {
			p.Jobs = append(p.Jobs, jobs[i])
		}
	}
	p.Jobs = inOrder(p.Jobs)
	return p, nil
}

func ids(jobs []Job) []string {
	out := make([]string, len(jobs))
	for i, j := range jobs {
		out[i] = string(j.ID)
	}
	return out
}
