# The two commands a newcomer needs: `make demo` and `make test`. Each sets up what it lacks.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/weighlock
TOOLS   := $(CACHE)/tools
GOLANGCI_VERSION := v2.12.2
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# A store for Google's objects, which SOPS can publish to, brings a proxy's whole configuration; nothing here reaches it. A tenth of
# the program.
TAGS := disable_grpc_modules
LDFLAGS := -s -w -X main.version=$(VERSION)
# Without cgo, as the product is built: with it, a dependency's use of package plugin makes the linker keep everything,
# and linking a test takes four times as long. Only the race detector needs it.
export CGO_ENABLED := 0
# What is compiled so is the same wherever the checkout is, and the same as what users get: all checkouts share it.
export GOFLAGS := $(strip $(shell go env GOFLAGS) -trimpath)
GOTEST := go test -ldflags='-s -w'
# The race detector waits for a second at each program's end, unless told otherwise.
export GORACE := atexit_sleep_ms=50

# Packages that do several things at once: the race detector runs on these, and on what they import. Not bot/offline: the detector needs
# more memory than what is confined there may have.
RACE := ./engine ./engine/apply ./engine/chart ./engine/diff ./engine/jinja ./engine/kube ./engine/lock ./engine/render ./engine/internal/helm ./engine/internal/kustomize ./engine/internal/mask ./engine/internal/sops ./engine/internal/source ./engine/internal/store ./bot ./bot/checkout ./bot/forge/forgetest ./bot/forge/github ./bot/forge/gitlab ./bot/forge/internal/... ./bot/queue ./bot/webhook ./serve
# Tests of limits, in which nothing happens at once, and further seeds of the same.
NORACE := TestNothingATemplateDoesIsUnbounded|TestWhatIsPackedInAChartCountsAsItsOwn|TestUnpackingStaysInPlaceAndWithinLimits|TestHugeFilesAndAliasesAreRefused|TestWhatIsNotAskedIsRightForRandomWishes/seed_[1-9]

# What takes minutes comes first, so that nothing is left to wait for it alone.
LONGEST := ./engine ./action ./cmd/weighlock

# How long each fuzzer runs in test-long.
FUZZTIME ?= 10s
TEMPLATES ?= 200000
KUSTOMIZATIONS ?= 1000

.PHONY: help build demo demo-bot bench bench-door bench-jinja bench-render fuzz-jinja fuzz-kustomize image load soak test test-ci-doors test-quick test-long check lint deps cluster oracles golden clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

build: ## Build bin/weighlock
	@mkdir -p bin
	go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/weighlock ./cmd/weighlock

deps: ## Install what tests and demo need: Debian packages and Go tools, by name and version
	@scripts/deps.sh
	@test -x $(GOLANGCI) || scripts/gotool.sh github.com/golangci/golangci-lint/v2/cmd/golangci-lint $(GOLANGCI_VERSION) $(GOLANGCI)

cluster: ## Build the test cluster's binaries (5 to 7 minutes, once)
	@testdata/cluster/build.sh >/dev/null

oracles: ## Build the programs that tests compare with, Helm's and Kustomize's own (a minute or two, once)
	@testdata/oracles/build.sh >/dev/null

demo: build cluster ## A pull request's whole story, on a real API server; FORGE=gitlab tells it on GitLab
	@scripts/with-cluster.sh go run ./cmd/demo

demo-bot: build cluster ## The same story, told by weighlock serve with signed webhooks
	@DOOR=serve scripts/with-cluster.sh go run ./cmd/demo

test: deps cluster oracles check ## All tests
	@scripts/with-cluster.sh $(GOTEST) -vet=off $(LONGEST) ./...
	@go vet -tags oracles ./engine/... && $(GOTEST) -vet=off -tags oracles -run Oracle ./engine/internal/kustomize ./engine/internal/helm
	@CGO_ENABLED=1 scripts/with-cluster.sh $(GOTEST) -vet=off -race -short -skip '$(NORACE)' $(RACE)
	@cd testdata/cluster && go vet ./...

test-ci-doors: deps build cluster ## What users install, run by the tools that run it: act, gitlab-ci-local, actionlint, buildah
	@scripts/ci-tools.sh scripts/with-cluster.sh $(GOTEST) -tags doors -count=1 -run Doors ./cmd/weighlock

image: build ## Build the image weighlock:VERSION, by buildah or docker
	@scripts/image.sh weighlock:$(VERSION) $(VERSION)

test-quick: ## The inner loop, seconds: tests that need no cluster
	$(GOTEST) -short ./engine/jinja/... ./engine/internal/... ./engine/object ./engine/project ./engine/render ./engine/report ./bot ./bot/forge/... ./cmd/weighlock -skip 'Cluster|Action'

test-long: cluster ## The long tests, bounded for CI
	@scripts/fuzz.sh $(FUZZTIME)
	@scripts/with-cluster.sh $(GOTEST) -tags long -run Long ./engine ./cmd/weighlock

check: deps ## Formatting, vet, linters
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'not gofmt-ed:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./...
	@GOOS=darwin go vet ./bot/checkout # what is written for other systems than Linux
	@GOOS=windows go vet ./engine/internal/source
	@scripts/lint.sh $(GOLANGCI) $(CACHE)/lint/shared

bench-jinja: ## Templates: speed against Python's Jinja2, measured in the same run (Debian: python3-jinja2)
	go test ./engine/jinja -run '^$$' -bench . -benchmem

fuzz-kustomize: oracles ## Kustomizations: build KUSTOMIZATIONS made-up ones here and with kustomize's own program, and compare
	go test -tags oracles -run MadeUp ./engine/internal/kustomize -kustomizations $(KUSTOMIZATIONS)

bench: build cluster ## What previews and deploys cost, against the floor measured in the same run; BENCH="-items 1000" passes flags
	@scripts/with-cluster.sh go run ./cmd/bench $(BENCH)

bench-render: ## A project of 400 items: time, processor time and peak memory
	go test -run '^$$' -bench Render -benchtime 5x ./engine

bench-door: ## Webhooks: how long forges wait for an answer at 200 a second, on SQLite and PostgreSQL; and claims from a backlog
	go test -run '^$$' -bench Door -benchtime 2000x ./serve
	go test -run '^$$' -bench Claim ./bot/queue

load: ## weighlock serve under 5,000 webhooks while it is killed 30 times: SQLite, two replicas on PostgreSQL (10 minutes)
	go test -tags long -run TestLongServeLosesNothing -timeout 40m -v ./cmd/weighlock -deliveries 5000 -server-kills 30

soak: cluster ## weighlock serve at work on a cluster for half an hour: what it holds must not grow; SOAK="-soak 10m" passes flags
	@scripts/with-cluster.sh go test -tags soak -run TestSoak -timeout 3h -v ./cmd/weighlock $(SOAK)

fuzz-jinja: ## Templates: render TEMPLATES generated ones in Python and here, and compare
	go test -tags difffuzz -run TestDifferential ./engine/jinja -timeout 2h -args -templates $(TEMPLATES)

golden: ## Rewrite the golden files of tests
	go test ./engine/... ./bot/... ./cmd/... -update

clean: ## Remove what was built here
	rm -rf bin .demo
