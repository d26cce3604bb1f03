# `make` alone lists what there is. Everything runs in .venv, which is made when it is missing.

.DEFAULT_GOAL := help
SHELL := /bin/sh
# One thing at a time: what is printed last is what ended last.
.NOTPARALLEL:

# What `make run` gives to `strongroom dev`: make run ARGS="--listen 127.0.0.1:8000"
ARGS ?=
# What `make test` gives to pytest: make test PYTEST="tests/domain -x"
PYTEST ?= -n auto --dist loadfile
# make lock UPGRADE=--upgrade takes the newest versions; otherwise what is locked stays.
UPGRADE ?=

LOCK := .venv/bin/uv pip compile --quiet --no-header --no-annotate --generate-hashes \
	--python-version 3.11 $(UPGRADE)

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## "; print "Strongroom. Targets:\n" } \
		/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Install what is needed and start a server to try things out (Ctrl-C stops it)
	@tools/venv.sh run
	@exec .venv/bin/strongroom dev $(ARGS)

.PHONY: test
test: check ## Run every check and every test
	@tools/install-test-packages.sh
	@.venv/bin/python -m pytest -q $(PYTEST)

.PHONY: check
check: .dev ## Check format, lint, types and import contracts; needs no network once installed
	@echo "Format" && .venv/bin/ruff format --check --quiet .
	@echo "Lint" && .venv/bin/ruff check --quiet .
	@echo "Types" && .venv/bin/mypy --no-error-summary
	@echo "Import contracts" && .venv/bin/lint-imports --no-logo >.venv/contracts.txt 2>&1 || \
		{ cat .venv/contracts.txt; exit 1; }

.PHONY: format
format: .dev ## Format the code, and mend what the linter can mend
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

.PHONY: bench
bench: .dev ## Measure; prints, and writes docs/benchmarks.md
	@tools/install-test-packages.sh
	@.venv/bin/python -m bench $(ARGS)

.PHONY: soak
soak: .dev ## Run the long tests: every fault, power cuts, kills; SOAK_SECONDS=3600 makes them longer
	@tools/install-test-packages.sh
	@.venv/bin/python -m pytest -q -m soak $(ARGS)

.PHONY: mutate
mutate: .dev ## Put mistakes into the audit log's formats, and see that tests notice; takes minutes
	@.venv/bin/python tools/mutate.py

.PHONY: lock
lock: .dev ## Make the lock files of the program, of its tests and of the clients that they try
	@$(LOCK) --output-file requirements.lock pyproject.toml
	@$(LOCK) --constraints requirements.lock --output-file requirements-dev.lock \
		pyproject.toml requirements-dev.in
	@cd tests/conformance/clients && for client in boto3 awscli encryption-sdk tink; do \
		../../../$(LOCK) $$([ $$client = boto3 ] || echo --constraints boto3.lock) \
			--output-file $$client.lock $$client.in || exit 1; \
	done

.PHONY: clean
clean: ## Remove what make made: environment and caches. Data directories are never touched
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	@find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: .dev
.dev:
	@tools/venv.sh dev
