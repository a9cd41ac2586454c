# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option require_collected of chat, in every dialect: only what has a proven copy of this moment is archived."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call
from chatting import EVERY

from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import proof
from emulator import Emulator
from emulator.chats import Chat

KEY = "a key for these tests only"
SECRET = "gh" + "p_" + "a1B2" * 9


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Callable[..., Emulator]) -> Emulator:
    """A server of each chats dialect."""
    return emulator("", chats=request.param)


@pytest.fixture
def root(server: Emulator) -> Chat:
    """A chat at rest, with a file and a sub-agent."""
    assert server.state.chats is not None
    root = server.create_chat("Look at it", answer="I do.", labels={"coder.tasks/name": "fix"})
    root.attach(server.state.chats.create_file(root.owner, "notes.txt", b"hello\n"))
    server.create_chat("Look there", parent=root)
    return root


def save(server: Emulator, path: Path, **options: Any) -> None:
    done = call("archive", server, path=str(path), source="chats", **{"redaction_key": KEY, **options})
    assert not done.failed, done.msg


def end(server: Emulator, path: Path, **options: Any) -> Call:
    given = {"name": "fix", "state": "archived", "require_collected": str(path), "redaction_key": KEY, **options}
    return call("chat", server, **given)


def refused(server: Emulator, root: Chat, path: Path, **options: Any) -> Call:
    """The refusal, in check mode and without it the same; nothing is written."""
    told = end(server, path, **options)
    would = end(server, path, check=True, **options)
    assert told.failed and told.writes == [] and not told["changed"] and not root.archived
    assert (would.msg, would["unproven"]) == (told.msg, told["unproven"]) and told.kind == "conflict"
    return told


def verdicts(done: Call) -> dict[str, str]:
    return {line["id"]: line["verdict"] for line in done["unproven"]}


def test_what_is_saved_is_archived(server: Emulator, root: Chat, tmp_path: Path) -> None:
    save(server, tmp_path / "saved")
    before = {file: file.read_bytes() for file in (tmp_path / "saved").rglob("*") if file.is_file()}
    would = end(server, tmp_path / "saved", check=True)
    assert would["changed"] and would["chat"]["archived"] and not root.archived, would.msg
    done = end(server, tmp_path / "saved")
    assert done["changed"] and root.archived and all(child.archived for child in root.children), done.msg
    again = end(server, tmp_path / "nowhere")
    assert not again["changed"] and again.writes == []
    assert before == {file: file.read_bytes() for file in (tmp_path / "saved").rglob("*") if file.is_file()}


def test_what_is_not_saved_is_refused_with_each_member(server: Emulator, root: Chat, tmp_path: Path) -> None:
    told = refused(server, root, tmp_path / "none")
    assert verdicts(told) == {root.id: "missing", root.children[0].id: "missing"}
    assert "2 of 2 chats" in told.msg and "not in the archive" in told.msg and "coder.tasks.archive" in told.msg


@pytest.mark.parametrize("member", [0, 1])
def test_what_was_said_since_is_refused(server: Emulator, root: Chat, tmp_path: Path, member: int) -> None:
    save(server, tmp_path)
    who = root.family()[member]
    who.say("And this?", "Done.")
    assert verdicts(refused(server, root, tmp_path)) == {who.id: "drifted"}


def test_a_sub_agent_that_began_since_is_refused(server: Emulator, root: Chat, tmp_path: Path) -> None:
    save(server, tmp_path)
    new = server.create_chat("Look elsewhere", parent=root)
    assert verdicts(refused(server, root, tmp_path)) == {new.id: "missing"}


def test_a_damaged_copy_is_none(server: Emulator, root: Chat, tmp_path: Path) -> None:
    save(server, tmp_path)
    child = root.children[0]
    (tmp_path / "chats" / child.id / "messages.jsonl").write_text("")
    assert verdicts(refused(server, root, tmp_path)) == {child.id: "damaged"}


def test_another_key_proves_nothing(server: Emulator, root: Chat, tmp_path: Path) -> None:
    save(server, tmp_path)
    told = refused(server, root, tmp_path, redaction_key="another key for these tests")
    assert set(verdicts(told).values()) == {"unprovable"} and "another redaction key" in told.msg


def test_what_a_copy_lacks_has_to_be_accepted(server: Emulator, root: Chat, tmp_path: Path) -> None:
    root.say(f"The token is {SECRET}", "I see.")
    save(server, tmp_path)
    told = refused(server, root, tmp_path)
    assert told["unproven"][0]["reasons"] == ["redacted"] and "'accept'" in told.msg
    assert end(server, tmp_path, accept=["redacted"])["changed"] and root.archived


def test_a_chat_at_work_is_neither_archived_nor_stopped(server: Emulator, root: Chat, tmp_path: Path) -> None:
    call("chat_send", server, chat="fix", input="Go on [[wait 50000]]", wait_for="accepted")
    save(server, tmp_path)
    told = refused(server, root, tmp_path)
    assert told["unproven"][0]["reasons"] == ["running"]
    accepted = end(server, tmp_path, accept=["running"])
    assert accepted.kind == "conflict" and accepted.writes == [] and root.busy and not root.archived, accepted.msg


def test_a_turn_that_begins_meanwhile_is_not_stopped(
    server: Emulator, root: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(server, tmp_path)
    proven = proof.require_proof

    def then_somebody_speaks(*given: Any) -> None:
        proven(*given)
        call("chat_send", server, chat="fix", input="One more [[wait 50000]]", wait_for="accepted")

    monkeypatch.setattr(proof, "require_proof", then_somebody_speaks)
    done = end(server, tmp_path)
    assert done.kind == "conflict" and root.busy and not root.archived and "state=idle" in done.msg


def test_what_cannot_be_read_is_not_proven(server: Emulator, root: Chat, tmp_path: Path) -> None:
    save(server, tmp_path)
    server.faults.add("status", path=f"{root.children[0].id}/messages", status=403, count=None)
    told = refused(server, root, tmp_path)
    assert verdicts(told) == {root.children[0].id: "unreadable"} and "HTTP 403" in told.msg


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"state": "idle"}, "does not go with state=idle"),
        ({"state": "present", "prompt": "x"}, "does not go with state=present"),
        ({"require_collected": ""}, "'require_collected' is empty"),
        ({"require_collected": None, "accept": ["redacted"]}, "Give 'require_collected'"),
        ({"require_collected": None, "redact": False}, "Give 'require_collected'"),
        ({"redact_values": ["abc"]}, "fewer than 4"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    emulator: Callable[..., Emulator], tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    server = emulator("", chats="chats-2.38")
    chat = server.create_chat("Look", labels={"coder.tasks/name": "fix"})
    given = {"redaction_key": None, **options}
    done = end(server, tmp_path, **given)
    assert done.kind == "invalid" and says in done.msg and done.writes == [] and not chat.archived
