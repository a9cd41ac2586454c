# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time as whoever runs an operation gives it: Python's module ``time``, or a clock that a test moves."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """What is used of the module ``time``. All in seconds."""

    def monotonic(self) -> float:
        """Of a clock that never goes back; its beginning means nothing."""

    def time(self) -> float:
        """Since the epoch, as this machine's calendar has it."""

    def sleep(self, seconds: float, /) -> None:
        """Do nothing for so long."""
