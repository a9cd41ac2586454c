# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's AgentAPI process answers as a real one did: its recordings are replayed.

The recorded server ran an agent that echoes; the process runs one like it, faster.
"""

from __future__ import annotations

import ast
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

# They wait for real processes.
pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent.parent / "emulator" / "agentapi_process.py"
RECORDINGS = Path(__file__).parent.parent / "recordings" / "agentapi"
FACTOR = 0.1
COMPARED_HEADERS = ("Content-Type", "Link", "Allow")

# What the process does not serve, by exchange name (a regular expression), and why.
NOT_REPLAYED = {
    r"GET /(chat.*|docs|openapi.*|schemas.*)?$": "pages and schemas for people",
    r"connect via ::1": "the process listens on 127.0.0.1 only",
    r"preflight|Origin: http://localhost": "answers to browsers",
}


class AgentAPI:
    """A process, from start to end."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.environ = environ
        self.state_file, self.pid_file = folder / "state" / "state.json", folder / "state" / "agentapi.pid"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True, **options: Any) -> AgentAPI:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        given = {
            "port": self.port, "greeting": "Hello from repl. Ready.", "reply": "Echo: {}", "time-factor": FACTOR,
            "state-file": self.state_file, "pid-file": self.pid_file, **options,
        }  # fmt: skip
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        self.process = subprocess.Popen([sys.executable, "-I", "-S", str(SCRIPT), *flags], env=self.environ)
        wait_for(lambda: self._listens() and (not ready or self.status() == "stable"))
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(5)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and text. Headers are given with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def status(self) -> str:
        return json.loads(self.ask("GET", "/status")[2])["status"]

    def messages(self) -> list[dict[str, Any]]:
        return json.loads(self.ask("GET", "/messages")[2])["messages"]

    def contents(self) -> list[str]:
        return [message["content"].rstrip() for message in self.messages()]

    def say(self, text: str) -> int:
        status = self.ask("POST", "/message", {"content": text, "type": "user"})[0]
        wait_for(lambda: self.status() == "stable")
        return status

    def saved(self) -> list[str]:
        return [message["message"].rstrip() for message in json.loads(self.state_file.read_text())["messages"]]

    def burst(self, last: str = "status_change") -> str:
        """What /events sends at once, to its last event."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            data = b""
            while last.encode() not in data:
                data += connection.recv(65536)
            return data.decode()


@pytest.fixture
def agentapi(tmp_path: Path) -> Iterator[Callable[..., AgentAPI]]:
    made: list[AgentAPI] = []

    def make(**environ: str) -> AgentAPI:
        made.append(AgentAPI(tmp_path, **environ))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


Start = Callable[..., AgentAPI]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def exchanges(name: str) -> list[dict[str, Any]]:
    return json.loads((RECORDINGS / f"{name}.json").read_text())["exchanges"]


def normal(text: str) -> Any:
    """A body without what differs from run to run: ports, times, and how the agent's screen looks."""
    text = re.sub(r"(?<=127\.0\.0\.1|localhost):\d+|(?<=\[::1\]):\d+", ":PORT", text)
    try:
        value = json.loads(text)
    except ValueError:
        return text
    for message in value.get("messages", []):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", message["time"])
        message["time"] = "TIME"
        if message["role"] == "agent" and message["content"]:
            lines = message["content"].split("\n")
            message["content"] = {len(line) >= 80 or not line.isascii() for line in lines}
    return value


def differences(server: AgentAPI, exchange: dict[str, Any]) -> Iterator[str]:
    """Ask what was asked; what differs in the answer."""
    request, recorded = exchange["request"], exchange["response"]
    if not re.search("right after|while", exchange["name"]) and "Host" not in request["headers"]:
        wait_for(lambda: server.status() == "stable")
    headers = {key: re.sub(r":\d{5}$", f":{server.port}", value) for key, value in request["headers"].items()}
    body = request["body"] and re.sub(r"…<(\d+) chars>$", lambda match: "x" * int(match[1]), request["body"])
    status, seen, text = server.ask(request["method"], request["path"], body, **headers)
    if status != recorded["status"]:
        yield f"{exchange['name']}: {status} instead of {recorded['status']}: {text}"
    ours, theirs = normal(text), normal(recorded["body"])
    if request["path"] == "/messages" and re.search("right after POST|while running", exchange["name"]):
        # The recorder was faster than the agent's first word.
        ours["messages"] = ours["messages"][: len(theirs["messages"])]
    is_clipped = "...<" in recorded["body"]
    if not is_clipped and (ours != theirs or list(ours) != list(theirs)):
        yield f"{exchange['name']}: {text!r} instead of {recorded['body']!r}"
    for header in COMPARED_HEADERS:
        if seen.get(header) != recorded["headers"].get(header):
            yield f"{exchange['name']}: {header} {seen.get(header)!r} instead of {recorded['headers'].get(header)!r}"


def test_recorded_session(agentapi: Start) -> None:
    """One server was asked all of this, in the order of its Date headers, messages before questions."""
    session = [
        each for name in ("message_post", "messages", "status", "routes", "hosts_origins") for each in exchanges(name)
    ]
    session.sort(key=lambda each: each["response"]["headers"].get("Date", "Sat, 21 Nov 2026 11:00:45 GMT"))
    server = agentapi().start(ready=False, ready_after=10)
    replayed = [each for each in session if not any(re.match(pattern, each["name"]) for pattern in NOT_REPLAYED)]
    found = [text for each in replayed for text in differences(server, each)]
    assert not found, "\n".join(found)
    assert len(replayed) > 60


def test_recorded_hosts(agentapi: Start) -> None:
    """AGENTAPI_ALLOWED_HOSTS replaces the hosts that are accepted."""
    by_setting: dict[str, list[dict[str, Any]]] = {}
    for exchange in exchanges("hosts_env"):
        if "response" in exchange:
            by_setting.setdefault(exchange["name"].partition("}")[0] + "}", []).append(exchange)
    for setting, asked in by_setting.items():
        server = agentapi(**ast.literal_eval(setting)).start(ready=False, ready_after=100, pid_file="")
        assert [text for each in asked for text in differences(server, each)] == []
    assert len(by_setting) == 3


def test_post_holds_the_lock_but_events_do_not(agentapi: Start) -> None:
    """blocking_post.json, mute 5: everything else waits for the POST, /events replays at once."""
    server = agentapi().start()
    with ThreadPoolExecutor(3) as pool:
        began = time.monotonic()
        post = pool.submit(server.ask, "POST", "/message", {"content": "mute 5", "type": "user"})
        wait_for(lambda: '"status":"running"' in server.burst())
        assert "Hello from repl. Ready." in server.burst()
        second = pool.submit(server.ask, "POST", "/message", {"content": "second", "type": "user"})
        messages = server.messages()
        waited = (time.monotonic() - began) / FACTOR
        assert waited > 6.0
        assert [message["role"] for message in messages] in (["agent", "user"], ["agent", "user", "agent"])
        assert post.result()[0] == 200
        status, _headers, text = second.result()
    assert (status, "can only be sent when the agent is waiting" in text) == (500, True)


def test_agent_that_stays_silent(agentapi: Start) -> None:
    """blocking_post.json, mute 25: after 16 s an error, and the message is not in the conversation."""
    server = agentapi().start(time_factor=0.02)
    status, _headers, text = server.ask("POST", "/message", {"content": "mute 25", "type": "user"})
    assert (status, "timeout waiting for condition" in text) == (500, True)
    assert (server.contents(), server.status()) == (["Hello from repl. Ready."], "stable")


def test_events_of_a_turn(agentapi: Start) -> None:
    """events.json: message_update with id, role, message and time, and status_change; HTML is escaped there."""
    server = agentapi().start()
    server.say("a <b> & 漢字")
    text = server.burst()
    recorded = exchanges("events")[0]["response"]["body"]
    shape = r'event: message_update\ndata: {"id":\d+,"role":"(?:agent|user)","message":"[^\n]*","time":"[^"]*"}\n\n\r\n'
    assert (len(re.findall(shape, text)), len(re.findall(shape, recorded)) > 10) == (3, True)
    assert "a \\u003cb\\u003e \\u0026 漢字" in text
    assert '"content":"a <b> & 漢字"' in server.ask("GET", "/messages")[2]


def test_state_lives_on(agentapi: Start) -> None:
    """state.json: SIGUSR1 and SIGTERM save, a start restores once the agent is ready, the pid file goes."""
    server = agentapi().start()
    server.say("remember 漢字 <&>")
    assert server.process is not None
    assert (server.pid_file.read_text(), os.stat(server.pid_file).st_mode & 0o777) == (f"{server.process.pid}\n", 0o600)
    server.process.send_signal(signal.SIGUSR1)
    wait_for(server.state_file.exists)
    state = json.loads(server.state_file.read_text())
    assert list(state) == ["version", "messages", "initial_prompt", "initial_prompt_sent"]
    assert [list(message) for message in state["messages"]] == [["id", "message", "role", "time"]] * 3
    before = server.messages()
    assert (server.stop(), server.pid_file.exists()) == (0, False)
    server.start(ready=False, ready_after=5)
    assert server.contents() == [""]
    wait_for(lambda: server.status() == "stable")
    assert server.messages() == before


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_signal_before_ready_destroys_the_state(agentapi: Start, number: signal.Signals) -> None:
    """state_lost_before_ready.json: three messages before, one after."""
    lost = {exchange["name"]: exchange for exchange in exchanges("state_lost_before_ready")}
    server = agentapi().start()
    server.say("remember")
    server.stop()
    assert len(server.saved()) == lost[f"agent not yet ready, then {number.name}"]["messages_in_state_file_before"]
    server.start(ready=False, ready_after=50)
    assert server.process is not None
    server.process.send_signal(number)
    wait_for(lambda: len(server.saved()) == lost[f"agent not yet ready, then {number.name}"]["after"])


def test_corrupt_state_begins_anew(agentapi: Start) -> None:
    server = agentapi()
    server.state_file.parent.mkdir()
    server.state_file.write_text("{nope")
    server.start()
    assert "event: agent_error" in server.burst("agent_error")
    server.stop()
    assert server.saved() == ["Hello from repl. Ready."]


def test_one_process_for_a_pid_file(agentapi: Start) -> None:
    server = agentapi().start()
    second = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), "--port=0", f"--pid-file={server.pid_file}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (second.returncode, "another instance is already running" in second.stderr) == (1, True)


def test_stop_during_a_post(agentapi: Start) -> None:
    """state.json: the port closes at once, the POST gets no answer, the process ends 5 s later."""
    server = agentapi().start()
    with ThreadPoolExecutor(1) as pool:
        post = pool.submit(server.ask, "POST", "/message", {"content": "mute 14", "type": "user"})
        wait_for(lambda: '"status":"running"' in server.burst())
        began = time.monotonic()
        assert server.stop() == 0
        assert (time.monotonic() - began) / FACTOR > 4
        with pytest.raises(http.client.RemoteDisconnected):
            post.result()
