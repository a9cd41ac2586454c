# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that means harm, or is broken: it takes no more time and memory than it may, and decides about nothing.

Where a test measures time, an unbounded client would need many times what is allowed, so a busy machine fails no test.
"""

from __future__ import annotations

import gc
import gzip
import json
import socket
import threading
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from calling import FakeClock, call
from raw_server import INFO, USER, http, listing, path_of, raw_server, task

from ansible_collections.coder.tasks.plugins.module_utils.coder.connection import Connection
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import AnswerLost, CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.transport import Transport

TOKEN = "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"
MIB = 1024 * 1024
# Longest time that a request with a deadline of half a second may take, on a machine that does much else.
PATIENCE = 8.0


def connect(url: str, clock: Any = time, **options: Any) -> Transport:
    return Transport(Connection(url, TOKEN, **{"retries": 0, **options}), clock)


def failure(transport: Transport, method: str = "GET") -> CoderError:
    with pytest.raises(CoderError) as caught:
        transport.request(method, INFO, body=None if method == "GET" else {})
    assert TOKEN not in caught.value.message
    return caught.value


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def sends(data: bytes) -> Callable[[socket.socket, bytes], bool]:
    def answer(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(data)
        return True

    return answer


def drips(head: bytes, drop: bytes) -> Callable[[socket.socket, bytes], bool]:
    """The head, and then a drop again and again, for a minute."""

    def answer(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(head)
        for _number in range(1200):
            connection.sendall(drop)
            time.sleep(0.05)
        return False

    return answer


def floods(head: bytes, piece: bytes) -> Callable[[socket.socket, bytes], bool]:
    """The head, and then a piece again and again, as fast as it is read."""

    def answer(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return answer


# Time

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (OK, b"a"),
        (OK, b"X-H: y\r\n"),
        (OK + b"Content-Length: 100000\r\n\r\n", b" "),
        (CHUNKED, b"0"),
        (CHUNKED, b"1\r\n \r\n"),
        (CHUNKED + b"0\r\n", b"Trailer: x\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n", b" "),
    ],
    ids=["status", "header", "headers", "body", "chunk size", "chunks", "trailers", "continue", "redirect", "refusal"],
)
def test_whatever_drips_ends_at_the_deadline(head: bytes, drop: bytes) -> None:
    with raw_server(drips(head, drop)) as url, within(PATIENCE):
        error = failure(connect(url, deadline=0.5, timeout=5))
    assert isinstance(error, AnswerLost) and error.kind in ("timeout", "network")


def test_a_handshake_that_hangs_ends_in_time_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, within(PATIENCE):
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        error = failure(connect(url, connect_timeout=0.3), "POST")
    assert error.kind == "network" and not isinstance(error, AnswerLost)


def test_a_proxy_that_drips_ends_in_time() -> None:
    with raw_server(drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as url, within(PATIENCE):
        error = failure(connect("https://coder.invalid", proxy=url, deadline=0.5), "POST")
    assert error.kind == "network" and not isinstance(error, AnswerLost)


def test_the_look_up_of_a_name_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: hangs.wait(60))
    try:
        with within(PATIENCE):
            error = failure(connect("http://coder.example", connect_timeout=0.3), "POST")
    finally:
        hangs.set()
    assert error.kind == "network" and not isinstance(error, AnswerLost)
    assert "no connection to coder.example within 0." in error.reason


def test_a_connection_that_comes_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it any more, and a server keeps what it accepted."""
    late, look_up = threading.Event(), socket.getaddrinfo

    def slow(host: str, port: int, *args: Any) -> Any:
        late.wait(60)
        return look_up("127.0.0.1", port, *args)

    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as listener, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        url = f"http://coder.example:{listener.getsockname()[1]}"
        assert failure(connect(url, connect_timeout=0.1)).kind == "network"
        dials = [thread for thread in threading.enumerate() if thread not in before]
        late.set()
        connection, _peer = listener.accept()
        with connection:
            connection.settimeout(60)
            assert connection.recv(1) == b""
        for dial in dials:
            dial.join(60)
        del dials, dial
        gc.collect()
    assert heard == [], "it is closed by us and not by chance"


def test_what_arrives_after_the_deadline_is_not_read() -> None:
    clock = FakeClock()

    def answer(connection: socket.socket, _request: bytes) -> bool:
        clock.now += 1000.0
        connection.sendall(http(b"{}").removesuffix(b"{}"))
        return bool(connection.recv(1))  # nothing, once the client has left

    with raw_server(answer) as url:
        error = failure(connect(url, clock, deadline=30.0), "POST")
    assert error.kind == "timeout" and isinstance(error, AnswerLost)


def test_a_handshake_behind_a_proxy_has_what_the_proxy_left_of_the_time() -> None:
    clock = FakeClock()

    def answer(connection: socket.socket, _request: bytes) -> bool:
        time.sleep(0.1)  # the client waits for this answer by now, for which it has 20 s; if not, it has less
        clock.now += 19.9
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return bool(connection.recv(65536)) and bool(connection.recv(1))  # a greeting, and then nothing

    with raw_server(answer) as url, within(PATIENCE):
        error = failure(connect("https://coder.invalid", clock, proxy=url, deadline=20.0, timeout=20.0), "POST")
    assert error.kind == "network" and not isinstance(error, AnswerLost)


def test_pages_that_do_not_end_are_an_error() -> None:
    pages = iter(range(10**9))

    def answer(connection: socket.socket, request: bytes) -> bool:
        path = path_of(request)
        if path.endswith("/tasks"):
            page = next(pages)
            body: Any = {"tasks": [task(id=f"{page}-{number}") for number in range(100)]}
        else:
            body = {"version": "v2.27.0"} if path == INFO else USER
        connection.sendall(http(json.dumps(body).encode()))
        return True

    with raw_server(answer) as url:
        client = TasksClient(connect(url, deadline=1.0))
        with within(PATIENCE), pytest.raises(CoderError, match=r"did not end within 1 s|no complete answer") as caught:
            client.list_tasks()
        assert caught.value.kind == "timeout"
        client = TasksClient(connect(url, max_response_bytes=200_000))
        with pytest.raises(CoderError, match="'max_response_bytes'") as caught:
            client.list_tasks()
        assert caught.value.kind == "protocol"


# Memory


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * MIB) for _number in range(size // MIB)) + packer.flush()


PACKED = b"Content-Encoding: gzip\r\n"


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "400 Bad Request", "500 Oops"])
@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"", chunk(b" " * 65536)),
        (PACKED, chunk(bomb(64 * MIB))),
        (PACKED, chunk(gzip.compress(b" " * 4096) * 500)),
    ],
    ids=["endless", "packed", "packed in many members"],
)
def test_a_body_takes_no_more_memory_than_it_may(status: str, header: bytes, data: bytes) -> None:
    head = f"HTTP/1.1 {status}\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n".encode() + header + b"\r\n"
    with raw_server(floods(head, data)) as url:
        transport = connect(url, max_response_bytes=MIB, retries=3)
        tracemalloc.start()
        try:
            error = failure(transport)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (error.kind, error.attempts) == ("protocol", 1)
    assert "longer than 'max_response_bytes'" in error.message
    assert peak < 16 * MIB


def test_an_answer_that_is_too_long_may_have_done_its_work() -> None:
    with raw_server(sends(http(b"{}" + b" " * 1998))) as url:
        error = failure(connect(url, max_response_bytes=1000), "POST")
        assert isinstance(error, AnswerLost) and error.kind == "protocol"
        assert connect(url, max_response_bytes=2000).request("DELETE", INFO).data == {}


def test_gzip_is_unpacked_and_another_packing_refused() -> None:
    body = gzip.compress(b'{"version":') + gzip.compress(b'"v1"}')
    with raw_server(sends(http(body, "200 OK", "Content-Encoding: gzip"))) as url:
        assert connect(url).request("GET", INFO).data == {"version": "v1"}
    with raw_server(sends(http(body[:-3], "200 OK", "Content-Encoding: gzip"))) as url:
        assert failure(connect(url)).kind == "network"
    with raw_server(sends(http(b"xx", "200 OK", "Content-Encoding: br"))) as url:
        error = failure(connect(url))
    assert error.kind == "protocol" and "packed as 'br'" in error.message


@pytest.mark.parametrize("value", [0, -5])
def test_a_size_that_nothing_can_keep_is_refused(value: int) -> None:
    with pytest.raises(CoderError, match="'max_response_bytes'"):
        connect("http://127.0.0.1:1", max_response_bytes=value)


# What the server must not decide


def test_a_body_is_called_json_and_no_body_is_called_nothing() -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> bool:
        seen.append(request.lower())
        connection.sendall(http(b"{}"))
        return True

    with raw_server(answer) as url:
        transport = connect(url)
        for body in (None, {}, {"input": "x"}):
            transport.request("POST", "/api/v2/tasks/me", body=body)
    assert [b"\r\ncontent-type: application/json\r\n" in request for request in seen] == [False, True, True]
    assert [request.count(b"content-type") for request in seen] == [0, 1, 1]


def test_no_cookie_is_kept() -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> bool:
        seen.append(request.lower())
        connection.sendall(http(b"{}", "200 OK", "Set-Cookie: coder_session_token=evil; Path=/", "Set-Cookie: a=b"))
        return True

    with raw_server(answer) as url:
        transport = connect(url)
        for _number in range(3):
            transport.request("GET", INFO)
        transport.request("POST", INFO, body={})
    assert len(seen) == 4 and not any(b"cookie" in request for request in seen)


def test_an_interim_answer_is_not_followed_by_anothers_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    def answer(connection: socket.socket, request: bytes) -> bool:
        body = json.dumps({"path": path_of(request)}).encode()
        connection.sendall((early if b"/first" in request else b"") + http(body))
        return True

    with raw_server(answer) as url:
        transport = connect(url)
        for path in ("/first", "/second", "/third"):
            try:
                assert transport.request("GET", path).data == {"path": path}
            except CoderError as error:
                assert path == "/first" and error.kind == "network"


@pytest.mark.parametrize("location", ["http://[::1", "\xff\xfe", "//", "", "http://x" * 300])
def test_a_location_of_any_kind_is_no_more_than_words(location: str) -> None:
    with raw_server(sends(http(b"{}", "302 Found", f"Location: {location}"))) as url:
        error = failure(connect(url))
    assert (error.kind, error.status) == ("protocol", 302) and len(error.message) < 1300


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
        b"9" * 100_000,
        b'{"version":NaN}',
        b'{"version":-Infinity}',
        b"\xff\xfe{\x00}\x00",
        b'{"version":"\xff"}',
    ],
    ids=["deep list", "deep object", "huge number", "nan", "infinity", "utf-16", "latin-1"],
)
def test_json_that_no_coder_writes_is_not_its_answer(body: bytes) -> None:
    with raw_server(sends(http(body))) as url:
        error = failure(connect(url))
        assert error.kind == "protocol" and "instead of JSON" in error.message
    with raw_server(sends(http(body, "409 Conflict"))) as url:
        assert failure(connect(url)).kind == "conflict"


def test_half_of_a_surrogate_pair_is_replaced_as_go_does() -> None:
    with raw_server(sends(http(rb'{"a":"x\ud800y\ud83d\ude00","\udfff":1,"b":"\\ud800"}'))) as url:
        data = connect(url).request("GET", INFO).data
    assert data == {"a": "x\ufffdy\U0001f600", "\ufffd": 1, "b": "\\ud800"}


@pytest.mark.parametrize("date", ["Mon, 99 Foo 9999 99:99:99 GMT", "Fri, 31 Dec 9999 23:59:59 -2359",
                                  "Mon, 01 Jan 0101 00:00:00 GMT", "\xb2"])  # fmt: skip
def test_a_date_that_cannot_be_right_is_not_believed(date: str) -> None:
    with raw_server(sends(http(b"{}", "200 OK", f"Date: {date}"))) as url:
        transport = connect(url)
        transport.request("GET", INFO)
    assert transport.server_ahead == 0.0


@pytest.mark.parametrize("headers", [["Retry-After: 999999999"], ["Retry-After: " + "9" * 400],
                                     ["Retry-After: nan", "X-Ratelimit-Reset: " + "9" * 400],
                                     ["Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"], ["Retry-After: -1"]])  # fmt: skip
def test_a_rate_limit_of_any_kind_ends_with_good_advice(headers: list[str]) -> None:
    with raw_server(sends(http(b"{}", "429 Slow", *headers))) as url:
        clock = FakeClock()
        error = failure(connect(url, clock, deadline=5.0))
    assert error.kind == "rate_limited" and sum(clock.slept) <= 5.0
    assert "Raise 'deadline' above 0" not in error.message and "above -" not in error.message


# TLS on one side only


def test_http_to_a_tls_port_says_so() -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"

    def answer(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(alert)
        return False

    for method in ("GET", "POST"):
        with raw_server(answer) as url:
            error = failure(connect(url), method)
        assert "speaks TLS" in error.message and "Give 'url' with https://" in error.message
        assert not isinstance(error, AnswerLost)


@pytest.mark.parametrize(
    "text",
    ["Client sent an HTTP request to an HTTPS server.\n", "<center>The plain HTTP request was sent to HTTPS port"],
    ids=["go", "nginx"],
)
def test_a_tls_port_that_answers_in_words_is_recognised(text: str) -> None:
    reply = f"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n{text}".encode()
    with raw_server(lambda connection, _request: bool(connection.sendall(reply))) as url:
        error = failure(connect(url))
    assert error.kind == "protocol" and "speaks TLS" in error.message and "https://" in (error.hint or "")


def test_https_to_a_plain_port_says_so() -> None:
    def refuse() -> None:
        connection, _peer = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, daemon=True).start()
        error = failure(connect(f"https://127.0.0.1:{listener.getsockname()[1]}"), "POST")
    assert error.kind == "tls" and not isinstance(error, AnswerLost)
    assert "speaks plain HTTP" in error.message and "http://" in (error.hint or "")
    assert "WRONG_VERSION" not in error.message


# Through the operations


FIELDS = ("id", "name", "owner_name", "status", "workspace_id", "created_at", "current_state", "display_name",
          "initial_prompt", "workspace_agent_health", "workspace_build_number")  # fmt: skip


@pytest.mark.parametrize("bad", [None, 1, True, [], {}, "\ud800", "a\x00b", "../../etc", ".", ""], ids=repr)
def test_one_malformed_task_is_that_tasks_failure(bad: Any, tmp_path: Path) -> None:
    broken = [
        task(**{"id": f"{number:08d}-0000-4000-8000-000000000000", field: bad}) for number, field in enumerate(FIELDS)
    ]
    good = task(id="99999999-0000-4000-8000-000000000000", name="good")
    said = [{"id": 0, "content": "hello", "type": "output", "time": "2026-01-01T00:00:00Z"}]
    with listing([*broken, good], said) as url:
        given = {"url": url, "token": TOKEN, "deadline": 8.0, "retries": 0}
        found = call("task_info", **given)
        assert found.kind is None and "good" in [item["name"] for item in found["tasks"]]
        read = call("task_logs_info", **given)
        assert read.kind is None
        assert [entry["source"] for entry in read["logs"] if entry["name"] == "good"] == ["live"]
        given.update(all_owners=True, redaction_key="k" * 20, wait_timeout=1.0)
        kept = call("archive", path=str(tmp_path / "a"), **given)
        assert kept.kind in (None, "protocol"), kept.msg
        saved = [json.loads(line) for line in (tmp_path / "a" / "manifest.jsonl").read_text().splitlines()]
        assert [entry["messages"] for entry in saved if entry["name"] == "good"] == [1]


def test_a_token_in_the_clear_is_warned_of_once() -> None:
    warnings = call("task_info", url="http://192.0.2.1:9", token=TOKEN, retries=0, connect_timeout=0.1).warnings
    assert len(warnings) == 1 and "192.0.2.1 unencrypted" in warnings[0] and "https://" in warnings[0]
    with listing([]) as url:
        assert call("task_info", url=url, token=TOKEN).warnings == []
        assert call("task_info", url=url.replace("127.0.0.1", "localhost"), token=TOKEN).warnings == []
    for url in ("http://[::1]:9", "http://coder.localhost:9", "https://192.0.2.1:9"):
        assert Connection(url, TOKEN).exposes_token is None
    for url in ("http://10.0.0.1", "HTTP://coder.example.com", "http://localhost.example.com"):
        assert Connection(url, TOKEN).exposes_token
