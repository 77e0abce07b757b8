package forgetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weighlock/weighlock/bot/forge"
)

// ActionsLogin is the account whose name is on what an Actions token writes.
const ActionsLogin = "github-actions[bot]"

// Token is what a token stands for.
type Token struct {
	// Login of the account. [Token.Actions] makes it [ActionsLogin].
	Login string
	// Actions marks the token of an Actions job: it may not ask who it is, and
	// may write to every repository without being a collaborator.
	Actions bool
	// ReadOnly refuses writes, as with an Actions token in a job for a pull
	// request from a fork.
	ReadOnly bool
}

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
	permissions map[string]forge.Permission // by login
	pulls       []*pull                     // number n at n-1
	commits     map[string]bool             // those that anybody mentioned
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
}

type comment struct {
	forge.Comment
	reactions []Reaction
}

// AddRepo makes a repository.
func (g *GitHub) AddRepo(repo forge.Repo, o RepoOptions) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addRepo(repo, o)
}

func (g *GitHub) addRepo(repo forge.Repo, o RepoOptions) *repository {
	if g.repos[repo] != nil {
		panic(fmt.Sprintf("forgetest: repository %s exists already", repo))
	}
	if o.DefaultBranch == "" {
		o.DefaultBranch = "main"
	}
	r := &repository{
		id: g.nextID(), name: repo, options: o,
		permissions: map[string]forge.Permission{}, commits: map[string]bool{},
	}
	g.repos[repo] = r
	return r
}

// AddUser makes an account, unless there is one of that name, and returns it.
// A login that ends in [bot] is a program's. Logins in other calls make the
// account as well.
func (g *GitHub) AddUser(login string) forge.User {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.user(login)
}

func (g *GitHub) user(login string) forge.User {
	if login == "" {
		panic("forgetest: no login")
	}
	u, ok := g.users[login]
	if !ok {
		u = forge.User{ID: g.nextID(), Login: login, Bot: strings.HasSuffix(login, "[bot]")}
		g.users[login] = u
	}
	return u
}

// AddToken makes a token valid, and its account.
func (g *GitHub) AddToken(token string, means Token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if means.Actions {
		means.Login = ActionsLogin
	}
	g.user(means.Login)
	g.tokens[token] = means
}

// SetPermission makes a user a collaborator, or with [forge.NoPermission] none
// any more. Everybody may read a public repository.
func (g *GitHub) SetPermission(repo forge.Repo, login string, p forge.Permission) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.user(login)
	g.repo(repo).permissions[login] = p
}

// OpenPullRequest opens a pull request and returns its number. The fork that
// it comes from is made where there is none.
func (g *GitHub) OpenPullRequest(n NewPullRequest) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.repo(n.Repo)
	if n.Head.Repo == (forge.Repo{}) {
		n.Head.Repo = n.Repo
	}
	if n.Head.Repo != n.Repo && g.repos[n.Head.Repo] == nil {
		g.addRepo(n.Head.Repo, r.options).fork = true
	}
	if n.Base.Name == "" {
		n.Base.Name = r.options.DefaultBranch
	}
	n.Base.Repo = n.Repo
	now := g.clock()
	p := &pull{
		PullRequest: forge.PullRequest{
			Repo: n.Repo, Number: len(r.pulls) + 1, Title: n.Title, State: forge.StateOpen, Draft: n.Draft,
			Author: g.user(n.Author), Head: n.Head, Base: n.Base, Fork: n.Head.Repo != n.Repo,
		},
		id: g.nextID(), body: n.Body, heads: []string{n.Head.SHA}, created: now, updated: now,
	}
	p.URL = fmt.Sprintf("%s/%s/pull/%d", webURL, n.Repo, p.Number)
	r.mention(n.Head.SHA, n.Base.SHA)
	r.pulls = append(r.pulls, p)
	return p.Number
}

// PushHead moves a pull request's head to another commit.
func (g *GitHub) PushHead(repo forge.Repo, number int, sha string) {
	g.change(repo, number, func(p *pull) {
		p.previous, p.Head.SHA = p.Head.SHA, sha
		p.heads = append(p.heads, sha)
		g.repo(repo).mention(sha)
	})
}

// SetDraft turns a pull request into a draft, or makes it ready.
func (g *GitHub) SetDraft(repo forge.Repo, number int, draft bool) {
	g.change(repo, number, func(p *pull) { p.Draft = draft })
}

// Merge merges a pull request; sha is the commit on the base branch that this
// makes.
func (g *GitHub) Merge(repo forge.Repo, number int, sha, by string) {
	g.change(repo, number, func(p *pull) {
		p.State, p.MergeCommit, p.mergedBy, p.closed = forge.StateMerged, sha, g.user(by), p.updated
		g.repo(repo).mention(sha)
	})
}

// ClosePullRequest closes a pull request without merging it.
func (g *GitHub) ClosePullRequest(repo forge.Repo, number int) {
	g.change(repo, number, func(p *pull) { p.State, p.closed = forge.StateClosed, p.updated })
}

// Comment writes a comment in a user's name.
func (g *GitHub) Comment(repo forge.Repo, number int, login, body string) forge.Comment {
	var c forge.Comment
	g.change(repo, number, func(p *pull) { c = g.addComment(p, g.user(login), body).Comment })
	return c
}

func (g *GitHub) addComment(p *pull, author forge.User, body string) *comment {
	now := g.clock()
	c := &comment{Comment: forge.Comment{
		Repo: p.Repo, Number: p.Number, ID: g.nextID(), Author: author, Body: body, Created: now, Updated: now,
	}}
	c.URL = fmt.Sprintf("%s#issuecomment-%d", p.URL, c.ID)
	p.comments = append(p.comments, c)
	return c
}

// DeleteComment removes a comment, as a person may do at any time.
func (g *GitHub) DeleteComment(c forge.Comment) {
	g.change(c.Repo, c.Number, func(p *pull) {
		p.comments = slices.DeleteFunc(p.comments, func(have *comment) bool { return have.ID == c.ID })
	})
}

// Comments returns a pull request's comments as they are now.
func (g *GitHub) Comments(repo forge.Repo, number int) []forge.Comment {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []forge.Comment
	for _, c := range g.pull(repo, number).comments {
		all = append(all, c.Comment)
	}
	return all
}

// Reactions returns the reactions below a comment, in the order in which they
// were made.
func (g *GitHub) Reactions(c forge.Comment) []Reaction {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, have := range g.pull(c.Repo, c.Number).comments {
		if have.ID == c.ID {
			return slices.Clone(have.reactions)
		}
	}
	panic(fmt.Sprintf("forgetest: %s#%d has no comment %d", c.Repo, c.Number, c.ID))
}

// change locks, changes a pull request and says when.
func (g *GitHub) change(repo forge.Repo, number int, do func(*pull)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.pull(repo, number)
	p.updated = g.clock()
	do(p)
}

func (g *GitHub) repo(repo forge.Repo) *repository {
	r := g.repos[repo]
	if r == nil {
		panic(fmt.Sprintf("forgetest: no repository %s", repo))
	}
	return r
}

func (g *GitHub) pull(repo forge.Repo, number int) *pull {
	r := g.repo(repo)
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

func (g *GitHub) nextID() int64 {
	g.lastID++
	return g.lastID
}
