# The two that a newcomer needs are `make run` and `make test`; `make help` lists all.

SHELL := /bin/bash
SWIFT ?= swift
# How many files of integration tests run side by side: one more than there are cores, because tests also wait; at most five. With 1, all run one after
# another.
JOBS ?= $(shell cores=$$(nproc); echo $$((cores < 4 ? cores + 1 : 5)))
# The fast ones mostly wait for a process.
FAST_JOBS ?= $(shell echo $$((3 * $(JOBS) / 2)))
# What is built for tests: debug; or release, which is what users run, and what `make test`, CI and the drill run: a compiler's optimiser has faults
# too. Release has a separate folder, because tests need a flag with which everything else would be built again.
CONFIGURATION ?= debug
test drill fuzz console-load: CONFIGURATION := release
build_options = $(if $(filter release,$(CONFIGURATION)),--configuration release --scratch-path .build/testable)
testable = $(if $(filter release,$(CONFIGURATION)),-Xswiftc -enable-testing)
binaries = $(CURDIR)/.build/$(if $(filter release,$(CONFIGURATION)),testable/release,debug)

programs = CAUSEWAY_BIN=$(or $(CAUSEWAY_BIN),$(binaries))
PYTEST = $(programs) .venv/bin/python -m pytest -c Tests/Integration/pytest.ini Tests/Integration Clients/Python/causeway/tests
# The same in several processes.
INTEGRATION = $(programs) JOBS=$(JOBS) Tests/Integration/run

# Our own sources; dependencies are checked out below .build.
SOURCES := $(wildcard Package.swift Services Shared Tests Benchmarks docs/examples)

# The files whose shebang line names an interpreter.
scripts = $(shell git grep -lE '^\#!.*\b$(1)$$')

.PHONY: run test test-fast test-unit test-javascript test-integration screenshots site man build lint format bench console-paint console-load console-preloads
.PHONY: drill fuzz clean help
.DEFAULT_GOAL := help

run: ## Run the whole stack on this machine until Ctrl-C (README: "Settings of make run")
	@deploy/install-build.sh
	@deploy/install-run.sh
	@exec deploy/local/run

test: build test-unit test-javascript test-integration ## Build, then run all tests

test-fast: build test-unit ## Build, then run the Swift tests and what needs only nats-server (below 10 minutes)
	@deploy/install-test.sh --fast
	$(programs) JOBS=$(FAST_JOBS) Tests/Integration/run --fast $(ARGS)

build: ## Build everything for debugging, tests included
	@deploy/install-build.sh
	$(SWIFT) build --build-tests $(build_options) $(testable)

test-unit: build ## Run the Swift tests
	Tests/run-swift $(binaries)/causewayPackageTests.xctest

test-javascript: ## Run the tests of the browser client and of the console that need no browser
	@deploy/install-test.sh
	cd Clients/JavaScript/causeway && node --test
	cd Tests/ConsoleTests && node --test

test-integration: build ## Run the tests with real processes; ARGS="-k resume" runs some, JOBS=1 one after another
	@deploy/install-test.sh
	$(INTEGRATION) $(ARGS)

drill: fuzz ## Run the fuzzers, and the long integration tests in their full size (some 90 minutes)
	@deploy/install-test.sh
	DRILL=1 $(PYTEST) -m long -s $(ARGS)

fuzz: build ## Try FUZZ_INPUTS mutated inputs (a million) on each parser; FUZZ="JSONRPC" tries some parsers only
	@deploy/fuzz "$(or $(FUZZ_INPUTS),1000000)" "$(FUZZ)" $(build_options)

screenshots: build ## Take the console's pictures for the documentation anew (docs/images)
	@deploy/install-test.sh
	CAUSEWAY_SCREENSHOTS=docs/images $(PYTEST) -k test_screenshots

site: ## Build the documentation as a static site in .build/site
	@deploy/site/build

man: build ## Write the manual pages of all programs into .build/man
	@deploy/manual $(binaries) .build/man
	@echo "man -M .build/man causeway"

lint: ## Check the sources' format, and scripts for mistakes
	@deploy/install-test.sh
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)
	.venv/bin/ruff check . $(call scripts,python3)
	.venv/bin/mypy --config-file Clients/Python/causeway/pyproject.toml --cache-dir .build/mypy Clients/Python/causeway/src
	shellcheck -x -P SCRIPTDIR $(call scripts,(bash|sh))
	@for file in $$(git ls-files '*.js'); do node --input-type=module --check <"$$file" || { echo "in $$file" >&2; exit 1; }; done

format: ## Bring the sources into that format
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

bench: ## Measure (Benchmarks/)
	@deploy/install-build.sh
	@deploy/install-run.sh
	Benchmarks/run.sh $(ARGS)

console-paint: ## Measure the console's first paint on a slowed-down Chromium
	@deploy/install-test.sh
	PATH=$$PATH:/usr/sbin .venv/bin/python Benchmarks/console-first-paint

console-load: build ## Measure the console's frames at 1,000 events a second, and its processor time while nothing happens
	@deploy/install-test.sh
	$(programs) PATH=$$PATH:/usr/sbin .venv/bin/python Benchmarks/console-load $(ARGS)

console-preloads: ## Write the list of modules that the console's page preloads, after a change of its imports
	cd Tests/ConsoleTests && node imports.js

clean: ## Remove what was built, and the local stack's data
	rm -rf .build .run .venv Benchmarks/.build

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
