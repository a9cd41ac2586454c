# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Coder's rate limit: a sliding window per caller and exact path, in windows aligned to the clock."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.answers import ApiError
from emulator.auth import user_of
from emulator.request import Request

FILE_LIMIT = 12  # uploads in a window, and downloads of one file
BYPASS_REFUSED = b'"X-Coder-Bypass-Ratelimit" provided but user is not owner\n'


@dataclass
class _Counter:
    window: int = 0
    current: int = 0
    previous: int = 0


class RateLimiter:
    def __init__(self) -> None:
        self._counters: dict[tuple[str, str], _Counter] = {}

    def check(self, request: Request) -> dict[str, str]:
        """Count a request; gives the headers of its answer. Raises ApiError 429."""
        world = request.world
        limit, window = world.settings.rate_limit, world.settings.rate_window
        if limit and world.chats is not None and "/chats/files" in request.path:
            limit = min(limit, FILE_LIMIT)
        if not limit or self._bypasses(request):
            return {}
        now = world.clock.wall().timestamp()
        number = int(now // window)
        counter = self._counters.setdefault((self._key(request), request.path), _Counter(number))
        if number != counter.window:
            counter.previous = counter.current if number == counter.window + 1 else 0
            counter.window, counter.current = number, 0
        rate = counter.previous * (1 - now % window / window) + counter.current
        headers = {"X-Ratelimit-Limit": str(limit), "X-Ratelimit-Reset": str(int((number + 1) * window))}
        if rate + 1 > limit:
            raise ApiError(
                429,
                f"You've been rate limited for sending more than {limit} requests in {_go_duration(window)}.",
                headers={**headers, "X-Ratelimit-Remaining": "0", "Retry-After": str(max(1, round(window)))},
            )
        counter.current += 1
        return {**headers, "X-Ratelimit-Remaining": str(max(0, int(limit - rate - 1)))}

    @staticmethod
    def _bypasses(request: Request) -> bool:
        user = user_of(request)
        return bool(wants_bypass(request) and request.dialect.rate_bypass and user and user.owner)

    @staticmethod
    def _key(request: Request) -> str:
        user = user_of(request) if request.dialect.rate_key == "user" else None
        return user.id if user else request.client


def wants_bypass(request: Request) -> bool:
    return request.headers.get("x-coder-bypass-ratelimit", "").lower() in ("true", "1")


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
