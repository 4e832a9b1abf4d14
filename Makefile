# `make demo` and `make test` need nothing but git, make and Python 3.11 or later.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
LATER := python3.12 python3.13 python3.14
# Some machines set it, and every one of the many processes that tests start would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check lint unit bench long lab lab-replacement screenshots lock test-later-pythons clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

demo: ## the whole application on an embedded fleet: no server, no root, no network
	@.ci/setup run
	@$(BIN)/hostshift demo

test: ## the tests; as root also the ones that boot real hosts
	@.ci/setup dev
	@$(MAKE) --no-print-directory lint
	@tests/run

check: ## the quick loop: format, lint, types, import contracts, unit tests
	@.ci/setup dev
	@$(MAKE) --no-print-directory lint unit

lint:
	@$(BIN)/ruff format --check --quiet engine tui tests
	@$(BIN)/ruff check --quiet engine tui tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run .ci/setup tests/run)

unit:
	@$(BIN)/pytest -q -m "not lab and not slow" -p no:cacheprovider

bench: ## benchmarks, side by side with what they are compared to (minutes)
	@.ci/setup dev
	@for b in tests/benchmarks/*.py; do echo "== $$b"; $(BIN)/python "$$b" || exit 1; done

long: ## the lab's tests that take minutes each (as root)
	@.ci/setup dev
	@LAB_LONG=1 tests/run -m long tests/lab

lab: ## boot a small lab of real hosts (as root) and open hostshift on it
	@.ci/setup dev
	@tests/lab/requirements.sh --install
	@tests/lab/enter.sh $(BIN)/python -m tests.lab

lab-replacement: ## boot a server with services, data, name servers and clients (as root), to replace it by hand
	@.ci/setup dev
	@tests/lab/requirements.sh --install
	@tests/lab/enter.sh $(BIN)/python -m tests.lab --replacement

screenshots: ## draw the pictures in screenshots/ anew from the demo fleet
	@.ci/setup dev
	@$(BIN)/python -m tests.screenshots

lock: ## resolve the dependencies anew and write the hashes
	@.ci/setup dev
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra build pyproject.toml -o .ci/lock-run.txt
	@$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra build --extra dev pyproject.toml -o .ci/lock-dev.txt

test-later-pythons: ## unit tests on every later Python that is found here
	@for p in $(LATER); do \
	  if $$p -c 'import venv, ensurepip' 2>/dev/null; then \
	    PYTHON=$$p VENV=.venv-$$p .ci/setup dev && .venv-$$p/bin/pytest -q -m "not lab and not slow" -p no:cacheprovider || exit 1; \
	  else echo "$$p: not here, not tested"; fi; done

clean: ## remove what was built
	rm -rf .venv .venv-python3.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
