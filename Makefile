# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later

VENV ?= .venv
PYTHON := $(VENV)/bin/python
# Every ansible-core that meta/runtime.yml promises, and the Pythons that its controller runs on, the preferred one first.
CORES := 2.16 2.17 2.18 2.19 2.20 2.21
PYTHONS_2.16 := 3.11 3.12 3.10
PYTHONS_2.17 := 3.11 3.12 3.10
PYTHONS_2.18 := 3.11 3.12 3.13
PYTHONS_2.19 := 3.11 3.12 3.13
PYTHONS_2.20 := 3.12 3.13 3.14
PYTHONS_2.21 := 3.12 3.13 3.14
OLDEST_VENV := .venvs/core-$(firstword $(CORES))
# What `make test` consists of, each a target of its own.
PARTS := lint unit integration sample sanity docs build importer smoke-oldest
# Where they leave their results.
RESULTS := build/results

export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup test $(PARTS) returns stress demo live live-emulated fuzz-proof fuzz-chats mutants mutants-drawn coverage screenshots faults emulator changelog release-check clean bench bench-hook bench-stop bench-fleet bench-archive bench-chats bench-pages bench-scale recipes redaction-report

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed .build/ansible_collections/coder/tasks  ## Make the virtual environment and the development tree

$(VENV)/.installed: requirements-dev.txt
	@scripts/make-venv $(VENV) "" -r requirements-dev.txt
	@touch $@

# Ansible finds the checkout, wherever it lies, as ansible_collections/coder/tasks.
.build/ansible_collections/coder/tasks:
	@mkdir -p $(@D) && ln -sfn ../../.. $@

test: setup  ## Everything that CI checks, one part after the other, then a table of what they found
	@MAKE="$(MAKE)" $(PYTHON) scripts/run_parts.py $(PARTS)

demo: setup  ## The life of three tasks, on an emulated server or on the one in CODER_URL
	@scripts/demo

live: setup  ## Try the collection on the server in CODER_URL; removes what it made (CASES=text for some)
	@PYTHONPATH=tests:.build $(PYTHON) -m live $(if $(DIALECTS),--emulated "$(DIALECTS)") --cases "$(CASES)"

live-emulated: setup  ## The same on an emulated server (DIALECTS=all, or names of dialects)
	@PYTHONPATH=tests:.build $(PYTHON) -m live --emulated $(if $(DIALECTS),"$(DIALECTS)") --cases "$(CASES)"

unit: setup  ## Unit and contract tests
	@DIST=worksteal PYTEST_ADDOPTS='-m "not slow"' scripts/pytest $(RESULTS)/unit.xml tests/unit tests/contract

stress: setup  ## The unit tests three times on a machine kept busy (RUNS=3 PER_CORE=4 busy processes per core)
	@$(PYTHON) scripts/stress.py $(or $(RUNS),3) $(or $(PER_CORE),4)

# Without the oldest ansible-core one test is skipped, and says so.
integration: setup  ## Playbooks and ad-hoc commands against the emulator
	@$(MAKE) --no-print-directory $(OLDEST_VENV)/.installed >/dev/null 2>&1 || true
	@PYTEST_ADDOPTS='-m slow' scripts/pytest $(RESULTS)/integration.xml tests/integration tests/unit tests/contract

faults: setup  ## 300 tasks created, told and deleted while 5 and 20 % of the requests fail, in three dialects
	@FAULTS_TASKS=300 PYTEST_ADDOPTS='-m slow' DIST=worksteal scripts/pytest $(RESULTS)/faults.xml tests/unit/operations/test_faults.py

bench: setup  ## Every benchmark, one table, build/bench.json (BENCH=modules for one)
	$(PYTHON) tests/bench/run.py $(BENCH)

bench-hook: setup  ## How long a stop takes: the hook, the floor, and the script before it (BENCH_PEER=its path)
	$(PYTHON) tests/bench/bench_hook.py

bench-stop: setup  ## How many conversations stops beside the registry's module save (BENCH_AGENTAPI=binary BENCH_MODULE=its scripts)
	$(PYTHON) tests/bench/stop_beside_module.py

bench-archive: setup  ## 1,000 and 10,000 conversations saved, against curl and a loop
	$(PYTHON) tests/bench/bench_archive.py

bench-chats: setup  ## 1,000 chats with tool calls and files saved, against curl
	$(PYTHON) tests/bench/bench_chats.py

bench-fleet: setup  ## 200 tasks in one call against curl and a loop, and an inventory of 5,000
	$(PYTHON) tests/bench/bench_fleet.py

recipes: setup .venvs/recipes/.installed  ## The recipes of "Where archives go", with rsync, restic, git and an S3 server
	@PYTEST_ADDOPTS=-rs scripts/pytest $(RESULTS)/recipes.xml tests/recipes

# Ansible with the collections of AWS, its command line and, where there is Go, an S3 server.
.venvs/recipes/.installed: Makefile requirements.txt
	@scripts/make-venv .venvs/recipes "3.13 3.12 3.14" ansible==14.5.0 boto3 awscli -r requirements.txt
	@! command -v go >/dev/null || GOBIN=$(CURDIR)/.venvs/recipes/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
	@touch $@

screenshots: setup  ## The archive's pages in ten states, in build/screenshots, to look at
	$(PYTHON) scripts/screenshots.py

bench-scale: setup  ## What a run takes under a server's rate limit, predicted and measured; what one conversation costs
	$(PYTHON) tests/bench/bench_scale.py

bench-pages: setup  ## The page of 10,000 conversations in Chromium: opening it, a search, what pages cost
	$(PYTHON) tests/bench/bench_pages.py

fuzz-proof: setup  ## Change archives and servers during evacuations: 2,000 seeded rounds (FUZZ="--rounds 50 --seed 7")
	$(PYTHON) tests/fuzz/proof.py $(FUZZ)

sample: setup  ## Some named mistakes and rounds of both fuzzers, others on each day (SEED=20261127 for those of a day)
	@$(PYTHON) scripts/sample.py $(SEED)

mutants: setup  ## Small mistakes made in a copy: which ones no test finds (MUTANTS="--only fleet" or "--sample 5 --seed 7")
	@$(PYTHON) scripts/mutants.py $(MUTANTS)

mutants-drawn: setup  ## COUNT=100 small mistakes that SEED=1 draws and nobody chose: which ones no test finds
	@$(PYTHON) scripts/mutants_drawn.py --count $(or $(COUNT),100) --seed $(or $(SEED),1)

coverage: setup  ## Which lines and branches of plugins/ no unit or contract test reaches, in build/coverage
	@rm -rf build/coverage
	@DIST=worksteal PYTEST_ADDOPTS='-m "not slow" --cov --cov-report=html --cov-report=term:skip-covered' scripts/pytest $(RESULTS)/coverage.xml tests/unit tests/contract

fuzz-chats: setup  ## Change chats and their archive in every order: 500 seeded rounds (FUZZ="--rounds 50 --seed 7")
	$(PYTHON) tests/fuzz/chats.py $(FUZZ)

redaction-report: setup  ## How well secrets are found that others defined; ARGS="--source --write" and so on
	@$(PYTHON) scripts/redaction_report.py $(ARGS)

returns: setup  ## Write the return values that modules share, scripts/returns/, into their RETURN
	@$(PYTHON) scripts/returns.py

lint: setup  ## Style, types, licences, shared return values, changelog fragments
	@scripts/lint

ifdef CORE
sanity: .venvs/core-$(CORE)/.installed
	@.venvs/core-$(CORE)/bin/python scripts/sanity.py --this-core
else
sanity: setup  ## ansible-test sanity on the newest ansible-core that this Python can run, or on one: CORE=2.18
	@$(PYTHON) scripts/sanity.py
endif

smoke-oldest: setup build $(OLDEST_VENV)/.installed  ## The built collection, installed and used on the oldest ansible-core
	@$(PYTHON) scripts/smoke.py $(OLDEST_VENV)

.venvs/core-%/.installed: Makefile requirements.txt
	@$(if $(PYTHONS_$*),,$(error There is no ansible-core $* here: choose one of $(CORES)))
	@scripts/make-venv .venvs/core-$* "$(PYTHONS_$*)" "ansible-core==$*.*" -r requirements.txt
	@touch $@

docs: setup  ## Check the plugins' documents and build the docsite in build/docs/html
	@scripts/docs

build: setup  ## The Galaxy tarball, in build/
	@$(PYTHON) scripts/build.py

importer: build  ## What Galaxy and Automation Hub check when the tarball is uploaded
	@$(PYTHON) scripts/importer.py

changelog: setup  ## Turn the fragments into release notes of the version in galaxy.yml
	@antsibull-changelog release --update-existing --reload-plugins

release-check: setup  ## Whether this checkout can be released as TAG (or as the version in galaxy.yml)
	@$(PYTHON) scripts/release_check.py $(TAG)

clean:  ## Remove everything that these targets made, the virtual environments too
	rm -rf .ansible .build .venvs build tests/output tests/integration/inventory changelogs/.plugin-cache.yaml
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	test -L $(VENV) || rm -rf $(VENV)
	find . -name __pycache__ -prune -exec rm -rf {} +

emulator: setup  ## An emulated Coder server, until Ctrl-C; ARGS="--dialect 2.29 --time-factor 0.1" and so on
	@cd tests && exec ../$(PYTHON) -m emulator $(ARGS)
