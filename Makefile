# Curfew: what to run. `make` alone prints this list.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test live beside mutate-admission lint generate bench control-plane chart plugin

# The version of Kubernetes to run on (1.36 or 1.37); the default is the newest.
export CURFEW_KUBERNETES ?= 1.37
# The oldest one, on which the chapter that depends on it most (admission) is run too: not where somebody brings programs
# of one version only.
OLDEST := $(if $(CURFEW_CONTROL_PLANE),$(notdir $(wildcard $(CURFEW_CONTROL_PLANE)/1.36)),1.36)
# KEEP=1 leaves the demo's control plane running.
KEEP ?=
# How many accesses end at one instant in `make bench`.
GRANTS ?= 1000
# How many records are listed, reported, exported and verified in `make bench`.
RECORDS ?= 10000
# Where `make chart` writes.
DIST ?= target/chart
# For which targets `make plugin` builds (default: all in packaging/plugin/targets), and from where its archives will be
# downloaded: without one no krew manifest is made.
TARGETS ?=
DOWNLOAD ?=

# Live tests mostly wait: for time to pass, and for kube-controller-manager.
export RUST_TEST_THREADS ?= 8

CARGO := cargo --locked
TESTBED := $(CARGO) run --quiet --package curfew-testbed --
# A control plane with the chart installed by Helm, for a command.
INSTALLED := run --chart charts/curfew

help: ## Print this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-17s %s\n", $$1, $$2 }'
	@echo
	@echo '  KEEP=1                   leave the demo running, to play with'
	@echo '  CURFEW_KUBERNETES=1.36   run on another minor version (1.36, 1.37)'
	@echo '  CURFEW_CONTROL_PLANE=DIR use the etcd, kube-apiserver, kube-controller-manager and kubectl there'
	@echo '  CURFEW_HELM=FILE         use this helm'
	@echo '  CURFEW_CHROMIUM=FILE     look at pages with this Chromium'
	@echo '  CURFEW_CACHE=DIR         keep downloaded and built programs there (default: ~/.cache/curfew)'

demo: ## The main job on a real control plane, step by step (KEEP=1 leaves it running).
	$(CARGO) build --workspace --bins
	$(TESTBED) demo $(if $(KEEP),--keep)

test: lint control-plane ## Everything: lint, drift, unit, live and admission tests, docs.
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace --no-run
	$(CARGO) test --workspace --test alone --test rights --no-run
	$(MAKE) --no-print-directory --jobs 2 live beside
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps --quiet

# On one control plane, and what they did to it.
live:
	unset MAKEFLAGS; $(TESTBED) $(INSTALLED) -- bash -c '$(CARGO) test --workspace --no-fail-fast && $(CARGO) test --workspace --test rights'

# Beside them, on control planes of their own, what stops parts of one, and what is tried on the oldest; shown when it is done.
beside: log = target/beside.log
beside:
	@echo 'Tests that stop parts of a control plane$(if $(OLDEST), and those on $(OLDEST)) run meanwhile: see $(log)'
	@(unset MAKEFLAGS; $(TESTBED) $(INSTALLED) -- $(CARGO) test --workspace --test alone -- --test-threads=1 \
	  $(if $(OLDEST),&& $(TESTBED) $(INSTALLED) --kubernetes $(OLDEST) -- $(CARGO) test --workspace --test live admission) \
	) > $(log) 2>&1 && code=0 || code=$$?; cat $(log); exit $$code

mutate-admission: ## Turn off each validation of the admission rules in turn: a test must miss each.
	$(TESTBED) $(INSTALLED) -- $(CARGO) test --workspace --test live admission::mutants -- --ignored --nocapture

lint: ## Formatting, clippy with warnings denied, and generated files that are up to date.
	cargo fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace --test alone --test rights -- -D warnings
	$(CARGO) run --quiet --package curfew --bin generate -- --check

generate: ## Write the generated files (crds/, docs/reference.md).
	$(CARGO) run --quiet --package curfew --bin generate

bench: ## Speed of judging a policy, of access (beside the bare API calls), of the plugin, and of what is done with many records, as tables.
	$(CARGO) bench --workspace --bench decide
	$(CARGO) build --release --workspace --bins
	$(TESTBED) $(INSTALLED) -- $(CARGO) bench --workspace --bench speed -- $(GRANTS)
	$(TESTBED) $(INSTALLED) -- $(CARGO) bench --workspace --bench speed -- plugin
	$(TESTBED) $(INSTALLED) -- $(CARGO) bench --workspace --bench speed -- records $(RECORDS)

control-plane: ## Obtain the control plane (both minor versions), Helm and a browser, so that nothing else waits for it.
	$(TESTBED) obtain
	$(TESTBED) browser
	$(if $(OLDEST),$(TESTBED) obtain --kubernetes $(OLDEST))

chart: control-plane ## Lint the chart and package it into target/chart.
	mkdir -p $(DIST)
	helm="$$($(TESTBED) obtain | tail -n 1)"; "$$helm" lint --strict charts/curfew; "$$helm" package charts/curfew --destination $(DIST)

plugin: ## Build and pack kubectl-access for each platform, and its krew manifest, into target/plugin (TARGETS=..., DOWNLOAD=URL).
	packaging/plugin/build.sh build target/plugin $(TARGETS)
	$(if $(DOWNLOAD),packaging/plugin/build.sh manifest target/plugin $(DOWNLOAD) > target/plugin/access.yaml)
