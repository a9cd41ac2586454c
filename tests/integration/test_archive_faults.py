# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive when the network, the server, the disk or the process fails."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call

from emulator import Emulator

Servers = Callable[..., Emulator]
REPOSITORY = Path(__file__).parents[2]
KEY = "a key for these tests only"
SECRET = "gh" + "p_" + "a1B2" * 9
OPTIONS: dict[str, Any] = {"redaction_key": KEY, "wait_timeout": 5.0, "all_owners": True}
# Each a fifth or sixth of the faulty requests. A 500 is Coder's own word and final, the rest is tried again.
MIXED: list[dict[str, Any]] = [
    {"kind": "reset"},
    {"kind": "status", "status": 500, "body": '{"message": "Internal error."}'},
    {"kind": "status", "status": 502, "body": "<html>Bad gateway</html>"},
    {"kind": "status", "status": 429, "body": '{"message": "Slow down."}', "headers": {"Retry-After": "0"}},
    {"kind": "drip", "seconds": 0.2},
    {"kind": "truncate"},
]


def archive(server: Emulator, path: Path, **options: Any) -> Call:
    return call("archive", server, **{**OPTIONS, "path": str(path), **options})


def make_fleet(server: Emulator, count: int) -> dict[str, list[str]]:
    """Tasks with conversations; what each says, by name."""
    truth = {}
    for number in range(count):
        name = f"task-{number}"
        truth[name] = [f"message {part} of {name}, {SECRET}" for part in range(1 + number % 4)]
        task = server.create_task(name, owner=("alice", "bob")[number % 2])
        task.api.set_messages([{"id": part, "content": text} for part, text in enumerate(truth[name])])
    return truth


def manifest(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "manifest.jsonl").read_text().splitlines()]


def assert_sound(path: Path) -> None:
    command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for file in filter(Path.is_file, path.rglob("*")):
        assert SECRET.encode() not in file.read_bytes(), file


def said(message: dict[str, Any]) -> str:
    """What a message says: of a task its text, of a chat the texts of its parts."""
    content = message["content"]
    return str(content) if isinstance(content, str) else "".join(part["text"] for part in content)


def assert_true(path: Path, entry: dict[str, Any], truth: list[str]) -> None:
    """The saved messages are what the server holds, but for the secret."""
    lines = (path / f"{entry.get('kind', 'task')}s" / entry["folder"] / "messages.jsonl").read_text().splitlines()
    saved = [said(json.loads(line)).split(", ") for line in lines]
    assert [text for text, _mark in saved] == [text.split(", ")[0] for text in truth]
    assert all(mark.startswith("[REDACTED:github-token:") for _text, mark in saved)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_every_task_is_saved_or_named_as_failed(emulator: Servers, tmp_path: Path, share: float) -> None:
    server = emulator(rate_limit=0)
    truth = make_fleet(server, 300)
    for fault in MIXED:
        server.faults.add(path="/logs$", count=None, probability=share / len(MIXED), **fault)
    done = archive(server, tmp_path)
    server.faults.clear()
    entries = manifest(tmp_path)
    assert sorted(entry["name"] for entry in entries) == sorted(truth), "none twice, none lost"
    failed = [entry for entry in entries if entry["error_kind"]]
    # A 500 is final; of the rest, four in a row are rare but happen.
    assert done["error_kinds"] == Counter(entry["error_kind"] for entry in failed)
    assert set(done["error_kinds"]) <= {"server", "network", "rate_limited", "timeout", "protocol"}
    assert done["summary"]["failed"] == len(failed) and done["summary"]["live"] == 300 - len(failed)
    named = {failure["task"].split("/")[1] for failure in done["failures"]}
    assert named <= {entry["name"] for entry in failed} and len(named) == min(20, len(failed))
    for entry in entries:
        assert_true(tmp_path, entry, truth[entry["name"]] if not entry["error_kind"] else [])
    assert_sound(tmp_path)
    assert SECRET not in json.dumps(done.result)
    again = archive(server, tmp_path)
    assert not again.failed and again["summary"]["changed"] == len(failed)
    assert again["summary"]["unchanged"] == 300 - len(failed)


ANY = [*MIXED, {"kind": "login"}, {"kind": "garbage"}]


@pytest.mark.parametrize("fault", ANY, ids=lambda fault: str(fault["kind"]))
def test_a_saved_log_outlives_every_failure(emulator: Servers, tmp_path: Path, fault: dict[str, Any]) -> None:
    server = emulator()
    truth = make_fleet(server, 2)
    archive(server, tmp_path)
    server.faults.add(path="/logs$", count=None, **fault)
    archive(server, tmp_path, retries=0, deadline=1.0, fail_on="none")
    server.faults.clear()
    for entry in manifest(tmp_path):
        assert_true(tmp_path, entry, truth[entry["name"]])
    assert_sound(tmp_path)


_RUNNER = """
import json, os, resource, signal, sys
sys.path[:0] = [".build", "tests"]
from calling import call
import concurrent.futures.thread
import ansible_collections.coder.tasks.plugins.module_utils.operations.archive.archive
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if child:
        print(child, flush=True)
        sys.stdin.readline()  # until then nobody else can have its process id
        os.waitpid(child, 0)
        print("ended", flush=True)
        continue
    order = json.loads(line)
    if order["file_size"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"],) * 2)
    if order["powerless"]:
        # Once before, so that all is imported: this user may not be able to read the checkout.
        call("archive", **{**order["options"], "path": order["options"]["path"] + ".first"})
        os.seteuid(65534)
    made = call("archive", **order["options"])
    print(made.kind, made.msg, flush=True)
    os._exit(0)
"""


class Runner:
    """Another process, which forks one for each run: a run begins at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(
        self, server: Emulator, path: Path, file_size: int = 0, powerless: bool = False, **options: Any
    ) -> int:
        """Begin a run. :returns: its process id."""
        options = {**OPTIONS, "path": str(path), "url": server.url, "token": server.token, **options}
        assert self._process.stdin and self._process.stdout
        order = {"options": options, "file_size": file_size, "powerless": powerless}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def said(self) -> str:
        """What the run printed, once it has ended."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return "".join(iter(self._process.stdout.readline, "ended\n"))


@pytest.fixture
def runner() -> Iterator[Runner]:
    command = [sys.executable, "-c", _RUNNER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        yield Runner(process)  # leaving closes its input, which ends it


class Tasks:
    """Tasks that say something else each time."""

    def __init__(self, emulator: Servers, count: int) -> None:
        self.server = emulator(rate_limit=0)
        self.truth = make_fleet(self.server, count)

    def go_on(self, time: int) -> None:
        for name in self.truth:
            self.truth[name] = [f"said anew {time}, {SECRET}"]
            self.server.state.task(name).api.set_messages([{"id": 0, "content": self.truth[name][0]}])

    def assert_extras(self, path: Path) -> None:
        """A task has nothing but its log."""


class Chats:
    """Chats that say more each time, and carry a file each."""

    def __init__(self, emulator: Servers, count: int) -> None:
        self.server = emulator("", chats="chats-2.38", rate_limit=0)
        assert self.server.state.chats is not None
        self.truth: dict[str, list[str]] = {f"chat-{number}": [] for number in range(count)}
        self._chats = {}
        for number, name in enumerate(self.truth):
            owner = ("alice", "bob")[number % 2]
            chat = self.server.create_chat("", owner=owner, labels={"coder.tasks/name": name})
            chat.files.append(self.server.state.chats.create_file(chat.owner, "notes.txt", self._notes(name)))
            self._chats[name] = chat

    def _notes(self, name: str) -> bytes:
        return f"notes of {name}".encode()

    def go_on(self, time: int) -> None:
        for name, chat in self._chats.items():
            texts = [f"said {part} {time}, {SECRET}" for part in ("question", "answer")]
            chat.say(*texts)
            self.truth[name] += texts

    def assert_extras(self, path: Path) -> None:
        """Each file lies there as it was uploaded."""
        for entry in manifest(path):
            (file,) = (path / "chats" / entry["folder"]).glob("file-*")
            assert file.read_bytes() == self._notes(entry["name"])


@pytest.mark.parametrize("kind", [Tasks, Chats])
def test_killed_at_any_moment_the_next_run_goes_on(
    emulator: Servers, runner: Runner, tmp_path: Path, kind: type[Tasks | Chats]
) -> None:
    fleet = kind(emulator, 60)  # enough to be saved with helpers
    server, truth = fleet.server, fleet.truth
    rng = random.Random(3)
    died = 0
    for kill in range(20):
        fleet.go_on(kill)
        pid = runner.start(server, tmp_path)
        time.sleep(rng.uniform(0.0, 0.3))
        os.kill(pid, signal.SIGKILL)
        died += not runner.said()
    assert died > 5, "most runs were killed under way"
    assert archive(server, tmp_path)["summary"]["selected"] == 60
    entries = manifest(tmp_path)
    assert sorted(entry["name"] for entry in entries) == sorted(truth)
    for entry in entries:
        assert_true(tmp_path, entry, truth[entry["name"]])
    assert_sound(tmp_path)
    assert not [file for file in tmp_path.rglob(".*") if file.name != ".lock"], "nothing is left of the killed runs"
    fleet.assert_extras(tmp_path)
    proof = archive(server, tmp_path, state="verified", accept=["redacted"])
    assert proof["verification"]["safe_to_delete"] == 60 and proof["verification"]["files"]["intact"]


def test_killed_while_it_deletes_server_and_archive_hold_all_together(
    emulator: Servers, runner: Runner, tmp_path: Path
) -> None:
    server = emulator(rate_limit=0)
    truth = make_fleet(server, 60)
    server.faults.add("latency", method="DELETE", seconds=0.02, count=None)
    rng = random.Random(4)
    died = deleted = 0
    for kill in range(20):
        there = {task.name for task in server.state.visible_tasks()}
        if kill % 4 == 0:  # some are new, and some have something to say that is not saved yet
            for name in make_fleet_named(server, f"new-{kill}", 6):
                truth[name] = [f"message 0 of {name}, {SECRET}"]
            for name in sorted(there)[:3]:
                truth[name] = [*truth[name], f"one more word {kill}, {SECRET}"]
                messages = [{"id": part, "content": text} for part, text in enumerate(truth[name])]
                server.state.task(name).api.set_messages(messages)
        sent = deletions(server)
        pid = runner.start(server, tmp_path, state="evacuated", accept=["redacted"], concurrency=2)
        # However fast the machine is: some runs end before they delete, and most after so many requests.
        enough, until = sent + rng.randrange(6), time.monotonic() + 5
        while deletions(server) < enough and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(pid, signal.SIGKILL)
        died += not runner.said()
        while any(not entry.status for entry in server.journal if entry.method == "DELETE"):
            time.sleep(0.01)  # what was sent before the end is still carried out
        left = {task.name for task in server.state.visible_tasks()}
        deleted += len(there - left)
        held = {entry["name"]: entry for entry in archive_lines(tmp_path)}
        for name in set(truth) - left:
            assert_true(tmp_path, held[name], truth[name])
    assert died > 5 and deleted > 5, "most runs were killed under way, and some had deleted"
    for _run in range(2):
        last = archive(server, tmp_path, state="evacuated", accept=["redacted"])
    assert not server.state.visible_tasks(), json.dumps(last["verification"])
    for entry in manifest(tmp_path):
        assert_true(tmp_path, entry, truth[entry["name"]])
    assert_sound(tmp_path)


def deletions(server: Emulator) -> int:
    """How many requests to delete a task have come."""
    return sum(entry.method == "DELETE" for entry in server.journal)


def make_fleet_named(server: Emulator, prefix: str, count: int) -> list[str]:
    """Tasks of one message each; their names."""
    names = [f"{prefix}-{number}" for number in range(count)]
    for name in names:
        server.create_task(name).api.set_messages([{"id": 0, "content": f"message 0 of {name}, {SECRET}"}])
    return names


def archive_lines(path: Path) -> list[dict[str, Any]]:
    """What the folders themselves say, whatever the manifest of a killed run does."""
    return [json.loads(file.read_text())["archive"] for file in path.glob("tasks/[a-z]*/task.json")]


def test_what_a_killed_run_left_resumed_is_told_once(emulator: Servers, runner: Runner, tmp_path: Path) -> None:
    server = emulator(auto_snapshot=False, time_factor=0.5)
    server.create_task("silent", state="paused")
    pid = runner.start(server, tmp_path, on_partial="resume", wait_timeout=30)
    limit = time.monotonic() + 60
    while server.state.task("silent").status == "paused":
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    assert not runner.said()
    warned = archive(server, tmp_path).warnings
    assert warned == ["An earlier run was ended while it had resumed alice/silent. Pause what nobody works in."]
    assert not archive(server, tmp_path).warnings


def test_a_full_disk_is_told_and_breaks_nothing(emulator: Servers, runner: Runner, tmp_path: Path) -> None:
    server = emulator()
    truth = make_fleet(server, 4)
    archive(server, tmp_path)
    truth["task-1"] = ["x" * 90_000 + f", {SECRET}"]
    server.state.task("task-1").api.set_messages([{"id": 0, "content": truth["task-1"][0]}])
    runner.start(server, tmp_path, file_size=60_000)
    said = runner.said()
    assert said.startswith("io Could not save the task task-1: ") and "Check the free space" in said
    assert_sound(tmp_path)
    assert not archive(server, tmp_path).failed
    for entry in manifest(tmp_path):
        assert_true(tmp_path, entry, truth[entry["name"]])
    assert_sound(tmp_path)


# Only root can become somebody else; who is not has a folder in the way.
OBSTACLES = ["folder", "owner"] if os.geteuid() == 0 else ["folder"]


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_archive_that_cannot_be_written_is_told(
    emulator: Servers, runner: Runner, tmp_path: Path, obstacle: str
) -> None:
    server = emulator()
    make_fleet(server, 2)
    place = tmp_path / "archive"
    archive(server, place)
    before = {file: file.read_bytes() for file in place.rglob("*") if file.is_file()}
    if obstacle == "folder":
        del before[place / ".lock"]
        (place / ".lock").unlink()
        (place / ".lock").mkdir()
    runner.start(server, place, powerless=obstacle == "owner")
    said = runner.said()
    assert said.startswith("io Could not open the archive: ") and "Check the free space" in said
    assert {file: file.read_bytes() for file in place.rglob("*") if file.is_file()} == before
