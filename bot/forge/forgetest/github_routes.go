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

// maxBody is the number of characters that GitHub allows in a comment.
const maxBody = 65536

const docsURL = "https://docs.github.com/rest"

// invalid answers 422, with what is wrong about a comment's body.
func (r *response) invalid(code, message string) {
	r.json(http.StatusUnprocessableEntity, object{
		"message": "Validation Failed", "documentation_url": docsURL, "status": "422",
		"errors": []object{{"resource": "IssueComment", "field": "body", "code": code, "message": message}},
	})
}

// request is one whose token is valid and whose form is right.
type request struct {
	*http.Request
	token Token
	repo  *repository // nil outside of repositories
}

func (g *GitHub) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	route := func(pattern string, handle func(*response, request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			g.route(w.(*response), request{Request: req, token: g.tokens[bearer(req)]}, handle)
		})
	}
	route("GET /user", g.getUser)
	route("GET /repos/{owner}/{repo}/pulls/{number}", g.getPull)
	route("GET /repos/{owner}/{repo}/commits/{sha}/pulls", g.listPullsOfCommit)
	route("GET /repos/{owner}/{repo}/issues/{number}/comments", g.listComments)
	route("POST /repos/{owner}/{repo}/issues/{number}/comments", g.createComment)
	route("PATCH /repos/{owner}/{repo}/issues/comments/{id}", g.updateComment)
	route("DELETE /repos/{owner}/{repo}/issues/comments/{id}", g.deleteComment)
	route("POST /repos/{owner}/{repo}/issues/comments/{id}/reactions", g.createReaction)
	route("GET /repos/{owner}/{repo}/collaborators/{username}/permission", g.getPermission)
	route("POST /graphql", g.graphql)
	route("GET /app", g.getApp)
	route("GET /app/hook/deliveries", g.listDeliveries)
	route("POST /app/hook/deliveries/{delivery}/attempts", g.redeliver)
	route("POST /app/installations/{installation}/access_tokens", g.createToken)
	route("GET /repos/{account}/{name}/installation", g.getInstallation)
	route("GET /repos/{owner}/{repo}", g.getRepo)
	route("GET /repos/{owner}/{repo}/contents/{path}", g.getContents)
	route("GET /repos/{owner}/{repo}/pulls", g.listPulls)
	route("GET /repos/{owner}/{repo}/pulls/{number}/files", g.listFiles)
	route("GET /repos/{owner}/{repo}/pulls/{number}/reviews", g.listReviews)
	route("GET /repos/{owner}/{repo}/commits/{sha}/check-runs", g.listCheckRuns)
	route("GET /repos/{owner}/{repo}/commits/{sha}/status", g.getStatus)
	route("POST /repos/{owner}/{repo}/check-runs", g.createCheckRun)
	route("PATCH /repos/{owner}/{repo}/check-runs/{id}", g.updateCheckRun)
	route("POST /repos/{owner}/{repo}/statuses/{sha}", g.createStatus)
	route("GET /repos/{owner}/{repo}/rules/branches/{branch}", g.listRules)
	route("GET /repos/{owner}/{repo}/branches/{branch}", g.getBranch)
	route("GET /orgs/{org}/teams/{team}", g.getTeam)
	route("GET /orgs/{org}/teams/{team}/memberships/{username}", g.getMembership)
	route("GET /users/{username}", g.getAccount)
	route("POST /repos/{owner}/{repo}/deployments", g.createDeployment)
	route("GET /repos/{owner}/{repo}/deployments", g.listDeployments)
	route("POST /repos/{owner}/{repo}/deployments/{id}/statuses", g.createDeploymentStatus)
	route("GET /repos/{owner}/{repo}/deployments/{id}/statuses", g.listDeploymentStatuses)
	return mux
}

// route applies what all operations have in common: a repository that one may
// not see is not there, and a token that may only read does not write.
func (g *GitHub) route(w *response, req request, handle func(*response, request)) {
	if owner := req.PathValue("owner"); owner != "" {
		name := forge.Repo{Owner: owner, Name: req.PathValue("repo")}
		req.repo = g.repos[name]
		if moved := g.moved[name]; req.repo == nil && moved != nil {
			req.repo = moved
			if req.permission() >= forge.Read {
				status := http.StatusMovedPermanently
				if req.Method != http.MethodGet {
					status = http.StatusTemporaryRedirect
				}
				w.refer(status, g.url+strings.Replace(req.RequestURI, "/repos/"+name.String(), fmt.Sprintf("/repositories/%d", moved.id), 1))
				return
			}
		}
		if req.repo == nil || req.permission() < forge.Read {
			w.refuse(http.StatusNotFound, "Not Found")
			return
		}
	}
	if req.token.ReadOnly && req.Method != http.MethodGet && req.URL.Path != "/graphql" {
		w.refuse(http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	handle(w, req)
}

// permission is what the token's account may do in the repository.
func (req request) permission() forge.Permission {
	if req.token.Actions {
		return forge.Write
	}
	return req.repo.permission(req.token.Login)
}

func (g *GitHub) getUser(w *response, req request) {
	if strings.HasSuffix(req.token.Login, botSuffix) {
		w.refuse(http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	w.json(http.StatusOK, g.accountJSON(g.user(req.token.Login)))
}

// graphql answers what is asked there. The queries of GitHub's
// GraphQL API are none of the REST API's description.
func (g *GitHub) graphql(w *response, req request) {
	var sent struct {
		Query     string
		Variables map[string]string
	}
	err := json.NewDecoder(req.Body).Decode(&sent)
	if err == nil && strings.HasPrefix(sent.Query, "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED})") {
		g.minimize(w, req, sent.Variables["id"])
		return
	}
	if err != nil || sent.Query != "query { viewer { login databaseId } }" {
		w.json(http.StatusOK, object{"errors": []object{{"message": fmt.Sprintf("the stand-in knows no query %q", sent.Query)}}})
		return
	}
	u := g.user(req.token.Login)
	w.json(http.StatusOK, object{"data": object{"viewer": object{"login": u.Login, "databaseId": u.ID}}})
}

// minimize hides a comment, for who may write.
func (g *GitHub) minimize(w *response, req request, node string) {
	for _, r := range g.repos {
		for _, p := range r.pulls {
			for _, c := range p.comments {
				if nodeID(c) != node {
					continue
				}
				req.repo = r
				if req.token.ReadOnly || req.permission() < forge.Write && c.Author.Login != req.token.Login {
					w.json(http.StatusOK, object{"data": object{"minimizeComment": nil}, "errors": []object{{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}}})
					return
				}
				c.hidden = true
				w.json(http.StatusOK, object{"data": object{"minimizeComment": object{"minimizedComment": object{"isMinimized": true}}}})
				return
			}
		}
	}
	w.json(http.StatusOK, object{"data": object{"minimizeComment": nil}, "errors": []object{{"type": "NOT_FOUND", "message": "Could not resolve to a node with the global id of '" + node + "'"}}})
}

// findPull finds the pull request that the path names, or answers 404.
func findPull(w *response, req request) *pull {
	number, err := strconv.Atoi(req.PathValue("number"))
	if err != nil || number < 1 || number > len(req.repo.pulls) {
		w.refuse(http.StatusNotFound, "Not Found")
		return nil
	}
	return req.repo.pulls[number-1]
}

// findComment finds the comment that the path names, or answers 404.
func findComment(w *response, req request) *comment {
	for _, p := range req.repo.pulls {
		for _, c := range p.comments {
			if strconv.FormatInt(c.ID, 10) == req.PathValue("id") {
				return c
			}
		}
	}
	w.refuse(http.StatusNotFound, "Not Found")
	return nil
}

func (g *GitHub) getPull(w *response, req request) {
	if p := findPull(w, req); p != nil {
		w.json(http.StatusOK, g.pullJSON(p))
	}
}

// listPullsOfCommit answers the pull request that brought a commit in, or
// those open ones that hold it.
func (g *GitHub) listPullsOfCommit(w *response, req request) {
	sha := req.PathValue("sha")
	if !req.repo.commits[sha] {
		w.refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
		return
	}
	found := []object{}
	for _, p := range req.repo.pulls {
		if p.MergeCommit == sha || p.State == forge.StateOpen && slices.Contains(p.heads, sha) {
			found = append(found, g.pullBriefJSON(p))
		}
	}
	g.page(w, req, found)
}

func (g *GitHub) listComments(w *response, req request) {
	p := findPull(w, req)
	if p == nil {
		return
	}
	all := []object{}
	for _, c := range p.comments {
		all = append(all, g.commentJSON(c))
	}
	g.page(w, req, all)
}

func (g *GitHub) createComment(w *response, req request) {
	p := findPull(w, req)
	if p == nil {
		return
	}
	if body, ok := readBody(w, req); ok {
		c := g.addComment(p, g.user(req.token.Login), body)
		w.json(http.StatusCreated, g.commentJSON(c))
	}
}

func (g *GitHub) updateComment(w *response, req request) {
	c := findComment(w, req)
	if c == nil {
		return
	}
	if c.Author.Login != req.token.Login && req.permission() < forge.Write {
		w.refuse(http.StatusForbidden, "Must have admin rights to Repository.")
		return
	}
	if body, ok := readBody(w, req); ok {
		c.Body, c.Updated = body, g.clock()
		w.json(http.StatusOK, g.commentJSON(c))
	}
}

func (g *GitHub) deleteComment(w *response, req request) {
	c := findComment(w, req)
	if c == nil {
		return
	}
	if c.Author.Login != req.token.Login && req.permission() < forge.Write {
		w.refuse(http.StatusForbidden, "Must have admin rights to Repository.")
		return
	}
	g.dropComment(c)
	w.status = http.StatusNoContent
}

// readBody reads a comment's body and says what GitHub would of a bad one.
func readBody(w *response, req request) (string, bool) {
	var sent struct{ Body string }
	if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
		w.refuse(http.StatusBadRequest, "Problems parsing JSON")
		return "", false
	}
	switch {
	case strings.TrimSpace(sent.Body) == "":
		w.invalid("unprocessable", "Body cannot be blank")
		return "", false
	case utf8.RuneCountInString(sent.Body) > maxBody:
		w.invalid("unprocessable", fmt.Sprintf("Body is too long (maximum is %d characters)", maxBody))
		return "", false
	}
	return sent.Body, true
}

func (g *GitHub) createReaction(w *response, req request) {
	c := findComment(w, req)
	if c == nil {
		return
	}
	var sent struct{ Content forge.Reaction }
	if err := json.NewDecoder(req.Body).Decode(&sent); err != nil {
		w.refuse(http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	reaction := Reaction{User: g.user(req.token.Login), Content: sent.Content}
	status := http.StatusOK // it is there already
	if !slices.Contains(c.reactions, reaction) {
		c.reactions = append(c.reactions, reaction)
		status = http.StatusCreated
	}
	w.json(status, reactionJSON(c.ID, reaction, g.userJSON(reaction.User), c.Created))
}

// getPermission answers in GitHub's two fields, of which the older one knows
// fewer words.
func (g *GitHub) getPermission(w *response, req request) {
	user, ok := g.users[req.PathValue("username")]
	if !ok {
		w.refuse(http.StatusNotFound, req.PathValue("username")+" is not a user")
		return
	}
	role := req.repo.permission(user.Login)
	legacy := role
	switch role {
	case forge.Maintain:
		legacy = forge.Write
	case forge.Triage:
		legacy = forge.Read
	}
	o := g.userJSON(user)
	o["role_name"] = role.String()
	w.json(http.StatusOK, object{"permission": legacy.String(), "role_name": role.String(), "user": o})
}

// page answers the page asked for of a list, and links to its neighbours.
func (g *GitHub) page(w *response, req request, all []object) {
	w.json(http.StatusOK, g.pageOf(w, req, all))
}

// pageOf is the page asked for; w gets the links to its neighbours.
func (g *GitHub) pageOf(w *response, req request, all []object) []object {
	query := req.URL.Query()
	size, page := 30, 1
	if n, err := strconv.Atoi(query.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > 0 {
		page = n
	}
	last := max(1, (len(all)+size-1)/size)
	var links []string
	link := func(n int, rel string) {
		query.Set("page", strconv.Itoa(n))
		u := url.URL{Path: req.URL.Path, RawQuery: query.Encode()}
		links = append(links, fmt.Sprintf(`<%s%s>; rel="%s"`, g.url, u.String(), rel))
	}
	if page > 1 {
		link(page-1, "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	if len(links) > 0 {
		w.header.Set("Link", strings.Join(links, ", "))
	}
	from := min(len(all), (page-1)*size)
	return all[from:min(len(all), from+size)]
}
