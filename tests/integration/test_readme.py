# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of the README, run as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import Emulator
from playbooks import ROOT, Ansible

RECIPE = re.compile(r"^### (?P<title>.+?)\n\n```(?P<language>sh|yaml)\n(?P<text>.+?)^```", re.MULTILINE | re.DOTALL)
RECIPES = [match.groupdict() for match in RECIPE.finditer((ROOT / "README.md").read_text())]


def test_there_are_five() -> None:
    assert len(RECIPES) >= 5


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe["title"] for recipe in RECIPES])
def test_recipe(recipe: dict[str, str], emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    server = emulator(report_states=True)
    for name in ("fix-login", "old-idea"):
        server.create_task(name)
    ansible = Ansible(tmp_path, server.environment)
    if recipe["language"] == "yaml":
        (tmp_path / "play.yml").write_text(recipe["text"])
        done = ansible.run("ansible-playbook", "play.yml")
    else:
        done = ansible.run(*shlex.split(recipe["text"]))
    assert done.rc == 0, done.output
