// Package projectenv is the Jinja2 environment of the deployment project
// format: undefined names are errors, variables are environment globals,
// {% break %} and {% continue %} exist, and so do the format's own filters
// and functions.
//
// Filters: b64encode, b64decode, from_yaml, to_yaml, to_json, sha256,
// slugify, render.
//
// Functions: load_template, load_sha256, load_base64, load_latest_git_commit,
// get_var, merge_dict, update_dict, raise, render, debug_print, and the time
// namespace.
//
// Everything that a template can reach outside of itself comes in through
// [Outside].
package projectenv
