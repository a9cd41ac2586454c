# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook as a workspace runs it: a copy of the folder, an interpreter at its floor, a small environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from unit.snapshot.servers import TASK, TOKEN, FakeAgentAPI, FakeCoder, conversation

PACKAGE = Path(__file__).parents[3] / "plugins" / "module_utils" / "snapshot"


# What ends by a deadline of its own ends before this, however busy the machine is; what does not, and keeps to the
# hook's own deadline (8 s) or to whoever hangs in a test, ends later.
HELD_UP = 6.0


@dataclass
class Run:
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def held_up(self) -> bool:
        return self.seconds > HELD_UP

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


class Hook:
    """Starts the hook with an environment of its own; a variable given as None is left out."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.python = sys.executable
        self.environ: dict[str, str | None] = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "ARG_TASK_ID": TASK,
            "CODER_AGENT_TOKEN": TOKEN,
        }

    @property
    def spooled(self) -> Path:
        return self.home / ".local" / "state" / "coder-tasks" / f"{TASK}.json"

    def point_at(self, agentapi: FakeAgentAPI | int | None = None, coder: FakeCoder | str | None = None) -> Hook:
        if agentapi is not None:
            self.environ["ARG_AGENTAPI_PORT"] = str(agentapi if isinstance(agentapi, int) else agentapi.port)
        if coder is not None:
            self.environ["CODER_AGENT_URL"] = coder if isinstance(coder, str) else coder.url
        return self

    def start(self, *arguments: str, **environ: str | None) -> subprocess.Popen[str]:
        merged = {**self.environ, **environ}
        return subprocess.Popen(
            [self.python, "-I", "-S", str(self.folder / "main.py"), *arguments],
            env={name: value for name, value in merged.items() if value is not None},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environ: str | None) -> Run:
        started = time.monotonic()
        process = self.start(*arguments, **environ)
        try:
            stdout, stderr = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert "Traceback" not in stderr, stderr
        assert TOKEN not in stdout + stderr
        return Run(process.returncode, stdout, stderr, time.monotonic() - started)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, as the role makes it."""
    folder = tmp_path_factory.mktemp("share") / "coder-tasks" / "snapshot"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def hook(installed: Path, tmp_path: Path) -> Hook:
    home = tmp_path / "home"
    home.mkdir()
    return Hook(installed, home)


@pytest.fixture
def agentapi() -> Iterator[FakeAgentAPI]:
    with FakeAgentAPI(conversation("Hello.", "fix it", "fixed")) as server:
        yield server


@pytest.fixture
def coder() -> Iterator[FakeCoder]:
    with FakeCoder() as server:
        yield server


@pytest.fixture
def both(hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> Hook:
    """A hook that sees a talkative AgentAPI and a Coder that takes snapshots."""
    return hook.point_at(agentapi, coder)
