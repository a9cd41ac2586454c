# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A point in time that a whole piece of work shares, however many steps it has."""

from __future__ import annotations

import time


class Deadline:
    """So many seconds from now, on the monotonic clock."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def within(self, seconds: float) -> Deadline:
        """This deadline, or one in so many seconds if that is earlier."""
        return Deadline(min(seconds, self.left()))

    def before(self, seconds: float) -> Deadline:
        """So many seconds before this one."""
        return Deadline(max(0.0, self.left() - seconds))
