# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests over real sockets: retries, the rate gate, deadlines, and answers that are not Coder's."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from calling import FakeClock, call

from ansible_collections.coder.tasks.plugins.module_utils.coder import http_adapter
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import AnswerLost, CoderError, RouteNotFound
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.models import NewTask
from ansible_collections.coder.tasks.plugins.module_utils.coder.transport import Allowance, Connection, Transport
from emulator import Emulator

TOKEN = "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"
INFO = "/api/v2/buildinfo"


class HurriedClock:
    """Real time, but pauses are only written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.monotonic, self.time = time.monotonic, time.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class AnnouncedClock(HurriedClock):
    """Real time and real pauses; `asleep` is set when the first pause begins."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.asleep.set()
        time.sleep(seconds)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(emulator: Callable[..., Emulator]) -> Emulator:
    return emulator()


def connect(server: Emulator | str, clock: Any = None, **options: Any) -> Transport:
    url, token = (server, TOKEN) if isinstance(server, str) else (server.url, server.token)
    return Transport(Connection(url, token, **options), clock or HurriedClock())


def failure(transport: Transport, method: str = "GET", path: str = INFO, **options: Any) -> CoderError:
    with pytest.raises(CoderError) as caught:
        transport.request(method, path, **options)
    assert transport.connection.token not in str(caught.value) + str(caught.value.failure())
    return caught.value


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection, once its request has been read, what a function says."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                connection, _peer = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(2)
                connection.recv(65536)
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        thread.join(timeout=60)
        listener.close()


def says(text: str) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text.encode("latin-1"))


# Retries


@pytest.mark.parametrize("fault", ["reset", "lost", "truncate"])
def test_a_read_is_tried_again(server: Emulator, fault: str) -> None:
    server.faults.add(fault, count=3)
    clock = HurriedClock()
    assert connect(server, clock, retries=3).request("GET", INFO).status == 200
    assert len(server.journal) == 4
    assert len(clock.slept) == 3
    assert all(pause <= limit for pause, limit in zip(clock.slept, (0.5, 1.0, 2.0), strict=True))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateways_error_is_tried_again_and_counted(server: Emulator, status: int) -> None:
    server.faults.add("status", status=status, count=None)
    error = failure(connect(server, retries=2))
    assert (error.kind, error.status, error.attempts) == ("server", status, 3)
    assert len(server.journal) == 3


def test_coders_own_errors_are_final(server: Emulator) -> None:
    for status, kind in [(400, "invalid"), (401, "auth"), (403, "forbidden"), (404, "not_found"), (409, "conflict"),
                         (410, "not_found"), (501, "server"), (418, "protocol")]:  # fmt: skip
        server.faults.add("status", status=status)
        error = failure(connect(server))
        assert (error.kind, error.status, error.attempts) == (kind, status, 1)
        assert f"GET {INFO} returned HTTP {status}: Injected fault." in error.message


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_read_that_the_server_cannot_answer_just_now_is_tried_again(server: Emulator, status: int) -> None:
    server.faults.add("status", status=status, count=3)
    assert connect(server, retries=3).request("GET", INFO).status == 200
    server.faults.add("status", status=status, count=None)
    error = failure(connect(server, retries=2))
    assert f"returned HTTP {status}: Injected fault (3 attempts). " in error.message
    assert "ry again" in (error.hint or "") and error.message.endswith(error.hint or "")


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_that_failed_in_the_server_is_not_sent_again(server: Emulator, method: str) -> None:
    server.faults.add("status", status=500, count=None)
    error = failure(connect(server), method, "/api/v2/tasks/me/x")
    assert not isinstance(error, AnswerLost) and error.attempts == 1 and len(server.journal) == 1
    assert "attempts)" not in error.message


def test_an_answer_can_be_called_final(server: Emulator) -> None:
    server.faults.add("status", status=502, count=None)
    assert failure(connect(server), final=lambda message: message == "Injected fault.").attempts == 1


@pytest.mark.parametrize("fault", ["reset", "lost"])
def test_a_post_whose_answer_was_lost_is_never_sent_again(server: Emulator, fault: str) -> None:
    server.faults.add(fault, count=None)
    error = failure(connect(server), "POST", "/api/v2/tasks/me", body={})
    assert isinstance(error, AnswerLost) and error.kind == "network"
    assert len(server.journal) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_post_is_not_sent_again_after_a_gateways_error(server: Emulator, status: int) -> None:
    server.faults.add("status", status=status, count=None)
    assert failure(connect(server), "POST", "/api/v2/tasks/me", body={}).attempts == 1
    assert len(server.journal) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_was_never_made_is_tried_again(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = failure(connect(f"http://127.0.0.1:{port}", retries=2), method, body={})
    assert (error.kind, error.attempts, error.status) == ("network", 3, None)
    assert not isinstance(error, AnswerLost)
    assert f"127.0.0.1:{port}: Connection refused" in error.message


def test_a_name_that_is_no_host() -> None:
    error = failure(connect("http://coder.invalid", retries=0))
    assert error.kind == "network"
    assert "No connection to coder.invalid" in error.message


# Time


def test_a_server_that_never_answers(server: Emulator) -> None:
    server.faults.add("latency", seconds=10, count=None)
    began = time.monotonic()
    error = failure(connect(server, timeout=0.2))
    assert time.monotonic() - began < 6
    assert isinstance(error, AnswerLost) and (error.kind, error.attempts) == ("timeout", 1)
    assert "no complete answer within 0.2 s" in error.message


def test_a_body_that_drips_ends_at_the_deadline(server: Emulator) -> None:
    server.faults.add("drip", seconds=20, count=None)
    began = time.monotonic()
    error = failure(connect(server, timeout=5, deadline=0.7))
    assert time.monotonic() - began < 10
    assert error.kind == "timeout"
    assert re.search(r"no complete answer within \d\.\d s", error.message)


def test_a_body_that_drips_in_time_is_whole(server: Emulator) -> None:
    server.faults.add("drip", seconds=0.2)
    assert connect(server).request("GET", INFO).data["version"].startswith("v2.34")


def test_retries_end_at_the_deadline(server: Emulator) -> None:
    server.faults.add("status", status=503, count=None)
    clock = FakeClock()
    error = failure(connect(server, clock, retries=1000, deadline=30))
    assert error.status == 503
    assert sum(clock.slept) <= 30


def test_no_page_is_asked_for_after_the_deadline_of_all(server: Emulator) -> None:
    transport = connect(server, deadline=5.0)
    told = failure(transport, within=Allowance(time.monotonic() - 6.0, 5.0, 1000))
    assert told.kind == "timeout" and "did not end within 5 s" in str(told) and len(server.journal) == 0


@pytest.mark.parametrize("option", ["connect_timeout", "timeout", "deadline"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_time_that_nothing_can_keep_is_refused(server: Emulator, option: str, value: float) -> None:
    with pytest.raises(CoderError, match=f"'{option}'") as caught:
        connect(server, **{option: value})
    assert caught.value.kind == "invalid"


# The rate limit


def limit(server: Emulator, count: int, **headers: str) -> None:
    server.faults.add(
        "status", status=429, count=count, headers=headers, body='{"message":"You\'ve been rate limited."}'
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_by_the_rate_limit_is_waited_for_also_by_a_write(server: Emulator, method: str) -> None:
    limit(server, 2, **{"Retry-After": "30"})
    clock = FakeClock()
    with pytest.raises(CoderError) if method == "POST" else _nothing():
        connect(server, clock).request(method, "/api/v2/users/me", body=None)
    assert [round(pause) for pause in clock.slept] == [30, 30]
    assert len(server.journal) == 3


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_the_earlier_reset_is_tried_first(server: Emulator) -> None:
    limit(server, 1, **{"Retry-After": "60", "X-Ratelimit-Reset": str(int(time.time()) + 21)})
    clock = FakeClock()
    connect(server, clock).request("GET", INFO)
    assert 19 < sum(clock.slept) <= 21


def test_a_wait_beyond_the_deadline_is_an_error_at_once(server: Emulator) -> None:
    limit(server, 9, **{"Retry-After": "600"})
    clock = FakeClock()
    error = failure(connect(server, clock))
    assert (error.kind, error.status, error.attempts) == ("rate_limited", 429, 1)
    assert clock.slept == []
    assert "another 600 s" in error.message and "'deadline'" in error.message


def test_a_wait_is_told_once_for_all_who_wait_while_it_lasts(server: Emulator) -> None:
    limit(server, 2, **{"Retry-After": "30"})
    clock = FakeClock()
    transport = connect(server, clock)
    told: list[str] = []
    transport.tell = lambda text: told.append(f"{len(clock.slept)} {text}")
    transport.request("GET", INFO)
    transport.request("GET", INFO)
    assert [text.partition(" ")[0] for text in told] == ["0", "1"]
    host = re.escape(server.url.removeprefix("http://"))
    said = rf"0 All requests to {host} wait 30 s, until \d\d:\d\d:\d\d: the server's rate limit refused GET {INFO}\."
    assert re.fullmatch(said, told[0])


@pytest.mark.parametrize(("deadline", "retry_after"), [(120.0, 60), (120.0, 1), (2.0, 1), (0.5, 60)])
def test_the_advice_after_a_rate_limit_is_more_than_what_was_not_enough(
    server: Emulator, deadline: float, retry_after: int
) -> None:
    limit(server, 10_000, **{"Retry-After": str(retry_after)})
    clock = FakeClock(tick=0.01)
    error = failure(connect(server, clock, deadline=deadline))
    assert error.kind == "rate_limited" and error.attempts == len(server.journal)
    advised = re.search(r"Raise 'deadline' above (\d+) s", error.message)
    assert advised and deadline < int(advised[1]) <= deadline + retry_after + 3
    assert error.attempts == 1 or f"after {error.attempts} attempts in" in error.message


def test_the_operation_passes_the_word_on(server: Emulator) -> None:
    limit(server, 1, **{"Retry-After": "1"})
    assert any("rate limit refused GET" in text for text in call("task_info", server, clock=FakeClock()).progress)


def test_all_threads_wait_at_one_gate(server: Emulator) -> None:
    limit(server, 1, **{"Retry-After": "1"})
    clock = AnnouncedClock()
    transport = connect(server, clock)
    failing = threading.Thread(target=transport.request, args=("GET", INFO))
    failing.start()
    assert clock.asleep.wait(30)
    others = [threading.Thread(target=transport.request, args=("GET", INFO)) for _number in range(5)]
    for thread in others:
        thread.start()
    for thread in (*others, failing):
        thread.join(timeout=30)
    refused, *served = server.journal
    assert (refused.status, [entry.status for entry in served]) == (429, [200] * 6)
    assert all(entry.time - refused.time > 0.9 for entry in served)


def test_the_emulated_rate_limit_is_outlived(emulator: Callable[..., Emulator]) -> None:
    server = emulator(rate_limit=3, rate_window=1.0)
    transport = connect(server, time)
    for _number in range(5):
        assert transport.request("GET", INFO).status == 200


# The server's clock


@pytest.mark.parametrize("skew", [-3600.0, 0.0, 7200.0])
def test_the_servers_clock_is_known_from_its_answers(emulator: Callable[..., Emulator], skew: float) -> None:
    transport = connect(emulator(clock_skew=skew))
    assert transport.server_ahead == 0.0
    transport.request("GET", INFO)
    assert skew - 2 < transport.server_ahead < skew + 2


@pytest.mark.parametrize("skew", [-86400.0, 86400.0])
def test_ages_are_counted_by_the_servers_clock(emulator: Callable[..., Emulator], skew: float) -> None:
    # Slow, so that a minute ago is after the start of the workspace.
    server = emulator(clock_skew=skew, time_factor=20.0)
    task = server.create_task("rests")
    task.report("idle")
    task.workspace.reports[-1].time -= 60.0 / server.clock.factor
    asked = {"name": "rests", "wait_for": "idle"}
    assert not call("task", server, **asked, stable_idle=30.0, wait_timeout=10.0).failed
    assert call("task", server, **asked, stable_idle=3600.0, wait_timeout=0.3).kind == "wait_timeout"


# Answers that are not Coder's


def test_a_redirect_is_not_followed_with_a_token(server: Emulator, emulator: Callable[..., Emulator]) -> None:
    other = emulator()
    for status in (301, 302, 307, 308):
        server.faults.add("redirect", status=status, location=f"{other.url}/login?secret=1")
        error = failure(connect(server))
        assert (error.kind, error.status, error.attempts) == ("protocol", status, 1)
        assert f"a redirect to {other.url}" in error.message and "secret" not in error.message
    assert len(other.journal) == 0


def test_a_login_page_is_recognised(server: Emulator) -> None:
    server.faults.add("login")
    error = failure(connect(server))
    assert (error.kind, error.status) == ("protocol", 200)
    assert "an HTML page instead of JSON" in error.message and "'url'" in error.message


def test_json_that_is_none(server: Emulator) -> None:
    server.faults.add("garbage")
    error = failure(connect(server))
    assert error.kind == "protocol" and "instead of JSON" in error.message


def test_an_address_outside_the_api_is_a_page(server: Emulator) -> None:
    assert failure(connect(server.url + "/sub")).kind == "protocol"


def test_both_404s(server: Emulator) -> None:
    assert isinstance(failure(connect(server), path="/api/v2/nothing"), RouteNotFound)
    error = failure(connect(server), path="/api/v2/tasks/me/nothing")
    assert not isinstance(error, RouteNotFound) and error.kind == "not_found"
    server.faults.add("status", status=404, body="<html>", headers={"Content-Type": "text/html"})
    assert isinstance(failure(connect(server), path="/api/v2/tasks/me/nothing"), RouteNotFound), "a 404 without a word"


def test_details_and_validations_are_told(server: Emulator) -> None:
    body = '{"message":"Wrong.","detail":"very","validations":[{"field":"name","detail":"bad"}]}'
    server.faults.add("status", status=400, body=body)
    error = failure(connect(server))
    assert "HTTP 400: Wrong (very) [name: bad]." in error.message
    assert error.failure()["validations"] == [{"field": "name", "detail": "bad"}]


@pytest.mark.parametrize("body", ["", "[]", '"x"', "null", "{}", '{"message":5}', '{"validations":{"a":1}}', "plain"])
def test_error_bodies_of_any_shape(server: Emulator, body: str) -> None:
    server.faults.add("status", status=400, body=body or " ")
    assert failure(connect(server)).kind == "invalid"


def test_a_very_long_error_is_cut(server: Emulator) -> None:
    server.faults.add("status", status=400, body='{"message":"%s"}' % ("x" * 5000))
    assert len(failure(connect(server)).message) < 1200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n\r\n0123456789",
    ],
)
def test_broken_http_is_a_lost_answer(text: str) -> None:
    with raw_server(says(text)) as url:
        error = failure(connect(url, retries=0), "POST", body={})
    assert isinstance(error, AnswerLost) and error.kind == "network"


@pytest.mark.parametrize("header", ["Content-Length: \xb2", "Retry-After: \xb2", "Date: \xb2"])
def test_headers_that_are_no_numbers(header: str) -> None:
    status = "429 Slow" if header.startswith("Retry") else "200 OK"
    with raw_server(says(f"HTTP/1.1 {status}\r\n{header}\r\nConnection: close\r\n\r\n{{}}")) as url:
        try:
            connect(url, FakeClock(), retries=0, deadline=15).request("GET", INFO)
        except CoderError as error:
            assert error.kind in ("rate_limited", "network")


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", "5", '{"tasks":5}', '{"tasks":[5]}', '{"tasks":[{}]}'])
def test_json_of_another_shape_is_an_error_in_words(server: Emulator, body: str) -> None:
    client = TasksClient.connect(Connection(server.url, server.token), HurriedClock())
    assert client.version.numbers
    server.faults.add("status", status=200, body=body or " ", count=None)
    reads: list[Callable[[], Any]] = [
        client.list_tasks,
        lambda: client.find_task("x"),
        client.user,
        lambda: client.workspace("x"),
        client.templates,
        lambda: client.presets("x"),
        lambda: client.parameters("x"),
        lambda: client.organization("x"),
        lambda: client.logs({"owner_name": "alice", "id": "x"}),
        lambda: client.create_task("me", NewTask("x", "x", "v")),
        lambda: client.pause({"owner_name": "alice", "id": "x", "workspace_id": "y"}),
        lambda: client.build_parameters("x"),
    ]
    for read in reads:
        try:
            read()
        except CoderError as error:
            assert error.kind == "protocol", error.message


# Options


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "No server is given"),
        ("coder.example.com", "not an http or https address"),
        ("ftp://coder.example.com", "not an http or https address"),
        ("https://", "not an http or https address"),
        ("https://a b", "not an http or https address"),
        ("https://host:99999", "not an http or https address"),
        ("https://user:secret@host", "holds a user"),
        ("https://host/?x=1", "holds a user"),
    ],
)
def test_an_address_that_cannot_be_right(url: str, words: str) -> None:
    with pytest.raises(CoderError, match=words) as caught:
        connect(url)
    assert caught.value.kind == "invalid" and "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://host:0x1", "https://[::1", "http://exa\u2100mple.com", "http://" + "a" * 70])
def test_an_address_that_only_the_library_refuses(url: str) -> None:
    with pytest.raises(CoderError) as caught:
        connect(url, retries=0).request("GET", INFO)
    assert caught.value.kind in ("invalid", "network")


@pytest.mark.parametrize(
    ("token", "words"),
    [("", "No session token"), (" ", "No session token"), ("a b", "no session token has"), ("é", "no session token")],
)
def test_a_token_that_cannot_be_right(token: str, words: str) -> None:
    with pytest.raises(CoderError, match=words):
        Transport(Connection("http://x", token), time)


def test_headers_are_sent_and_the_token_wins(server: Emulator) -> None:
    headers = (("X-Access", "letmein-letmein"), ("coder-session-token", "another"))
    assert connect(server, headers=headers).request("GET", "/api/v2/users/me").data["username"] == "alice"


@pytest.mark.parametrize("header", [("X-A", "a\nb"), ("X-A", "caf\u00e9\u4fee"), ("X A:", "b"), ("", "b")])
def test_a_header_that_cannot_be_sent(server: Emulator, header: tuple[str, str]) -> None:
    with pytest.raises(CoderError) as caught:
        connect(server, headers=(header,)).request("GET", INFO)
    assert caught.value.kind == "invalid"
    assert header[1] not in str(caught.value) or header[1] == "b"


def test_nothing_that_is_shown_holds_a_secret(server: Emulator) -> None:
    connection = Connection(
        "http://x", TOKEN, headers=(("X-Access", "letmein-letmein"),), proxy="http://u:proxysecret@p:1"
    )
    transport = Transport(connection, time)
    shown = repr(connection) + repr(transport) + repr(TasksClient(transport)) + str(connection)
    assert not any(secret in shown for secret in (TOKEN, "letmein", "proxysecret"))
    assert hash(connection) == hash(connection)


# Proxies


def test_a_proxy_is_used(server: Emulator) -> None:
    seen: list[str] = []

    def proxy(connection: socket.socket) -> None:
        seen.append("asked")
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"version":"v1"}')

    with raw_server(proxy) as url:
        assert connect("http://coder.invalid", proxy=url).request("GET", INFO).data == {"version": "v1"}
    assert seen == ["asked"]


def test_a_proxy_of_the_environment_is_used_and_no_proxy_honoured(
    server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert failure(connect(server, retries=0)).kind == "network"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert connect(server, retries=0).request("GET", INFO).status == 200


def test_a_proxy_that_is_not_there_or_refuses() -> None:
    error = failure(connect("http://coder.invalid", proxy="http://u:proxysecret@127.0.0.1:9", retries=0))
    assert error.kind == "network" and "the proxy" in error.reason and "proxysecret" not in error.message
    with raw_server(says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as url:
        error = failure(connect("https://coder.invalid", proxy=url, retries=1), "POST", body={})
    assert error.kind == "network" and "403" in error.message and error.attempts == 2


# Sessions and check mode


def test_adapters_are_as_many_as_requests_at_once(server: Emulator) -> None:
    transport = connect(server)
    for _number in range(3):
        transport.request("GET", INFO)
    assert len(transport._adapters) == 1
    server.faults.add("latency", seconds=0.2, count=4)
    threads = [threading.Thread(target=transport.request, args=("GET", INFO)) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(transport._adapters) == 4


def test_in_check_mode_no_write_leaves_the_client(server: Emulator) -> None:
    client = TasksClient.connect(Connection(server.url, server.token), time).for_call(lambda what: None, True)
    task = server.create_task("x")
    shown = client.get_task(task.name)
    for write in (
        lambda: client.create_task("me", NewTask("x", "x", "v")),
        lambda: client.delete_task(shown),
        lambda: client.update_input(shown, "x"),
        lambda: client.pause(shown),
        lambda: client.resume(shown),
        lambda: client.send(shown, "x"),
        lambda: client.build_workspace(shown["workspace_id"], "stop"),
    ):
        with pytest.raises(CoderError, match="check mode"):
            write()
    assert server.writes == []


def test_a_look_up_of_a_name_that_hangs_keeps_no_process_from_ending(server: Emulator) -> None:
    """Nothing can interrupt it, so that whoever gave it up must be able to end without it."""
    hold = threading.Event()
    thread = http_adapter._Dial(lambda: hold.wait(30) and socket.socket())
    try:
        assert thread.socket(0.01) is None and thread.is_alive() and thread.daemon
    finally:
        hold.set()
        thread.join()
