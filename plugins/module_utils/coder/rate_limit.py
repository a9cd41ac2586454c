# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server's rate limit asks of its clients: how long to wait, and one gate at which all threads do."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

# A larger number in a header counts as this one, which is far past any deadline, and which every clock can hold.
_LARGEST = 10**10
# Dates outside of these years (2000 to 2100) are nonsense, and would break the arithmetic of dates later on.
_YEARS = range(946_684_800, 4_102_444_800)


class RateGate:
    """Closed while the server wants us to wait; all threads of a transport wait at the same gate."""

    def __init__(self) -> None:
        self._opens_at = 0.0
        self._told_of = 0.0
        self._lock = threading.Lock()

    def close_until(self, moment: float) -> None:
        """Keep it closed at least until then, in seconds of the monotonic clock."""
        with self._lock:
            self._opens_at = max(self._opens_at, moment)

    def wait_needed(self, now: float) -> float:
        """Seconds until it opens; 0 when it is open."""
        return max(0.0, self._opens_at - now)

    def is_news(self) -> bool:
        """Whether nobody was told yet that the gate is closed until that moment: true for one of all who wait."""
        with self._lock:
            news, self._told_of = self._told_of != self._opens_at, self._opens_at
            return news


def pause_asked(headers: Mapping[str, str], now: float) -> float:
    """Seconds to wait after a 429.

    Retry-After is always the whole window; X-Ratelimit-Reset is often sooner and true at newer servers. So the
    earlier of the two is tried first, and a further 429 brings new headers.

    :param now: our own time, for a server that sends no Date.
    """
    server_now = http_date(headers.get("Date")) or now
    waits = []
    retry_after = headers.get("Retry-After", "")
    if retry_after.isdecimal():
        waits.append(_number(retry_after))
    elif http_date(retry_after):
        waits.append(http_date(retry_after) - server_now)
    reset = headers.get("X-Ratelimit-Reset", "")
    if reset.isdecimal() and _number(reset) > server_now:
        waits.append(_number(reset) - server_now)
    return max(0.1, min(waits, default=1.0))


def limit_told(headers: Mapping[str, str]) -> int | None:
    """Requests per minute that a server takes of one client for one path, as its answers tell; None for no limit."""
    told = headers.get("X-Ratelimit-Limit", "")
    return int(_number(told)) if told.isdecimal() else None


def http_date(text: str | None) -> float:
    """A date of HTTP (RFC 9110, 5.6.7) in seconds of the epoch; 0 for none that can be right."""
    try:
        seconds = parsedate_to_datetime(text or "").timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0
    return seconds if int(seconds) in _YEARS else 0.0


def _number(digits: str) -> float:
    return float(min(int(digits), _LARGEST)) if len(digits) < 20 else float(_LARGEST)
