// Package events holds payloads as the forges send them: the input of tests,
// and the templates of the stand-in servers in bot/forge/forgetest. README.md
// says where they come from.
package events

import "embed"

// GitHub holds payloads of GitHub's webhooks, one file each, named
// "source.event.action.number.json", below the directory github.
//
//go:embed github/*.json
var GitHub embed.FS

// GitLab holds payloads of GitLab's webhooks, one file each, named
// "source.event.json", below the directory gitlab.
//
//go:embed gitlab/*.json
var GitLab embed.FS
