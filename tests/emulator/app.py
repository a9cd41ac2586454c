# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASGI application: journal, faults, rate limit, routes, common headers."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
import uuid
from email.utils import format_datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from emulator import (
    api_accounts,
    api_agents,
    api_chats,
    api_general,
    api_new_workspaces,
    api_tasks,
    api_workspaces,
    chats_sockets,
)
from emulator.answers import JSON, Answer, ApiError, Disconnected
from emulator.auth import csrf_problem, user_of
from emulator.control import Control
from emulator.faults import GATEWAY_PAGE, LOGIN_PAGE, Faults, Rule
from emulator.journal import Journal
from emulator.ratelimit import BYPASS_REFUSED, RateLimiter, wants_bypass
from emulator.request import Request, is_well_formed, query_of
from emulator.router import Router
from emulator.world import World

_NO_FRONTEND = b"Slim build of Coder, does not contain the frontend static files."
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_API = ("/api/v2", "/api/experimental")


class Application:
    """One emulated server."""

    def __init__(self, world: World) -> None:
        self.journal = Journal()
        self.faults = Faults()
        self.use(world)

    def use(self, world: World) -> None:
        """Serve another world, with a fresh rate limit."""
        self.world = world
        self._limiter = RateLimiter()
        self._router = Router()
        api_general.add_routes(self._router)
        api_workspaces.add_routes(self._router)
        api_new_workspaces.add_routes(self._router)
        api_agents.add_routes(self._router, world.dialect)
        api_tasks.add_routes(self._router, world.dialect)
        if world.chats is not None:
            api_chats.add_routes(self._router, world.chats.dialect)
            api_accounts.add_routes(self._router)
        self._control = Control(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        request = await self._request(scope, receive)
        if request.path.startswith("/_emulator"):
            await _deliver(send, request, self._control.answer(request), None)
            return
        user, query = user_of(request), scope["query_string"].decode("latin-1")
        entry = self.journal.record(
            self.world.clock.now(), request.method, request.path, query, user.username if user else "", request.body
        )
        if not is_well_formed(scope["raw_path"].decode("latin-1")):
            # Go's own server answers, before anything of Coder's runs.
            entry.status = 400
            await _deliver(send, request, Answer(400, b"400 Bad Request", {"Content-Type": _TEXT}), None)
            return
        rule, began = self.faults.pick(request.method, request.path), time.monotonic()
        entry.fault = rule.kind if rule else ""
        try:
            answer = await self._faulty_answer(request, rule)
        except Disconnected:
            return
        finally:
            entry.seconds = round(time.monotonic() - began, 6)
        if answer is None:
            _reset(send)
            return
        entry.status = answer.status
        self._add_common_headers(answer)
        await _deliver(send, request, answer, rule)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket: the handshake is a GET like any other, faults and journal included."""
        await receive()
        request = await self._request({**scope, "method": "GET"}, _nothing)
        user, query = user_of(request), scope["query_string"].decode("latin-1")
        entry = self.journal.record(
            self.world.clock.now(), "GET", request.path, query, user.username if user else "", b""
        )
        rule = self.faults.pick("GET", request.path)
        entry.fault = rule.kind if rule else ""
        answer = await self._faulty_answer(request, rule)
        if answer is None:
            _reset(send)
            return
        entry.status = answer.status
        if isinstance(answer, chats_sockets.Accepted):
            await chats_sockets.serve(request, answer, receive, send)
            return
        self._add_common_headers(answer)
        await chats_sockets.refuse(answer, send)

    async def _request(self, scope: Scope, receive: Receive) -> Request:
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        server, headers = scope["server"], Headers(scope=scope)
        path = scope["path"]
        while "//" in path:
            path = path.replace("//", "/")
        return Request(
            world=self.world,
            method=scope["method"],
            path=path,
            query=query_of(scope["query_string"].decode("latin-1")),
            headers=headers,
            body=bytes(body),
            receive=receive,
            base_url=f"http://{headers.get('host', f'{server[0]}:{server[1]}')}",
            client=(scope.get("client") or ("",))[0],
        )

    async def _faulty_answer(self, request: Request, rule: Rule | None) -> Answer | None:
        """The answer with the fault that comes before or instead of handling; None: close the connection."""
        if rule is None:
            return await self._handle(request)
        if rule.kind == "latency":
            await asyncio.sleep(rule.seconds)
        if rule.kind == "reset":
            return None
        if rule.kind == "status":
            body = (rule.body or '{"message":"Injected fault."}\n').encode()
            return Answer(rule.status or 500, body, {"Content-Type": JSON, **rule.headers})
        if rule.kind == "login":
            return Answer(200, LOGIN_PAGE, {"Content-Type": _HTML})
        if rule.kind == "redirect":
            return Answer(rule.status or 302, headers={"Location": rule.location or f"{request.base_url}/login"})
        if rule.kind == "garbage":
            return Answer(200, b'{"tasks": [{"id": ', {"Content-Type": JSON})
        answer = await self._handle(request)
        if rule.kind == "gateway":
            if rule.body is not None:
                return Answer(rule.status or 504, rule.body.encode(), {"Content-Type": JSON})
            return Answer(rule.status or 504, GATEWAY_PAGE, {"Content-Type": _HTML})
        return None if rule.kind == "lost" else answer

    async def _handle(self, request: Request) -> Answer:
        if not request.path.startswith(tuple(f"{prefix}/" for prefix in _API)) and request.path not in _API:
            return Answer(200, _NO_FRONTEND, {"Content-Type": _HTML})
        if problem := csrf_problem(request):
            return Answer(400, f"{problem}\n".encode(), {"Content-Type": _TEXT})
        user = user_of(request)
        if wants_bypass(request) and self.world.dialect.rate_bypass and user and not user.owner:
            return Answer(428, BYPASS_REFUSED, {"Content-Type": _TEXT})
        limits: dict[str, str] = {}
        try:
            limits = self._limiter.check(request)
            if self.world.chats is not None:
                self.world.chats.advance()
            answer = await self._router.dispatch(request)
        except ApiError as error:
            answer = error.answer
        answer.headers = {**limits, **answer.headers}
        return answer

    def _add_common_headers(self, answer: Answer) -> None:
        answer.headers.setdefault("Date", format_datetime(self.world.clock.wall(), usegmt=True))
        answer.headers.setdefault("X-Coder-Build-Version", self.world.dialect.version)
        answer.headers.setdefault("X-Coder-Request-Id", str(uuid.uuid4()))
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


async def _deliver(send: Send, request: Request, answer: Answer, rule: Rule | None) -> None:
    headers = dict(answer.headers)
    if answer.status != 204 and request.method != "HEAD":
        headers["Content-Length"] = str(len(answer.body))
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    body = b"" if request.method == "HEAD" else answer.body
    kind = rule.kind if rule else ""
    if kind == "truncate":
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.01)
        _reset(send)
    elif kind == "drip" and rule is not None:
        await _drip(send, body, rule.seconds)
    else:
        await send({"type": "http.response.body", "body": body})


async def _drip(send: Send, body: bytes, seconds: float) -> None:
    pieces = 20
    size = max(1, -(-len(body) // pieces))
    for start in range(0, len(body), size):
        await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
        await asyncio.sleep(seconds / pieces)
    await send({"type": "http.response.body", "body": b""})


def _reset(send: Send) -> None:
    """Close the connection at once, with a TCP reset. ASGI has no word for it: it takes uvicorn's transport."""
    transport: Any = send.__self__.transport  # type: ignore[attr-defined]
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
