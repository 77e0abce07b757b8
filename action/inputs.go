package action

import (
	"fmt"
	"slices"
	"strings"
)

// The commands of a job.
const (
	// CommandAuto does what the event calls for.
	CommandAuto = "auto"
	// CommandDiff compares targets with their clusters.
	CommandDiff = "diff"
	// CommandDeploy deploys targets as they are checked out.
	CommandDeploy = "deploy"
)

// Trigger is what started the job: an event's name on GitHub, the pipeline's source on GitLab; "" in no CI job.
func Trigger(getenv func(string) string) string {
	if getenv("GITLAB_CI") == "true" {
		return getenv("CI_PIPELINE_SOURCE")
	}
	return getenv("GITHUB_EVENT_NAME")
}

// byPeople are the triggers that no pull request and no push is behind: a person's click, or a clock.
var byPeople = []string{"workflow_dispatch", "schedule", "repository_dispatch", "web", "api", "pipeline"}

// conversing are the triggers that a pull request is behind, whose deploys policy judges.
var conversing = []string{"pull_request", "pull_request_target", "issue_comment", "merge_group", "merge_request_event", "trigger"}

// Choose says which command a job carries out: [CommandAuto] leaves it to the bot.
func Choose(command, trigger string) (string, error) {
	switch command {
	case "", CommandAuto:
		if slices.Contains(byPeople, trigger) {
			return CommandDiff, nil
		}
		return CommandAuto, nil
	case CommandDiff:
		if trigger == "pull_request_target" {
			return "", fmt.Errorf("command diff looks at what is checked out, which for pull_request_target may be anybody's: use command %s, which looks at what may be looked at", CommandAuto)
		}
		return command, nil
	case CommandDeploy:
		if slices.Contains(conversing, trigger) {
			return "", fmt.Errorf("command deploy deploys without asking, and %s brings what nobody may have reviewed: use command %s, and deploy by comment or merge", trigger, CommandAuto)
		}
		return command, nil
	}
	return "", fmt.Errorf("command %q: expected %s, %s or %s", command, CommandAuto, CommandDiff, CommandDeploy)
}

// Names reads a list of names, which commas or white space separate.
func Names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
}
