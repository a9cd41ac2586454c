# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GitHub does with this repository: workflows and forms keep to their schemas, and to what the Makefile says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import documents
import pytest
import yaml

GITHUB = documents.ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
FORMS = sorted(path for path in GITHUB.glob("ISSUE_TEMPLATE/*.yml") if path.name != "config.yml")
MAKEFILE = (documents.ROOT / "Makefile").read_text()


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((GITHUB / "workflows" / name).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_keeps_to_its_published_schema(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_sanity_runs_on_every_supported_core() -> None:
    supported = re.search(r"^CORES := (.+)$", MAKEFILE, re.M)
    assert supported
    cores = supported[1].split()
    assert workflow("ci.yml")["jobs"]["sanity"]["strategy"]["matrix"]["core"] == cores
    assert all(re.search(rf"^PYTHONS_{re.escape(core)} := \d", MAKEFILE, re.M) for core in cores)
    newest = cores[-1].replace(".", ", ")
    assert f"\nNEWEST_CORE = ({newest})\n" in (documents.ROOT / "scripts" / "sanity.py").read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_runs_targets_that_exist(path: Path) -> None:
    targets = {name for line in re.findall(r"^([\w$() -]+):", MAKEFILE, re.M) for name in line.split()}
    for command in re.findall(r"run: make ([\w -]+?)(?: \w+=.*)?$", path.read_text(), re.M):
        assert set(command.split()) <= targets


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_puts_no_expression_into_a_script(path: Path) -> None:
    """What others can name, such as a branch, would be run; a value reaches a script through its environment."""
    for script in re.findall(r"run: (.+)", path.read_text()):
        assert not re.search(r"\$\{\{ (?!matrix\.)", script)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_issue_form_has_what_github_demands(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"] and len(form["body"]) > 1
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["type"] in ("input", "textarea", "dropdown", "checkboxes") for field in fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
