# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers with any bytes at all, for answers that no HTTP server would give.

``with raw_server(answer) as url``: ``answer(sock, request)`` is called for each request, with its bytes, and may send
what it likes as slowly as it likes; the connection stays open until it returns False.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

INFO = "/api/v2/buildinfo"
USER = {"id": "11111111-1111-4111-8111-111111111111", "username": "alice"}
Answer = Callable[[socket.socket, bytes], bool]


@contextmanager
def raw_server(answer: Answer) -> Iterator[str]:
    """Gives the URL; each connection is served by a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = _request(connection)
            while request and answer(connection, request):
                request = _request(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = listener.accept()
                # An answer that waits for ever for its client ends with the server.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for ending in (listener, *connections):
            with contextlib.suppress(OSError):
                ending.shutdown(socket.SHUT_RDWR)
            ending.close()
        thread.join(timeout=5)


def _request(connection: socket.socket) -> bytes:
    """A request, body and all; empty at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def path_of(request: bytes) -> str:
    """The path of a request, without its query."""
    return request.split(b" ", 2)[1].partition(b"?")[0].decode("latin-1")


def http(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer of JSON."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def task(**fields: Any) -> dict[str, Any]:
    """A task as a server of the newest dialect lists it."""
    texts = ("organization_id", "template_id", "template_name", "template_display_name", "template_icon",
             "template_version_id", "workspace_id", "workspace_name", "display_name")  # fmt: skip
    return {
        **dict.fromkeys(texts, "x"),
        "id": "00000000-0000-4000-8000-000000000000", "name": "t", "owner_name": "alice", "owner_id": USER["id"],
        "workspace_status": "running", "workspace_build_number": 1, "workspace_agent_id": None,
        "workspace_agent_lifecycle": "ready", "workspace_agent_health": None, "workspace_app_id": None,
        "initial_prompt": "hi", "status": "active", "current_state": None,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", **fields,
    }  # fmt: skip


@contextmanager
def listing(tasks: list[dict[str, Any]], logs: Any = None) -> Iterator[str]:
    """A server with these tasks and one log for each."""

    def answer(connection: socket.socket, request: bytes) -> bool:
        path = path_of(request)
        if path.endswith("/chats"):  # as servers without chats answer
            connection.sendall(http(b'{"message":"Route not found."}', "404 Not Found"))
            return True
        body: Any = {"tasks": tasks, "count": len(tasks)}
        if path == INFO:
            body = {"version": "v2.34.0"}
        elif path.startswith("/api/v2/users/"):
            body = USER
        elif path == "/api/v2/authcheck":
            body = {"tasks": True}
        elif path.endswith("/logs"):
            body = {"logs": logs or []}
        connection.sendall(http(json.dumps(body).encode()))
        return True

    with raw_server(answer) as url:
        yield url
