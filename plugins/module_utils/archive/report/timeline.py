# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small chart of when the fleet's tasks were made: stacked bars by status, as numbers for an SVG."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any, NamedTuple

from .. import times

WIDTH, HEIGHT = 960, 120
_MOST_BARS = 60
_STATUSES = ("active", "running", "paused", "waiting", "initializing", "pending", "error", "unknown")


class Part(NamedTuple):
    """A coloured part of a bar."""

    status: str
    y: float
    height: float


class Bar(NamedTuple):
    """The tasks of a day, a week or a month."""

    x: float
    width: float
    label: str
    parts: list[Part]


class Chart(NamedTuple):
    """Everything the page draws."""

    bars: list[Bar]
    statuses: list[tuple[str, int]]
    first: str
    last: str
    unit: str
    highest: int


def chart(entries: list[dict[str, Any]]) -> Chart | None:
    """The chart, or None if no two days have a task: a lone bar says nothing."""
    made = [(when, _status(entry)) for entry in entries for when in [_date(entry["created_at"])] if when]
    if not made:
        return None
    first, last = min(made)[0], max(made)[0]
    if first == last:
        return None
    unit = next((unit for unit in ("day", "week", "month") if len(_starts(first, last, unit)) <= _MOST_BARS), "year")
    starts = _starts(first, last, unit)
    counts: dict[date, Counter[str]] = {start: Counter() for start in starts}
    for when, status in made:
        counts[_start(when, unit)][status] += 1
    highest = max(sum(count.values()) for count in counts.values())
    step = WIDTH / max(len(starts), 12)
    bars = [
        Bar(round(at * step, 1), round(step * 0.8, 1), _label(start, unit, count), _parts(count, highest))
        for at, (start, count) in enumerate(counts.items())
    ]
    totals = Counter(status for _when, status in made)
    statuses = [(status, totals[status]) for status in _STATUSES if totals[status]]
    return Chart(bars, statuses, str(starts[0]), str(starts[-1]), unit, highest)


def _status(entry: dict[str, Any]) -> str:
    return entry["status"] if entry["status"] in _STATUSES else "unknown"


def _date(time: str | None) -> date | None:
    moment = times.instant(time)
    return moment.date() if moment and 1970 <= moment.year < 3000 else None  # not an invented one


def _start(when: date, unit: str) -> date:
    if unit == "day":
        return when
    if unit == "week":
        return when - timedelta(days=when.weekday())
    return when.replace(day=1) if unit == "month" else when.replace(month=1, day=1)


def _starts(first: date, last: date, unit: str) -> list[date]:
    """The first days of all units from `first` to `last`; a few more than can be shown are enough."""
    starts = [_start(first, unit)]
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[unit]
    while len(starts) <= 10_000:
        following = _start(starts[-1] + timedelta(days=longest), unit)
        if following > last:
            break
        starts.append(following)
        if len(starts) > _MOST_BARS and unit != "year":
            break
    return starts


def _label(start: date, unit: str, counts: Counter[str]) -> str:
    parts = ", ".join(f"{counts[status]} {status}" for status in _STATUSES if counts[status])
    return f"{start if unit == 'day' else f'{unit.capitalize()} of {start}'}: {parts or 'no task'}"


def _parts(counts: Counter[str], highest: int) -> list[Part]:
    parts = []
    y = float(HEIGHT)
    for status in _STATUSES:
        height = round(counts[status] / highest * HEIGHT, 2)
        if height:
            y = round(y - height, 2)
            parts.append(Part(status, y, height))
    return parts
