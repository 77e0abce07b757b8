package forgetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// RepoOptions are what a repository is besides its name.
type RepoOptions struct {
	// DefaultBranch; empty means main.
	DefaultBranch string
	Private       bool
}

// NewPullRequest describes a pull request to open.
type NewPullRequest struct {
	Repo   forge.Repo
	Title  string
	Body   string
	Author string // login
	Draft  bool
	// Head is what is proposed. A Repo of zero means the same repository;
	// another one makes it a pull request from a fork.
	Head forge.Ref
	// Base is where it shall go. A Name of "" means the default branch; its
	// Repo is not used.
	Base forge.Ref
}

// Reaction is a reaction below a comment.
type Reaction struct {
	User    forge.User
	Content forge.Reaction
}

type repository struct {
	id          int64
	name        forge.Repo
	options     RepoOptions
	fork        bool
	permissions map[string]forge.Permission  // by login
	pulls       []*pull                      // number n at n-1
	commits     map[string]bool              // those that anybody mentioned
	files       map[string]map[string]string // by ref and path
	checks      map[string][]*check          // by commit, oldest first
	required    map[string][]string          // names of checks, by branch
	deployments []*Deployment
	pipelines   map[string]int64 // ids, by commit
	resets      bool             // pushes take approvals away
	untimed     bool             // approvals do not tell their time
}

type pull struct {
	forge.PullRequest
	id               int64
	body             string
	previous         string   // head before the last push
	heads            []string // all that there were
	created, updated time.Time
	closed           time.Time
	mergedBy         forge.User
	comments         []*comment
	reviews          []*review
	files            []forge.ChangedFile
	pushes           []time.Time // of the heads
}

type comment struct {
	forge.Comment
	reactions []Reaction
	hidden    bool
	edited    time.Time // zero if it was not
}

// AddRepo makes a repository.
func (s *standIn) AddRepo(repo forge.Repo, o RepoOptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addRepo(repo, o)
}

func (s *standIn) addRepo(repo forge.Repo, o RepoOptions) *repository {
	if s.repos[repo] != nil {
		panic(fmt.Sprintf("forgetest: repository %s exists already", repo))
	}
	if o.DefaultBranch == "" {
		o.DefaultBranch = "main"
	}
	r := &repository{
		id: s.nextID(), name: repo, options: o,
		permissions: map[string]forge.Permission{}, commits: map[string]bool{},
		files: map[string]map[string]string{}, checks: map[string][]*check{}, required: map[string][]string{}, pipelines: map[string]int64{},
	}
	s.repos[repo] = r
	return r
}

// AddUser makes an account, unless there is one of that name, and returns it.
// A login of the form that the forge gives to programs is one's. Logins in
// other calls make the account as well.
func (s *standIn) AddUser(login string) forge.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user(login)
}

func (s *standIn) user(login string) forge.User {
	if login == "" {
		panic("forgetest: no login")
	}
	u, ok := s.users[login]
	if !ok {
		u = forge.User{ID: s.nextID(), Login: login, Bot: s.program(login)}
		s.users[login] = u
	}
	return u
}

// SetPermission makes a user a collaborator, or with [forge.NoPermission] none
// any more. Everybody may read a public repository.
func (s *standIn) SetPermission(repo forge.Repo, login string, p forge.Permission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(login)
	s.repo(repo).permissions[login] = p
}

// OpenPullRequest opens a pull request and returns its number. The fork that
// it comes from is made where there is none.
func (s *standIn) OpenPullRequest(n NewPullRequest) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repo(n.Repo)
	if n.Head.Repo == (forge.Repo{}) {
		n.Head.Repo = n.Repo
	}
	if n.Head.Repo != n.Repo && s.repos[n.Head.Repo] == nil {
		s.addRepo(n.Head.Repo, r.options).fork = true
	}
	if n.Base.Name == "" {
		n.Base.Name = r.options.DefaultBranch
	}
	n.Base.Repo = n.Repo
	now := s.clock()
	p := &pull{
		PullRequest: forge.PullRequest{
			Repo: n.Repo, Number: len(r.pulls) + 1, Title: n.Title, State: forge.StateOpen, Draft: n.Draft,
			Author: s.user(n.Author), Head: n.Head, Base: n.Base, Fork: n.Head.Repo != n.Repo,
		},
		id: s.nextID(), body: n.Body, heads: []string{n.Head.SHA}, created: now, updated: now, pushes: []time.Time{now},
	}
	p.URL = s.pullURL(n.Repo, p.Number)
	r.mention(n.Head.SHA, n.Base.SHA)
	r.pulls = append(r.pulls, p)
	return p.Number
}

// PushHead moves a pull request's head to another commit.
func (s *standIn) PushHead(repo forge.Repo, number int, sha string) {
	s.change(repo, number, func(p *pull) {
		p.previous, p.Head.SHA = p.Head.SHA, sha
		p.heads, p.pushes = append(p.heads, sha), append(p.pushes, p.updated)
		s.repo(repo).mention(sha)
	})
}

// SetDraft turns a pull request into a draft, or makes it ready.
func (s *standIn) SetDraft(repo forge.Repo, number int, draft bool) {
	s.change(repo, number, func(p *pull) { p.Draft = draft })
}

// SetBase has a pull request go to another branch of its repository.
func (s *standIn) SetBase(repo forge.Repo, number int, base forge.Ref) {
	base.Repo = repo
	s.change(repo, number, func(p *pull) {
		p.Base = base
		s.repo(repo).mention(base.SHA)
	})
}

// Merge merges a pull request; sha is the commit on the base branch that this
// makes.
func (s *standIn) Merge(repo forge.Repo, number int, sha, by string) {
	s.change(repo, number, func(p *pull) {
		p.State, p.MergeCommit, p.mergedBy, p.closed = forge.StateMerged, sha, s.user(by), p.updated
		s.repo(repo).mention(sha)
	})
}

// ClosePullRequest closes a pull request without merging it.
func (s *standIn) ClosePullRequest(repo forge.Repo, number int) {
	s.change(repo, number, func(p *pull) { p.State, p.closed = forge.StateClosed, p.updated })
}

// ReopenPullRequest opens a pull request again that was closed.
func (s *standIn) ReopenPullRequest(repo forge.Repo, number int) {
	s.change(repo, number, func(p *pull) { p.State, p.closed = forge.StateOpen, time.Time{} })
}

// Comment writes a comment in a user's name.
func (s *standIn) Comment(repo forge.Repo, number int, login, body string) forge.Comment {
	var c forge.Comment
	s.change(repo, number, func(p *pull) { c = s.addComment(p, s.user(login), body).Comment })
	return c
}

func (s *standIn) addComment(p *pull, author forge.User, body string) *comment {
	now := s.clock()
	c := &comment{Comment: forge.Comment{
		Repo: p.Repo, Number: p.Number, ID: s.nextID(), Author: author, Body: body, Created: now, Updated: now,
	}}
	c.URL = s.commentURL(p.URL, c.ID)
	p.comments = append(p.comments, c)
	return c
}

// EditComment changes a comment, as its author may do at any time.
func (s *standIn) EditComment(c forge.Comment, body string) {
	s.change(c.Repo, c.Number, func(p *pull) {
		for _, have := range p.comments {
			if have.ID == c.ID {
				have.Body, have.Updated, have.edited = body, p.updated, p.updated
			}
		}
	})
}

// DeleteComment removes a comment, as a person may do at any time.
func (s *standIn) DeleteComment(c forge.Comment) {
	s.change(c.Repo, c.Number, func(*pull) { s.dropComment(&comment{Comment: c}) })
}

func (s *standIn) dropComment(c *comment) {
	p := s.pull(c.Repo, c.Number)
	p.comments = slices.DeleteFunc(p.comments, func(have *comment) bool { return have.ID == c.ID })
}

// Comments returns a pull request's comments as they are now.
func (s *standIn) Comments(repo forge.Repo, number int) []forge.Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []forge.Comment
	for _, c := range s.pull(repo, number).comments {
		all = append(all, c.Comment)
	}
	return all
}

// Reactions returns the reactions below a comment, in the order in which they
// were made.
func (s *standIn) Reactions(c forge.Comment) []Reaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.pull(c.Repo, c.Number).comments {
		if have.ID == c.ID {
			return slices.Clone(have.reactions)
		}
	}
	panic(fmt.Sprintf("forgetest: %s#%d has no comment %d", c.Repo, c.Number, c.ID))
}

// Hidden tells whether a comment is folded away.
func (s *standIn) Hidden(c forge.Comment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.pull(c.Repo, c.Number).comments {
		if have.ID == c.ID {
			return have.hidden
		}
	}
	return false
}

// change locks, changes a pull request and says when.
func (s *standIn) change(repo forge.Repo, number int, do func(*pull)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pull(repo, number)
	p.updated = s.clock()
	do(p)
}

// Rename gives a repository another name, or owner. What is asked for by the
// old name is sent to where it is now.
func (s *standIn) Rename(repo, to forge.Repo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repo(repo)
	if s.repos[to] != nil {
		panic(fmt.Sprintf("forgetest: repository %s exists already", to))
	}
	delete(s.repos, r.name)
	s.moved[r.name] = r
	s.repos[to], r.name = r, to
	for _, p := range r.pulls {
		if !p.Fork {
			p.Head.Repo = to
		}
		p.Repo, p.Base.Repo = to, to
		p.URL = s.pullURL(to, p.Number)
		for _, c := range p.comments {
			c.Repo, c.URL = to, s.commentURL(p.URL, c.ID)
		}
	}
	for _, d := range r.deployments {
		d.Repo = to
	}
}

// repo finds a repository, also by a name that it had.
func (s *standIn) repo(repo forge.Repo) *repository {
	r := s.repos[repo]
	if r == nil {
		r = s.moved[repo]
	}
	if r == nil {
		panic(fmt.Sprintf("forgetest: no repository %s", repo))
	}
	return r
}

func (s *standIn) pull(repo forge.Repo, number int) *pull {
	r := s.repo(repo)
	if number < 1 || number > len(r.pulls) {
		panic(fmt.Sprintf("forgetest: no pull request %s#%d", repo, number))
	}
	return r.pulls[number-1]
}

// permission of a user in a repository, with what everybody has.
func (r *repository) permission(login string) forge.Permission {
	if r.options.Private {
		return r.permissions[login]
	}
	return max(forge.Read, r.permissions[login])
}

func (r *repository) mention(shas ...string) {
	for _, sha := range shas {
		r.commits[sha] = true
	}
}

func (s *standIn) nextID() int64 {
	s.lastID++
	return s.lastID
}
