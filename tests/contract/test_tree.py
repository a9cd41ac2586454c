# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every file of the tree keeps to, and what is said in more than one place."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import documents
import pytest
import tasks_in_text
import yaml

ROOT = documents.ROOT
# Files that cannot carry a header; REUSE.toml speaks for them.
NO_HEADER = {".j2", ".md", ".rst", ".json", ".jsonl", ".txt", ".typed"}
HEADER = re.compile(r"Copyright: \(c\) .*SPDX-License-[I]dentifier: GPL-3\.0-or-later$", re.M | re.S)
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|root)\b")


def tree() -> list[str]:
    """Every file that is tracked or would be."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink())


def text(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def test_header_names_copyright_and_licence() -> None:
    exempt = {"COPYING", ".gitignore", "changelogs/changelog.yaml"}
    bare = []
    for name in tree():
        written = name.startswith(("LICENSES/", "tests/archives/format-"))
        if name in exempt or written or Path(name).suffix in NO_HEADER or not text(name):
            continue
        head = "\n".join(text(name).splitlines()[:6])
        if not HEADER.search(head):
            bare.append(name)
    assert not bare


def test_no_path_of_a_machine() -> None:
    assert not [name for name in tree() if MACHINE_PATH.search(text(name))]


def test_no_sanity_test_is_ignored() -> None:
    assert not list((ROOT / "tests" / "sanity").glob("ignore*"))


def test_version_is_the_one_of_galaxy_yml() -> None:
    from ansible_collections.coder.tasks.plugins.module_utils.version import VERSION

    assert yaml.safe_load(text("galaxy.yml"))["version"] == VERSION


def test_oldest_ansible_core_is_the_same_everywhere() -> None:
    promised = yaml.safe_load(text("meta/runtime.yml"))["requires_ansible"]
    oldest = promised.removeprefix(">=").removesuffix(".0")
    assert f"ansible-core>={oldest}\n" in text("requirements.txt")
    assert f"CORES := {oldest} " in text("Makefile")


def test_execution_environment_gets_the_run_time_requirements() -> None:
    def requirements(name: str) -> set[str]:
        return {line for line in text(name).splitlines() if line and not line.startswith("#")}

    wanted = {line for line in requirements("requirements.txt") if not line.startswith("ansible-core")}
    assert requirements("meta/ee-requirements.txt") == wanted
    assert not any("<" in line or "==" in line for line in wanted)


def plugin_names() -> set[str]:
    kinds = ("modules", "inventory", "filter", "lookup", "callback", "connection")
    plugins = [path for kind in kinds for path in (ROOT / "plugins" / kind).glob("*.py")]
    roles = [path for path in (ROOT / "roles").glob("*") if path.is_dir()]
    return {path.stem for path in [*plugins, *roles]} - {"__init__"}


def test_readme_lists_every_plugin() -> None:
    readme = text("README.md")
    assert not [name for name in plugin_names() if f"`{name}`" not in readme]


@pytest.mark.parametrize("name", [name for name in tree() if name.endswith(".md")])
def test_tasks_in_a_document_would_be_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODER_URL", "https://coder.example.com")
    monkeypatch.setenv("CODER_SESSION_TOKEN", "example")
    for block in tasks_in_text.yaml_blocks(ROOT / name):
        for task in tasks_in_text.tasks(tasks_in_text.parse(block)):
            tasks_in_text.check_task(task)
