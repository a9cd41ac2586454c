# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source in ansible-rulebook itself, from the built and installed collection."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from missing import missing

from emulator import Emulator
from playbooks import ROOT

JAVA = 17
JAVA_HOMES = Path("/usr/lib/jvm")
BIN = Path(sys.executable).parent
TOLD = "TOLD {{ event.type }} {{ event.task.name }} {{ event.before }}>{{ event.after }}"


def java_home() -> str:
    """Of a Java that ansible-rulebook's rule engine runs on; its absence fails in CI and skips elsewhere."""
    candidates = [os.environ.get("JAVA_HOME", ""), *map(str, sorted(JAVA_HOMES.glob("java-*-openjdk-*")))]
    for home in filter(None, candidates):
        if not Path(home, "bin", "java").exists():
            continue
        said = subprocess.run([f"{home}/bin/java", "-version"], capture_output=True, text=True, timeout=30, check=True)
        if int(said.stderr.split('"')[1].partition(".")[0]) >= JAVA:
            return home
    return missing("the event source in ansible-rulebook", f"sudo apt-get install openjdk-{JAVA}-jre-headless")


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the built tarball is installed; nothing of the checkout is seen from there."""
    folder = tmp_path_factory.mktemp("installed")
    galaxy = (str(BIN / "ansible-galaxy"), "collection")
    environment = {**os.environ, "ANSIBLE_HOME": str(folder / "home"), "PATH": f"{BIN}:{os.environ['PATH']}"}
    # A collection that is found elsewhere would not be installed.
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)

    def run(*command: str | Path) -> None:
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=120, check=True)

    run(*galaxy, "build", "--output-path", folder)
    (tarball,) = folder.glob("coder-tasks-*.tar.gz")
    run(*galaxy, "install", "--offline", "-p", folder / "collections", tarball)
    return folder / "collections"


class Rulebook:
    """ansible-rulebook in a process of its own; `told` are the lines that its rule prints."""

    def __init__(self, folder: Path, collections: Path, server: Emulator, turn: int) -> None:
        source = {
            "interval": 0.1,
            "stable_idle": 0.5,
            "cursor_file": str(folder / "cursor"),
        }
        rulebook = {
            "name": "Watch the tasks",
            "hosts": "all",
            "sources": [{"coder.tasks.task_changes": source}],
            "rules": [{"name": "All", "condition": "event.type is defined", "action": {"debug": {"msg": TOLD}}}],
        }
        (folder / "rulebook.yml").write_text(yaml.safe_dump([rulebook]))
        (folder / "hosts").write_text("localhost ansible_connection=local\n")
        self._log = folder / f"rulebook-{turn}.log"
        home = java_home()
        environment = {
            "PATH": f"{BIN}:{home}/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "JAVA_HOME": home,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            **server.environment,
        }
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [BIN / "ansible-rulebook", "--rulebook", "rulebook.yml", "--inventory", "hosts"],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def told(self) -> list[str]:
        return [line.partition("TOLD ")[2].strip() for line in self.output.splitlines() if "TOLD " in line]

    def wait(self, ready: Callable[[], bool], longest: float = 60) -> None:
        ends = time.monotonic() + longest
        while not ready():
            assert self._process.poll() is None and time.monotonic() < ends, self.output
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def looks(server: Emulator) -> int:
    return sum(entry.path == "/api/v2/tasks" and entry.status == 200 for entry in server.journal)


def test_rulebook_is_told_each_change_once_over_a_restart(emulator, tmp_path: Path, collections: Path) -> None:
    server = emulator()
    server.create_task("old")
    first = Rulebook(tmp_path, collections, server, 1)
    try:
        first.wait(lambda: looks(server) >= 2)
        server.create_task("new")
        first.wait(lambda: len(first.told) >= 1)
    finally:
        first.stop()
    assert first.told == ["created new None>active"], first.output
    assert server.token not in first.output

    server.create_task("while-away", state="paused")
    server.journal.clear()
    second = Rulebook(tmp_path, collections, server, 2)
    try:
        second.wait(lambda: len(second.told) >= 1)
        seen = looks(server)
        second.wait(lambda: looks(server) >= seen + 3)
    finally:
        second.stop()
    assert second.told == ["created while-away None>paused"], second.output
