# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of every module that calls Coder, run as it stands in the module's documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from documents import written

from emulator import Emulator
from playbooks import ROOT, Ansible

RUNTIME = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
# What the examples leave to the user.
VARIABLES = {
    "fleet_tasks": [{"name": "fix-login", "template": "ai"}, {"name": "write-docs", "template": "ai"}],
    "fleet_chats": [{"name": "fix-login", "prompt": "Fix it."}, {"name": "write-docs", "prompt": "Write them."}],
    "chat_model": "Fake One",
}
# Tasks that the examples speak of, with their owners and states; those of `task` make them.
FOUND = [("fix-login", "alice", "active"), ("upgrade-deps", "alice", "active"), ("upgrade-deps", "bob", "paused")]


@pytest.mark.parametrize("name", sorted(RUNTIME["action_groups"]["api"]))
def test_examples(name: str, emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    server = emulator(chats="chats-2.35", report_states=True)
    for task, owner, state in FOUND if name != "task" else ():
        server.create_task(task, owner=owner, state=state)
    # The workspace that a chat works in, and a chat that others speak of.
    server.create_task("dev")
    if name != "chat":
        server.create_chat("Fix the login", labels={"coder.tasks/name": "fix-login"}, dynamic_tools=["get_weather"])
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "upgrade-deps.md").write_text("Upgrade every dependency.\n")
    play = {"name": "Examples", "vars": VARIABLES, "tasks": yaml.safe_load(written(name)["EXAMPLES"])}
    done = Ansible(tmp_path, server.environment).playbook([play])
    assert done.rc == 0, done.output
