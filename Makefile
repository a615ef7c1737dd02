# ROS sets it, and its packages and pytest plugins would get in before ours.
unexport PYTHONPATH
# Containers set it: every start would compile every module anew, for ten seconds and more.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
# Two processes: each file of tests stays in one, since runs are shared within a file. In the files' own order: xdist's
# puts those with the fewest tests last, which take longest and would leave the other process idle.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: demo test long format lint type check setup clean help

demo: setup ## the main job on the embedded default: CPU only
	$(BIN)/workbench demo

test: lint type ## format, lint, types and the whole suite
	$(BIN)/pytest $(TWO) -m "not long"

long: setup ## tests that take minutes each, which `test` leaves out
	$(BIN)/pytest $(TWO) -m long

check: lint type ## the quick part of `test`: no simulator
	$(BIN)/pytest $(TWO) -m "not sim and not slow and not long"

format: setup ## format the code and fix what can be fixed
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

lint: setup ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: setup ## types of the pure parts, and which package imports which
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

setup: ## install into .venv (instant when nothing changed); the targets above do it
	@bash tools/setup.sh

clean: ## remove .venv, caches and build leftovers; runs/ stays
	rm -rf .venv .bootstrap build dist *.egg-info .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
