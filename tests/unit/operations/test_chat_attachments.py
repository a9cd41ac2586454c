# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that go with a message of chat and chat_send, in every dialect: uploaded once, told once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call
from chatting import EVERY, kept, posts, said
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import lifecycle
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.client import UPLOADS
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.uploads import FILE_BYTES, Upload, media_type
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat as chat_operation
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_send
from emulator import Emulator
from emulator.chats import Chat

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\0"
Start = Callable[..., Emulator]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOOK_FOR_CHAT", 0.3)
    monkeypatch.setattr(chat_send, "LOOK_FOR_MESSAGE", 0.3)
    monkeypatch.setattr(chat_operation, "FIRST_MESSAGE", 0.2)


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    """A server of each chats dialect."""
    return emulator("", chats=request.param)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A text, a picture, and a name that no plain header holds."""
    given = {"notes.md": b"# Notes\n", "shot.png": PNG, 'Grüße "1".txt': b"hello\n"}
    for name, content in given.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in given]


def ensure(server: Emulator, **options: Any) -> Call:
    return call("chat", server, **{"name": "fix", **options})


def send(server: Emulator, **options: Any) -> Call:
    return call("chat_send", server, **{"chat": "fix", "input": "Look", "wait_for": "accepted", **options})


def carried(chat: Chat) -> list[list[str]]:
    """Names of the files of each message of its owner."""
    return [
        [part["name"] for part in message.content if part["type"] == "file"]
        for message in chat.messages
        if message.role == "user"
    ]


def stored(server: Emulator) -> dict[str, tuple[str, bytes]]:
    assert server.state.chats is not None
    return {file.name: (file.media_type, file.content) for file in server.state.chats.files.values()}


def idle(server: Emulator) -> Chat:
    return server.create_chat("Hello", labels={"coder.tasks/name": "fix"})


def names(files: list[str]) -> list[str]:
    return [os.path.basename(path) for path in files]


def test_a_message_carries_its_files(server: Emulator, files: list[str]) -> None:
    chat = idle(server)
    done = send(server, files=files, wait_for="reply")
    assert done["delivered"] == "yes", done.msg
    assert carried(chat)[-1] == names(files) and said(chat)[-1] == "Look"
    assert [each["path"] for each in done["uploaded"]] == files
    assert stored(server) == {
        "notes.md": ("text/markdown", b"# Notes\n"), "shot.png": ("image/png", PNG),
        'Grüße "1".txt': ("text/plain", b"hello\n"),
    }  # fmt: skip


def test_a_first_prompt_carries_its_files_once(server: Emulator, files: list[str]) -> None:
    first = ensure(server, prompt="Look", files=files)
    (chat,) = kept(server)
    assert first["changed"] and carried(chat) == [names(files)] and len(first["uploaded"]) == 3, first.msg
    again = ensure(server, prompt="Look", files=files)
    assert not again["changed"] and again.writes == [] and not again.warnings and again["uploaded"] == []


@pytest.mark.parametrize("how", ["send", "edit"])
def test_a_prompt_that_changes_carries_its_files(server: Emulator, files: list[str], how: str) -> None:
    ensure(server, prompt="First", wait_for="idle")
    options = {"prompt": "Second", "files": files[:1], "on_prompt_change": how, "discard_log": True}
    assert not ensure(server, check=True, **options).warnings
    done = ensure(server, wait_for="idle", **options)
    assert carried(kept(server)[0])[-1] == ["notes.md"] and len(done["uploaded"]) == 1, done.msg


def test_files_that_go_nowhere_are_told(server: Emulator, files: list[str]) -> None:
    ensure(server, prompt="First", wait_for="idle")
    for more in ({"prompt": "First"}, {"title": "Other"}):
        done = ensure(server, files=files[:1], **more)
        assert "does not carry notes.md" in done.warnings[0] and not posts(server, "/files"), done.warnings


def test_check_mode_uploads_nothing_and_sees_what_is_missing(server: Emulator, files: list[str]) -> None:
    assert ensure(server, prompt="Look", files=files, check=True)["changed"]
    idle(server)
    assert send(server, files=files, check=True)["changed"]
    assert send(server, files=[*files, "/none"], check=True).kind == "io"


@pytest.mark.parametrize("what", ["missing", "folder", "pipe", "large", "empty"])
def test_what_cannot_be_attached_is_named_before_anything_is_sent(
    emulator: Start, tmp_path: Path, files: list[str], what: str
) -> None:
    server = emulator("", chats="chats-2.38")
    idle(server)
    path = tmp_path / "it"
    if what == "folder":
        path.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    if what == "large":
        with path.open("wb") as stream:
            stream.truncate(FILE_BYTES + 1)
    given = [files[0], "" if what == "empty" else str(path)]
    for done in (send(server, files=given), ensure(server, prompt="Look", name="other", files=given)):
        assert done.failed and done.writes == [] and not done["changed"]
        assert (str(path) if what != "empty" else "empty path") in done.msg
        assert what != "large" or "10,485,761 bytes, and Coder takes 10,485,760" in done.msg
    fleet = call("chat_fleet", server, chats=[{"name": "other", "prompt": "x", "files": given}])
    assert fleet.kind == "invalid" and fleet.writes == [] and "item 1 (other)" in fleet.msg


def test_a_file_that_the_server_refuses_is_named_and_nothing_is_said(
    server: Emulator, files: list[str], tmp_path: Path
) -> None:
    chat, false = idle(server), tmp_path / "false.txt"
    false.write_bytes(PNG)
    done = send(server, files=[files[0], str(false)])
    assert done.failed and done["delivered"] == "no" and len(said(chat)) == 1
    assert f"upload the file {false}" in done.msg and "'uploaded' in the result" in done.msg and done["changed"]
    assert [each["path"] for each in done["uploaded"]] == files[:1]
    made = ensure(server, name="other", prompt="x", files=[files[0], str(false)])
    assert made.failed and len(kept(server)) == 1 and made["created_by"] is None and len(made["uploaded"]) == 1


@pytest.mark.parametrize("module", ["chat", "chat_send"])
def test_a_lost_answer_makes_no_second_message(server: Emulator, files: list[str], module: str) -> None:
    for fault in ("lost", "gateway"):
        server.faults.add(fault, method="POST", path="/files$", status=200, body="{}")
    server.faults.add("lost", method="POST", path="/chats$|/messages$")
    if module == "chat":
        done = ensure(server, prompt="Look", files=files[:1])
        (chat,) = kept(server)
        assert said(chat) == ["Look"], done.msg
    else:
        chat = idle(server)
        done = send(server, files=files[:1])
        assert said(chat)[1:] == ["Look"], done.msg
    assert carried(chat)[-1] == ["notes.md"] and posts(server, "/files") == 3 and len(done["uploaded"]) == 1


@pytest.mark.parametrize("module", ["chat", "chat_send"])
@pytest.mark.parametrize("fault", ["lost", "truncate", "gateway"])
def test_a_file_is_sent_again_while_its_answer_is_lost_but_not_without_end(
    server: Emulator, files: list[str], module: str, fault: str
) -> None:
    """What was stored and whose answer was lost is a file that nobody refers to."""

    def act(name: str) -> Call:
        if module == "chat":
            return ensure(server, name=name, prompt="Look", files=files[:1])
        server.create_chat("Hello", labels={"coder.tasks/name": name})
        return send(server, chat=name, files=files[:1])

    server.faults.add(fault, method="POST", path="/files$", count=UPLOADS - 1)
    done = act("fix")
    assert not done.failed and len(done["uploaded"]) == 1, done.msg
    assert posts(server, "/files") == UPLOADS and carried(kept(server)[0])[-1] == ["notes.md"]
    server.faults.add(fault, method="POST", path="/files$", count=None)
    lost, chats = act("other"), len(kept(server))
    assert lost.failed and "upload the file" in lost.msg and lost["uploaded"] == [], lost.msg
    assert posts(server, "/files") == 2 * UPLOADS and len(kept(server)) == chats
    assert [said(chat) for chat in kept(server)[1:]] == ([] if module == "chat" else [["Hello"]])


def test_what_fails_after_an_upload_is_told(server: Emulator, files: list[str]) -> None:
    idle(server)
    server.faults.add("status", method="POST", path="/messages$", status=403, body='{"message":"Forbidden."}')
    done = send(server, files=files[:1])
    assert done.failed and done["delivered"] == "no" and done["changed"]
    assert len(done["uploaded"]) == 1 and "What was uploaded before stays on the server" in done.msg


def test_a_full_queue_uploads_once(server: Emulator, files: list[str]) -> None:
    chat = idle(server)
    body = '{"message":"Message queue is full."}'
    server.faults.add("status", method="POST", path="/messages$", status=429, body=body, count=2)
    done = send(server, files=files[:1])
    assert done["delivered"] == "yes" and posts(server, "/files") == 1 and carried(chat)[-1] == ["notes.md"], done.msg


def test_a_member_of_a_fleet_carries_files(server: Emulator, files: list[str]) -> None:
    done = call("chat_fleet", server, chats=[{"name": "one", "prompt": "x", "files": files[:2]}])
    assert not done.failed and carried(kept(server)[0]) == [names(files[:2])], done.msg


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.md", "text/markdown"), ("a.csv", "text/csv"), ("a.json", "application/json"), ("a.webp", "image/webp"),
        ("A.PNG", "image/png"), ("a.jpg", "image/jpeg"), ("a.pdf", "application/pdf"), ("notes", None), ("a.py", None),
        ("a.html", None), ("a.txt.gz", None), (".bashrc", None),
    ],
)  # fmt: skip
def test_the_name_tells_the_type(name: str, kind: str | None) -> None:
    assert media_type(name) == (kind or "application/octet-stream")


@given(st.text(min_size=1).filter(lambda name: "/" not in name))
def test_any_name_makes_a_header_of_one_line(name: str) -> None:
    header = Upload(name, b"").headers["Content-Disposition"]
    assert header.isascii() and header.isprintable()
