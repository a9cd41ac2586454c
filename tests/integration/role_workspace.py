# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workspace's home into which the role is installed, and what tells whether it left a trace."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

from unit.snapshot.servers import FakeAgentAPI

from emulator import Emulator
from playbooks import Ansible, Run

# A user's token belongs to the controller: where this turns up in a workspace there is a leak.
USER_TOKEN = "sentineltok-sentineloftokensentinel"
OLD_SCRIPT = "#!/bin/sh\necho the old script\n"
FOLDER = ".local/share/coder-tasks"
NEW_TOKEN = "0b5c9e5e-3f0a-4c58-9d0c-2f6f4f0f6a10"

STAND_IN_SYSTEMCTL = r"""#!/bin/sh
# Keeps the state of units as files, and every call in a journal. Units are started and stopped as their files say.
state=$HOME/.systemctl
mkdir -p "$state"
echo "$*" >>"$state/journal"
[ "$1" = --user ] && shift
verb=$1
unit=
for argument; do case $argument in *.service) unit=$argument ;; esac; done
file=$HOME/.config/systemd/user/$unit
command() { sed -n "s/^$1=-\{0,1\}//p" "$file"; }
case $verb in
    show-environment | daemon-reload) ;;
    show)
        [ -f "$file" ] && load=loaded || load=not-found
        [ -f "$state/$unit.active" ] && active=active || active=inactive
        printf 'Id=%s\nLoadState=%s\nActiveState=%s\n' "$unit" $load $active ;;
    is-enabled) [ -f "$state/$unit.enabled" ] && echo enabled || { echo disabled; exit 1; } ;;
    is-active) [ -f "$state/$unit.active" ] && echo active || { echo inactive; exit 3; } ;;
    enable)
        mkdir -p "$HOME/.config/systemd/user/default.target.wants"
        ln -sf "$file" "$HOME/.config/systemd/user/default.target.wants/$unit"
        touch "$state/$unit.enabled" ;;
    disable) rm -f "$state/$unit.enabled" "$HOME/.config/systemd/user/default.target.wants/$unit" ;;
    start) touch "$state/$unit.active" ;;
    restart) touch "$state/$unit.active" ;;
    stop)
        rm -f "$state/$unit.active"
        stop=$(command ExecStop)
        [ -z "$stop" ] || env -u CODER_AGENT_TOKEN -u CODER_AGENT_URL -u ARG_TASK_ID sh -c "$stop" ;;
    list-unit-files | list-units | cat) ;;
    *) echo "unknown: $verb" >&2; exit 64 ;;
esac
"""


def tree(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Everything below a folder: kind and mode, time of change of a file, content or where a link leads."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        if path.is_symlink():
            found[str(path.relative_to(folder))] = ("link", os.readlink(path))
        elif path.is_dir():
            found[str(path.relative_to(folder))] = (stat.filemode(facts.st_mode),)
        else:
            found[str(path.relative_to(folder))] = (
                stat.filemode(facts.st_mode), facts.st_mtime_ns, path.read_bytes(),
            )  # fmt: skip
    return found


class Workspace:
    """A home, an AgentAPI, and what the agent gives to every process in it. Ansible logs in locally."""

    def __init__(self, server: Emulator, folder: Path, agentapi: FakeAgentAPI) -> None:
        self.server = server
        self.task = server.create_task("fix-login")
        self.agentapi = agentapi
        self.controller = folder / "controller"
        self.home = folder / "home"
        self.bin = folder / "bin"
        for path in (self.controller, self.home, self.bin):
            path.mkdir()
        # Another init system than systemd's, whatever this machine has.
        self.add_command("systemctl", "#!/bin/sh\nexit 1\n")
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "CODER_AGENT_URL": server.url,
            "CODER_AGENT_TOKEN": self.task.agent.token,
            "CODER_SESSION_TOKEN": USER_TOKEN,
            "CODER_URL": server.url,
            "ANSIBLE_PIPELINING": "true",
        }

    def add_command(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def role(self, *options: str, tasks_from: str = "main", **variables: Any) -> Run:
        """Run the role with variables named without their prefix."""
        variables.setdefault("environment", {"ARG_AGENTAPI_PORT": self.agentapi.port})
        task = {
            "name": "Role",
            "ansible.builtin.include_role": {"name": "coder.tasks.shutdown_hook", "tasks_from": tasks_from},
            "vars": {f"shutdown_hook_{name}": value for name, value in variables.items()},
        }
        # Never the place that this machine's own workspaces, and other tests, have in common.
        place = ["-e", json.dumps({"__shutdown_hook_place": str(self.controller / "agentapi-shutdown.sh")})]
        return Ansible(self.controller, self.environment).playbook([{"tasks": [task]}], *place, *options, timeout=180)

    def script(self, *arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
        """Call a script of the hook as the workspace agent does."""
        given = {**self.environment, "ARG_TASK_ID": self.task.id, **environment}
        return subprocess.run(
            [str(self.home / arguments[0]), *arguments[1:]],
            env={name: value for name, value in given.items() if value is not None},
            cwd=self.home, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def saved(self) -> list[str]:
        """What the messages of the task's snapshot say."""
        snapshot = self.task.snapshot()
        return [message["content"] for message in snapshot.messages] if snapshot else []

    def wait_until_saved(self, *contents: str) -> None:
        end = time.monotonic() + 60
        while self.saved() != list(contents):
            assert time.monotonic() < end, f"the snapshot is {self.saved()}"
            time.sleep(0.1)


def runs(pid: int) -> bool:
    """Whether the process has not ended; one that nobody has collected yet has."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def counted(run: Run) -> dict[str, int]:
    """The recap's line."""
    assert run.rc == 0, run.output
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", run.stdout.rpartition("PLAY RECAP")[2])}


def changed_by(run: Run) -> int:
    return counted(run)["changed"]
