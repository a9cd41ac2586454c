# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role takes away exactly what it brought, and only then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .role_workspace import FOLDER, OLD_SCRIPT, STAND_IN_SYSTEMCTL, Workspace, changed_by, tree


def user_script(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin" / "stop").write_text(OLD_SCRIPT)
    (home / "bin" / "stop").chmod(0o751)
    os.utime(home / "bin" / "stop", (1_600_000_000, 1_600_000_000))


# Each is installed in turn, and then the role takes away what is there, told nothing but that.
MOVES: dict[str, list[dict[str, Any]]] = {
    "a script's place, then nothing": [{"executable": "~/bin/stop"}],
    "a script's place, then the default": [{"executable": "~/bin/stop"}, {}],
    "a folder, then a script's place, then another folder": [
        {"folder": "~/a folder/hook"},
        {"folder": "~/a folder/hook", "executable": "~/bin/stop"},
        {"folder": "~/other", "executable": "~/bin/stop", "trigger": ["script", "follow"]},
    ],
    "systemd and follow, then a script": [{"trigger": ["systemd", "follow"]}, {"trigger": ["script"], "folder": "~/x"}],
}


@pytest.mark.parametrize("case", MOVES)
def test_absent_knows_what_was_made_whatever_it_is_told(workspace: Workspace, tmp_path: Path, case: str) -> None:
    home = workspace.home
    user_script(home)
    if "systemd" in case:
        workspace.add_command("systemctl", STAND_IN_SYSTEMCTL.replace("$HOME/.systemctl", str(tmp_path / "systemctl")))
        (tmp_path / "systemctl").mkdir()
    workspace.environment["ARG_TASK_ID"] = workspace.task.id
    before = tree(home)
    terraform = tmp_path / "controller" / "hook.tf"
    for number, variables in enumerate(MOVES[case]):
        assert changed_by(workspace.role(terraform_path=str(terraform) if number else "", **variables)) > 0
        assert workspace.script(executable_of(home, variables)).returncode == 0
        assert workspace.saved() == ["Hello", "Fix it", "Fixed"]
        # What was installed before is gone, and what it had moved is back.
        if variables.get("executable") != "~/bin/stop":
            assert tree(home)["bin/stop"] == before["bin/stop"]
        assert terraform.exists() == bool(number)
    workspace.role("--check", state="absent")
    assert changed_by(workspace.role(state="absent")) > 0
    assert tree(home) == before
    assert not terraform.exists()
    assert changed_by(workspace.role(state="absent", **MOVES[case][0])) == 0


def executable_of(home: Path, variables: dict[str, Any]) -> str:
    folder = str(variables.get("folder", f"~/{FOLDER}"))
    return str(variables.get("executable", f"{folder}/agentapi-shutdown")).replace("~", str(home))


def test_absent_leaves_what_cannot_be_delivered(workspace: Workspace) -> None:
    workspace.role()
    workspace.script(f"{FOLDER}/agentapi-shutdown", CODER_AGENT_URL="http://127.0.0.1:1")
    workspace.environment["CODER_AGENT_URL"] = "http://127.0.0.1:1"
    assert changed_by(workspace.role(state="absent")) > 0
    left = [name for name in tree(workspace.home) if name.endswith(".json")]
    assert len(left) == 1
    assert not (workspace.home / FOLDER).exists()
