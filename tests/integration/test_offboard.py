# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that stops and saves the chats of users who leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from chatting import allow

from emulator import Emulator
from playbooks import Ansible, Run

SLOW = "Count [[wait 50000]]"
Servers = Callable[..., Emulator]


@pytest.fixture(params=["chats-2.36"])
def server(emulator: Servers, request: pytest.FixtureRequest) -> Emulator:
    """Two users with chats: bob has one that works, one that is idle and one that is archived."""
    made = emulator("", chats=request.param)
    made.create_chat("Of alice")
    made.create_chat("Of bob, idle", owner="bob")
    made.create_chat("Of bob, archived", owner="bob", archived=True)
    return made


def of(server: Emulator, user: str, folder: Path) -> Ansible:
    return Ansible(folder, {**server.environment, "CODER_SESSION_TOKEN": server.tokens[user]})


def play(server: Emulator, folder: Path, *options: str) -> Run:
    run = Ansible(folder, server.environment).run("ansible-playbook", "coder.tasks.offboard", *options)
    assert server.token not in run.output and "Traceback" not in run.output
    return run


def work(server: Emulator, folder: Path) -> None:
    """Have bob begin a chat that goes on for hours."""
    allow(server, "bob")
    task = {"coder.tasks.chat": {"name": "night", "prompt": SLOW}}
    done = of(server, "bob", folder).playbook([{"tasks": [task]}])
    assert done.rc == 0, done.output


def at_work(server: Emulator) -> list[str]:
    assert server.state.chats is not None
    return [chat.id for chat in server.state.chats.chats.values() if chat.busy]


@pytest.mark.parametrize("server", ["chats-2.34esr", "chats-2.36", "chats-2.38"], indirect=True)
def test_agents_are_stopped_and_everything_is_saved(server: Emulator, tmp_path: Path) -> None:
    work(server, tmp_path)
    (running,) = at_work(server)
    writes = len(server.writes)
    listed = play(server, tmp_path, "-e", "users=bob")
    assert listed.rc == 0 and "bob: 3 chats" in listed.output, listed.output
    assert f"{running} night: at work, would be interrupted and saved" in listed.output
    assert "Nothing was done. To interrupt and save them, add: -e confirm=yes" in listed.output
    assert len(server.writes) == writes and at_work(server) == [running] and not (tmp_path / "coder-archive").exists()
    done = play(server, tmp_path, "-e", "users=bob", "-e", "confirm=yes")
    assert done.rc == 0, done.output
    assert "night: interrupted, 1 at work, saved in chats/" in done.output
    assert done.output.count("was not at work, saved in chats/") == 2
    assert at_work(server) == [] and "Of alice" not in done.output
    assert len((tmp_path / "coder-archive" / "manifest.jsonl").read_text().splitlines()) == 3
    assert not [entry for entry in server.writes[writes:] if "interrupt" not in entry.path]


def test_what_cannot_be_interrupted_is_saved_all_the_same_and_told(server: Emulator, tmp_path: Path) -> None:
    work(server, tmp_path)
    server.faults.add("status", method="POST", path="/interrupt$", count=None, status=403, body='{"message":"No."}')
    done = play(server, tmp_path, "-e", "users=bob", "-e", "confirm=yes")
    assert done.rc == 2 and "night: NOT interrupted (" in done.output, done.output
    assert "1 are not stopped" in done.output
    assert len((tmp_path / "coder-archive" / "manifest.jsonl").read_text().splitlines()) == 3


def test_a_sub_agent_that_goes_on_is_not_taken_for_stopped(server: Emulator, tmp_path: Path) -> None:
    assert server.state.chats is not None
    bobs = [chat for chat in server.state.chats.chats.values() if chat.owner.username == "bob"]
    root = next(chat for chat in bobs if not chat.archived)
    child = server.create_chat("Do a part", owner="bob", parent=root)
    child.status = "running"
    server.faults.add("status", method="POST", path="/interrupt$", count=None, status=403, body='{"message":"No."}')
    done = play(server, tmp_path, "-e", "users=bob", "-e", "confirm=yes")
    assert done.rc == 2 and "NOT interrupted (" in done.output and "1 are not stopped" in done.output, done.output


def test_a_name_that_has_no_chats_is_told(server: Emulator, tmp_path: Path) -> None:
    done = play(server, tmp_path, "-e", '{"users": ["bob", "bbo"]}')
    assert done.rc == 2 and "bbo: no chat was found." in done.output and "bob: 2 chats" in done.output, done.output


@pytest.mark.parametrize("users", ["", ",".join(f"u{number}" for number in range(21))])
def test_between_one_and_twenty_users_are_named(server: Emulator, tmp_path: Path, users: str) -> None:
    done = play(server, tmp_path, "-e", f"users={users}", "-e", "confirm=yes")
    assert done.rc == 2 and "give between 1 and 20" in done.output and not server.writes


def test_a_member_is_told_that_he_may_not_ask(server: Emulator, tmp_path: Path) -> None:
    done = of(server, "bob", tmp_path).run("ansible-playbook", "coder.tasks.offboard", "-e", "users=alice")
    assert done.rc == 2 and "audit log" in done.output, done.output
