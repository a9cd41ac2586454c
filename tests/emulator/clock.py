# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of an emulated world.

World time is counted in recorded seconds: a build that took 4 s on a real server takes 4 world seconds. A factor says
how many real seconds a world second lasts.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """World time that runs by itself, on the monotonic clock.

    skew: real seconds that the server's calendar is ahead of ours; may be changed while the server runs.
    """

    def __init__(self, factor: float = 1.0, skew: float = 0.0) -> None:
        if factor <= 0:
            raise ValueError("the time factor must be greater than 0")
        self.factor = factor
        self.skew = skew
        self._start = time.monotonic()
        self._started_at = datetime.now(UTC)

    def now(self) -> float:
        """World seconds since the world began."""
        return self.real() / self.factor

    def real(self) -> float:
        """Real seconds since the world began."""
        return time.monotonic() - self._start

    def wall(self, moment: float | None = None) -> datetime:
        """The calendar time of a moment in world time (default: now)."""
        moment = self.now() if moment is None else moment
        return self._started_at + timedelta(seconds=moment * self.factor + self.skew)

    async def sleep(self, seconds: float) -> None:
        """Sleep for world seconds."""
        await asyncio.sleep(seconds * self.factor)


class ManualClock(Clock):
    """World time that stands still until it is set: a replay moves it to the time of each recorded exchange."""

    def __init__(self, started_at: datetime | None = None) -> None:
        super().__init__()
        self._now = 0.0
        self._started_at = started_at or self._started_at

    def now(self) -> float:
        return self._now

    def real(self) -> float:
        return self._now

    def set(self, moment: float) -> None:
        """Move to a moment; time never goes back."""
        self._now = max(self._now, moment)

    async def sleep(self, seconds: float) -> None:
        self._now += seconds


def go_time(moment: datetime) -> str:
    """A time as Go writes it: RFC 3339, microseconds, no trailing zeros, Z for UTC."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
