# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken and huge answers of AgentAPI: what is saved, how much memory that takes, and what is said.

A stop may use 64 MB beyond the size of the answer, and has to end within its deadline.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import NOW, FakeAgentAPI, FakeCoder, Request, Server, conversation

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.clip import clip
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.read import EventParser

ROOM = 64_000_000
MB = 1_000_000


def piece(number: int, content: str) -> bytes:
    """A message as AgentAPI writes it, in /messages."""
    role = ("agent", "user")[number % 2]
    head, tail = f'{{"id":{number},"content":"', f'","role":"{role}","time":"{NOW}"}}'
    return (head + content + tail).encode()


def answer_of(messages: Iterator[bytes]) -> bytes:
    return b'{"$schema":"http://localhost:3284/schemas/x.json","messages":[%b]}\n' % b",".join(messages)


def peak_and_code(hook: Hook) -> tuple[int, int]:
    """Largest resident size in bytes, and exit code, of one stop.

    A process is born with the peak of its parent: the small one in between measures the hook alone.
    """
    script = (
        "import os, sys; pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)\n"
        "_, status, used = os.wait4(pid, 0); print(used.ru_maxrss * 1024, os.WEXITSTATUS(status))"
    )
    environ = {name: value for name, value in hook.environ.items() if value is not None}
    command = [hook.python, "-I", "-S", str(hook.folder / "main.py"), "capture", "--deadline", "60"]
    done = subprocess.run(
        [hook.python, "-I", "-S", "-c", script, *command], env=environ, capture_output=True, timeout=90, check=True
    )
    peak, code = done.stdout.split()[-2:]
    return int(peak), int(code)


def three(newest: str) -> Iterator[bytes]:
    return iter([piece(0, "a"), piece(1, "b"), piece(2, newest)])


HUGE = {
    "100,000 messages of 1 KB": (lambda: (piece(number, "x" * 1000) for number in range(100_000)), 10),
    "600,000 tiny messages": (lambda: (piece(number, "") for number in range(600_000)), 10),
    "one message of 50 MB": (lambda: three("y" * (50 * MB)), 1),
    "one message of 50 MB, CJK": (lambda: three("漢" * (50 * MB // 3)), 1),
    "one message of 50 MB, escapes": (lambda: three("\\u6f22" * (50 * MB // 6)), 1),
    "one message of 50 MB, quotes": (lambda: three('\\"\\\\' * (50 * MB // 4)), 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HUGE)
def test_a_huge_answer_is_saved_in_bounded_memory(hook: Hook, coder: FakeCoder, case: str) -> None:
    messages, kept = HUGE[case]
    body = answer_of(messages())

    def respond(request: Request) -> None:
        request.answer(200 if request.path == "/messages" else 404, body if request.path == "/messages" else b"")

    with Server(respond) as agentapi:
        peak, code = peak_and_code(hook.point_at(agentapi.port, coder))
        assert agentapi.paths() == ["/messages"]
    assert code == 0
    assert peak <= len(body) + ROOM, f"{peak / MB:.0f} MB"
    assert len(coder.snapshots[-1]) == kept
    assert len(coder.journal[-1].body) <= 65536
    if kept == 1:
        assert coder.snapshots[-1][0]["content"].startswith("[...content truncated, ")
        assert len(coder.journal[-1].body) > 65_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "messages",
    [
        lambda: ((number, "x" * 700) for number in range(100_000)),
        lambda: iter([(0, "a"), (1, "b"), (2, "z" * (60 * MB))]),
    ],
    ids=["100,000 events", "one event of 60 MB"],
)
def test_a_huge_event_stream_is_saved_in_bounded_memory(
    hook: Hook, coder: FakeCoder, messages: Callable[[], Iterator[tuple[int, str]]]
) -> None:
    events = b"".join(
        b'event: message_update\ndata: {"id":%d,"role":"%b","message":"%b","time":"%b"}\n\n'
        % (number, (b"agent", b"user")[number % 2], content.encode(), NOW.encode())
        for number, content in messages()
    )
    events += b'event: status_change\ndata: {"status":"stable","agent_type":"custom"}\n\n'

    def respond(request: Request) -> None:
        if request.path == "/events":
            request.answer(200, events, Content_Type="text/event-stream")
        else:
            request.answer(500, "locked")

    with Server(respond) as agentapi:
        peak, code = peak_and_code(hook.point_at(agentapi.port, coder))
    assert code == 0
    assert peak <= len(events) + ROOM, f"{peak / MB:.0f} MB"
    assert coder.snapshots[-1][-1]["content"].endswith(("x" * 700, "z" * 60_000))


def closed_early(request: Request) -> None:
    request.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"messages":[{"id":0,"cont')
    request.close_connection = True


def cut_short(request: Request) -> None:
    request.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"messages":[{"id":0,"cont')
    request.close_connection = True


BROKEN: dict[str, Callable[[Request], None]] = {
    "gzip that was not asked for": lambda request: request.answer(
        200, gzip.compress(b'{"messages":[]}'), Content_Encoding="gzip"
    ),
    "closed before its end": closed_early,
    "shorter than it said": cut_short,
    "empty": lambda request: request.answer(200, ""),
    "a redirect": lambda request: request.answer(302, Location="/chat"),
    "nested too deeply": lambda request: request.answer(200, '{"messages":' + "[" * 200_000),
    "UTF-16": lambda request: request.answer(200, '{"messages":[]}'.encode("utf-16")),
    "HTML": lambda request: request.answer(200, "<html>"),
    "an error": lambda request: request.answer(500, "panic"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_answer_that_is_none_is_made_up_for_by_the_events(
    hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder, case: str
) -> None:
    respond = agentapi.respond
    agentapi.script = lambda request: BROKEN[case](request) if request.path == "/messages" else respond(request)
    run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert coder.snapshots == [agentapi.messages]


@pytest.mark.parametrize("case", BROKEN)
def test_and_where_there_are_no_events_by_the_state_file(
    hook: Hook, coder: FakeCoder, tmp_path: Path, case: str
) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"version": 1, "messages": conversation("Hello.", "do", "done")}))
    with Server(BROKEN[case]) as agentapi:
        run = hook.point_at(agentapi.port, coder).run("capture", AGENTAPI_STATE_FILE=str(state))
        assert "/events" in agentapi.paths()
        assert run.code == 0
        assert "Error: Failed to fetch messages from AgentAPI (" in run.stderr
        assert [len(snapshot) for snapshot in coder.snapshots] == [3]
        # And where there is nothing else it is a loss, and said.
        run = hook.run("capture", HOME=str(tmp_path / "other"))
        assert run.code == 1
        assert "Error: Cannot capture log snapshot without messages" in run.stderr


def test_what_has_arrived_when_an_answer_breaks_off_is_better_than_nothing(hook: Hook, coder: FakeCoder) -> None:
    body = answer_of(piece(number, f"message {number}") for number in range(5))

    def respond(request: Request) -> None:
        if request.path != "/messages":
            request.answer(404)
            return
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body[:-150])
        request.close_connection = True

    with Server(respond) as agentapi:
        run = hook.point_at(agentapi.port, coder).run("capture")
        assert run.code == 0
        assert "Using the conversation from the part of AgentAPI's answer that arrived" in run.lines
        assert [item["content"] for item in coder.snapshots[-1]] == ["message 0", "message 1", "message 2"]
        # Never over what was saved before, which may hold more.
        assert hook.run("capture").code == 1
        assert len(coder.snapshots) == 1


GOOD: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf%b",
    "spaces": b"  \n%b\n\n",
}


@pytest.mark.parametrize("case", GOOD)
def test_odd_but_right_answers(hook: Hook, coder: FakeCoder, case: str) -> None:
    body = GOOD[case] % json.dumps({"messages": conversation("a", "b")}).encode()
    with Server(lambda request: request.answer(200, body)) as agentapi:
        assert hook.point_at(agentapi.port, coder).run("capture").code == 0
    assert coder.snapshots == [conversation("a", "b")]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\n\r\n%b",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n%b",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(150)) + b"\r\n%b",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n%%x;a=b\r\n%b\r\n0\r\nTrailer: x\r\n\r\n",
    ],
    ids=["HTTP/1.0 without length", "1xx before it", "150 headers", "chunked with extension and trailer"],
)
def test_odd_but_right_framing(hook: Hook, coder: FakeCoder, head: bytes) -> None:
    body = json.dumps({"messages": conversation("a", "b")}).encode()

    def respond(request: Request) -> None:
        raw = head.replace(b"%%x", b"%x" % len(body)).replace(b"%b", body)
        request.wfile.write(raw)
        request.close_connection = True

    with Server(respond) as agentapi:
        assert hook.point_at(agentapi.port, coder).run("capture").code == 0
    assert coder.snapshots == [conversation("a", "b")]


ODD: list[Any] = [
    [{"id": 0, "content": "a", "role": "agent", "time": NOW}] * 3,
    [{"id": -(2**70), "content": "a", "role": "x", "time": "yesterday"}, {"id": 1.5}, {"id": "7", "role": "user"}],
    [None, 5, "text", [1], {"content": {"a": [1]}}, {"content": float("nan")}],
    [{"id": 0, "content": "a\0\u2028\u202e", "role": "user", "time": NOW}, {"content": "\ud83d", "role": "agent"}],
    [{"id": number, "content": " " * 200, "role": "agent", "time": NOW} for number in range(10)],
]


@pytest.mark.parametrize("messages", ODD, ids=range(len(ODD)))
def test_odd_messages_are_repaired(hook: Hook, coder: FakeCoder, messages: list[Any]) -> None:
    """The server in the test refuses what Coder refuses."""
    with Server(lambda request: request.json(200, {"messages": messages})) as agentapi:
        assert hook.point_at(agentapi.port, coder).run("capture").code == 0
    assert len(coder.snapshots[-1]) == len(messages)


def test_an_answer_that_drips_is_read(hook: Hook, coder: FakeCoder) -> None:
    body = json.dumps({"messages": conversation("a", "b")}).encode()

    def respond(request: Request) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 20):
            request.wfile.write(body[at : at + 20])
            request.server.closing.wait(0.05)

    with Server(respond) as agentapi:
        assert hook.point_at(agentapi.port, coder).run("capture").code == 0
    assert coder.snapshots == [conversation("a", "b")]


# The shortening itself


@pytest.mark.parametrize("unit", ["x", "漢", "\\u6f22", '\\"', "\\\\", "\\n", "\\\\\\n", "\\ud83d\\ude00"])
def test_what_is_shortened_is_still_json_and_counts_what_it_left_out(unit: str) -> None:
    content = unit * (3 * MB // len(unit.encode()))
    whole = f'{{"id":2,"content":"{content}'.encode()
    data = bytearray(whole)
    clip(data)
    assert len(data) < 2 * MB
    value = json.loads(bytes(data) + b'"}')
    expected = json.loads(f'"{content}"')
    mark, _break, tail = value["content"].partition("\n\n")
    left_out = int(mark.split()[2])
    assert value["id"] == 2
    assert expected.endswith(tail)
    assert left_out + len(tail) == len(expected)
    # Once more, with what came meanwhile.
    data += content.encode()
    clip(data)
    value = json.loads(bytes(data) + b'"}')
    assert len(data) < 2 * MB
    assert int(value["content"].split()[2]) + len(value["content"].partition("\n\n")[2]) == 2 * len(expected)


def test_what_is_not_inside_a_string_is_left_alone() -> None:
    data = bytearray(b'{"a":"' + b"x" * (2 * MB) + b'"}, ')
    before = bytes(data)
    clip(data)
    assert data == before


def test_a_string_that_has_only_begun_is_left_alone() -> None:
    data = bytearray(b'{"a":"' + b"x" * (2 * MB) + b'","b":"short')
    before = bytes(data)
    clip(data)
    assert data == before


def test_what_is_no_json_is_shortened_all_the_same() -> None:
    """Whoever reads it afterwards refuses it; memory is bounded before that."""
    data = bytearray(b'{"a":"' + b"\\q\xff" * MB)
    clip(data)
    assert len(data) < 2 * MB and data.startswith(b'{"a":"[...content truncated, ')


def test_events_that_come_in_any_pieces_are_the_same() -> None:
    stream = b'event: message_update\r\ndata: {"id":0,"message":"a"}\r\n\r\n'
    stream += b'event: status_change\ndata: {"status":"stable"}\n\n'
    whole = EventParser().feed(stream)
    assert [kind for kind, _data in whole] == ["message_update", "status_change"]
    for size in (1, 2, 3, 7, 50):
        parser = EventParser()
        found = [event for at in range(0, len(stream), size) for event in parser.feed(stream[at : at + size])]
        assert found == whole
