# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WebSockets of chats: {chat}/stream and watch.

A request for one comes here before the handshake, and is refused in words of HTTP or accepted; without a handshake the
routes answer 426.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.types import Receive, Send

from emulator import gojson
from emulator.answers import Answer, ApiError
from emulator.auth import require_user
from emulator.chats_events import Listener, event, streamed
from emulator.chats_views import ChatViews
from emulator.request import Request
from emulator.router import Group, Router

if TYPE_CHECKING:
    from emulator.chats_objects import Chat

_POLL = 0.005  # real seconds
_RESTARTED = 1012
_TEXT = "text/plain; charset=utf-8"
# The handler of a handshake, among those of the router: it answers 101 with who listens from now on.
_ACCEPTED = 101


def add_routes(router: Router, chat: Group, prefix: str) -> None:
    """Add the routes under one prefix, and to the group of one chat."""
    router.group(f"{prefix}/chats/watch", require_user).route("GET", "", _watch)
    chat.route("GET", "stream", _stream)


class Accepted(Answer):
    """An answer that opens a WebSocket. listener: what is told to it; as_list: whether a frame holds several events."""

    def __init__(self, listener: Listener, *, as_list: bool) -> None:
        super().__init__(_ACCEPTED)
        self.listener = listener
        self.as_list = as_list


async def _watch(request: Request) -> Answer:
    """Everything that changes among the caller's chats, from now on."""
    _require_handshake(request, "Failed to open chat watch stream.")
    assert request.caller is not None
    return Accepted(Listener(ChatViews(request.chats), request.caller.id), as_list=False)


async def _stream(request: Request) -> Answer:
    """One chat: its messages behind after_id, its status, the answer that is being streamed, then what changes."""
    chat, text = request.chat, request.query.get("after_id", "")
    assert chat is not None
    try:
        after = int(text or 0)
    except ValueError:
        detail = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise ApiError(400, "Invalid after_id parameter.", detail) from None
    _require_handshake(request, "Failed to open chat stream.")
    listener = Listener(ChatViews(request.chats), chat_id=chat.id)
    _tell_snapshot(listener, chat, after)
    if request.caller is chat.owner and chat.messages:
        chat.last_read = chat.messages[-1].id
    return Accepted(listener, as_list=True)


def _tell_snapshot(listener: Listener, chat: Chat, after: int) -> None:
    views = listener.views
    for message in chat.messages:
        if message.id > after:
            listener.pending.append(event(chat, "message", views.message(chat, message)))
    listener.pending.append(event(chat, "status", {"status": chat.status}))
    listener.reset(chat)
    if chat.turn is not None:
        for number, part in enumerate(chat.turn.parts, 1):
            listener.pending.append(streamed(views, chat, chat.turn, part, number))


def _require_handshake(request: Request, message: str) -> None:
    if request.headers.get("upgrade", "").lower() == "websocket":
        return
    problem = 'WebSocket protocol violation: Connection header "" does not contain Upgrade'
    body = gojson.dumps({"message": message, "detail": f"failed to accept WebSocket connection: {problem}"})
    error = ApiError(426, message)
    error.answer = Answer(426, f"{problem}\n".encode() + body, {"Content-Type": _TEXT, "Connection": "Upgrade"})
    raise error


async def serve(request: Request, accepted: Accepted, receive: Receive, send: Send) -> None:
    """Tell a client what happens until it goes away."""
    chats, listener = request.chats, accepted.listener
    await send({"type": "websocket.accept"})
    chats.turns.events.listeners.append(listener)
    gone = asyncio.ensure_future(_closed(receive))
    try:
        while not gone.done() and not listener.closed:
            chats.advance()
            events = listener.take()
            for frame in [events] if accepted.as_list and events else [] if accepted.as_list else events:
                await send({"type": "websocket.send", "text": gojson.dumps(frame).decode().rstrip("\n")})
            await asyncio.wait((gone,), timeout=_POLL)
        if listener.closed:
            await send({"type": "websocket.close", "code": _RESTARTED})
    finally:
        gone.cancel()
        chats.turns.events.listeners.remove(listener)


async def refuse(answer: Answer, send: Send) -> None:
    """Answer a handshake as any other request."""
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "websocket.http.response.body", "body": answer.body})


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass
