package bot

import (
	"fmt"
	"slices"

	"github.com/weighlock/weighlock/engine/yamldoc"
)

// A CommentConfig says what the preview comment looks like.
type CommentConfig struct {
	// Mode is CommentUpdate for one comment that is kept up to date, CommentNew for a new one each time, CommentNone for
	// none: the job's summary has the report in any case.
	Mode CommentMode
	// Unchanged says what becomes of targets without changes.
	Unchanged UnchangedMode
	// Detail says how much is shown.
	Detail DetailMode
}

// A CommentMode says whether a preview has its comment.
type CommentMode string

// The comment modes.
const (
	CommentUpdate CommentMode = "update"
	CommentNew    CommentMode = "new"
	CommentNone   CommentMode = "none"
)

// ParseCommentMode reads a mode; "" is none, for whoever leaves it to the configuration.
func ParseCommentMode(s string) (CommentMode, error) {
	if m := CommentMode(s); s == "" || slices.Contains(commentModes, m) {
		return m, nil
	}
	return "", fmt.Errorf("found %q, expected update, new or none", s)
}

var commentModes = []CommentMode{CommentUpdate, CommentNew, CommentNone}

// An UnchangedMode says what becomes of targets that do not change.
type UnchangedMode string

// The modes for targets without changes: told in one line, a row each, or left out.
const (
	UnchangedFold UnchangedMode = "fold"
	UnchangedShow UnchangedMode = "show"
	UnchangedHide UnchangedMode = "hide"
)

// A DetailMode says how much of a change a comment shows.
type DetailMode string

// The details. DetailAuto is a summary on a public repository and all of it elsewhere.
const (
	DetailFull    DetailMode = "full"
	DetailSummary DetailMode = "summary"
	DetailAuto    DetailMode = "auto"
)

var defaultComment = CommentConfig{Mode: CommentUpdate, Unchanged: UnchangedFold, Detail: DetailAuto}

type fileComment struct {
	Mode      *CommentMode   `json:"mode"`
	Unchanged *UnchangedMode `json:"unchanged"`
	Detail    *DetailMode    `json:"detail"`
}

func (f fileComment) checked(doc yamldoc.Document) (CommentConfig, []error) {
	c, errs := defaultComment, []error(nil)
	if f.Mode != nil {
		if c.Mode = *f.Mode; !slices.Contains(commentModes, c.Mode) {
			errs = append(errs, doc.Errorf([]string{"comment", "mode"}, "found %q, expected update, new or none", c.Mode))
		}
	}
	if f.Unchanged != nil {
		if c.Unchanged = *f.Unchanged; !slices.Contains([]UnchangedMode{UnchangedFold, UnchangedShow, UnchangedHide}, c.Unchanged) {
			errs = append(errs, doc.Errorf([]string{"comment", "unchanged"}, "found %q, expected fold, show or hide", c.Unchanged))
		}
	}
	if f.Detail != nil {
		if c.Detail = *f.Detail; !slices.Contains([]DetailMode{DetailFull, DetailSummary, DetailAuto}, c.Detail) {
			errs = append(errs, doc.Errorf([]string{"comment", "detail"}, "found %q, expected full, summary or auto", c.Detail))
		}
	}
	return c, errs
}
