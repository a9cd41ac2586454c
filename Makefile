# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later

VENV ?= .venv
PYTHON := $(VENV)/bin/python
# The oldest ansible-core that meta/runtime.yml promises, in a virtual environment of its own.
OLDEST_CORE := 2.16
OLDEST_VENV := .venvs/core-$(OLDEST_CORE)
# Where test results are gathered for `make summary`.
RESULTS := build/results

export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup test unit integration faults fuzz-proof bench bench-hook bench-fleet bench-archive lint sanity sanity-oldest smoke-oldest docs build changelog summary clean \
	emulator demo

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed .build/ansible_collections/coder/tasks  ## Make the virtual environment and the development tree

$(VENV)/.installed: requirements-dev.txt
	@test -x $(PYTHON) || "$$(scripts/find-python)" -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Ansible finds the checkout, wherever it lies, as ansible_collections/coder/tasks.
.build/ansible_collections/coder/tasks:
	@mkdir -p $(@D) && ln -sfn ../../.. $@

test: lint unit integration sanity docs build smoke-oldest summary  ## Everything that CI checks, then a summary

demo: setup  ## The life of three tasks, on an emulated server or on the one in CODER_URL
	@scripts/demo

unit: setup  ## Unit and contract tests
	@DIST=worksteal PYTEST_ADDOPTS='-m "not slow"' scripts/pytest $(RESULTS)/unit.xml tests/unit tests/contract

integration: setup $(OLDEST_VENV)/.installed  ## Playbooks and ad-hoc commands against the emulator
	@PYTEST_ADDOPTS='-m slow' scripts/pytest $(RESULTS)/integration.xml tests/integration tests/unit

faults: setup  ## 300 tasks created, told and deleted while 5 and 20 % of the requests fail, in three dialects
	@FAULTS_TASKS=300 PYTEST_ADDOPTS='-m slow' DIST=worksteal scripts/pytest $(RESULTS)/faults.xml tests/unit/operations/test_faults.py

bench: setup  ## Every benchmark, one table, build/bench.json (BENCH=modules for one)
	$(PYTHON) tests/bench/run.py $(BENCH)

bench-hook: setup  ## How long a stop takes: the hook, the floor, and the script before it (BENCH_PEER=its path)
	$(PYTHON) tests/bench/bench_hook.py

bench-archive: setup  ## 1,000 and 10,000 conversations saved, against curl and a loop
	$(PYTHON) tests/bench/bench_archive.py

bench-fleet: setup  ## 200 tasks in one call against curl and a loop, and an inventory of 5,000
	$(PYTHON) tests/bench/bench_fleet.py

fuzz-proof: setup  ## Change archives and servers during evacuations: 2,000 seeded rounds (FUZZ="--rounds 50 --seed 7")
	$(PYTHON) tests/fuzz/proof.py $(FUZZ)

lint: setup  ## Style, types, licences, changelog fragments
	@scripts/lint

sanity: setup  ## ansible-test sanity on the newest ansible-core that this Python can run
	$(PYTHON) scripts/sanity.py

sanity-oldest: $(OLDEST_VENV)/.installed  ## ansible-test sanity on the oldest supported ansible-core
	$(OLDEST_VENV)/bin/python scripts/sanity.py --oldest

smoke-oldest: setup build $(OLDEST_VENV)/.installed  ## The built collection, installed and used on the oldest ansible-core
	$(PYTHON) scripts/smoke.py $(OLDEST_VENV)

$(OLDEST_VENV)/.installed: Makefile requirements.txt
	@test -x $(OLDEST_VENV)/bin/python || "$$(scripts/find-python 3.11)" -m venv $(OLDEST_VENV)
	@$(OLDEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check "ansible-core==$(OLDEST_CORE).*" -r requirements.txt
	@touch $@

docs: setup  ## Check the plugins' documents and build the docsite in build/docs/html
	@scripts/docs

build: setup  ## The Galaxy tarball, in build/
	@$(PYTHON) scripts/build.py

changelog: setup  ## Turn the fragments into release notes of the version in galaxy.yml
	@antsibull-changelog release

summary:  ## What the last test runs found, in one line
	@python3 scripts/summary.py $(RESULTS)

clean:  ## Remove everything that these targets made, the virtual environments too
	rm -rf .ansible .build .venvs build tests/output tests/integration/inventory changelogs/.plugin-cache.yaml
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	test -L $(VENV) || rm -rf $(VENV)
	find . -name __pycache__ -prune -exec rm -rf {} +

emulator: setup  ## An emulated Coder server, until Ctrl-C; ARGS="--dialect 2.29 --time-factor 0.1" and so on
	@cd tests && exec ../$(PYTHON) -m emulator $(ARGS)
