package forgetest

import (
	"fmt"
	"maps"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// exampleTime is when everything was made whose time does not matter.
const exampleTime = "2019-05-15T15:19:25.000Z"

// accessLevels are GitLab's numbers for permissions.
var accessLevels = map[forge.Permission]int{
	forge.Read: 10, forge.Triage: 20, forge.Write: 30, forge.Maintain: 40, forge.Admin: 50,
}

// userJSON is GitLab's form of a user within other things.
func (g *GitLab) userJSON(u forge.User) object {
	return object{
		"id": u.ID, "username": u.Login, "public_email": "", "name": u.Login, "state": "active", "locked": false,
		"avatar_url": nil, "web_url": g.url + "/" + u.Login,
	}
}

// accountJSON is GitLab's form of a user who is asked for by itself; self tells
// of the token's own account more than others may know.
func (g *GitLab) accountJSON(u forge.User, self bool) object {
	o := g.userJSON(u)
	maps.Copy(o, object{
		"created_at": exampleTime, "bio": "", "location": "", "linkedin": "", "twitter": "", "discord": "",
		"website_url": "", "github": "", "job_title": "", "pronouns": nil, "organization": "", "bot": u.Bot,
		"work_information": nil, "local_time": nil,
	})
	if self {
		maps.Copy(o, object{
			"last_sign_in_at": exampleTime, "confirmed_at": exampleTime, "email": u.Login + "@example.com", "theme_id": 1,
			"color_scheme_id": 1, "projects_limit": 100000, "current_sign_in_at": exampleTime,
			"can_create_group": true, "can_create_project": true, "two_factor_enabled": true, "external": false,
			"private_profile": false, "commit_email": u.Login + "@example.com",
		})
	} else {
		maps.Copy(o, object{"followers": 0, "following": 0, "is_followed": false})
	}
	return o
}

func (g *GitLab) projectJSON(r *repository) object {
	visibility := "public"
	if r.options.Private {
		visibility = "private"
	}
	web := g.url + "/" + r.name.String()
	return object{
		"id": r.id, "description": nil, "name": r.name.Name, "name_with_namespace": r.name.Owner + " / " + r.name.Name,
		"path": r.name.Name, "path_with_namespace": r.name.String(), "created_at": exampleTime,
		"default_branch": r.options.DefaultBranch, "tag_list": []string{}, "topics": []string{},
		"ssh_url_to_repo": "git@gitlab.example.com:" + r.name.String() + ".git", "http_url_to_repo": web + ".git", "web_url": web,
		"readme_url": nil, "forks_count": 0, "avatar_url": nil, "star_count": 0, "last_activity_at": exampleTime,
		"visibility": visibility, "empty_repo": false, "archived": false,
	}
}

// gitLabStates are GitLab's words for states.
var gitLabStates = map[forge.State]string{
	forge.StateOpen: "opened", forge.StateClosed: "closed", forge.StateMerged: "merged",
}

// mergeRequestBasicJSON is a merge request in a list.
func (g *GitLab) mergeRequestBasicJSON(p *pull) object {
	reference := fmt.Sprintf("!%d", p.Number)
	o := object{
		"id": p.id, "iid": p.Number, "project_id": g.repo(p.Repo).id, "title": p.Title, "description": p.body,
		"state": gitLabStates[p.State], "created_at": p.created, "updated_at": p.updated,
		"merged_by": nil, "merge_user": nil, "merged_at": nil, "closed_by": nil, "closed_at": nil,
		"target_branch": p.Base.Name, "source_branch": p.Head.Name,
		"user_notes_count": len(p.comments), "upvotes": 0, "downvotes": 0,
		"author": g.userJSON(p.Author), "assignees": []object{}, "assignee": nil, "reviewers": []object{},
		"source_project_id": g.repo(p.Head.Repo).id, "target_project_id": g.repo(p.Base.Repo).id,
		"labels": []string{}, "draft": p.Draft, "imported": false, "imported_from": "none", "work_in_progress": p.Draft,
		"milestone": nil, "merge_when_pipeline_succeeds": false, "merge_status": "can_be_merged",
		"detailed_merge_status": "mergeable", "merge_after": nil, "sha": p.Head.SHA, "merge_commit_sha": nil,
		"squash_commit_sha": nil, "discussion_locked": nil, "should_remove_source_branch": nil,
		"force_remove_source_branch": false, "prepared_at": p.created,
		"reference": reference, "references": object{"short": reference, "relative": reference, "full": p.Repo.String() + reference},
		"web_url":    p.URL,
		"time_stats": object{"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": nil, "human_total_time_spent": nil},
		"squash":     false, "squash_on_merge": false, "task_completion_status": object{"count": 0, "completed_count": 0},
		"has_conflicts": false, "blocking_discussions_resolved": true,
	}
	switch p.State {
	case forge.StateClosed:
		o["closed_at"] = p.closed
	case forge.StateMerged:
		o["merged_by"], o["merge_user"] = g.userJSON(p.mergedBy), g.userJSON(p.mergedBy)
		o["merged_at"], o["merge_commit_sha"] = p.closed, p.MergeCommit
	}
	return o
}

// mergeRequestJSON is a merge request by itself.
func (g *GitLab) mergeRequestJSON(p *pull) object {
	o := g.mergeRequestBasicJSON(p)
	maps.Copy(o, object{
		"subscribed": false, "changes_count": changesCount(p), "latest_build_started_at": nil, "latest_build_finished_at": nil,
		"first_deployed_to_production_at": nil, "pipeline": nil, "head_pipeline": g.pipelineJSON(p),
		"diff_refs":   object{"base_sha": p.Base.SHA, "head_sha": p.Head.SHA, "start_sha": p.Base.SHA},
		"merge_error": nil, "first_contribution": false, "user": object{"can_merge": false},
	})
	return o
}

// maxDiffFiles is how many changed files the stand-in's administrator lets it
// tell.
const maxDiffFiles = 3000

// changesCount is the number of changed files, as GitLab says it.
func changesCount(p *pull) string {
	if len(p.files) > maxDiffFiles {
		return fmt.Sprintf("%d+", maxDiffFiles)
	}
	return fmt.Sprint(len(p.files))
}

func (g *GitLab) noteJSON(c *comment) object {
	p := g.pull(c.Repo, c.Number)
	return object{
		"id": c.ID, "type": nil, "body": c.Body, "author": g.userJSON(c.Author),
		"created_at": c.Created, "updated_at": c.Updated, "system": false,
		"noteable_id": p.id, "noteable_type": "MergeRequest", "project_id": g.repo(c.Repo).id,
		"resolvable": false, "confidential": false, "internal": false, "imported": false, "imported_from": "none",
		"noteable_iid": c.Number, "commands_changes": object{},
	}
}

func (g *GitLab) awardJSON(c *comment, r Reaction) object {
	return object{
		"id": c.ID*10 + int64(strings.Index("eyes rocket confused", string(r.Content))), "name": r.Content, "user": g.userJSON(r.User),
		"created_at": c.Created, "updated_at": c.Created, "awardable_id": c.ID, "awardable_type": "Note", "url": nil,
	}
}
