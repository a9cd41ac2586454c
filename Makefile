# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later

VENV ?= .venv
PYTHON := $(VENV)/bin/python
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help setup unit

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

unit: setup  ## Unit and contract tests
	$(PYTHON) -m pytest
