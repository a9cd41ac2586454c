# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routing as chi does it: the guards of the enclosing group run before the route is even known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from emulator.answers import Answer, route_not_found
from emulator.request import Request

Guard = Callable[[Request], None]
Handler = Callable[[Request], Awaitable[Answer]]


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


@dataclass
class Group:
    """A path prefix with guards and the routes below it."""

    prefix: str
    guards: tuple[Guard, ...] = ()
    routes: list[tuple[str, str, Handler]] = field(default_factory=list)

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        self.routes.append((method, pattern, handler))

    def matches(self, segments: list[str]) -> dict[str, str] | None:
        wanted = _segments(self.prefix)
        return _match(wanted, segments[: len(wanted)])

    def depth(self) -> tuple[int, int]:
        wanted = _segments(self.prefix)
        return len(wanted), sum(not part.startswith("{") for part in wanted)


def _match(wanted: list[str], given: list[str]) -> dict[str, str] | None:
    if len(wanted) != len(given):
        return None
    params = {}
    for part, value in zip(wanted, given, strict=True):
        if part.startswith("{") and value:
            params[part[1:-1]] = value
        elif part != value:
            return None
    return params


class Router:
    def __init__(self) -> None:
        self.groups: list[Group] = []

    def group(self, prefix: str, *guards: Guard) -> Group:
        group = Group(prefix, guards)
        self.groups.append(group)
        return group

    def extend(self, prefix: str, method: str, pattern: str, handler: Handler) -> None:
        """Add a route to a group that is there already."""
        next(group for group in self.groups if group.prefix == prefix).route(method, pattern, handler)

    async def dispatch(self, request: Request) -> Answer:
        """Run guards and handler. Raises ApiError."""
        segments = request.path.split("/")[1:]
        found = [(group, params) for group in self.groups if (params := group.matches(segments)) is not None]
        group, params = max(found, key=lambda pair: pair[0].depth())
        request.params.update(params)
        for guard in group.guards:
            guard(request)
        rest = segments[group.depth()[0] :]
        rest = [] if rest == [""] else rest
        allowed: dict[str, tuple[Handler, dict[str, str]]] = {}
        for method, pattern, handler in group.routes:
            match = _match(_segments(pattern), rest)
            if match is not None:
                allowed.setdefault(method, (handler, match))
        if not allowed:
            raise route_not_found()
        if request.method not in allowed:
            return Answer(405, headers={"Allow": min(allowed)})
        handler, match = allowed[request.method]
        request.params.update(match)
        return await handler(request)
