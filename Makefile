# Carrel's everyday commands; `make help` lists them. Each does all of its set-up, and none does
# anything twice: what is done is remembered under .build, which `make clean` removes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# What `make run` indexes, and the arguments of `make bench`.
DOCS ?= $(wildcard README.md CONTRIBUTING.md CHANGELOG.md Index/README.md Models/README.md docs Sources)
BENCH ?=

# One set of flags for building and testing, so that nothing is compiled twice. At a terminal SwiftPM would
# ask the compiler for colours, and what a pipe built be out of date.
FLAGS := -c release --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors \
  --no-color-diagnostics

# Begins a recipe whose temporary files all go when it ends: SwiftPM leaves a folder for every step it
# takes, the compiler its generated sources, and programs that tests kill what they were at. Others may
# pass through it: tests that root runs start programs without rights.
TIDILY := TMPDIR=$$(mktemp -d) && chmod 711 "$$TMPDIR" && export TMPDIR && \
  trap 'chmod -R u+rwX "$$TMPDIR"; rm -rf "$$TMPDIR"' EXIT

SETUP := .build/.setup
PACKAGES := .build/python/.installed
BUILT := .build/.built
SOURCES := $(shell find Package.swift Makefile Sources 2>/dev/null)  # folders too: a deleted file counts

# A stamp says nothing about a binary that is gone.
ifeq ($(wildcard .build/release/carrel),)
.PHONY: $(BUILT)
endif

.PHONY: help run build models test arm soak bench lint format clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 14

# At a terminal the prompt gets a process group of its own (set -m), so that Ctrl-C reaches it and not
# make, which would otherwise call the session interrupted when it ends.
run: build models ## build, index DOCS (default: this repository's own), and open the prompt
	@.build/release/carrel index add $(DOCS)
	@[ ! -t 0 ] || set -m; .build/release/carrel || exit $$?; :

build: $(BUILT) ## build everything in release

$(SETUP): .ci/setup
	@.ci/setup
	@mkdir -p .build && touch $@

# What the tests speak to Carrel with; nothing else needs it.
$(PACKAGES): Tests/requirements.txt | $(SETUP)
	@PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check \
	  --upgrade --target .build/python --requirement $<
	@touch $@

$(BUILT): $(SOURCES) | $(SETUP)
	@$(TIDILY); swift build $(FLAGS)
	@touch $@

models: $(SETUP) ## fetch the starter models (TEST_MODELS=1: also those of the tests)
	@Models/fetch $(if $(TEST_MODELS),--test)

# The tests compile against the same release modules as the program (no testable imports), and a
# failed run ends with its failures, because the whole log is long.
test: $(SETUP) $(PACKAGES) ## run every test, in release
	@Models/fetch --test
	@$(TIDILY); \
	if swift test $(FLAGS) --disable-testable-imports --no-parallel 2>&1 | tee .build/test.log; then \
	  echo; grep -a 'Test run with' .build/test.log | tail -n 1; \
	else \
	  echo; echo 'The failures once more (the whole log is .build/test.log):'; \
	  grep -aE '✘|error:' .build/test.log | cut -c 1-400 | tail -n 60; exit 1; \
	fi; \
	Tests/LibraryExample/try

# On a machine that is no arm64 this compiles the C kernels for one and runs them under an emulator.
arm: $(SETUP) ## check the kernels of arm64 (NEON) against the scalar ones
	@.ci/setup --arm
	swift build $(FLAGS) --target CKernels
	@Tests/ArmKernels/run

# The long versions of the tests that `make test` samples: minutes instead of seconds.
soak: export CARREL_SOAK := 1
soak: test ## run every test at full length

bench: build models ## measure speed (BENCH="decode --json" and so on)
	@.build/release/carrel bench $(BENCH)

lint: ## check the formatting
	swift format lint --strict --recursive Sources Tests Package.swift

format: ## mend the formatting
	swift format --in-place --recursive Sources Tests Package.swift

clean: ## remove what was built (models and index stay)
	rm -rf .build
