# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's follower as a process and as a unit of systemd, and what is refused before anything is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from playbooks import Ansible

from .role_workspace import FOLDER, NEW_TOKEN, STAND_IN_SYSTEMCTL, USER_TOKEN, Workspace, changed_by, runs, tree


def test_follow_without_systemd(workspace: Workspace) -> None:
    home = workspace.home
    workspace.environment["ARG_TASK_ID"] = workspace.task.id
    before = tree(home)
    variables: dict[str, Any] = {"trigger": ["script", "follow"], "min_interval": 0.5}
    assert changed_by(workspace.role(**variables)) > 0
    workspace.wait_until_saved("Hello", "Fix it", "Fixed")
    follower = int((home / FOLDER / "follow.pid").read_text())
    assert runs(follower)
    command = Path(f"/proc/{follower}/cmdline").read_text()
    assert "follow" in command
    assert workspace.task.agent.token not in command
    workspace.agentapi.say("And tested")
    workspace.wait_until_saved("Hello", "Fix it", "Fixed", "And tested")

    assert changed_by(workspace.role(**variables)) == 0
    assert int((home / FOLDER / "follow.pid").read_text()) == follower
    workspace.script(f"{FOLDER}/agentapi-start")
    assert int((home / FOLDER / "follow.pid").read_text()) == follower
    # A new build brings a new token, which only a new follower knows.
    workspace.script(f"{FOLDER}/agentapi-start", CODER_AGENT_TOKEN=NEW_TOKEN)
    end = time.monotonic() + 60
    while int((home / FOLDER / "follow.pid").read_text()) == follower:
        assert time.monotonic() < end
        time.sleep(0.1)
    newer = int((home / FOLDER / "follow.pid").read_text())
    assert not runs(follower)

    assert changed_by(workspace.role(state="absent", **variables)) > 0
    assert not runs(newer)
    assert tree(home) == before


def test_systemd_of_the_user(workspace: Workspace, tmp_path: Path) -> None:
    home, units = workspace.home, workspace.home / ".config/systemd/user"
    workspace.add_command("systemctl", STAND_IN_SYSTEMCTL)
    workspace.environment["ARG_TASK_ID"] = workspace.task.id
    (home / ".systemctl").mkdir()
    before = tree(home)
    variables: dict[str, Any] = {"trigger": ["systemd", "follow"], "systemd_after": ["agentapi.service"]}
    assert changed_by(workspace.role("--check", **variables)) > 0
    assert sorted(tree(home)) == [".systemctl", ".systemctl/journal"]
    assert changed_by(workspace.role(**variables)) > 0
    for name in ("coder-tasks-snapshot.service", "coder-tasks-follow.service"):
        assert (home / ".systemctl" / f"{name}.enabled").exists()
        assert (home / ".systemctl" / f"{name}.active").exists()
        assert "After=agentapi.service" in (units / name).read_text()
        assert workspace.task.agent.token not in (units / name).read_text()
    assert not (home / FOLDER / "follow.pid").exists()
    check_units(tmp_path, *units.glob("*.service"))

    assert changed_by(workspace.role(**variables)) == 0
    journal = home / ".systemctl" / "journal"
    journal.write_text("")
    workspace.script(f"{FOLDER}/agentapi-start", CODER_AGENT_TOKEN=NEW_TOKEN)
    assert "restart coder-tasks-follow.service" in journal.read_text()
    workspace.script(f"{FOLDER}/agentapi-start")

    # The machine stops. The unit knows nothing but its file.
    manager = dict.fromkeys(("CODER_AGENT_TOKEN", "CODER_AGENT_URL", "ARG_TASK_ID", "CODER_SESSION_TOKEN"))
    stop = re.search(r'^ExecStop="(.*)" capture$', (units / "coder-tasks-snapshot.service").read_text(), re.M)
    assert stop
    assert workspace.script(stop[1], "capture", **manager).returncode == 0
    assert workspace.saved() == ["Hello", "Fix it", "Fixed"]

    # Only one of the two is wanted from now on.
    assert changed_by(workspace.role(trigger=["follow"])) > 0
    assert [path.name for path in units.glob("*.service")] == ["coder-tasks-follow.service"]
    assert changed_by(workspace.role(state="absent", trigger=["follow"])) > 0
    left = tree(home)
    shutil.rmtree(home / ".systemctl")
    assert {name for name in left if not name.startswith(".systemctl")} == set(before) - {".systemctl"}
    assert not any(home.iterdir())


def test_unit_of_the_system(workspace: Workspace, tmp_path: Path) -> None:
    """Rendered only: to install it takes root."""
    template = Path(__file__).parents[2] / "roles/shutdown_hook/templates/coder-tasks-snapshot.service.j2"
    variables = {
        "__shutdown_hook_mark": "mark", "__shutdown_hook_user": "coder",
        "__shutdown_hook_executable": "/home/a %b/hook",
        "__shutdown_hook_folder": "/home/a %b", "__shutdown_hook_timeout": 10, "shutdown_hook_systemd_scope": "system",
        "shutdown_hook_systemd_after": ["agentapi.service"],
    }  # fmt: skip
    unit = tmp_path / "coder-tasks-snapshot.service"
    copy = {"name": "Render", "ansible.builtin.template": {"src": str(template), "dest": str(unit)}, "vars": variables}
    assert Ansible(workspace.controller, {}).playbook([{"tasks": [copy]}]).rc == 0
    lines = unit.read_text().splitlines()
    assert "User=coder" in lines
    assert "After=network-online.target coder-agent.service agentapi.service" in lines
    assert 'ExecStop="/home/a %%b/hook" capture' in lines
    assert "WantedBy=multi-user.target" in lines


def check_units(runtime_folder: Path, *units: Path) -> None:
    """Let systemd itself read the units, where it is installed."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        return
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--user", *map(str, units)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime_folder)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "coder-tasks" in line]
    assert not complaints


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"environment": {"CODER_AGENT_TOKEN": NEW_TOKEN}}, "has CODER_AGENT_TOKEN, which the hook does not know"),
    ({"environment": {"CODER_SESSION_TOKEN": USER_TOKEN}}, "has CODER_SESSION_TOKEN, which the hook does not know"),
    ({"folder": "/opt/hook"}, "shutdown_hook_folder=/opt/hook is not in the home"),
    ({"executable": "~/none/stop"}, "the folder of shutdown_hook_executable=~/none/stop does not exist"),
    ({"executable": "~/taken"}, "shutdown_hook_executable=~/taken is a folder"),
    ({"trigger": ["systemd"]}, "needs a systemd of the user's"),
    ({"trigger": []}, "shutdown_hook_trigger is empty"),
    ({"trigger": ["cron"]}, "cron"),
    ({"deadline": 0}, "shutdown_hook_deadline=0"),
    ({"max_bytes": 65537}, "shutdown_hook_max_bytes=65537"),
    ({"python": "/nowhere/python3"}, "shutdown_hook_python=/nowhere/python3 is none"),
    ({"python": "/bin/echo"}, "shutdown_hook_python=/bin/echo is none"),
]


@pytest.mark.parametrize(("variables", "says"), REFUSED, ids=[json.dumps(variables) for variables, _says in REFUSED])
def test_what_cannot_work_is_refused_before_anything_is_installed(
    workspace: Workspace, variables: dict[str, Any], says: str
) -> None:
    (workspace.home / "taken").mkdir()
    run = workspace.role(**variables)
    assert run.rc == 2
    assert says in run.output
    assert [path.name for path in workspace.home.iterdir()] == ["taken"]
    assert "Traceback" not in run.output
