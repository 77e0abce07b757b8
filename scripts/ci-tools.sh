#!/usr/bin/env bash
# ci-tools.sh COMMAND…: runs the command with what test-ci-doors needs, installed by name and version and told by the
# environment: act, actionlint and gitlab-ci-local, with a Node of its own, and buildah.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/weighlock/tools
act=v0.2.89 actionlint=v1.7.12 gitlab_ci_local=4.75.1 node=22.23.3

packages=(rsync curl buildah busybox-static)
command -v npm >/dev/null || packages+=(nodejs npm) # other sources of Node bring npm along
"$root/scripts/deps.sh" "${packages[@]}"
[ -x "$tools/act-$act" ] || "$root/scripts/gotool.sh" github.com/nektos/act "$act" "$tools/act-$act"
[ -x "$tools/actionlint-$actionlint" ] || "$root/scripts/gotool.sh" github.com/rhysd/actionlint/cmd/actionlint "$actionlint" "$tools/actionlint-$actionlint"
npm=$tools/gitlab-ci-local-$gitlab_ci_local-node-$node
if [ ! -x "$npm/node_modules/.bin/gitlab-ci-local" ]; then
  echo "installing gitlab-ci-local $gitlab_ci_local and node $node"
  mkdir -p "$tools"
  new=$(mktemp -d "$tools/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  npm install --silent --no-audit --no-fund --prefix "$new" "node@$node" "gitlab-ci-local@$gitlab_ci_local"
  mv "$new" "$npm"
  trap - EXIT
fi
export WEIGHLOCK_ACT=$tools/act-$act WEIGHLOCK_ACTIONLINT=$tools/actionlint-$actionlint WEIGHLOCK_BINARY=$root/bin/weighlock
export WEIGHLOCK_GITLAB_CI_LOCAL=$npm/node_modules/.bin/gitlab-ci-local
export PATH=$npm/node_modules/.bin:$PATH
exec "$@"
