# Two commands are the whole set-up on a machine with Python 3.11 or newer:
#   make run     install, ingest the sample documents, start the page
#   make test    install what the tests need, run them

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DOCS   ?= data/docs
KB     ?= data/kb

.PHONY: run test browser-test lint clean

run: $(VENV)/.run
	$(BIN)/python -m ingest $(DOCS) --kb $(KB) || [ $$? -eq 1 ] # a failed file is told, and does not keep the page away
	KB_QA_KB=$(KB) $(BIN)/python -m ui

test: $(VENV)/.test
	$(BIN)/python -m pytest

# Needs a Chromium: Debian's package `chromium`, or KB_QA_CHROMIUM=/path/to/one
browser-test: $(VENV)/.browser
	$(BIN)/python -m pytest tests/browser

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(KB) build *.egg-info test-results

# A stamp is made again when pyproject.toml changes; otherwise installing costs nothing.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kb-qa needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.browser: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[browser]'
	@touch $@ $(VENV)/.run $(VENV)/.test

$(VENV)/.lint: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	@touch $@ $(VENV)/.run $(VENV)/.test $(VENV)/.browser
