package github

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
)

// maxFiles is how many changed files GitHub lists.
const maxFiles = 3000

// Repository implements [forge.Contents].
func (c *Client) Repository(ctx context.Context, repo forge.Repo) (forge.Repository, error) {
	do := call{op: fmt.Sprintf("read %s", repo), method: http.MethodGet}
	if err := do.on(repo, ""); err != nil {
		return forge.Repository{}, err
	}
	do.path = strings.TrimSuffix(do.path, "/")
	var got struct {
		FullName      string `json:"full_name"`
		Private       *bool  `json:"private"`
		Visibility    string `json:"visibility"` // "internal" is private, too
		DefaultBranch string `json:"default_branch"`
	}
	if _, err := c.read(ctx, do, &got); err != nil {
		return forge.Repository{}, err
	}
	if got.Private == nil || got.DefaultBranch == "" {
		return forge.Repository{}, c.misread(do, fmt.Errorf("repository without visibility or default branch"))
	}
	now, err := forge.ParseRepo(got.FullName)
	if err != nil {
		return forge.Repository{}, c.misread(do, err)
	}
	public := !*got.Private && (got.Visibility == "public" || got.Visibility == "")
	return forge.Repository{Repo: now, Public: public, DefaultBranch: got.DefaultBranch}, nil
}

// File implements [forge.Contents].
func (c *Client) File(ctx context.Context, repo forge.Repo, path, ref string) ([]byte, error) {
	do := call{op: fmt.Sprintf("read %s of %s@%s", path, repo, ref), method: http.MethodGet}
	invalid := func(message string) ([]byte, error) {
		return nil, &forge.Error{Op: do.op, Message: message, Err: forge.ErrInvalid}
	}
	if ref == "" {
		return invalid("want a commit or branch")
	}
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return invalid("want a path below the repository's root")
		}
		parts = append(parts, url.PathEscape(part))
	}
	if err := do.on(repo, "contents/%s?ref=%s", strings.Join(parts, "/"), url.QueryEscape(ref)); err != nil {
		return nil, err
	}
	var got anyOf[struct {
		Type     string `json:"type"`
		Encoding string `json:"encoding"`
		Content  string `json:"content"`
		Size     int    `json:"size"`
	}]
	if _, err := c.read(ctx, do, &got); err != nil {
		return nil, err
	}
	switch file := got.one; {
	case got.many:
		return invalid("it is a directory")
	case file.Type != "file":
		return invalid(fmt.Sprintf("it is a %s, not a file", file.Type))
	case file.Encoding != "base64":
		return invalid("it is larger than 1 MiB")
	default:
		data, err := base64.StdEncoding.DecodeString(file.Content) // passes over line ends
		if err != nil || len(data) != file.Size {
			return nil, c.misread(do, fmt.Errorf("%d bytes of %d", len(data), file.Size))
		}
		return data, nil
	}
}

// ChangedFiles implements [forge.Contents].
func (c *Client) ChangedFiles(ctx context.Context, repo forge.Repo, number int) (forge.ChangedFiles, error) {
	do := call{op: fmt.Sprintf("list changed files of %s#%d", repo, number), method: http.MethodGet}
	if err := do.on(repo, "pulls/%d/files", number); err != nil {
		return forge.ChangedFiles{}, err
	}
	got, err := list[struct {
		Filename         string `json:"filename"`
		PreviousFilename string `json:"previous_filename"`
		Status           string `json:"status"`
	}](ctx, c, do)
	if err != nil {
		return forge.ChangedFiles{}, err
	}
	changed := forge.ChangedFiles{Files: make([]forge.ChangedFile, len(got)), Truncated: len(got) >= maxFiles}
	for i, f := range got {
		changed.Files[i].Path = f.Filename
		if f.Status == "renamed" {
			changed.Files[i].Previous = f.PreviousFilename
		}
	}
	return changed, nil
}

// OpenPullRequests implements [forge.Contents].
func (c *Client) OpenPullRequests(ctx context.Context, repo forge.Repo, base string) ([]forge.PullRequest, error) {
	do := call{
		op: fmt.Sprintf("list open pull requests onto %s of %s", base, repo), method: http.MethodGet,
		query: url.Values{"state": {"open"}},
	}
	if base != "" {
		do.query.Set("base", base)
	}
	if err := do.on(repo, "pulls"); err != nil {
		return nil, err
	}
	got, err := list[wirePullRequest](ctx, c, do)
	if err != nil {
		return nil, err
	}
	prs := make([]forge.PullRequest, len(got))
	for i := range got {
		if prs[i], err = got[i].forge(); err != nil {
			return nil, c.misread(do, err)
		}
	}
	return prs, nil
}
