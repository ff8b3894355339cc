# Every target installs what it needs and is quick when there is nothing to do. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export KEA_OPERATOR_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kea-operator

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
DENY_VERSION := 0.20.2

# Asked in the shell, when the headers are there: make expands a recipe before it runs the first line of it.
KEA_VERSION = sed -n 's/^\#define VERSION "\(.*\)"/\1/p' $(or $(KEA_INCLUDE_DIR),/usr/include/kea)/config.h

# Network namespaces need root; what is compiled stays the user's.
comma := ,
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env=KEA_OPERATOR_CACHE$(comma)KEA_ROOT$(comma)KEA_LAB_KEEP$(comma)TMPDIR)

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: hook operator ## Show the main job on real parts: a lease becomes a durable reservation
	@hack/deps run
	$(CARGO) build --release --quiet -p kea-lab --bin demo
	@$(AS_ROOT) $(TARGET_DIR)/release/demo --hook "dist/kea-$$($(KEA_VERSION))/libdhcp_host_cmds_rs.so" \
	    --operator dist/kea-operator

.PHONY: test
test: test-plain test-real ## Run all tests, with all their set-up

.PHONY: test-plain
test-plain: ## Run what needs neither Kea nor a C++ compiler
	CXX=/nonexistent $(CARGO) build
	CXX=/nonexistent $(CARGO) test

# The hook that the tests load can fail on purpose; the one that `make hook` leaves cannot.
.PHONY: test-real
test-real: deps ## Run the hook in real Kea, the operator against a real API server
	hack/apiserver/build
	$(CARGO) build -p kea-operator
	CARGO_TARGET_$(HOST_TARGET)_RUNNER=$(CURDIR)/hack/as-root \
	$(CARGO) test --features fault-injection,kea-ffi/kea,kea-lab/kea -p kea-suite -p dhcp_host_cmds_rs -p kea-ffi -p kea-lab

HOST_TARGET = $(shell rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')

.PHONY: lint
lint: ## Check formatting, lints, licences and sources of dependencies
	@hack/deps build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace --all-targets --features fault-injection,kea-lab/kea -- -D warnings
	@test -x $(KEA_OPERATOR_CACHE)/tools/bin/cargo-deny || \
	    $(CARGO) install --quiet --locked --root $(KEA_OPERATOR_CACHE)/tools --version $(DENY_VERSION) cargo-deny
	$(KEA_OPERATOR_CACHE)/tools/bin/cargo-deny --log-level error check bans licenses sources

.PHONY: hook
hook: ## Build the hook library into dist/kea-<version>/
	@hack/deps build
	$(CARGO) build --release -p dhcp_host_cmds_rs --features kea
	@version=$$($(KEA_VERSION)); test -n "$$version" && \
	    install -D -m 0644 $(TARGET_DIR)/release/libdhcp_host_cmds_rs.so "dist/kea-$$version/libdhcp_host_cmds_rs.so" && \
	    echo "dist/kea-$$version/libdhcp_host_cmds_rs.so"

.PHONY: operator
operator: ## Build the operator into dist/
	$(CARGO) build --release -p kea-operator
	@install -D -m 0755 $(TARGET_DIR)/release/kea-operator dist/kea-operator

.PHONY: generate
generate: ## Write the files that are generated from code: C header, CRDs
	UPDATE_GENERATED=1 $(CARGO) test --quiet -p kea-suite --test header --test generated

.PHONY: deps
deps: ## Install what building and testing need (Debian packages; no service is touched)
	@hack/deps

.PHONY: kea-root
kea-root: ## Print the folder of a system with another Kea: KEA=2.2, 2.6 or 3.0
	@hack/kea-root $(or $(KEA),2.2)

.PHONY: clean
clean: ## Remove what was built here (the cache folder stays)
	$(CARGO) clean
	rm -rf dist
