package forgetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// Check is one as people see it on a commit.
type Check struct {
	forge.CheckResult
	Title, Summary string
}

// Deployment is a record as people see it.
type Deployment struct {
	forge.Deployment
	Description, EnvironmentURL, LogURL string
	task                                string // GitHub only
}

type check struct {
	Check
	id         int64
	externalID string
	started    time.Time
}

type review struct {
	forge.Review
	id int64
}

// SetFile puts a file at a commit or branch.
func (s *standIn) SetFile(repo forge.Repo, ref, path, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repo(repo)
	if r.files[ref] == nil {
		r.files[ref] = map[string]string{}
	}
	r.files[ref][path] = content
}

// SetChangedFiles says which files a pull request changes.
func (s *standIn) SetChangedFiles(repo forge.Repo, number int, files []forge.ChangedFile) {
	s.change(repo, number, func(p *pull) { p.files = slices.Clone(files) })
}

// AddTeam makes a team, "organisation/team" or GitLab's group, with members.
func (s *standIn) AddTeam(team string, logins ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, login := range logins {
		s.user(login)
	}
	s.teams[team] = append(s.teams[team], logins...)
}

// Review gives somebody's opinion on a pull request's head.
func (s *standIn) Review(repo forge.Repo, number int, login string, state forge.ReviewState) {
	s.change(repo, number, func(p *pull) {
		p.reviews = append(p.reviews, &review{id: s.nextID(), Review: forge.Review{
			User: s.user(login), State: state, SHA: p.Head.SHA, At: p.updated,
		}})
	})
}

// Report says something of a commit in another reporter's name.
func (s *standIn) Report(repo forge.Repo, sha string, result forge.CheckResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addCheck(s.repo(repo), sha, Check{CheckResult: result})
}

func (s *standIn) addCheck(r *repository, sha string, c Check) *check {
	now := s.clock()
	c.Updated = now
	added := &check{Check: c, id: s.nextID(), started: now}
	r.checks[sha] = append(r.checks[sha], added)
	r.mention(sha)
	return added
}

// RequireChecks makes a branch require checks of those names.
func (s *standIn) RequireChecks(repo forge.Repo, branch string, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).required[branch] = names
}

// Checks returns what is said of a commit, the newest of each name, in the
// order in which the names came up.
func (s *standIn) Checks(repo forge.Repo, sha string) []Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Check
	for _, c := range s.repo(repo).checks[sha] {
		i := slices.IndexFunc(all, func(have Check) bool { return have.Name == c.Name && have.Reporter == c.Reporter })
		if i < 0 {
			all = append(all, c.Check)
		} else {
			all[i] = c.Check
		}
	}
	return all
}

// Deployments returns all records of deployments, oldest first.
func (s *standIn) Deployments(repo forge.Repo) []Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Deployment
	for _, d := range s.repo(repo).deployments {
		all = append(all, *d)
	}
	return all
}

func (s *standIn) addDeployment(r *repository, environment, sha string) *Deployment {
	d := &Deployment{Deployment: forge.Deployment{
		Repo: r.name, ID: s.nextID(), Environment: environment, SHA: sha, State: forge.DeploymentRunning, Created: s.clock(),
	}}
	r.deployments = append(r.deployments, d)
	return d
}

func (r *repository) deployment(id string) *Deployment {
	for _, d := range r.deployments {
		if fmt.Sprint(d.ID) == id {
			return d
		}
	}
	return nil
}
