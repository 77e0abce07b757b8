#!/usr/bin/env bash
# fuzz.sh TIME: runs each fuzzer for that long, such as 10s. It fails on what a fuzzer finds, and on nothing else: at the end of its time
# Go's coordinator may report its own deadline as a failure (golang/go#75804), most of all on a busy machine. Then what is known must pass.
#
# Only what reads is instrumented: this product's packages, and the Markdown parser. `go test -fuzz` instruments all that a test imports, so
# that Kubernetes' client would be compiled anew for the sake of a comment's grammar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
module=$(go list -m)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u | while read -r dir; do
  go test -c -vet=off -gcflags="$module/...=-d=libfuzzer" -gcflags='github.com/yuin/goldmark/...=-d=libfuzzer' -o "$scratch/fuzz.test" "./$dir"
  for name in $(git grep -ho '^func Fuzz[A-Za-z0-9]*' -- "$dir/*_test.go" ":!$dir/*/*" | cut -c6-); do
    run() { (cd "$dir" && "$scratch/fuzz.test" -test.run "^$name\$" "$@") </dev/null; }
    echo "$dir $name"
    if run -test.fuzz "^$name\$" -test.fuzztime "$1" -test.fuzzcachedir "$(go env GOCACHE)/fuzz/$module/$dir" 2>&1 | tee "$scratch/log"; then continue; fi
    if grep -qE 'Failing input|panic:|_test\.go:[0-9]+:' "$scratch/log" || ! grep -qx '    context deadline exceeded' "$scratch/log"; then exit 1; fi
    echo "$name: only the coordinator's deadline; running what is known"
    run
  done
done
