package gitlab

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/weighlock/weighlock/bot/forge"
	"github.com/weighlock/weighlock/bot/forge/internal/rest"
)

// maxFile is how large a file may be that is read, in bytes.
const maxFile = 1 << 20

// Repository implements [forge.Contents].
func (c *Client) Repository(ctx context.Context, repo forge.Repo) (forge.Repository, error) {
	got, err := c.project(ctx, repo)
	if err != nil {
		return forge.Repository{}, err
	}
	if got.Visibility == "" {
		return forge.Repository{}, c.misread(call{op: fmt.Sprintf("read project %s", repo)}, errors.New("project without visibility"))
	}
	now, err := forge.ParseRepo(got.PathWithNamespace)
	if err != nil {
		return forge.Repository{}, c.misread(call{op: fmt.Sprintf("read project %s", repo)}, err)
	}
	return forge.Repository{Repo: now, Public: got.Visibility == "public", DefaultBranch: got.DefaultBranch}, nil
}

// File implements [forge.Contents]. GitLab tells a symbolic link from a file
// in no way: it is read as what it holds, the path that it leads to.
func (c *Client) File(ctx context.Context, repo forge.Repo, path, ref string) ([]byte, error) {
	do := call{op: fmt.Sprintf("read %s of %s@%s", path, repo, ref), method: http.MethodGet, query: url.Values{"ref": {ref}}}
	invalid := func(message string) ([]byte, error) {
		return nil, &forge.Error{Op: do.op, Message: message, Err: forge.ErrInvalid}
	}
	if ref == "" {
		return invalid("want a commit or branch")
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return invalid("want a path below the repository's root")
		}
	}
	if err := do.on(repo, "/repository/files/%s", url.PathEscape(path)); err != nil {
		return nil, err
	}
	var got struct {
		Size     *int   `json:"size"`
		Encoding string `json:"encoding"`
		Content  string `json:"content"`
	}
	if _, err := c.read(ctx, do, &got); err != nil {
		return nil, err
	}
	if got.Size == nil || got.Encoding != "base64" {
		return nil, c.misread(do, errors.New("file without size or content"))
	}
	if *got.Size > maxFile {
		return invalid("it is larger than 1 MiB")
	}
	data, err := base64.StdEncoding.DecodeString(got.Content)
	if err != nil || len(data) != *got.Size {
		return nil, c.misread(do, fmt.Errorf("%d bytes of %d", len(data), *got.Size))
	}
	return data, nil
}

// ChangedFiles implements [forge.Contents].
func (c *Client) ChangedFiles(ctx context.Context, repo forge.Repo, number int) (forge.ChangedFiles, error) {
	do := call{op: fmt.Sprintf("list changed files of %s!%d", repo, number), method: http.MethodGet}
	if err := do.on(repo, "/merge_requests/%d", number); err != nil {
		return forge.ChangedFiles{}, err
	}
	var count string
	err := rest.Read(ctx, c.backoff, func() error {
		var got wireMergeRequest
		if _, err := c.send(ctx, do, &got); err != nil {
			return err
		}
		if got.ChangesCount == nil {
			return c.misread(do, errUnprepared)
		}
		count = *got.ChangesCount
		return nil
	})
	if err != nil {
		return forge.ChangedFiles{}, err
	}
	do.path += "/diffs"
	got, err := list[struct {
		OldPath     string `json:"old_path"`
		NewPath     string `json:"new_path"`
		RenamedFile bool   `json:"renamed_file"`
	}](ctx, c, do)
	if err != nil {
		return forge.ChangedFiles{}, err
	}
	changed := forge.ChangedFiles{Files: make([]forge.ChangedFile, len(got))}
	for i, f := range got {
		changed.Files[i].Path = f.NewPath
		if f.RenamedFile && f.OldPath != f.NewPath {
			changed.Files[i].Previous = f.OldPath
		}
	}
	n, more := strings.CutSuffix(count, "+")
	total, err := strconv.Atoi(n)
	if err != nil {
		return forge.ChangedFiles{}, c.misread(do, fmt.Errorf("%q is no number of files", count))
	}
	changed.Truncated = more || len(got) < total
	return changed, nil
}

// OpenPullRequests implements [forge.Contents].
func (c *Client) OpenPullRequests(ctx context.Context, repo forge.Repo, base string) ([]forge.PullRequest, error) {
	do := call{
		op: fmt.Sprintf("list open merge requests onto %s of %s", base, repo), method: http.MethodGet,
		query: url.Values{"state": {"opened"}},
	}
	if base != "" {
		do.query.Set("target_branch", base)
	}
	if err := do.on(repo, "/merge_requests"); err != nil {
		return nil, err
	}
	got, err := list[struct {
		IID int `json:"iid"`
	}](ctx, c, do)
	if err != nil {
		return nil, err
	}
	prs := make([]forge.PullRequest, 0, len(got))
	for _, m := range got { // the list tells neither the base's commit nor the fork
		pr, err := c.PullRequest(ctx, repo, m.IID)
		if err != nil {
			return nil, err
		}
		if pr.State == forge.StateOpen && (base == "" || pr.Base.Name == base) {
			prs = append(prs, pr)
		}
	}
	return prs, nil
}
