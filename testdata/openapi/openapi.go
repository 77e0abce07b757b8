// Package openapi holds the forges' own descriptions of their APIs, cut down
// to the operations in use. The stand-in servers in bot/forge/forgetest check
// every request and every response against them. README.md says where they
// come from and how they are made.
package openapi

import _ "embed"

// GitHub is GitHub's OpenAPI description, version 3.0.3, in JSON.
//
//go:embed github.json
var GitHub []byte

// GitLab is GitLab's OpenAPI description, version 3.0.0, in JSON.
//
//go:embed gitlab.json
var GitLab []byte
