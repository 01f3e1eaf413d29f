# make serve   set up what is missing and serve
# make test    lint, types, import contracts, tests, docs
# make long    what takes longer: kill loops, fuzzing, timing
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# A file of tests stays in one process, with its server. They begin in the order of their names, not with those that
# hold the most tests: the long files are in tests/acceptance, the short ones in tests/unit fill the end.
SIDE_BY_SIDE ?= -n 4 --dist loadfile --no-loadscope-reorder
PIP     = $(BIN)/python -m pip --disable-pip-version-check

.PHONY: serve test check long docs bench requirements client-requirements clean
.DEFAULT_GOAL := serve

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.test-installed: requirements/test.txt requirements/docs.txt $(VENV)/.run-installed
	$(PIP) install --quiet --require-hashes -r requirements/test.txt -r requirements/docs.txt
	touch $@

serve: $(VENV)/.run-installed
	exec $(BIN)/affineur serve $(ARGS)

test: check
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/python -m tests.architecture.tree
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

check: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

long: $(VENV)/.test-installed
	$(BIN)/python -m pytest -m long $(ARGS)

docs: $(VENV)/.test-installed
	$(BIN)/python docs/generate.py
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.test-installed
	$(BIN)/python -m benchmarks.run $(ARGS)

# Each file is held to the versions of those before it, so that all fit into one environment.
COMPILE = uv pip compile --upgrade --quiet --generate-hashes --universal --python-version 3.11 \
          --no-emit-index-url --no-annotate --no-header
requirements: $(VENV)/.test-installed
	cd requirements && for name in run docs test; do ../$(BIN)/$(COMPILE) $$name.in -o $$name.txt || exit 1; done
	$(MAKE) client-requirements

# Programs that tests run, each in an environment of its own, in the folder of the Python it wants.
client-requirements: $(VENV)/.test-installed
	cd requirements/clients && for name in */*.in; do \
	  ../../$(BIN)/uv pip compile --upgrade --quiet --generate-hashes --python-version $$(dirname $$name) \
	    --no-emit-index-url --no-annotate --no-header --allow-unsafe $$name -o $${name%.in}.txt || exit 1; done

clean:
	rm -rf $(VENV) docs/_build build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
