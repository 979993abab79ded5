# Two commands do everything on a fresh machine with Python 3.11+ and make: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# More options of the tests, for example: make test PYTEST_OPTIONS=--skip-nothing
PYTEST_OPTIONS ?=
COLLECTION ?= data/england-2008-09
YEAR ?= 2008/09
OUT ?= run
# Tests start the command many times: it is compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run test check setup setup-dev bench soak golden lock clean help

run: setup  ## set up, then the main job on the embedded collection: the ranked, explained visit list
	$(BIN)/crosscheck run $(COLLECTION) --year $(YEAR) --out $(OUT)

# The tests share the machine among themselves; a second thread for small matrices only waits for the first.
test: export OPENBLAS_NUM_THREADS = 1
test: setup-dev check  ## set up, then all checks and all tests
	$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_OPTIONS)

check: setup-dev  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

setup: $(VENV)/.ready  ## the virtual environment with the pinned packages
setup-dev: $(VENV)/.ready-dev

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "crosscheck needs Python 3.11 or later; name one with: make PYTHON=python3.12 run"; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.ready: $(VENV)/.python requirements.txt pyproject.toml
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready-dev requirements-bench.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements-bench.txt
	@touch $@

bench: $(VENV)/.ready-bench  ## speed and memory, side by side with peers, in one run
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.million
	$(BIN)/python -m benchmarks.store

soak: setup-dev  ## by hand, hours: many more examples; slips of the pen in the rule language, risk, scores and visits; kills at random moments; how steady the list is; intervals of the prevalence; single answers changed; each reader fuzzed
	HYPOTHESIS_PROFILE=soak nice -n 15 $(BIN)/python -m pytest -n auto tests/property tests/visits/test_visit_plan.py
	nice -n 15 $(BIN)/python tests/soak/mutants.py
	nice -n 15 $(BIN)/python -m tests.soak.kills
	nice -n 15 $(BIN)/python -m tests.soak.store_kills
	nice -n 15 $(BIN)/python -m tests.soak.steady
	nice -n 15 $(BIN)/python -m tests.soak.prevalence_intervals
	nice -n 15 $(BIN)/python -m tests.soak.learnt_anew
	nice -n 15 $(BIN)/python -m tests.soak.single_changes
	nice -n 15 $(BIN)/python -m tests.soak.fuzzing

golden: setup  ## write the golden run, the commands, the pictures and what tutorials quote anew; read the difference
	$(BIN)/python -m tests.golden

lock: setup-dev  ## pin the packages anew (hashes, no addresses)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group build pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group build --group dev --extra notebooks --extra postgres --extra proof -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group bench -c requirements-dev.txt -o requirements-bench.txt

clean:  ## remove what set-up and runs have made
	rm -rf $(VENV) run handbook build dist .mypy_cache .ruff_cache .hypothesis

help:  ## these lines
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
