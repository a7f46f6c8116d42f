# Each target works alone: what it needs is installed into .venv first, once.
#
#   make serve ARGS="--port 5000"
#   make test ARGS="-k pricing"
#   make test PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# A second release of the vendor's client; it cannot be installed beside the first, so it gets a folder.
NEWER := 7.9.0
# Other mock servers, to compare with: below lint-external's folder, of which npm keeps only what it asks for.
PEERS := build/npm/peers
QUIET := --silent --no-audit --no-fund --no-package-lock

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# pip does this for what it copies, but not for an editable package: the first start would, if it may.
COMPILE := $(BIN)/python -m compileall -qq mockserver contract_tests
RUNTIME := $(VENV)/.runtime
TEST := $(VENV)/.test
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install serve test contract soak mutation fmt check bench bench-peers fuzz examples docs lint-external clean

help: ## Say what there is to make.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "cannot make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; \
	  rm -rf $(VENV); exit 1; }

$(RUNTIME): pyproject.toml $(VENV)/pyvenv.cfg
	@echo "installing mockserver into $(VENV) ..."
	@$(PIP) install --editable .
	@$(COMPILE)
	@touch $@

$(TEST): pyproject.toml $(VENV)/pyvenv.cfg
	@echo "installing mockserver and what tests it into $(VENV) ..."
	@$(PIP) install --editable '.[test]'
	@$(COMPILE)
	@rm -rf $(VENV)/clients
	@$(PIP) install --no-deps --target $(VENV)/clients/$(NEWER) waldur-api-client==$(NEWER)
	@touch $(RUNTIME) $@

$(DEV): $(TEST)
	@echo "installing mockserver and all development tools into $(VENV) ..."
	@$(PIP) install --editable '.[dev]'
	@$(COMPILE)
	@touch $@

install: $(DEV) ## Install everything a developer needs.

serve: $(RUNTIME) ## Serve the shipped API on 127.0.0.1:4010.
	@$(BIN)/mockserver serve $(ARGS)

test: $(TEST) ## Run the tests.
	@$(BIN)/python -m pytest --numprocesses auto $(ARGS)

fmt: $(DEV) ## Format the code and mend what can be mended.
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

check: $(DEV) ## Look at everything without running it.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .
	$(BIN)/codespell
	$(BIN)/mockserver lint

# With what tests need: some measure stores that want a package, and the contract suite.
bench: $(TEST) ## Measure how fast requests are answered.
	@$(BIN)/python -m benchmarks $(ARGS)

# The newest of them want a newer Node than many systems have, so npm brings one along.
bench-peers: $(RUNTIME) ## Measure how fast other mock servers answer the same; asks npm for them.
	@mkdir -p $(PEERS)
	@cp benchmarks/peers/* $(PEERS)
	@if command -v npm >/dev/null; then \
	  echo "installing other mock servers into $(PEERS) ..."; \
	  npm install $(QUIET) --no-save --prefix $(PEERS) node@22 || true; \
	  PATH="$(CURDIR)/$(PEERS)/node_modules/node/bin:$$PATH" npm install $(QUIET) --prefix $(PEERS) \
	    || echo "npm has failed: what is not installed is left out" >&2; \
	fi
	@$(BIN)/python -m benchmarks.bench_peers --packages $(PEERS) $(ARGS)

fuzz: $(TEST) ## Look for holes, long and seeded, and play random games: ARGS="--examples 500".
	@$(BIN)/python -m tests.fuzz $(ARGS)
	@$(BIN)/python -m tests.invariants $(ARGS)

contract: $(TEST) ## Test an implementation: ARGS="--url http://127.0.0.1:4010 --token-env TOKEN".
	@$(BIN)/contract-tests run $(ARGS)

soak: $(TEST) ## Look for false alarms: 20 seeds, every world and mode, beside a client that writes.
	@$(BIN)/python -m pytest -n auto -m soak $(ARGS)

mutation: $(TEST) ## Examine the contract tests with planted defects; writes docs/mutation.md. Takes an hour.
	@$(BIN)/contract-tests mutate --sample 60 --rival 200 --mechanical 150 --gate 0.95 \
	  --json build/mutation.json --page docs/mutation.md --reasons docs/mutation/reasons.yaml \
	  --scores docs/mutation/scores.json $(ARGS)

examples: $(TEST) ## Record the examples of the spec again.
	@$(BIN)/python -m tests.record_examples

docs: $(RUNTIME) ## Write what documentation is made of: build/openapi.json, build/routes.txt.
	@mkdir -p build
	@$(BIN)/mockserver export openapi --output build/openapi.json
	@$(BIN)/mockserver export openapi --plain --output build/openapi-plain.json
	@$(BIN)/mockserver routes > build/routes.txt
	@ls build/openapi.json build/openapi-plain.json build/routes.txt

lint-external: docs ## Ask other OpenAPI tools whether they can read the spec.
	@if ! command -v npm >/dev/null; then \
	  echo "skipped: Redocly and Prism come from npm, which is not installed"; exit 0; \
	fi; \
	set -e; \
	npm install --silent --no-save --prefix build/npm @redocly/cli@2 @stoplight/prism-cli@5; \
	build/npm/node_modules/.bin/redocly lint --extends=spec build/openapi.json; \
	log=build/prism.log; \
	build/npm/node_modules/.bin/prism mock --port 0 build/openapi.json >$$log 2>&1 & pid=$$!; \
	trap 'kill $$pid 2>/dev/null || true' EXIT; \
	for _ in $$(seq 120); do \
	  if grep -q 'is listening on' $$log; then echo "Prism reads it"; exit 0; fi; \
	  kill -0 $$pid 2>/dev/null || break; sleep 0.5; \
	done; \
	cat $$log >&2; exit 1

clean: ## Remove everything that was made, .venv included.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf .coverage htmlcov schemathesis-report .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
