# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make live` as an operator runs it, against an emulated server: what it tells, makes, leaves alone and removes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.emulated import USUAL, emulated
from missing import missing
from unit.snapshot.servers import FakeAgentAPI, conversation

from emulator import Emulator
from playbooks import ROOT

SSHD = Path("/usr/sbin/sshd")
CREATE = "task is shown in check mode, made"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Emulator]:
    with emulated(USUAL, tmp_path) as (started, _settings):
        yield started


def start(server: Emulator | None, folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    known = {"CODER_MEMBER_TOKEN": server.tokens["bob"], "TEMPLATE": "ai", **server.environment} if server else {}
    return subprocess.Popen(
        [sys.executable, "-m", "live", "--folder", str(folder), *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / '.build'}", **known, **environment},
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], server: Emulator | None = None) -> tuple[int, str]:
    """The exit code and the output."""
    with process:
        output, _none = process.communicate(timeout=300)
    assert "Traceback" not in output
    assert not server or not [token for token in server.tokens.values() if token in output]
    return process.returncode, output


def names(server: Emulator) -> set[str]:
    return {task.name for task in server.state.visible_tasks()}


def test_every_case_passes_and_nothing_is_left(server: Emulator, tmp_path: Path) -> None:
    before = {task.id: (task.prompt, task.status) for task in server.state.visible_tasks()}
    code, output = ended(start(server, tmp_path, PATH="/usr/bin:/bin"), server)
    assert code == 0, output
    table = output.partition("case\n")[2]
    without = [line.split(" s  ", 1)[1] for line in table.splitlines() if line.startswith("not applicable (1)")]
    assert without == ["Modules that run in a workspace speak to its AgentAPI"], output
    assert "\n(1) The command `coder` is not in PATH here.\n" in table
    assert " passed, 0 failed, 1 not applicable; " in output
    assert {task.id: (task.prompt, task.status) for task in server.state.visible_tasks()} == before
    assert server.state.chats is not None
    others = [chat for chat in server.state.chats.chats.values() if not chat.archived]
    assert [chat.title for chat in others] == ["Of the same user"]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def workspace(server: Emulator, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A `coder` that leads to an SSH server on its own input and output, and what the run needs for it."""
    if not SSHD.exists():
        missing("the way into a workspace by ssh", "sudo apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = tmp_path / "ssh"
    folder.mkdir()
    for key in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True, timeout=20)
    with FakeAgentAPI(conversation("Hello", "Say hello.", "Hello!")) as agentapi:
        agent = f"CODER_AGENT_URL={server.url} CODER_AGENT_TOKEN=of-the-agent ARG_AGENTAPI_PORT={agentapi.port}"
        settings = {
            "HostKey": folder / "host_key", "PidFile": "none", "UsePAM": "no", "StrictModes": "no",
            "AuthorizedKeysFile": folder / "user_key.pub", "PermitRootLogin": "prohibit-password",
            "Subsystem": "sftp internal-sftp", "SetEnv": f"HOME={folder} {agent}",
        }  # fmt: skip
        (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        (folder / "coder").write_text(f"#!/bin/sh\nexec {SSHD} -i -e -f {folder / 'config'} 2>/dev/null\n")
        (folder / "coder").chmod(0o755)
        yield {"PATH": f"{folder}:/usr/bin:/bin", "ANSIBLE_PRIVATE_KEY_FILE": str(folder / "user_key")}


def test_modules_run_in_a_workspace(server: Emulator, tmp_path: Path, workspace: dict[str, str]) -> None:
    code, output = ended(start(server, tmp_path, "--cases", "in a workspace", **workspace), server)
    assert code == 0 and "2 passed, 0 failed, 0 not applicable" in output, output


def test_a_case_that_fails_is_told_and_what_cannot_be_removed_is_named(server: Emulator, tmp_path: Path) -> None:
    server.faults.add("status", method="DELETE", status=500, body='{"message":"No."}', count=None)
    server.faults.add("status", path="/builds$", method="POST", status=500, body='{"message":"No."}', count=None)
    code, output = ended(start(server, tmp_path, "--cases", "A task is deleted", "--removal", "8"), server)
    assert code == 1, output
    assert re.search(r"^failed +\d+ s  A task is deleted, and its name is free$", output, re.M), output
    (left,) = names(server) - {"of-the-same-user", "of-another-user"}
    command = f"ansible localhost -m coder.tasks.task -a 'name={left} state=absent'"
    assert f"NOT REMOVED. Each of these commands removes one:\n    {command}" in output, output
    assert list(tmp_path.glob("live-*/*-a-task-is-deleted*/output.txt")), "What the case printed is not there"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_removes_what_it_made(server: Emulator, tmp_path: Path, number: signal.Signals) -> None:
    before = names(server)
    process = start(server, tmp_path, "--cases", CREATE)
    until = time.monotonic() + 120
    while names(server) == before and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    code, output = ended(process, server)
    assert code == 130 and "Interrupted" in output, output
    assert "All that was made is removed." in output
    assert names(server) == before


def test_a_run_whose_terminal_is_closed_removes_what_it_made(server: Emulator, tmp_path: Path) -> None:
    before = names(server)
    with start(server, tmp_path, "--cases", CREATE) as process:
        until = time.monotonic() + 120
        while names(server) == before and time.monotonic() < until and process.poll() is None:
            time.sleep(0.02)
        assert process.stdout
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        process.wait(timeout=300)
    assert process.returncode and names(server) == before


def test_what_else_has_changed_is_told(server: Emulator, tmp_path: Path) -> None:
    process = start(server, tmp_path, "--cases", CREATE)
    before = names(server)
    until = time.monotonic() + 120
    while names(server) == before and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    (theirs,) = [task for task in server.state.visible_tasks() if task.name == "of-the-same-user"]
    theirs.prompt = "Somebody has changed this."
    code, output = ended(process, server)
    assert code == 1 and f"task of-the-same-user ({theirs.id}) is not what it was" in " ".join(output.split()), output


def test_what_is_missing_is_told_before_anything_is_made(server: Emulator, tmp_path: Path) -> None:
    code, output = ended(start(None, tmp_path))
    assert code == 1 and output.startswith("CODER_URL and CODER_SESSION_TOKEN must be set: "), output
    for environment, says in (
        ({"TEMPLATE": ""}, "TEMPLATE is not set. It names the template to make tasks from: ai, "),
        ({"TEMPLATE": "nothing"}, "nothing"),
        ({"CODER_SESSION_TOKEN": "sentineltok-sentineloftokensentinel"}, "HTTP 401"),
        ({"CODER_URL": "http://127.0.0.1:1"}, "no connection to"),
    ):
        code, output = ended(start(server, tmp_path, **environment), server)
        assert code == 1 and says in output and "All that is made" not in output, output
    assert not server.writes
