# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request on its way through the server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, QueryParams

from emulator import gojson
from emulator.answers import ApiError, Disconnected
from emulator.builds import Agent, Workspace
from emulator.chats import Chats
from emulator.chats_objects import Chat
from emulator.dialects import Dialect
from emulator.world import Task, User, World

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def is_well_formed(path: str) -> bool:
    """Whether each ``%`` of a path as it was sent begins an escape."""
    return not _BAD_ESCAPE.search(path)


def query_of(text: str) -> QueryParams:
    """A query as Go reads it: a pair that is not well-formed is left out, and nobody is told."""
    return QueryParams("&".join(pair for pair in text.split("&") if ";" not in pair and is_well_formed(pair)))


@dataclass
class Request:
    """The request, what the guards found for it, and the world it meets."""

    world: World
    method: str
    path: str
    query: QueryParams
    headers: Headers
    body: bytes
    receive: Callable[[], Awaitable[Any]]
    base_url: str
    client: str
    params: dict[str, str] = field(default_factory=dict)
    caller: User | None = None
    user: User | None = None
    task: Task | None = None
    workspace: Workspace | None = None
    agent: Agent | None = None
    chat: Chat | None = None

    @property
    def dialect(self) -> Dialect:
        return self.world.dialect

    @property
    def chats(self) -> Chats:
        """The chats of a server that has them."""
        assert self.world.chats is not None
        return self.world.chats

    def json(self, name: str, fields: dict[str, str], limit: int | None = None) -> dict[str, Any]:
        """The body as a Go struct; the value must end within so many bytes. Raises ApiError."""
        try:
            return gojson.struct(gojson.loads(self.body, limit), name, fields)
        except gojson.DecodeError as error:
            raise ApiError(400, "Request body must be valid JSON.", str(error)) from None

    async def wait_while(self, condition: Callable[[], bool]) -> None:
        """Keep the client waiting. Raises Disconnected when it gives up."""
        gone = asyncio.ensure_future(self.receive())
        try:
            while condition():
                done, _pending = await asyncio.wait((gone,), timeout=0.02)
                if done:
                    raise Disconnected
        finally:
            gone.cancel()
