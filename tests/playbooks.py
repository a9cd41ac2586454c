# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run real ansible-playbook and ansible processes and read what they returned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CALLBACKS = ROOT / "tests" / "integration" / "callback_plugins"


@dataclass
class Run:
    """A process that has ended. records: name, host and result of each task, in order."""

    rc: int
    stdout: str
    stderr: str
    records: list[dict[str, Any]]

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    def result(self, name: str, host: str | None = None) -> dict[str, Any]:
        """The result of the one task of this name."""
        found = [item["result"] for item in self.records if item["name"] == name and host in (None, item["host"])]
        assert len(found) == 1, f"{len(found)} results of {name!r}:\n{self.output}"
        return found[0]


@dataclass
class Ansible:
    """Ansible's commands in a folder of their own, with nothing of the caller's environment or configuration.

    python: the interpreter of the environment that Ansible is installed in.
    """

    folder: Path
    environment: Mapping[str, str]
    python: Path = Path(sys.executable)

    def playbook(
        self, plays: Sequence[Mapping[str, Any]], *options: str, cwd: Path | None = None, timeout: float = 90
    ) -> Run:
        """Run plays; on localhost and without facts, unless they say otherwise."""
        file = self.folder / "playbook.yml"
        defaults = {"hosts": "localhost", "gather_facts": False}
        file.write_text(yaml.safe_dump([{**defaults, **play} for play in plays], sort_keys=False, allow_unicode=True))
        return self.run("ansible-playbook", str(file), *options, cwd=cwd, timeout=timeout)

    def shell(self, script: str, timeout: float = 180) -> Run:
        """Run lines of shell as somebody types them; the first that fails ends it."""
        return self.run("/bin/bash", "-euo", "pipefail", "-c", script, timeout=timeout)

    def run(self, command: str, *arguments: str, cwd: Path | None = None, timeout: float = 90) -> Run:
        with self.start(command, *arguments, cwd=cwd) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except BaseException:
                # Out of time, or the caller was interrupted: a Ctrl-C reaches its own process group only.
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Run(process.returncode, stdout, stderr, self.records())

    def start(self, command: str, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start the command, one of Ansible's or a path, as the leader of a process group, as a shell does."""
        self._recorded.unlink(missing_ok=True)
        executable = command if os.path.isabs(command) else self.python.with_name(command)
        return subprocess.Popen(
            [executable, *arguments], cwd=cwd or self.folder, env=self._process_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def records(self) -> list[dict[str, Any]]:
        """What was recorded so far."""
        if not self._recorded.exists():
            return []
        return [json.loads(line) for line in self._recorded.read_text(encoding="utf-8").splitlines()]

    @property
    def _recorded(self) -> Path:
        return self.folder / "results.jsonl"

    def _process_environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_REMOTE_TMP": str(self.folder / ".remote"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / ".async"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "RECORDER_FILE": str(self._recorded),
            **self.environment,
        }
