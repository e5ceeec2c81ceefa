# Every target makes its own environment from requirements.lock; only Python 3.11 or newer is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Test processes: two cores are what the time limits are set for.
JOBS ?= 2

# What is compiled is kept: every command of a test is a process of its own, which would compile the package again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo lab test test-long test-fast measure fault-test flip-test attack lint format docs coverage bench bench-batch engines lock clean

demo: $(READY)  ## a whole round on generated data, from lists to reports
	$(BIN)/spi demo

# With the weights and scores that later notebooks read; a round that is not so far opens all the same.
lab: $(READY)  ## the notebooks in JupyterLab, on the demo data
	$(BIN)/spi demo --data-only --if-missing
	-$(BIN)/spi run --notebook 30 --notebook 40
	$(BIN)/spi lab

test: $(READY)  ## all tests but the long ones; says how many checks against outside figures ran
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "not long"

test-long: $(READY)  ## what takes long: all engines, disks that are full, Dask, every page in the browser, simulations
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m long

test-fast: $(READY)  ## what a change of one module can break: under a quarter of a second each (tests/slow.txt has the others)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup --no-loadscope-reorder --fast

measure: $(READY)  ## which tests are slow? writes tests/slow.txt anew
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup --no-loadscope-reorder --measure -m "not slow and not long and not browser"

fault-test: $(READY)  ## kill -9 of runner, fork server and children at random during a batch, then run again: same bytes (SEED=1)
	$(BIN)/python -m tests.runner.faults --kills 20 --institutions 12 --seed $(or $(SEED),2024)

flip-test: $(READY)  ## one bit flipped at random in stored tables, records, vault and ledger: is each noticed? (SEED=1)
	$(BIN)/python -m tests.runner.flips --flips 420 --seed $(or $(SEED),1)

attack: $(READY)  ## an intruder tries what is released of generated rounds built to be the worst: nothing may succeed (PANELS=40 ROUNDS=40 SEED=2024; WORKSPACE=. attacks the files of a published round, too)
	$(BIN)/python -m tests.attack --panels $(or $(PANELS),40) --rounds $(or $(ROUNDS),40) --seed $(or $(SEED),2024) $(if $(WORKSPACE),--workspace $(WORKSPACE))

lint: $(READY)  ## style, layers, types, notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/notebooks/test_sources.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## the documentation with all docstrings, to be read without a network: build/docs/index.html
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --conf-dir docs --doctree-dir build/docs-cache . build/docs
	@echo build/docs/index.html

coverage: $(READY)  ## 200 simulated rounds with known truth: do the intervals cover?
	$(BIN)/spi coverage --seeds 200

bench: $(READY)  ## speed against R survey and svy, where they are installed (BENCH="--sizes 10000" for less)
	$(BIN)/python -m benchmarks $(BENCH)

bench-batch: $(READY)  ## notebooks per second against papermill and nbconvert as they come, on the demo data
	$(BIN)/spi demo --data-only --if-missing
	$(BIN)/python -m benchmarks.batch $(BENCH)

engines: $(READY)  ## all notebooks of all institutions with each engine: are all files the same to the last byte?
	$(BIN)/spi demo --data-only --if-missing
	$(BIN)/python -m benchmarks.engines

lock: $(READY)  ## pin all versions anew (all platforms, with hashes)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --quiet --output-file requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

clean:  ## remove everything that can be made again; outputs/ and build/ of a real round stay; data/ and outputs/README.md always do
	@if [ ! -e data ] || [ -e data/demo.json ]; then rm -rf build; \
	[ ! -d outputs ] || find outputs -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +; \
	else echo "kept: data/, outputs/ and build/ of a round that is no demo"; fi
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
