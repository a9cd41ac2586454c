# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of the server and of agents: RFC 3339 with any offset, because AgentAPI stamps with its workspace's clock."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?(?:[Zz]|([+-])(\d\d):?(\d\d))?\Z", re.ASCII
)


@functools.lru_cache(1024)  # each time of a conversation is asked for by several pages
def instant(text: object) -> datetime | None:
    """The moment in UTC, to the microsecond; without an offset it is taken for UTC.

    :returns: None for what is no time, and for Go's zero time, which stands where there is none.
    """
    match = _RFC_3339.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    *numbers, fraction, sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        year, month, day, hour, minute, second = map(int, numbers)
        microsecond = int((fraction or "0").ljust(6, "0"))
        local = datetime(year, month, day, hour, minute, second, microsecond, timezone.utc)
        moment = local + ahead if sign == "-" else local - ahead
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


@functools.lru_cache(1024)
def utc(text: object) -> str | None:
    """The same moment as RFC 3339 in UTC, with a fraction only where there is one; None where there is no time."""
    moment = instant(text)
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def span(texts: Iterable[object]) -> tuple[str | None, str | None]:
    """The first and the last of them, by the moments that they mean, in UTC."""
    moments = [moment for moment in map(instant, texts) if moment]
    if not moments:
        return None, None
    return utc(min(moments).isoformat()), utc(max(moments).isoformat())
