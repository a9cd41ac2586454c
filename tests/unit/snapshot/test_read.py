# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading AgentAPI: what recordings of real ones show, and what hostile bytes do."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import NOW, TASK, FakeAgentAPI, FakeCoder, Request, Server, conversation

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.foreign import parse_json
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.read import (
    EventParser,
    ReadError,
    is_ready,
    read_agentapi,
    read_state_file,
    replay_events,
)
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.spool import Capture, Spool

# As AgentAPI 0.12.1 sent it, spaces of the padding and all.
EVENTS = (
    b'event: message_update\ndata: {"id":0,"role":"agent","message":"Hello from repl. Ready.        ",'
    b'"time":"2026-11-21T11:00:11.108462731Z"}\n\n'
    b'event: message_update\ndata: {"id":1,"role":"user","message":"red \\u003cb\\u003e \xe6\xbc\xa2",'
    b'"time":"2026-11-21T11:00:13.192719585Z"}\n\n'
    b'event: status_change\ndata: {"status":"stable","agent_type":"custom"}\n\n'
)


def read(server: Server, seconds: float = 5.0) -> Any:
    return read_agentapi(f"http://localhost:{server.port}", Deadline(seconds))


@given(st.lists(st.integers(0, len(EVENTS)), max_size=8))
def test_events_are_the_same_however_the_stream_is_cut(places: list[int]) -> None:
    parser, events = EventParser(), []
    edges = [0, *sorted(places), len(EVENTS)]
    for start, end in zip(edges, edges[1:], strict=False):
        events += parser.feed(EVENTS[start:end])
    assert [(kind, data.get("message", data.get("status"))) for kind, data in events] == [
        ("message_update", "Hello from repl. Ready.        "),
        ("message_update", "red <b> 漢"),
        ("status_change", "stable"),
    ]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_hostile_bytes_in_the_stream_are_skipped(chunks: list[bytes]) -> None:
    parser = EventParser()
    for chunk in chunks:
        for _kind, data in parser.feed(chunk):
            assert isinstance(data, dict)


@given(st.binary(max_size=80))
def test_hostile_bytes_as_json_are_a_value_or_an_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_json(data)


def test_json_that_is_nested_too_deeply_is_an_error() -> None:
    for data in (b"[" * 200_000, b'{"a":' * 200_000, b"1" * 5000):
        try:
            parse_json(data)
        except ValueError:
            continue
        assert data.isdigit()


def test_a_message_that_was_updated_is_taken_once() -> None:
    with FakeAgentAPI(conversation("a", "b")) as server:
        server.messages.append({**server.messages[1], "content": "b, updated"})
        messages, status = replay_events(server.url, Deadline(2))
    assert [item["message"] for item in messages] == ["a", "b, updated"]
    assert status == "stable"


@pytest.mark.parametrize(
    ("messages", "status", "ready"),
    [
        (conversation("Hello."), "stable", True),
        (conversation("Hello."), "running", False),
        (conversation(""), "stable", False),
        (conversation(" " * 80), None, False),
        (conversation("Hello."), None, False),
        (conversation("", "hi"), "running", True),
        ([], "running", True),
        ([{"id": 0, "role": "user", "content": "x", "time": NOW}], "running", True),
        ([{"id": 0, "type": "input", "content": "x", "time": NOW}], "running", True),
    ],
)
def test_one_message_of_a_running_agent_is_not_the_conversation(messages: Any, status: str | None, ready: bool) -> None:
    assert is_ready(messages, status) == ready
    if status is not None:
        with FakeAgentAPI(messages, status) as server:
            assert read(server).ready == ready


def test_a_greeting_is_believed_only_where_the_status_is_known() -> None:
    def respond(request: Request) -> None:
        if request.path == "/messages":
            request.json(200, {"messages": messages})
        else:
            request.answer(404, "404 page not found\n")

    messages = conversation("Hello.")
    with Server(respond) as server:
        assert not read(server).ready
        messages = conversation("Hello.", "do")
        assert read(server).ready


def test_events_that_end_early_are_not_the_conversation() -> None:
    def respond(request: Request) -> None:
        if request.path == "/messages":
            request.json(500, {"title": "Internal Server Error"})
        else:
            request.answer(200, EVENTS[:200], Content_Type="text/event-stream")

    with Server(respond) as server, pytest.raises(ReadError, match="HTTP 500"):
        read(server)


def test_invalid_utf_8_and_raw_control_bytes_are_read() -> None:
    body = b'{"messages":[{"id":0,"role":"agent","content":"a\xff\x01b","time":"' + NOW.encode() + b'"},{"id":1}]}'
    with Server(lambda request: request.answer(200, body)) as server:
        assert read(server).messages[0]["content"] == "a�\x01b"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"messages":{}}', b'{"messages":[]}', b"\xff" * 100])
def test_a_damaged_state_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(ReadError, match="state file"):
        read_state_file(str(path))


def test_a_pipe_in_place_of_the_state_file_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    os.mkfifo(path)
    with pytest.raises(ReadError, match="not a regular file"):
        read_state_file(str(path))


def test_an_agent_that_is_not_ready_does_not_replace_a_richer_snapshot(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("Starting..."), "running") as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert "No messages for log snapshot, an earlier one stays" in run.lines
    assert coder.snapshots == []


def test_while_it_is_not_ready_the_state_file_counts(hook: Hook, coder: FakeCoder, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    rich = [{"id": number, "message": str(number), "role": "agent", "time": NOW} for number in range(3)]
    state.write_text(json.dumps({"version": 1, "messages": rich}))
    with FakeAgentAPI(conversation(""), "running") as agentapi:
        run = hook.point_at(agentapi, coder).run("capture", ARG_STATE_FILE_PATH=str(state))
    assert run.code == 0
    assert [len(snapshot) for snapshot in coder.snapshots] == [3]


def test_the_files_of_the_registry_s_module_are_known(hook: Hook, coder: FakeCoder) -> None:
    """Its stop script is told the folder only."""
    state = hook.home / ".aider-module" / "agentapi-state.json"
    state.parent.mkdir()
    state.write_text(json.dumps({"version": 1, "messages": conversation("Hello.", "do", "done")}))
    assert hook.point_at(1, coder).run("capture", ARG_MODULE_DIR_NAME=".aider-module").code == 0
    assert coder.snapshots == [conversation("Hello.", "do", "done")]
    (state.parent / "agentapi.pid").write_text("garbage")
    run = hook.run("capture", ARG_MODULE_DIR_NAME=".aider-module")
    assert any(f"the pid file {state.parent}/agentapi.pid holds no pid" in line for line in run.lines)


@pytest.mark.slow
def test_a_slow_agentapi_is_waited_for_when_nothing_else_has_the_conversation(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("a", "b")) as agentapi:

        def respond(request: Request) -> None:
            time.sleep(2.2)
            agentapi.respond(request)

        agentapi.script = respond
        run = hook.point_at(agentapi, coder).run("capture", "--deadline", "6")
        assert run.code == 0
        assert len(coder.snapshots) == 1
        # As long as before where there is.
        Spool(hook.environ).put(Capture(TASK, 1.0, "messages", 0, b'{"messages":[]}'))  # type: ignore[arg-type]
        (hook.spooled.parent / f".{hook.spooled.name}.delivered").unlink()
        run = hook.run("capture", "--deadline", "6")
        assert "Using the conversation from the spool" in run.lines
        assert run.seconds < 4


@pytest.mark.parametrize(("age", "snapshots"), [(7200, [7]), (-1, [7, 8])])
def test_only_a_state_file_newer_than_what_was_delivered_counts(
    hook: Hook, coder: FakeCoder, tmp_path: Path, age: float, snapshots: list[int]
) -> None:
    with FakeAgentAPI(conversation(*"abcdefg")) as agentapi:
        assert hook.point_at(agentapi, coder).run("capture").code == 0
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"version": 1, "messages": conversation(*"abcdefgh")}))
    os.utime(state, (time.time() - age,) * 2)
    run = hook.point_at(1).run("capture", AGENTAPI_STATE_FILE=str(state))
    assert run.code == 0
    assert [len(snapshot) for snapshot in coder.snapshots] == snapshots
    assert not hook.spooled.exists()


def test_messages_in_coder_s_own_shape_are_understood(hook: Hook, coder: FakeCoder) -> None:
    messages = [
        {"id": 0, "content": "out", "type": "output", "time": NOW},
        {"id": 1, "content": "in", "type": "input", "time": NOW},
    ]
    with FakeAgentAPI(messages) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert [item["role"] for item in coder.snapshots[0]] == ["agent", "user"]
    assert not any("Repaired" in line for line in run.lines)
