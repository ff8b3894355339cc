# Every target installs what it needs and is quick when there is nothing to do. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export KEA_OPERATOR_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kea-operator

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
DENY_VERSION := 0.20.2
FUZZ_VERSION := 0.13.2
FUZZ_SECONDS ?= 60

# The Kea to work with. 2.2 is Debian 12, this machine; the others are in folders that hack/kea-root makes.
KEAS := 2.2 2.6 3.0
KEA ?= 2.2
ifneq ($(words $(KEA)) $(filter-out $(KEAS),$(KEA)),1 )
$(error KEA is '$(KEA)', and must be one of $(KEAS))
endif

# Runs a command where that Kea is, as the calling user; where the command builds to; what both need.
IN_KEA = hack/kea-root $(KEA)
KEA_TARGET_DIR = $(TARGET_DIR)$(addprefix /kea-,$(filter-out 2.2,$(KEA)))
PROVIDE_KEA = $(if $(filter 2.2,$(KEA)),hack/deps,$(IN_KEA) >/dev/null)

# Asked in the shell, when the headers are there: make expands a recipe before it runs the first line of it.
KEA_HEADERS = $(if $(filter 2.2,$(KEA)),$(or $(KEA_INCLUDE_DIR),/usr/include/kea),$$($(IN_KEA))/usr/include/kea)
KEA_VERSION = sed -n 's/^\#define VERSION "\(.*\)"/\1/p' "$(KEA_HEADERS)/config.h"

# Network namespaces need root; what is compiled stays the user's.
comma := ,
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo --preserve-env=KEA_OPERATOR_CACHE$(comma)KEA_ROOT$(comma)KEA_LAB_KEEP$(comma)TMPDIR)

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: override KEA = 2.2
demo: hook operator ## Show the main job on real parts: a lease becomes a durable reservation
	@hack/deps run
	$(CARGO) build --release --quiet -p kea-lab --bin demo
	@$(AS_ROOT) $(TARGET_DIR)/release/demo --hook "dist/kea-$$($(KEA_VERSION))/libdhcp_host_cmds_rs.so" \
	    --operator dist/kea-operator

.PHONY: test
test: test-plain test-real ## Run all tests, with all their set-up, in every supported Kea
	@for kea in $(filter-out 2.2,$(KEAS)); do $(MAKE) --no-print-directory test-kea "KEA=$$kea"; done
	@$(MAKE) --no-print-directory conformance-stock

.PHONY: test-plain
test-plain: chart-tools ## Run what needs neither Kea nor a C++ compiler
	hack/apiserver/build
	CXX=/nonexistent $(CARGO) build
	CXX=/nonexistent $(CARGO) test
	$(CARGO) test -p kea-operator --lib --features otel telemetry::traces

# Helm and promtool, for the tests of the chart and for the manifests that are made of it.
.PHONY: chart-tools
chart-tools:
	@hack/deps chart
	@hack/helm/install

# The hook that the tests load can fail on purpose; the one that `make hook` leaves cannot.
.PHONY: test-real
test-real: deps chart-tools ## Run the hook in Kea 2.2, the operator against a real API server
	hack/apiserver/build
	$(CARGO) build -p kea-operator
	CARGO_TARGET_$(HOST_TARGET)_RUNNER=$(CURDIR)/hack/as-root \
	$(CARGO) test --features fault-injection,kea-ffi/kea,kea-lab/kea -p kea-suite -p dhcp_host_cmds_rs -p kea-ffi -p kea-lab

# Compiled as the calling user, then run as root. The operator, which reads and writes the hook's stores, is the one that
# is built on this machine: its crates need not be compiled for each Kea.
TEST_HOOK = $(CARGO) test --no-default-features --features fault-injection --package kea-suite \
    --test 'hook_*' --test operator_doctor --test operator_ha --test operator_look --test operator_servers \
    --test operator_shared --test operator_stock --test operator_subnets --test operator_transfer
.PHONY: test-kea
test-kea: ## Run the hook's tests in real Kea: KEA=2.2, 2.6 or 3.0
	@$(PROVIDE_KEA)
	$(CARGO) build -p kea-operator
	@$(if $(filter-out 2.2,$(KEA)),install -D $(TARGET_DIR)/debug/kea-operator $(KEA_TARGET_DIR)/debug/kea-operator)
	$(IN_KEA) $(TEST_HOOK) --no-run
	$(IN_KEA_AS_ROOT) $(TEST_HOOK)

.PHONY: conformance-stock
conformance-stock: override KEA = 3.0
conformance-stock: ## Run the table of behaviours against Kea 3.0's own hooks: this proves the table
	@$(PROVIDE_KEA)
	$(IN_KEA) $(CARGO) test --no-default-features --features fault-injection --package kea-suite --test hook_conformance -- --ignored --nocapture

HOST = $(shell rustc -vV | sed -n 's/^host: //p')
HOST_TARGET = $(shell tr 'a-z-' 'A-Z_' <<<'$(HOST)')
# A test program is run as root: by the runner, or in a folder as a whole.
IN_KEA_AS_ROOT = CARGO_TARGET_$(HOST_TARGET)_RUNNER=$(CURDIR)/hack/as-root \
    hack/kea-root $(if $(filter-out 2.2,$(KEA)),--root) $(KEA)

# valgrind sees all there is, leaks too; AddressSanitizer also what lies on the stack and in between, in code that was
# compiled for it: the shim, and with a switch of the compiler that is not stable yet, Rust.
SANITIZED = $(abspath $(KEA_TARGET_DIR))/sanitized
TEST_MEMORY = $(CARGO) test --no-default-features --features sanitize --package kea-suite --test memory
.PHONY: sanitize
sanitize: ## Look for memory errors of the hook in real Kea: KEA=2.2, 2.6 or 3.0
	@$(PROVIDE_KEA)
	@$(if $(filter 2.2,$(KEA)),hack/deps sanitize)
	$(IN_KEA) $(TEST_MEMORY) --no-run
	$(IN_KEA_AS_ROOT) $(TEST_MEMORY) valgrind
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CXXFLAGS='-fsanitize=address -fno-omit-frame-pointer' \
	$(IN_KEA) $(CARGO) build -p dhcp_host_cmds_rs --features kea,fault-injection \
	    --target $(HOST) --target-dir $(SANITIZED)
	KEA_HOOK=$(SANITIZED)/$(HOST)/debug/libdhcp_host_cmds_rs.so $(IN_KEA_AS_ROOT) $(TEST_MEMORY) address_sanitizer

# Sessions of several commands from the beginning: libFuzzer would spend its time on inputs of a few bytes.
FUZZ_LENGTH = -max_len=2048 -len_control=0
# The fuzzers' stores are in memory where that can be: what is looked for is not in the disk.
FUZZ_STORES = $(firstword $(wildcard /dev/shm) /tmp)
.PHONY: fuzz
fuzz: ## Fuzz the arguments of commands, in Kea 2.2's libraries, for FUZZ_SECONDS=60
	@hack/deps build
	@test -x $(KEA_OPERATOR_CACHE)/tools/bin/cargo-fuzz || \
	    $(CARGO) install --quiet --locked --root $(KEA_OPERATOR_CACHE)/tools --version $(FUZZ_VERSION) cargo-fuzz
	@folder=$$(mktemp -d $(FUZZ_STORES)/kea-fuzz.XXXXXX); trap 'rm -rf "$$folder"' EXIT; \
	export KEA_FUZZ_DIR="$$folder" CARGO_TARGET_DIR=$(abspath $(TARGET_DIR))/fuzz PATH="$(KEA_OPERATOR_CACHE)/tools/bin:$$PATH"; \
	for target in commands4 commands6; do \
	    $(CARGO) fuzz run --release --sanitizer none $$target -- -max_total_time=$$(($(FUZZ_SECONDS) / 2)) $(FUZZ_LENGTH) \
	        -verbosity=0 -print_final_stats=1; \
	done

# In a folder of its own: what it uses of the hook is built without Kea, and would replace the library. Only below the
# folder of that Kea can root write what is seen outside.
BENCH_DIR = $(abspath $(KEA_TARGET_DIR))/bench
.PHONY: bench
bench: override KEA = 3.0
bench: hook operator ## Measure hook and operator against Kea 3.0's own and PostgreSQL: LINES="add-memory start", or LINES=--help
	hack/apiserver/build
	$(IN_KEA) $(CARGO) build --release -p kea-bench --target-dir $(BENCH_DIR)
	@rm -f $(BENCH_DIR)/report.json; status=0; \
	hack/kea-root --root $(KEA) $(BENCH_DIR)/release/bench --report $(BENCH_DIR)/report.json \
	    --hook "dist/kea-$$($(KEA_VERSION))/libdhcp_host_cmds_rs.so" --operator dist/kea-operator $(LINES) || status=$$?; \
	test ! -e $(BENCH_DIR)/report.json || install -D -m 0644 $(BENCH_DIR)/report.json $(TARGET_DIR)/bench/report.json; \
	exit $$status

.PHONY: lint
lint: ## Check formatting, lints, licences and sources of dependencies
	@hack/deps build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace --all-targets --features sanitize,kea-lab/kea -- -D warnings
	$(CARGO) clippy -p kea-operator --all-targets --features otel -- -D warnings
	@test -x $(KEA_OPERATOR_CACHE)/tools/bin/cargo-deny || \
	    $(CARGO) install --quiet --locked --root $(KEA_OPERATOR_CACHE)/tools --version $(DENY_VERSION) cargo-deny
	$(KEA_OPERATOR_CACHE)/tools/bin/cargo-deny --log-level error check bans licenses sources

.PHONY: hook
hook: ## Build the hook library into dist/kea-<version>/: KEA=2.2, 2.6 or 3.0
	@$(if $(filter 2.2,$(KEA)),hack/deps build,$(PROVIDE_KEA))
	$(IN_KEA) $(CARGO) build --release -p dhcp_host_cmds_rs --features kea
	@version=$$($(KEA_VERSION)); test -n "$$version" && \
	    install -D -m 0644 $(KEA_TARGET_DIR)/release/libdhcp_host_cmds_rs.so "dist/kea-$$version/libdhcp_host_cmds_rs.so" && \
	    echo "dist/kea-$$version/libdhcp_host_cmds_rs.so"

.PHONY: operator
operator: ## Build the operator into dist/
	$(CARGO) build --release -p kea-operator
	@install -D -m 0755 $(TARGET_DIR)/release/kea-operator dist/kea-operator

.PHONY: generate
generate: chart-tools ## Write what is generated from code: C header, CRDs, parts of the chart and docs
	UPDATE_GENERATED=1 $(CARGO) test --quiet -p kea-suite --test header --test generated

.PHONY: deps
deps: ## Install what building and testing need (Debian packages; no service is touched)
	@hack/deps

.PHONY: kea-root
kea-root: ## Print the folder of a system with another Kea: KEA=2.2, 2.6 or 3.0
	@$(IN_KEA)

.PHONY: clean
clean: ## Remove what was built here (the cache folder stays)
	$(CARGO) clean
	rm -rf dist
