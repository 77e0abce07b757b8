package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weighlock/weighlock/bot/forge"
)

// maxNote is the number of characters that GitLab allows in a comment.
const maxNote = 1000000

// gitLabRequest is one whose token is valid and whose form is right.
type gitLabRequest struct {
	*http.Request
	login string
	repo  *repository // nil outside of projects
}

func (g *GitLab) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	serve := func(pattern string, handle func(*response, gitLabRequest)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			login, _ := g.login(req)
			g.route(w.(*response), gitLabRequest{Request: req, login: login}, handle)
		})
	}
	route := func(pattern string, handle func(*response, gitLabRequest)) {
		method, path, _ := strings.Cut(pattern, " ")
		serve(method+" /api/v4"+path, handle)
	}
	serve("POST /api/graphql", g.graphql)
	const mergeRequest = "/projects/{id}/merge_requests/{number}"
	route("GET /user", func(w *response, req gitLabRequest) { w.json(http.StatusOK, g.accountJSON(g.user(req.login), true)) })
	route("GET /users/{user}", g.getUser)
	route("GET /projects/{id}", func(w *response, req gitLabRequest) { w.json(http.StatusOK, g.projectJSON(req.repo)) })
	route("GET /projects/{id}/members/all/{user}", g.getMember)
	route("GET /projects/{id}/repository/commits/{sha}/merge_requests", g.listMergeRequestsOfCommit)
	route("GET "+mergeRequest, g.getMergeRequest)
	route("GET "+mergeRequest+"/notes", g.listNotes)
	route("POST "+mergeRequest+"/notes", g.createNote)
	route("PUT "+mergeRequest+"/notes/{note}", g.updateNote)
	route("DELETE "+mergeRequest+"/notes/{note}", g.deleteNote)
	route("GET "+mergeRequest+"/notes/{note}/award_emoji", g.listAwards)
	route("POST "+mergeRequest+"/notes/{note}/award_emoji", g.createAward)
	const commits = "/projects/{id}/repository/commits/{sha}"
	route("GET "+commits, g.getCommit)
	route("GET "+commits+"/statuses", g.listStatuses)
	route("POST /projects/{id}/statuses/{sha}", g.createStatus)
	route("GET /projects/{id}/merge_requests", g.listMergeRequests)
	route("GET "+mergeRequest+"/diffs", g.listDiffs)
	route("GET "+mergeRequest+"/versions", g.listVersions)
	route("GET "+mergeRequest+"/approvals", g.getApprovals)
	route("GET /projects/{id}/approvals", g.getApprovalSettings)
	route("GET /projects/{id}/repository/files/{path}", g.getFile)
	route("GET /groups/{group}", g.getGroup)
	route("GET /groups/{group}/members/all/{user}", g.getGroupMember)
	route("GET /projects/{id}/deployments", g.listDeployments)
	route("POST /projects/{id}/deployments", g.createDeployment)
	route("PUT /projects/{id}/deployments/{deployment}", g.updateDeployment)
	route("GET /projects/{id}/environments", g.listEnvironments)
	route("PUT /projects/{id}/environments/{environment}", g.updateEnvironment)
	return mux
}

// route applies what all operations have in common: a project, by path or by
// number, that one may not see is not there.
func (g *GitLab) route(w *response, req gitLabRequest, handle func(*response, gitLabRequest)) {
	if id := req.PathValue("id"); id != "" {
		req.repo = g.project(id)
		if moved := g.renamed(id); req.repo == nil && moved != nil && moved.permission(req.login) >= forge.Read {
			if req.Method != http.MethodGet {
				w.json(http.StatusMethodNotAllowed, object{"message": "Non GET methods are not allowed for moved projects"})
				return
			}
			w.refer(http.StatusMovedPermanently, g.url+strings.Replace(req.RequestURI, "/projects/"+id, fmt.Sprintf("/projects/%d", moved.id), 1))
			return
		}
		if req.repo == nil || req.repo.permission(req.login) < forge.Read {
			w.refuse(http.StatusNotFound, "Project Not Found")
			return
		}
	}
	handle(w, req)
}

func (g *GitLab) project(id string) *repository {
	path, err := url.PathUnescape(id)
	if err != nil {
		return nil
	}
	for name, r := range g.repos {
		if name.String() == path || strconv.FormatInt(r.id, 10) == id {
			return r
		}
	}
	return nil
}

// renamed finds a project by a path that it had.
func (g *GitLab) renamed(id string) *repository {
	path, err := url.PathUnescape(id)
	if err != nil {
		return nil
	}
	name, err := forge.ParseRepo(path)
	if err != nil {
		return nil
	}
	return g.moved[name]
}

// account finds the account that the path names by number, or answers 404.
func (g *GitLab) account(w *response, req gitLabRequest) (forge.User, bool) {
	for _, u := range g.users {
		if strconv.FormatInt(u.ID, 10) == req.PathValue("user") {
			return u, true
		}
	}
	w.refuse(http.StatusNotFound, "User Not Found")
	return forge.User{}, false
}

func (g *GitLab) getUser(w *response, req gitLabRequest) {
	if u, ok := g.account(w, req); ok {
		w.json(http.StatusOK, g.accountJSON(u, false))
	}
}

// getMember answers for those who have been made members; a public project has
// readers who are none.
func (g *GitLab) getMember(w *response, req gitLabRequest) {
	for login, p := range req.repo.permissions {
		u := g.user(login)
		if p > forge.NoPermission && strconv.FormatInt(u.ID, 10) == req.PathValue("user") {
			o := g.userJSON(u)
			o["access_level"], o["membership_state"] = accessLevels[p], "active"
			o["created_at"], o["expires_at"] = exampleTime, nil
			w.json(http.StatusOK, o)
			return
		}
	}
	w.refuse(http.StatusNotFound, "Not found")
}

// mergeRequest finds the merge request that the path names, or answers 404.
func mergeRequest(w *response, req gitLabRequest) *pull {
	number, err := strconv.Atoi(req.PathValue("number"))
	if err != nil || number < 1 || number > len(req.repo.pulls) {
		w.refuse(http.StatusNotFound, "Not found")
		return nil
	}
	return req.repo.pulls[number-1]
}

// note finds the note that the path names, or answers 404.
func note(w *response, req gitLabRequest) *comment {
	p := mergeRequest(w, req)
	if p == nil {
		return nil
	}
	for _, c := range p.comments {
		if strconv.FormatInt(c.ID, 10) == req.PathValue("note") {
			return c
		}
	}
	w.refuse(http.StatusNotFound, "Note Not Found")
	return nil
}

func (g *GitLab) getMergeRequest(w *response, req gitLabRequest) {
	if p := mergeRequest(w, req); p != nil {
		w.json(http.StatusOK, g.mergeRequestJSON(p))
	}
}

// listMergeRequestsOfCommit answers those that brought a commit in or hold it,
// closed ones too.
func (g *GitLab) listMergeRequestsOfCommit(w *response, req gitLabRequest) {
	sha := req.PathValue("sha")
	if !req.repo.commits[sha] {
		w.refuse(http.StatusNotFound, "Commit Not Found")
		return
	}
	found := []object{}
	for _, p := range req.repo.pulls {
		if p.MergeCommit == sha || slices.Contains(p.heads, sha) {
			found = append(found, g.mergeRequestBasicJSON(p))
		}
	}
	g.page(w, req, found)
}

// listNotes knows the order that we ask for, and no other.
func (g *GitLab) listNotes(w *response, req gitLabRequest) {
	p := mergeRequest(w, req)
	if p == nil {
		return
	}
	if query := req.URL.Query(); query.Get("sort") != "asc" || query.Get("activity_filter") != "only_comments" {
		w.refuse(http.StatusNotImplemented, "the stand-in lists comments only, oldest first")
		return
	}
	all := []object{}
	for _, c := range p.comments {
		all = append(all, g.noteJSON(c))
	}
	g.page(w, req, all)
}

func (g *GitLab) createNote(w *response, req gitLabRequest) {
	p := mergeRequest(w, req)
	if p == nil {
		return
	}
	if body, ok := noteBody(w, req); ok {
		w.json(http.StatusCreated, g.noteJSON(g.addComment(p, g.user(req.login), body)))
	}
}

func (g *GitLab) updateNote(w *response, req gitLabRequest) {
	c := note(w, req)
	if c == nil {
		return
	}
	if c.Author.Login != req.login && req.repo.permission(req.login) < forge.Maintain {
		w.refuse(http.StatusForbidden, "Forbidden")
		return
	}
	if body, ok := noteBody(w, req); ok {
		c.Body, c.Updated = body, g.clock()
		c.edited = c.Updated
		w.json(http.StatusOK, g.noteJSON(c))
	}
}

func (g *GitLab) deleteNote(w *response, req gitLabRequest) {
	c := note(w, req)
	if c == nil {
		return
	}
	if c.Author.Login != req.login && req.repo.permission(req.login) < forge.Maintain {
		w.refuse(http.StatusForbidden, "Forbidden")
		return
	}
	g.dropComment(c)
	w.status = http.StatusNoContent
}

// noteBody reads a note's body and says what GitLab would of a bad one.
func noteBody(w *response, req gitLabRequest) (string, bool) {
	var sent struct{ Body string }
	if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
		w.json(http.StatusBadRequest, object{"error": "The provided content-type 'application/json' and its content are not the same"})
		return "", false
	}
	switch {
	case strings.TrimSpace(sent.Body) == "":
		w.refuse(http.StatusBadRequest, `Bad request - Note {:note=>["can't be blank"]}`)
		return "", false
	case utf8.RuneCountInString(sent.Body) > maxNote:
		w.refuse(http.StatusBadRequest, fmt.Sprintf(`Bad request - Note {:note=>["is too long (maximum is %d characters)"]}`, maxNote))
		return "", false
	}
	return sent.Body, true
}

func (g *GitLab) listAwards(w *response, req gitLabRequest) {
	c := note(w, req)
	if c == nil {
		return
	}
	all := []object{}
	for _, r := range c.reactions {
		all = append(all, g.awardJSON(c, r))
	}
	g.page(w, req, all)
}

// createAward refuses the second of the same, as GitLab does.
func (g *GitLab) createAward(w *response, req gitLabRequest) {
	c := note(w, req)
	if c == nil {
		return
	}
	var sent struct{ Name forge.Reaction }
	if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
		w.json(http.StatusBadRequest, object{"error": "name is missing"})
		return
	}
	r := Reaction{User: g.user(req.login), Content: sent.Name}
	if slices.Contains(c.reactions, r) {
		w.refuse(http.StatusNotFound, `Award Emoji {:name=>["has already been taken"]} Not Found`)
		return
	}
	c.reactions = append(c.reactions, r)
	c.Updated = g.clock() // GitLab's notes are updated by each reaction
	w.json(http.StatusCreated, g.awardJSON(c, r))
}

// graphql answers what is asked there: when a note was edited.
func (g *GitLab) graphql(w *response, req gitLabRequest) {
	var sent struct {
		Query     string
		Variables map[string]string
	}
	if err := json.NewDecoder(req.Body).Decode(&sent); err != nil || sent.Query != "query($id: NoteID!) { note(id: $id) { lastEditedAt } }" {
		w.json(http.StatusOK, object{"errors": []object{{"message": fmt.Sprintf("the stand-in knows no query %q", sent.Query)}}})
		return
	}
	for _, r := range g.repos {
		for _, p := range r.pulls {
			for _, c := range p.comments {
				if fmt.Sprintf("gid://gitlab/Note/%d", c.ID) != sent.Variables["id"] || r.permission(req.login) < forge.Read {
					continue
				}
				var at any
				if !c.edited.IsZero() {
					at = c.edited
				}
				w.json(http.StatusOK, object{"data": object{"note": object{"lastEditedAt": at}}})
				return
			}
		}
	}
	w.json(http.StatusOK, object{"data": object{"note": nil}})
}

// page answers the page asked for of a list, and tells where its neighbours are.
func (g *GitLab) page(w *response, req gitLabRequest, all []object) {
	query := req.URL.Query()
	size, page := 20, 1
	if n, err := strconv.Atoi(query.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > 0 {
		page = n
	}
	last := max(1, (len(all)+size-1)/size)
	set := func(name string, n int) {
		value := ""
		if n > 0 {
			value = strconv.Itoa(n)
		}
		w.header.Set(name, value)
	}
	next := page + 1
	if next > last {
		next = 0
	}
	set("X-Page", page)
	set("X-Per-Page", size)
	set("X-Prev-Page", page-1)
	set("X-Next-Page", next)
	set("X-Total", len(all))
	set("X-Total-Pages", last)
	from := min(len(all), (page-1)*size)
	w.json(http.StatusOK, all[from:min(len(all), from+size)])
}
