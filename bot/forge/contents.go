package forge

import "context"

// Contents reads what is in a repository, and what it is.
type Contents interface {
	// Repository reads what a repository is.
	Repository(ctx context.Context, repo Repo) (Repository, error)

	// File reads a file at a commit or branch, up to 1 MiB. ErrNotFound when
	// there is none; a directory and a symbolic link are ErrInvalid.
	File(ctx context.Context, repo Repo, path, ref string) ([]byte, error)

	// ChangedFiles lists the files that a pull request changes.
	ChangedFiles(ctx context.Context, repo Repo, number int) (ChangedFiles, error)

	// OpenPullRequests lists the open pull requests onto a base branch, "" for
	// any.
	OpenPullRequests(ctx context.Context, repo Repo, base string) ([]PullRequest, error)
}

// Repository is what the forge says of a repository.
type Repository struct {
	// Repo is what it is called now: another name than it was asked for by, where it was renamed or has another owner since.
	Repo Repo
	// Public is true when everybody can read it, without an account.
	Public        bool
	DefaultBranch string
}

// ChangedFiles are the files that a pull request changes.
type ChangedFiles struct {
	Files []ChangedFile
	// Truncated is true when the forge does not tell all: GitHub lists 3000, GitLab
	// as many as its administrator allows.
	Truncated bool
}

// ChangedFile is one of them.
type ChangedFile struct {
	Path string
	// Previous is its path before, when it was renamed; else empty.
	Previous string
}

// Paths are all names that the files have or had.
func (c ChangedFiles) Paths() []string {
	var paths []string
	for _, f := range c.Files {
		paths = append(paths, f.Path)
		if f.Previous != "" {
			paths = append(paths, f.Previous)
		}
	}
	return paths
}
