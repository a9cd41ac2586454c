# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded exchanges of real servers, and a server that gives their answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "recordings"


class Stub(ThreadingHTTPServer):
    """Gives the recorded answer to a path, else one answer to everything."""

    daemon_threads = True
    answer: dict[str, Any]
    by_path: dict[str, dict[str, Any]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for headers and body: in two, the second waits 40 ms for an acknowledgement
    server: Stub

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.by_path.get(self.path.partition("?")[0], self.server.answer)
        body = answer["body"]
        content = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(answer["status"])
        for name, value in answer["headers"].items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer["status"] != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def recorded_server() -> Iterator[Stub]:
    """A server that a test tells what to answer."""
    server = Stub(("127.0.0.1", 0), _Handler)
    server.answer, server.by_path = {}, {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=60)


def exchanges(dialect: str, path: str) -> list[dict[str, Any]]:
    """Recorded exchanges whose path fits, with a whole answer."""
    found = []
    for file in sorted((RECORDINGS / dialect).glob("*.json")):
        for exchange in json.loads(file.read_text())["exchanges"]:
            answer = exchange.get("response") or {}
            whole = not (isinstance(answer.get("body"), dict) and "_clipped" in answer["body"])
            asked = exchange.get("request", {}).get("path", "")
            if answer.get("status") and whole and re.search(path + "$", asked):
                found.append(exchange)
    assert found, f"nothing recorded for {path}"
    return found
