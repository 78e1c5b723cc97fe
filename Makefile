# Everything a checkout can do. Each target builds what it needs in $(VENV).
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
# Two test workers share two cores: one computing thread each.
TEST   := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: demo test test-all check native sanitize mutants fuzz format bench docs clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

NATIVE := CMakeLists.txt pyproject.toml constraints.txt $(wildcard src/nurt/kernels/cpu/* src/nurt/kernels/cpu/cells/*)

$(VENV)/.installed: $(VENV)/bin/python $(NATIVE)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev
	@touch $@

demo: $(VENV)/.installed ## forecast the embedded series and write a report
	$(BIN)/nurt demo --out demo-out

test: $(VENV)/.developing ## the tests, under ten minutes, with line coverage
	$(TEST) -m "not slow" --cov --cov-report=term:skip-covered --cov-fail-under=90

test-all: $(VENV)/.developing ## the tests, slow ones included
	$(TEST)

check: $(VENV)/.developing ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

native: ## rebuild the native code for the baseline instruction set alone, while it is being changed
	@test -e $(VENV)/.developing || $(MAKE) $(VENV)/.developing
	$(BIN)/python -m tests.proofs.build

sanitize: $(VENV)/.developing ## the native tests under the address and undefined-behaviour sanitizers
	$(BIN)/python -m tests.proofs.sanitize

mutants: $(VENV)/.developing ## break the native code on purpose; its tests must notice every time
	$(BIN)/python -m tests.proofs.mutants

MINUTES ?= 1
SEED    ?= 1
fuzz: $(VENV)/.developing ## random cases for readers, model files and native calls; MINUTES=5 for each campaign, SEED=1
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $(SEED)

format: $(VENV)/.developing ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.documenting: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	@touch $@

docs: $(VENV)/.documenting ## the documentation, built strictly into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.developing ## time commands and recurrences on a quiet machine, into benchmarks/results/ and the page
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/commands.py
	$(BIN)/nurt bench --out benchmarks/results
	$(BIN)/python docs/hooks/benchmark_page.py

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist site demo-out nurt-out .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
