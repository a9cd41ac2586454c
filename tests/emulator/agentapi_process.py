# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AgentAPI as a process of its own, as it runs in a real workspace: AgentAPI 0.12 around a terminal agent.

It listens on loopback, greets and echoes, and does with its lock, its state file and signals what the recordings in
tests/recordings/agentapi show. The agent understands `sleep N` (it works N seconds) and `mute N` (it shows nothing for
N seconds: the POST is not answered before). Standard library only. All times are recorded seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ECHO = 1.1  # from a message to the first sign of work; the lock is held so long
TOO_LATE = 15.0  # after so long without a sign AgentAPI gives up
SETTLED = 1.0  # the screen has not changed for so long: stable
LAST_WORDS = 5.2  # how long a blocked POST keeps a process that was told to stop
LIMIT = 1_048_576  # bytes of a request
ROUTES = {"/status": "GET", "/messages": "GET", "/events": "GET", "/message": "POST"}
TITLES = {
    400: "Bad Request",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
}


class Problem(Exception):
    """An answer in the form of RFC 9457."""

    def __init__(self, status: int, detail: str, *errors: dict[str, Any]) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, list(errors)


def refused(reason: str) -> Problem:
    return Problem(500, "unexpected error occurred", {"message": f"failed to send message: {reason}"})


class Conversation:
    """What the agent and its user have said, and who wants to hear of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        # Held by a POST until the agent shows a sign of work; who asks for status or messages waits for it.
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._state = threading.RLock()
        self._messages: list[dict[str, Any]] = []
        self._status = "running"
        self._error: dict[str, Any] | None = None
        self._listeners: list[queue.SimpleQueue[bytes]] = []
        self._saved: list[dict[str, Any]] | None = None
        self._add("agent", "")
        self._in_background(self._get_ready)

    # What is asked

    @property
    def status(self) -> str:
        return self._status

    def messages(self) -> list[dict[str, Any]]:
        with self._state:
            return [message.copy() for message in self._messages]

    def listen(self) -> Iterator[bytes]:
        """Every event so far, then those to come, until the process stops."""
        listener: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        with self._state:
            for message in self._messages:
                listener.put(_message_event(message))
            listener.put(self._status_event())
            if self._error is not None:
                listener.put(_event("agent_error", self._error))
            self._listeners.append(listener)
        while event := listener.get():
            yield event

    def type(self, text: str) -> None:
        """Send a message to the agent, and wait until it works on it. Raises Problem."""
        text = text.strip(" \t\r\n")
        if not text:
            raise refused("message must not be empty")
        with self.lock:
            if self._status != "stable":
                raise refused("message can only be sent when the agent is waiting for user input")
            asked, (silence, work) = _now(), self._plan(text)
            self._change_status("running")
            if silence > TOO_LATE:
                self._sleep(TOO_LATE + ECHO)
                self._change_status("stable")
                waiting = "failed to wait for processing to start: timeout waiting for condition"
                raise refused(f"failed to send message: {waiting}")
            self._sleep(silence + ECHO)
            self._add("user", text, asked)
        self._in_background(self._answer, text, work)

    def _plan(self, text: str) -> tuple[float, float]:
        """How long the agent shows nothing, and how long it works then."""
        order = re.fullmatch(r"(sleep|mute) ([0-9.]+)", text)
        if order is None:
            return 0.0, self._options.busy_time
        return (float(order[2]), 0.0) if order[1] == "mute" else (0.0, float(order[2]))

    # What happens by itself

    def _get_ready(self) -> None:
        self._sleep(self._options.ready_after)
        with self._state:
            if not self._load():
                self._set_content(self._messages[0], self._options.greeting)
            self._change_status("stable")

    def _answer(self, text: str, work: float) -> None:
        self._sleep(0.1)
        answer = self._add("agent", "Working...") if work else None
        self._sleep(work)
        reply = self._options.reply.replace("{}", text)
        if answer is None:
            self._add("agent", reply)
        else:
            self._set_content(answer, reply)
        self._sleep(SETTLED)
        self._change_status("stable")

    def _in_background(self, function: Any, *arguments: Any) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds * self._options.time_factor)

    def _add(self, role: str, content: str, moment: str = "") -> dict[str, Any]:
        with self._state:
            number = self._messages[-1]["id"] + 1 if self._messages else 0
            message = {"id": number, "content": "", "role": role, "time": moment or _now()}
            self._messages.append(message)
            self._set_content(message, content)
            return message

    def _set_content(self, message: dict[str, Any], content: str) -> None:
        with self._state:
            columns = self._options.columns if content and message["role"] == "agent" else 0
            message["content"] = "\n".join(line.ljust(columns) for line in content.split("\n"))
            self._tell(_message_event(message))

    def _change_status(self, status: str) -> None:
        with self._state:
            self._status = status
            self._tell(self._status_event())

    def _status_event(self) -> bytes:
        return _event("status_change", {"status": self._status, "agent_type": "custom"})

    def _tell(self, event: bytes) -> None:
        for listener in self._listeners:
            listener.put(event)

    # The state file and the end

    def _load(self) -> bool:
        """Whether there was a saved conversation, which is then the present one."""
        path = self._options.state_file
        if not path or not os.path.exists(path):
            return False
        try:
            with open(path, encoding="utf-8") as file:
                saved = [
                    {"id": each["id"], "content": each["message"], "role": each["role"], "time": each["time"]}
                    for each in json.load(file)["messages"]
                ]
        except (ValueError, KeyError, TypeError) as error:
            text = f"Failed to load saved conversation: {error}"
            self._error = {"message": text, "level": "warning", "time": _now()}
            self._tell(_event("agent_error", self._error))
            return False
        self._messages, self._saved = saved, [message.copy() for message in saved]
        for message in saved:
            self._tell(_message_event(message))
        return True

    def save(self) -> None:
        """Write the state file, as it is now: before the agent is ready that is a greeting without content."""
        path = self._options.state_file
        if not path or self.messages() == self._saved:
            return
        self._saved = self.messages()
        state = {
            "version": 1,
            "messages": [
                {"id": each["id"], "message": each["content"], "role": each["role"], "time": each["time"]}
                for each in self._saved
            ],
            "initial_prompt": "",
            "initial_prompt_sent": False,
        }
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_go_json(state, escape=True))
            os.fsync(file.fileno())
        os.replace(f"{path}.tmp", path)

    def end(self) -> None:
        """End the event streams, and wait for a POST that holds the lock."""
        self.stopping.set()
        self._tell(b"")
        if self.lock.acquire(timeout=LAST_WORDS * self._options.time_factor):
            self.lock.release()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.close_connection = self.close_connection or self.server.conversation.stopping.is_set()
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LIMIT))
        if not self._accepts_host():
            return
        # Not self.path: there http.server has already made one slash of two.
        self.path = self.requestline.split()[1].partition("?")[0]
        method = ROUTES.get(self.path)
        if method is None:
            self._answer(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})
        elif self.command != method:
            self._answer(405, b"", {"Allow": method})
        elif self.path == "/events":
            self._stream()
        else:
            try:
                self._json(200, *self._call(body))
            except Problem as problem:
                errors = {"errors": problem.errors} if problem.errors else {}
                about = {"title": TITLES[problem.status], "status": problem.status, "detail": problem.detail}
                self._json(problem.status, "ErrorModel", {**about, **errors}, "application/problem+json")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def _call(self, body: bytes) -> tuple[str, dict[str, Any]]:
        """The name of the answer's schema and the answer."""
        conversation = self.server.conversation
        if self.path == "/message":
            message = _message_of(body, self.headers.get("Content-Type", ""))
            if message["type"] == "user":
                conversation.type(message["content"])
            return "MessageResponseBody", {"ok": True}
        with conversation.lock:
            if self.path == "/status":
                about = {"status": conversation.status, "agent_type": "custom", "transport": "pty"}
                return "StatusResponseBody", about
            return "MessagesResponseBody", {"messages": conversation.messages()}

    def _accepts_host(self) -> bool:
        host = self.headers.get("Host", "")
        if not re.fullmatch(r"[\w.:\[\]-]*", host, re.ASCII):
            self.close_connection = True
            plain = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
            self._answer(400, b"400 Bad Request: malformed Host header", plain)
            return False
        name = re.sub(r":\d+$", "", host) if host.startswith("[") or host.count(":") < 2 else host
        bare = name[1:-1] if name.startswith("[") else name
        allowed = self.server.allowed_hosts
        is_ip6 = ":" in bare and not name.startswith("[")
        if "*" in allowed or (bare.lower() in allowed and not is_ip6):
            return True
        text = f"Invalid host header. Allowed hosts: {', '.join(allowed)}\n"
        self._answer(400, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
        return False

    def _json(self, status: int, schema: str, value: dict[str, Any], kind: str = "application/json") -> None:
        host = self.headers.get("Host", "")
        scheme = "http" if host.startswith(("localhost", "127.0.0.1")) else "https"
        about = {"$schema": f"{scheme}://{host}/schemas/{schema}.json"}
        headers = {"Content-Type": kind, "Link": f'</schemas/{schema}.json>; rel="describedBy"', "Vary": "Origin"}
        self._answer(status, _go_json({**about, **value}), headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Cache-Control", "no-cache, no-store, must-revalidate")
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self.server.conversation.listen():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_arguments: Any) -> None:
        """Requests are no news."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, conversation: Conversation) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.conversation = conversation
        hosts = os.environ.get("AGENTAPI_ALLOWED_HOSTS") or "localhost 127.0.0.1 [::1]"
        self.allowed_hosts = [host.strip("[]").lower() for host in hosts.split()]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, *_arguments: Any) -> None:
        """Somebody hung up."""


def _message_of(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a POST /message. Raises Problem."""
    text = body.decode("utf-8", "replace")
    kind = content_type.partition(";")[0]
    if not body:
        raise Problem(400, "request body is required")
    if len(body) >= LIMIT:
        raise Problem(413, f"request body is too large limit={LIMIT} bytes")
    if kind not in ("", "application/json"):
        error = {"message": f"unknown content type: {kind}", "location": "body", "value": text}
        raise Problem(415, "validation failed", error)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        seen = f"invalid character '{text[error.pos : error.pos + 1]}' looking for beginning of object key string"
        raise Problem(400, "validation failed", {"message": seen, "location": "body", "value": text}) from None
    errors = list(_faults(value))
    if errors:
        raise Problem(422, "validation failed", *errors)
    return value


def _faults(value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        yield {"message": "expected object", "location": "body", **({} if value is None else {"value": value})}
        return
    for name in sorted(set(value) - {"content", "type"}):
        yield {"message": "unexpected property", "location": f"body.{name}", "value": dict(sorted(value.items()))}
    for name in ("content", "type"):
        if name not in value:
            yield {"message": f"expected required property {name} to be present", "location": "body", "value": value}
        elif not isinstance(value[name], str):
            yield {"message": "expected string", "location": f"body.{name}", "value": value[name]}
    if isinstance(value.get("type"), str) and value["type"] not in ("user", "raw"):
        yield {"location": "body.type", "value": value["type"]}


def _message_event(message: dict[str, Any]) -> bytes:
    data = {"id": message["id"], "role": message["role"], "message": message["content"], "time": message["time"]}
    return _event("message_update", data)


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n" % (kind.encode(), _go_json(data, escape=True))


def _go_json(value: Any, *, escape: bool = False) -> bytes:
    """JSON and a newline, as Go's encoder writes them."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if escape:
        text = re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)
    return f"{text}\n".encode("utf-8", "replace")


def _now() -> str:
    """RFC 3339 as Go writes it: no zeros at the end."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def _write_pid(path: str) -> None:
    """Raises SystemExit when the process in the file lives."""
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, 0)
    except (OSError, ValueError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        return
    sys.exit(f"failed to write PID file: another instance is already running with PID {pid} (PID file: {path})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3284)
    parser.add_argument("--state-file", default=os.environ.get("AGENTAPI_STATE_FILE", ""))
    parser.add_argument("--pid-file", default=os.environ.get("AGENTAPI_PID_FILE", ""))
    parser.add_argument("--greeting", default="Hello, I am the stand-in agent.")
    parser.add_argument("--reply", default="echo: {}", help="{} is what was said")
    parser.add_argument("--columns", type=int, default=80, help="the width that lines are padded to")
    parser.add_argument("--busy-time", type=float, default=0.0, help="how long the agent works on a message")
    parser.add_argument("--ready-after", type=float, default=2.0, help="when the agent asks for its first message")
    parser.add_argument("--time-factor", type=float, default=1.0, help="how long a recorded second lasts")
    return parser.parse_args()


def main() -> int:
    options = _options()
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
    # In every thread: the main one waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    if options.pid_file:
        _write_pid(options.pid_file)
    conversation = Conversation(options)
    server = Server(options.port, conversation)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    while signal.sigwait(signals) == signal.SIGUSR1:
        conversation.save()
    conversation.save()
    server.shutdown()
    server.server_close()
    conversation.end()
    if options.pid_file:
        os.unlink(options.pid_file)
    return 0


if __name__ == "__main__":
    # Not sys.exit: connections that nobody closes must not keep the process.
    os._exit(main())
