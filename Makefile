# `make help` lists what can be made. Everything lives in .venv; nothing is installed outside of it,
# but for Chromium and Redis, which tests need.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help serve test lint bench install install-dev clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

serve: install ## install what is needed, then serve until Ctrl-C (ARGS="--port 9000" and the like)
	@exec $(BIN)/quizserver serve $(ARGS)

test: install-dev lint ## install what the tests need and run them all
	@PYTHON=$(BIN)/python scripts/programs
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: install-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install ## how fast the lab is, as ratios within one run (ARGS=--json for programs)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt scripts/install
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt scripts/install
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install '.[dev]'
	@touch $@ $(VENV)/.installed

clean: ## remove the virtual environment and what tools leave behind; data in var/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
