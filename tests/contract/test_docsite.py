# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides of the docsite: all are reachable, and what they say of the collection is so."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import documents
import guides
import pytest
import tasks_in_text
import yaml

README = (documents.ROOT / "README.md").read_text()
PLAYBOOKS = sorted((documents.ROOT / "playbooks").glob("*.yml"))
SCHEMAS = {".github/workflows/": "vendor.github-workflows", ".gitlab-ci.yml": "vendor.gitlab-ci"}

# Variables that the inventory gives, or Ansible or AWX, and not the user.
OF_HOSTS = {"coder_task", "ansible_limit", "awx_job_id", "tower_job_id"}

every_page = pytest.mark.parametrize("page", guides.PAGES, ids=lambda page: page.stem)


def test_every_page_is_in_the_table_of_contents() -> None:
    sections = yaml.safe_load((guides.FOLDER.parent / "extra-docs.yml").read_text())["sections"]
    listed = [name for section in sections for name in section["toctree"]]
    assert sorted(listed) == [page.stem for page in guides.PAGES]


@every_page
def test_readme_leads_to_every_page(page: Path) -> None:
    assert f"docs/docsite/rst/{page.name})" in README


@every_page
def test_page_has_the_label_of_its_name(page: Path) -> None:
    assert f".. _ansible_collections.coder.tasks.docsite.{page.stem}:\n" in page.read_text()


@every_page
def test_ansible_tasks_in_a_page_would_be_accepted(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODER_URL", "https://coder.example.com")
    monkeypatch.setenv("CODER_SESSION_TOKEN", "example")
    for block in guides.blocks(page):
        if block.language == "yaml":
            parsed = tasks_in_text.parse(block.text)
            assert parsed, block.text
            for task in tasks_in_text.tasks(parsed if block.caption != "rulebook.yml" else []):
                tasks_in_text.check_task(task)


@pytest.mark.slow
def test_files_for_ci_keep_to_their_published_schemas(tmp_path: Path) -> None:
    found = guides.files(guides.FOLDER / "guide_ci.rst")
    checked = set()
    for name, text in found.items():
        for beginning, schema in SCHEMAS.items():
            if name.startswith(beginning):
                file = tmp_path / Path(name).name
                file.write_text(text)
                command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stdout
                checked.add(beginning)
    assert checked == set(SCHEMAS)


def test_every_option_of_the_event_source_is_in_its_guide() -> None:
    path = documents.ROOT / "extensions" / "eda" / "plugins" / "event_source" / "task_changes.py"
    options = yaml.safe_load(runpy.run_path(str(path))["DOCUMENTATION"])["options"]
    page = (guides.FOLDER / "guide_events.rst").read_text()
    names = [name.strip() for line in options for name in line.split(",")]
    assert len(names) > 10 and not [name for name in names if f"``{name}``" not in page]


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_variable_of_a_playbook_is_in_its_section(playbook: Path) -> None:
    page = (guides.FOLDER / "playbooks.rst").read_text()
    heading = f"coder.tasks.{playbook.stem}\n"
    assert heading in page
    section = page.partition(heading)[2].split("\ncoder.tasks.")[0]
    text = "\n".join(line for line in playbook.read_text().splitlines() if not line.startswith("#"))
    variables = set(re.findall(r"(?<!\| )\b(\w+) (?:\| default\(|is defined)", text)) - OF_HOSTS
    assert not [name for name in variables if f"``{name}``" not in section]


def test_readme_has_what_automation_hub_asks_for() -> None:
    """Sections, whole addresses (it is shown outside the repository), and no way to install Ansible itself."""
    sections = re.findall(r"^## (.+)$", README, re.M)
    assert {"Requirements", "Installation", "Use cases", "Support", "Release notes", "License"} <= set(sections)
    assert "ansible-galaxy collection install coder.tasks" in README and "git clone https://" in README
    assert not [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]
    assert "pip install ansible" not in README
    assert len(README.splitlines()) < 200


def test_links_into_the_repository_lead_somewhere() -> None:
    pages = [*guides.PAGES, *documents.ROOT.glob("*.md"), *(documents.ROOT / "docs").glob("*.md")]
    broken = []
    for page in pages:
        for kind, name in re.findall(r"coder/ansible-collection-tasks/(blob|tree)/main/([\w./-]+)", page.read_text()):
            target = documents.ROOT / name
            if not (target.is_file() if kind == "blob" else target.is_dir()):
                broken.append(f"{page.name}: {name}")
    assert not broken
