# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two small scripted servers on the loopback: an AgentAPI and a Coder, with the bodies that the real ones send."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

TASK = "67b4e524-17b3-4e31-a26a-d8b92401a30c"
TOKEN = "a5e1b2c3-0000-4000-8000-00000000beef"
NOW = "2026-06-01T12:00:00.123456Z"

RESOURCE_404 = {"message": "Resource not found or you do not have access to this resource"}
ROUTE_404 = {"message": "Route not found."}
NOT_AUTHORIZED = {
    "message": "Workspace agent not authorized.",
    "detail": "The agent cannot authenticate until the workspace provision job has been completed. "
    "If the job is no longer running, this agent is invalid.",
}
BODY_TOO_LARGE = {"message": "Failed to decode request payload.", "detail": "http: request body too large"}
STORING_FAILED = {"message": "Internal error storing snapshot.", "detail": "pq: unsupported Unicode escape sequence"}


def conversation(*contents: str) -> list[dict[str, Any]]:
    """Agent and user in turn, beginning with the agent's greeting."""
    return [
        {"id": number, "content": content, "role": ("agent", "user")[number % 2], "time": NOW}
        for number, content in enumerate(contents)
    ]


class Rejected(Exception):
    """Coder's 400 or 500 for a body: status, answer."""


def decode_as_the_server(body: bytes) -> list[dict[str, Any]]:
    """What Coder stores and reads back of a body, after its table of payload details."""
    try:
        payload = json.loads(body.decode())
    except ValueError as error:
        raise Rejected(400, {"message": "Failed to decode request payload.", "detail": str(error)}) from None
    if not isinstance(payload, dict) or payload.get("messages") is None:
        missing = 'Missing required "messages" field.'
        raise Rejected(400, {"message": "Invalid agentapi payload structure.", "detail": missing})
    if not isinstance(payload["messages"], list) or not isinstance(payload.get("$schema", ""), str):
        raise Rejected(400, {"message": "Failed to decode request payload.", "detail": "json: cannot unmarshal"})
    for item in payload["messages"]:
        number = isinstance(item["id"], int) and not isinstance(item["id"], bool)
        good = isinstance(item["content"], str) and number and -(2**63) <= item["id"] < 2**63
        if not good or not _is_rfc3339(item["time"]):
            raise Rejected(400, {"message": "Failed to decode request payload.", "detail": f"json: {item!r:.200}"})
        if "\0" in item["content"]:
            raise Rejected(500, STORING_FAILED)
        if item["role"] not in ("user", "agent"):
            raise Rejected(500, {"message": "Invalid snapshot data."})
    return payload["messages"]


def _is_rfc3339(given: object) -> bool:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", str(given))
    if not match:
        return False
    try:
        datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


class Request(BaseHTTPRequestHandler):
    """One request, and the ways to answer it. A script is called with it."""

    protocol_version = "HTTP/1.1"
    server: Server
    body: bytes

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.journal.append(self)
        self.server.script(self)

    do_POST = do_CONNECT = do_GET

    def json(self, status: int, value: Any, **headers: str) -> None:
        content_type = "application/json; charset=utf-8"
        self.answer(status, json.dumps(value) + "\n", Content_Type=content_type, **headers)

    def answer(self, status: int, text: str | bytes = "", **headers: str) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def hang(self) -> None:
        """No answer, until the server is closed."""
        self.server.closing.wait(30)
        self.close_connection = True

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True
        self.connection.close()
        self.rfile.close()

    def log_message(self, *_args: Any) -> None:
        pass


Script = Callable[[Request], None]


class Server(ThreadingHTTPServer):
    """Answers every request with its script, on a free port of the loopback, and keeps the requests in a journal."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, script: Script, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Request)
        self.script = script
        self.journal: list[Request] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [request.path for request in self.journal]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_args: Any) -> None:
        pass


class FakeAgentAPI(Server):
    """The four facts of a real one that matter here: its messages, its status, its lock, its event stream."""

    def __init__(self, messages: list[Any], status: str = "stable", port: int = 0) -> None:
        super().__init__(self.respond, port)
        self.messages = messages
        self.status = status
        self.locked = False
        self._changed = threading.Condition()
        self._events: list[tuple[str, dict[str, Any]]] = []

    def respond(self, request: Request) -> None:
        if request.path == "/events":
            self._stream(request)
        elif self.locked:
            request.hang()
        elif request.path == "/messages":
            request.json(200, {"$schema": f"{self.url}/schemas/MessagesResponseBody.json", "messages": self.messages})
        elif request.path == "/status":
            request.json(200, {"$schema": "x", "status": self.status, "agent_type": "custom", "transport": "pty"})
        else:
            request.answer(404, "404 page not found\n", Content_Type="text/plain; charset=utf-8")

    def say(self, content: str, role: str = "agent") -> None:
        """A message is added, as the event stream tells it."""
        number = len(self.messages)
        self.messages.append({"id": number, "content": content, "role": role, "time": NOW})
        self._emit("message_update", {"id": number, "role": role, "message": content, "time": NOW})

    def change_status(self, status: str) -> None:
        self.status = status
        self._emit("status_change", {"status": status, "agent_type": "custom"})

    def _emit(self, kind: str, data: dict[str, Any]) -> None:
        with self._changed:
            self._events.append((kind, data))
            self._changed.notify_all()

    def _stream(self, request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        seen = len(self._events)
        for item in self.messages:
            body = {"id": item["id"], "role": item["role"], "message": item["content"], "time": item["time"]}
            self._send(request, "message_update", body)
        self._send(request, "status_change", {"status": self.status, "agent_type": "custom"})
        while not self.closing.is_set():
            with self._changed:
                if len(self._events) == seen:
                    self._changed.wait(0.1)
                fresh, seen = self._events[seen:], len(self._events)
            for kind, data in fresh:
                self._send(request, kind, data)
        request.wfile.write(b"0\r\n\r\n")
        request.close_connection = True

    @staticmethod
    def _send(request: Request, kind: str, data: dict[str, Any]) -> None:
        event = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
        request.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))


class FakeCoder(Server):
    """Takes snapshots as Coder does. `answers` are used up first, one a request: a script, or (status, JSON)."""

    def __init__(self, *answers: Script | tuple[int, Any], task: str = TASK) -> None:
        super().__init__(self.respond)
        self.answers = list(answers)
        self.task = task
        self.snapshots: list[list[dict[str, Any]]] = []

    def respond(self, request: Request) -> None:
        if self.answers:
            answer = self.answers.pop(0)
            if callable(answer):
                answer(request)
            else:
                request.json(*answer)
        elif request.headers.get("Coder-Session-Token") != TOKEN:
            request.json(401, NOT_AUTHORIZED)
        elif request.path != f"/api/v2/workspaceagents/me/tasks/{self.task}/log-snapshot?format=agentapi":
            request.json(404, RESOURCE_404)
        elif len(request.body) > 65536:
            request.json(
                400, {"message": "Failed to decode request payload.", "detail": "http: request body too large"}
            )
        else:
            try:
                messages = decode_as_the_server(request.body)
            except Rejected as rejected:
                request.json(*rejected.args)
            else:
                self.snapshots.append(messages)
                request.send_response(204)
                request.end_headers()
