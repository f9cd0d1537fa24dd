# Everything a person does with this repository. `make` alone lists it.

CARGO ?= cargo
PYTHON ?= python3
export PYTHON
# 1: `make demo` stays up after its last step.
KEEP ?=

# All that the demo runs, and nothing that needs an AWS crate.
DEMO_PROGRAMS = -p nightjar-standalone -p ext-store-local -p nightjar-cli -p sample-service
# Tests of one crate each, which need its programs and nothing else, and of the repository, which need none.
CRATE_TESTS = --test core --test cli --test store --test service --test repository

.DEFAULT_GOAL := help
.PHONY: help demo build check test campaigns chaos coverage lint fmt schemas template-tasks bench deny setup clean
.PHONY: docker docker-base docker-sizes docker-lint docker-clean test-docker

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run a small mesh on this machine, step by step; KEEP=1 leaves it up to play with
	@e2e/setup.sh demo
	@$(CARGO) build --locked $(DEMO_PROGRAMS)
	@KEEP=$(KEEP) $(PYTHON) examples/simple-mesh/demo.py

build: ## build every program
	$(CARGO) build --locked --workspace

check: ## the fast answer while you work: formatting, clippy, all tests that need no Envoy and no network
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features e2e/docker -- -D warnings
	# The whole workspace, so that this and `make test` share what they build. `checks::` asks an Envoy.
	$(CARGO) test --locked --workspace --no-fail-fast --lib --bins $(CRATE_TESTS) -- --skip checks::

test: lint ## everything that CI runs
	@e2e/setup.sh all
	# With the tests, as these ask more of some dependencies: one build for all that follows.
	$(CARGO) build --locked --workspace --bins --tests --examples
	$(CARGO) test --locked --workspace --no-fail-fast
	@$(MAKE) --no-print-directory demo KEEP=
	@e2e/docker/where-possible.sh

campaigns: ## by hand: 28,800 random requests, 15,000 answers of `nightjar route`, 2,000 slips, 1,000 regular expressions (an hour)
	@e2e/setup.sh all
	$(CARGO) build --locked --workspace --bins --tests --examples
	ACCESS_MAPS=80 $(CARGO) test --locked -p e2e --test e2e -- --nocapture access::random access::agreement
	SLIPS=2000 $(CARGO) test --locked -p nightjar-core --test core -- --nocapture slips
	e2e/campaigns/regex_size.py --count 1000 target/debug/examples/regex_verdict

chaos: ## by hand: three seeds of ten minutes of random faults in a mesh of 20 proxies
	@e2e/setup.sh demo
	$(CARGO) build --locked $(DEMO_PROGRAMS) -p nightjar-central
	for seed in 1 2 3; do .venv/bin/python e2e/campaigns/chaos.py --seed $$seed || exit 1; done

coverage: ## by hand: the lines of nightjar-standalone that its unit tests reach; needs `rustup component add llvm-tools`
	$(PYTHON) e2e/coverage.py --least 85

lint: ## formatting, clippy, the code's documentation, spelling, scripts and dependencies: warnings are errors
	@e2e/setup.sh lint
	@e2e/lint.sh
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features e2e/docker -- -D warnings
	# What somebody else's extension builds, without what others of the workspace ask for.
	$(CARGO) clippy --locked -p nightjar-core -p discovery-dns --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

fmt: ## format the Rust sources
	$(CARGO) fmt --all

schemas: ## write the documents' JSON Schemas anew, after a change of their types
	@$(CARGO) build --locked -p nightjar-cli
	@mkdir -p schemas
	@for name in discovery-map templates proxy-input; do \
		$(CARGO) run --locked --quiet -p nightjar-cli -- schema $$name >schemas/$$name.v1.json.new \
		&& mv schemas/$$name.v1.json.new schemas/$$name.v1.json || exit 1; \
	done

template-tasks: ## count the lines that four common tasks take in a store's templates
	@e2e/template-tasks.sh

bench: ## benchmarks, in the release profile
	@e2e/setup.sh bench
	$(CARGO) build --locked --release --workspace --bins --examples
	$(CARGO) bench --locked -p nightjar-core -p e2e

deny: ## licences, bans, sources and advisories of the dependencies
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; \
	else echo "cargo-deny is not installed: cargo install --locked cargo-deny" >&2; exit 1; fi

docker: ## build the container images
	@e2e/docker/build.sh

docker-base: ## make the images that those are built from, where no registry can be reached
	@e2e/docker/base.sh

docker-sizes: ## print what the images weigh
	@e2e/docker/sizes.sh

docker-lint: ## judge the Dockerfile and the compose files
	@e2e/setup.sh lint
	@e2e/docker/lint.sh

docker-clean: ## remove the images, and what building them left behind
	@e2e/docker/clean.sh

test-docker: ## build the images, and test them and the compose examples on a Docker Engine
	@e2e/setup.sh all
	@e2e/docker/test.sh

setup: ## what the tests run beside our programs, into .venv (the other targets call it)
	@e2e/setup.sh all

clean: ## remove everything that was built, installed or written
	$(CARGO) clean
	rm -rf .venv .demo .chaos
