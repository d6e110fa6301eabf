# The targets that a newcomer needs are demo and test. "make help" lists all.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

BINARY  := monitor_service
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X monitor_service/internal/cli.release=$(VERSION) \
	-X monitor_service/internal/cli.commit=$(COMMIT) -X monitor_service/internal/cli.date=$(DATE)

# One set of flags for whatever is compiled, tests and tools included: what one
# of them has compiled, Go's cache has for the others. The race detector alone
# needs C.
export CGO_ENABLED := 0
export GOFLAGS     := $(strip $(filter-out -trimpath,$(GOFLAGS)) -trimpath)

# Tools are pinned, and built by Go from its module proxy. Compiling the first and
# its work make much garbage; to sweep less often saves a sixth of their time. It
# is nice to the tests beside it, which wait as well and so take longer.
GOLANGCI_LINT := GOGC=300 nice go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOTESTSUM     := go run gotest.tools/gotestsum@v1.13.0 --format pkgname --

# What the tests need of the distribution's packages: a private MariaDB, a
# private message bus, a browser, bash's completion, a C compiler for the race
# detector, and a whole host.
TEST_PACKAGES := mariadb-server-core mariadb-client-core dbus-daemon chromium-headless-shell bash-completion gcc libc6-dev mmdebstrap systemd-container
# Prometheus's checker of metrics and rules, out of the distribution's package:
# the rest of it is a server with a web page, and building it takes minutes.
PROMTOOL      := .cache/bin/promtool
DOWNLOAD      := apt-get download -qq -o APT::Sandbox::User=root prometheus
FUZZTIME      ?= 1m
# Without a seed one is drawn, and printed.
CHAOS_SEED    ?= 0
CHAOS_FAULTS  ?= 500
# BENCH_RUNS=1 BENCH_SIZES=1,10,200 BENCH_ROWS=10,1000 BENCH_IDLE=20s takes a
# few minutes; BENCH_ONLY=storm is one part, which writes no page.
BENCH_RUNS    ?= 3
BENCH_SIZES   ?= 1,10,200,1000
BENCH_ROWS    ?= 10,1000,100000,1000000
BENCH_IDLE    ?= 5m
BENCH_ONLY    ?=
BENCH_PAGE    ?= $(CURDIR)/deploy/PERFORMANCE.md

.DEFAULT_GOAL := help
.PHONY: help build demo test test-deps unit race e2e chaos bench fuzz lint fmt clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## build ./monitor_service, one static binary
	go build -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BINARY) ./cmd/monitor_service

demo: build ## see it work, without root, MySQL or systemd, in 20 seconds
	./$(BINARY) demo

# Side by side: those on a whole host mostly wait, the others mostly compute. What
# unit runs is in race as well.
SIDE_BY_SIDE = $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs=2 --output-sync=target)
test: test-deps ## run every test there is
	@$(MAKE) --no-print-directory $(SIDE_BY_SIDE) e2e race

test-deps: ## install what the tests need, when root and on a Debian
	@if [ "$$(id -u)" != 0 ]; then \
	  echo "not root: tests whose programs are missing are left out, and so are the end-to-end tests on a whole host"; \
	elif ! command -v apt-get >/dev/null; then \
	  echo "no apt-get: install by hand what the tests need: $(TEST_PACKAGES)"; \
	elif ! dpkg-query -W $(TEST_PACKAGES) >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(TEST_PACKAGES) >/dev/null; \
	fi
	@if ! command -v promtool >/dev/null && [ ! -x $(PROMTOOL) ] && command -v apt-get >/dev/null; then \
	  mkdir -p $(dir $(PROMTOOL)) && cd $(dir $(PROMTOOL)) && { $(DOWNLOAD) || { apt-get update -qq && $(DOWNLOAD); }; } && \
	  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool.new && \
	  chmod +x promtool.new && mv promtool.new promtool && rm prometheus_*.deb || \
	  { [ "$$(id -u)" != 0 ] && echo "promtool cannot be downloaded: the tests that need it are left out"; }; \
	fi

unit: ## run the tests that need nothing but Go
	$(GOTESTSUM) ./...

# -p 4: most packages wait more than they compute.
race: test-deps ## run these and the integration tests under the race detector
	@race=-race cgo=1; if ! command -v gcc >/dev/null; then \
	  [ "$${CI:-}" != true ] || { echo "gcc is not there, and CI leaves nothing out" >&2; exit 1; }; \
	  echo "no gcc: the race detector is left out"; race= cgo=0; \
	fi; \
	$(subst go run,go run -exec "env CGO_ENABLED=$$cgo",$(GOTESTSUM)) $$race -tags integration -p 4 ./...

# -count=1: Go sees what a test reads, but not what the programs read that it runs.
e2e: test-deps ## run the tests on a whole host under real systemd
	$(GOTESTSUM) -tags e2e -count=1 -parallel 4 -timeout 30m ./internal/e2e ./internal/chaos ./internal/testenv/host
	$(GOTESTSUM) -tags e2e -count=1 -run '^TestOnAHost' ./internal/restart ./internal/unitcommand

chaos: test-deps ## inject CHAOS_FAULTS faults on a whole host, in the order of CHAOS_SEED
	go test -tags e2e,chaos -count=1 -timeout 4h -v ./internal/chaos -chaos.polls=10000 -chaos.faults=$(CHAOS_FAULTS) -chaos.seed=$(CHAOS_SEED)

bench: test-deps ## measure storms, polls and memory on a whole host, and write the README's part on them
	go test -tags bench -count=1 -timeout 6h -v -run '^TestBench$$/$(BENCH_ONLY)' ./internal/bench \
	  -perf.runs=$(BENCH_RUNS) -perf.sizes=$(BENCH_SIZES) -perf.rows=$(BENCH_ROWS) -perf.idle=$(BENCH_IDLE) -perf.page='$(BENCH_PAGE)'
	go test ./cmd/monitor_service -run '^TestREADMESays' -update

fuzz: ## fuzz what reads foreign input, FUZZTIME each
	@grep -rEl '^func Fuzz' --include='*_test.go' internal | while read -r file; do \
	  for name in $$(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$$file" | cut -d' ' -f2); do \
	    echo "$$name in $$file"; \
	    go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	  done; \
	done

lint: ## check the code's style and direction of imports
	$(GOLANGCI_LINT) run ./...

fmt: ## format the code
	$(GOLANGCI_LINT) fmt ./...

include deploy/package.mk

clean: ## remove what was built
	rm -rf $(BINARY) dist .cache
