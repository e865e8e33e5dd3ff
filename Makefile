# Everything a user does. Each target prepares what it needs (virtualenv, tools, charts), then calls the `lab` command.

STACK ?= dev
PYTHON ?= python3
export STACK
# Without its bytecode cache, Python compiles a thousand modules at every start.
unexport PYTHONDONTWRITEBYTECODE
# Where the user's own Python and pip look for and put modules is not where this project's are.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONUSERBASE PYTHONWARNINGS PIP_PREFIX PIP_ROOT PIP_TARGET PIP_USER

# Names of files are UTF-8 whatever the locale: one of EUC-KR would misread every Korean folder.
lab = .venv/bin/python -E -X utf8 -m lab

.DEFAULT_GOAL := help
.PHONY: help up preview down recover test test-slow bench doctor clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  STACK=name      which lab (default: dev); labs stand side by side"

up: .venv/lab ## Bring everything that is needed and make the lab stand
	@$(lab) up

preview: .venv/lab ## Show what `make up` would do
	@$(lab) preview

down: .venv/lab ## Take the lab down; the tools stay in the cache
	@$(lab) down

recover: .venv/lab ## Put a lab right after a killed `make up` or `make down`, or a broken state
	@$(lab) recover

test: .venv/dev ## Bring everything that is needed and pass the checks: lint, types, all tests
	@$(lab) setup --tests
	@. "$${ISTIO_LAB_HOME:-./.lab}/activate" && .ci/checks

test-slow: .venv/dev ## Pass the tests that `make test` leaves out because they take long
	@$(lab) setup --tests
	@. "$${ISTIO_LAB_HOME:-./.lab}/activate" && .ci/checks slow

bench: .venv/lab ## Measure this stack against the course's own commands, side by side
	@.venv/bin/python -E -X utf8 -m benchmarks

doctor: .venv/lab ## Show every tool, its version, its origin, and what is missing
	@$(lab) doctor

clean: .venv/lab ## Take every lab down and delete the project's working folder
	@$(lab) clean

# --no-compile: the Azure SDK has thousands of modules that this machine may never import.
.venv/lab: requirements.txt
	@$(PYTHON) -E -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is older than Python 3.11" >&2; \
	  echo "do: install Python 3.11 or newer, or name one: make up PYTHON=python3.12" >&2; exit 1; }
	@echo "making the virtualenv .venv (once, a minute)"
	@$(PYTHON) -E -m venv .venv
	@.venv/bin/python -E -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $<
	@touch $@

.venv/dev: requirements-dev.txt .venv/lab
	@.venv/bin/python -E -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $<
	@touch $@
