# The two commands for a start: `make demo` and `make test`. Needs make and a Python of 3.11 to 3.14.
.DEFAULT_GOAL := help
.PHONY: help setup demo up stop test unit faults check docs bench lock clean

python := .venv/bin/python
# Without bytecode every start would compile thousands of modules again.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME
# No telemetry: Great Expectations, Evidently, Airflow.
export GX_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
# Threads that wait by spinning cost more than they save as soon as the cores are busy.
export OMP_WAIT_POLICY ?= PASSIVE
export OPENBLAS_NUM_THREADS ?= 1

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv from the pinned requirements (the other targets do it by themselves)
	@bin/setup

demo: ## the whole loop on simulated data: nights, drift, retraining, promotion; services stay up
	@bin/nightshift demo

up: ## start PostgreSQL and Airflow; prints the address and the login
	@bin/nightshift up

stop: ## stop what `up` or `demo` started
	@bin/nightshift stop

# Tests of a file share servers and worlds, so a file stays with one process; 0 is none beside pytest itself, as for --pdb.
WORKERS ?= 2

test: ## all tests, two files at a time; `make test ARGS="tests/unit -k gate" WORKERS=0` for some
	@bin/setup --dev
	$(python) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

unit: ## the pure parts alone, with the examples in docstrings: less than two minutes
	@bin/setup --dev
	$(python) -m pytest -n $(WORKERS) -q tests/unit $(ARGS)

faults: ## break things on purpose: every guarantee in docs/reference, and 200 nights of chaos (half an hour)
	@bin/setup --dev
	$(python) -m tests.faults.run_all $(ARGS)

check: ## format, lint, types, import layers, DAG parse budget, generated docs, retired words
	@bin/setup --dev
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	PYTHONPATH=include .venv/bin/lint-imports
	$(python) docs/make_reference.py --check
	$(python) docs/check_words.py
	$(python) -m pytest -q tests/dags/test_parse_budget.py

docs: ## build the documentation into .nightshift/site; fails on a broken link and on anything loaded from elsewhere
	@docs/build.sh

audit: ## known vulnerabilities in the pinned packages; security/exceptions.yaml excuses some for a while
	@bin/setup --dev
	@$(python) -m security.audit $(ARGS)

bench: ## ours next to a usual template, Spark and the limits; `ARGS=--full` for 10 million rows
	@bin/setup
	@PYTHONPATH=include:. $(python) -W ignore -m benchmarks.performance $(ARGS)

# Each is pinned with what stands before it.
PINNED := requirements requirements/lightgbm requirements/celery requirements/kubernetes requirements/dev requirements/uv \
	requirements/docs benchmarks/requirements-peers

lock: ## write requirements.txt and requirements/*.txt from their .in, every pin with its hashes
	@bin/setup
	@uv=$$(command -v uv || echo .nightshift/uv/bin/uv); for name in $(PINNED); do \
		$$uv pip compile --quiet --universal --generate-hashes --python-version 3.11 $$name.in -o $$name.txt || exit 1; \
	done

clean: ## stop, then remove .venv, caches and ALL local state: warehouse, lake, Airflow's history
	@if [ -x $(python) ] && [ -d .nightshift ]; then bin/nightshift stop; fi
	rm -rf .venv .nightshift .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
