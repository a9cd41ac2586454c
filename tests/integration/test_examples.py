# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of every module that calls Coder, run as it stands in the module's documents."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from documents import written

from emulator import Emulator

ROOT = Path(__file__).parents[2]
RUNTIME = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
# What the examples leave to the user, then the tasks that the examples speak of, with the state that they find them in; the examples of `task` make theirs.
VARIABLES = {"fleet_tasks": [{"name": "fix-login", "template": "ai"}, {"name": "write-docs", "template": "ai"}]}
FOUND = {"fix-login": ("alice", "active"), "upgrade-deps": ("bob", "paused")}


@pytest.mark.parametrize("name", sorted(RUNTIME["action_groups"]["api"]))
def test_examples(name: str, emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    server = emulator(report_states=True)
    if name not in ("task", "fleet"):
        for task, (owner, state) in FOUND.items():
            server.create_task(task, owner=owner, state=state)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "upgrade-deps.md").write_text("Upgrade every dependency.\n")
    examples = yaml.safe_load(written(name)["EXAMPLES"])
    play = {"name": "Examples", "hosts": "localhost", "gather_facts": False, "vars": VARIABLES, "tasks": examples}
    (tmp_path / "examples.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    done = subprocess.run(
        ["ansible-playbook", "examples.yml"],
        cwd=tmp_path,
        env=dict(os.environ, **server.environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]: Deprecation" not in done.stderr
