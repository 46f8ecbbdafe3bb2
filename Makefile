# Each target does all of its own set-up. Versions are locked in constraints.txt.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
STAMP := $(VENV)/.installed

.PHONY: help install demo test test-faults check bench pictures fuzz format lock clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## make the virtual environment with the locked versions

# torch first and alone: a later request for a range then finds it already there.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable ".[full,ray]"
	@touch $@

demo: $(STAMP)  ## the main job on a synthetic data set, in a few minutes
	$(BIN)/nextslice demo --out runs/demo

check: $(STAMP)  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# A worker per core, each with one thread: two threads that wait for each other's core crawl.
test: check  ## style, types and all tests
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile

test-faults: $(STAMP)  ## break whatever can break, all of it; docs/reliability.md
	OMP_NUM_THREADS=1 NEXTSLICE_RELIABILITY=docs/reliability.md $(BIN)/pytest \
	    --numprocesses logical --maxprocesses 4 --dist worksteal -m "faults or promise"

# The peers live in an environment of their own: nextslice itself needs none of them.
$(BENCH)/.installed: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BENCH)/bin/python -m pip install --quiet $$(grep '^torch==' constraints.txt)
	$(BENCH)/bin/python -m pip install --quiet --constraint constraints.txt \
	    --editable ".[full]" --requirement benchmarks/requirements.txt
	@touch $@

bench: $(BENCH)/.installed  ## speed beside what one would use instead; docs/benchmarks.md
	$(BENCH)/bin/python -m benchmarks

pictures: $(STAMP)  ## the pictures of docs/annotate.md anew, from the real page
	$(BIN)/python docs/annotate_pictures.py

fuzz: $(STAMP)  ## minutes of fuzzing over everything that reads foreign files (Linux)
	@for target in nifti meta-image nrrd unpacked header description yaml frames archive; do \
	    $(BIN)/python -m tests.fuzz $$target -max_total_time=60 || exit 1; done

# A fuzzer is built for each version of Python apart: newer ones take a newer one.
lock: $(STAMP)  ## renew constraints.txt from what is installed
	@{ head -1 constraints.txt; $(BIN)/pip freeze --exclude-editable | grep -v '^nextslice' \
	    | sed -E -e 's/^(torch==[0-9.]+).*/\1/' \
	        -e 's/^(atheris==.*)/\1; python_version < "3.12"/'; } > constraints.new && mv constraints.new constraints.txt

format: $(STAMP)  ## put the style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the targets made
	rm -rf $(VENV) $(BENCH) runs build dist
