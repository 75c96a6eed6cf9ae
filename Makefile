# The two commands: `make reproduce` and `make test`. `make help` lists the rest.
SHELL := bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
# libgomp reads this before main; the programs set it for themselves, the test runner cannot.
export GOMP_SPINCOUNT ?= 1000
.DEFAULT_GOAL := help

SWIFT_BUILD := swift build -c release

.PHONY: help setup build test lint notebooks
help: ## list what make can do
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## install the missing Debian or Ubuntu packages, saying which
	@bash setup.sh

build: setup ## build the programs in release
	@$(SWIFT_BUILD)

lint: ## formatting and the walls between the rooms
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests notebooks
	@bash lint-walls.sh

test: setup lint ## install, lint, build and run every test
	@$(SWIFT_BUILD) --build-tests
	swift test -c release --skip-build

notebooks: setup ## run the scripts in notebooks/ and write them, executed, to results/notebooks/
	@for script in notebooks/*.swift; do
	  program=notebook-$$(basename $$script .swift)
	  $(SWIFT_BUILD) --product $$program
	  .build/release/$$program
	done
