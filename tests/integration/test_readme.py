# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of the README, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import Emulator

ROOT = Path(__file__).parents[2]
RECIPE = re.compile(r"^### (?P<title>.+?)\n\n```(?P<language>sh|yaml)\n(?P<text>.+?)^```", re.MULTILINE | re.DOTALL)
RECIPES = [match.groupdict() for match in RECIPE.finditer((ROOT / "README.md").read_text())]


def test_there_are_five() -> None:
    assert len(RECIPES) >= 5


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe["title"] for recipe in RECIPES])
def test_recipe(recipe: dict[str, str], emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    server = emulator(report_states=True)
    for name in ("fix-login", "old-idea"):
        server.create_task(name)
    if recipe["language"] == "yaml":
        (tmp_path / "play.yml").write_text(recipe["text"])
        command = "ansible-playbook play.yml"
    else:
        command = recipe["text"]
    done = subprocess.run(
        command,
        shell=True,
        cwd=tmp_path,
        env=dict(os.environ, **server.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
