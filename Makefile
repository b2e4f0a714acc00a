# make help lists the targets. Everything is installed into .venv; nothing outside this folder is touched.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test cover fmt lint types imports bench docs lock clean

BIN := .venv/bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

setup: ## the program and what it needs, into .venv (.venv/bin/optimails)
	@scripts/setup run

setup-dev: ## the same, with the tools for tests and checks
	@scripts/setup dev

run: setup ## start the service with a demo domain; Ctrl-C ends it
	@exec $(BIN)/optimails demo

test: setup-dev ## all tests (ARGS="tests/unit -k name" for some)
	@scripts/install-test-packages
	$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

cover: setup-dev ## tests with branch coverage; the report goes to htmlcov/
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

fmt: setup-dev ## format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix-only --quiet

lint: setup-dev ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup-dev ## mypy, strict
	$(BIN)/mypy

imports: setup-dev ## the layers of the architecture
	$(BIN)/lint-imports --verbose

bench: setup-dev ## measure a freshly started service (see bench/README.md)
	$(BIN)/python bench/run.py $(ARGS)

docs: setup-dev ## write the generated pages of docs/ anew and check the rest
	$(BIN)/python scripts/write_docs.py
	$(BIN)/pytest -q tests/unit/test_docs.py

lock: ## write the lock files anew from pyproject.toml (needs uv)
	@scripts/lock

clean: ## remove the environment and caches, keep var/ (your mail)
	rm -rf .venv .setup.lock htmlcov .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
