SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test integrations operations check format docs screenshots bench faults dist deb audit lock clean

BIN := .venv/bin
PINS := requirements/build.txt pyproject.toml scripts/bootstrap.sh

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

run: .venv/runtime.stamp ## Start a development server on its embedded store
	$(BIN)/authrim dev

test: .venv/dev.stamp tests/relying_parties/node_modules/.package-lock.json ## Run every test; installs what they need
	scripts/system-packages.sh --for tests
	$(BIN)/python -m compileall -q -j 0 authrim domain migrations projections # hundreds of processes read it
	env -u PYTHONDONTWRITEBYTECODE scripts/pytest-in-memory.sh -n 3 --dist loadfile --no-loadscope-reorder

integrations: .venv/dev.stamp ## Start the applications that take long to install, too
	scripts/system-packages.sh --for integrations
	$(BIN)/pytest tests/integrations -m 'integrations or not integrations'

operations: .venv/dev.stamp ## Run what an operator does with real tools: containers, charts
	scripts/system-packages.sh --for operations
	$(BIN)/pytest tests/operations -m 'operations or not operations'

check: .venv/dev.stamp ## Check style, types, import rules, wording, generated pages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m scripts.house
	$(BIN)/python -m scripts.english
	$(BIN)/python scripts/forbidden_attributes.py
	$(BIN)/python -m scripts.reference --check
	$(BIN)/python -m scripts.rules --check
	$(BIN)/python -m scripts.functions --check

format: .venv/dev.stamp ## Format the sources
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: .venv/runtime.stamp ## Write the generated pages again
	$(BIN)/python -m scripts.reference
	$(BIN)/python -m scripts.rules
	$(BIN)/python -m scripts.functions

screenshots: .venv/dev.stamp ## Write a picture of every page to build/screenshots
	scripts/system-packages.sh --for screenshots
	$(BIN)/python -m tests.browser.screenshots

bench: .venv/dev.stamp ## Measure Authrim beside its peers, and the store; QUICK=1 takes 3 minutes
	scripts/system-packages.sh --for bench
	$(BIN)/python -m compileall -q authrim domain migrations projections # so that no start compiles
	$(BIN)/python -m bench $(if $(QUICK),--quick)
	$(if $(QUICK),,$(BIN)/python -m bench.store)

faults: .venv/dev.stamp ## Break things by chance under load, and check the history
	scripts/system-packages.sh --for tests
	$(BIN)/python -m bench.faults
	$(BIN)/python -m bench.kills

dist: .venv/dev.stamp ## Build the wheel, the source distribution, their bill of materials
	$(BIN)/python -m scripts.dist

deb: .venv/dev.stamp ## Build the Debian package of the server
	$(BIN)/python -m scripts.deb

audit: .venv/dev.stamp ## Check the pinned requirements for known vulnerabilities
	scripts/audit.sh

lock: ## Pin the requirements again (needs uv)
	scripts/lock.sh

clean: ## Remove everything that was made here
	rm -rf .venv tests/relying_parties/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/runtime.stamp: requirements/runtime.txt $(PINS)
	scripts/bootstrap.sh runtime

# The development requirements hold the runtime's, and mark them as installed too.
.venv/dev.stamp: requirements/dev.txt $(PINS)
	scripts/bootstrap.sh dev

# npm writes this file last, so its time is that of the installation.
tests/relying_parties/node_modules/.package-lock.json: tests/relying_parties/package-lock.json
	scripts/system-packages.sh --for tests
	cd tests/relying_parties && npm ci --no-audit --no-fund
