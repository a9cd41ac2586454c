# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks as a person reads them: one line per task, in aligned columns. Pure functions."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any, NamedTuple

from ..coder.durations import in_words
from ..coder.tasks.models import Task

# Longer words of an agent are cut in the table, never a reason; `tasks` in the result has them all.
_LONGEST = 160
_TONES = {"active": "good", "error": "bad", "unknown": "bad", "paused": "quiet"}


class Row(NamedTuple):
    """A line. tone: how it is meant, good, bad, quiet or plain."""

    text: str
    tone: str


def rows(tasks: list[Task], with_owner: bool, now: float) -> list[Row]:
    """A header, and one line per task; a single line that says so where there is none.

    :param now: seconds of the epoch, from which the age of a change is reckoned.
    """
    if not tasks:
        return [Row("No task.", "plain")]
    table = [_header(with_owner), *(_cells(task, with_owner, now) for task in tasks)]
    widths = [max(map(_width, column)) for column in zip(*table)]
    lines = ["  ".join(_padded(cell, width) for cell, width in zip(line, widths)).rstrip() for line in table]
    tones = ["plain", *("bad" if "reason" in task else _TONES.get(task["status"], "plain") for task in tasks)]
    return [Row(line, tone) for line, tone in zip(lines, tones)]


def _header(with_owner: bool) -> list[str]:
    return [*(["OWNER"] if with_owner else []), "NAME", "TEMPLATE", "STATUS", "STATE", "CHANGED", "WHAT"]


def _cells(task: Task, with_owner: bool, now: float) -> list[str]:
    state = task["current_state"]
    what = _printable(task["reason"]) if "reason" in task else _cut(_printable(state["message"] if state else ""))
    owner = [task["owner_name"]] if with_owner else []
    cells = [*owner, task["name"], task["template_name"], task["status"], (state and state["state"]) or "-"]
    return [*map(_printable, cells), _age(task["updated_at"], now), what]


def _age(moment: Any, now: float) -> str:
    """How long ago, in the largest unit."""
    try:
        changed = datetime.fromisoformat(f"{str(moment)[:19]}+00:00").timestamp()
    except ValueError:
        return "-"
    return " ".join(in_words(max(1.0, now - changed)).split()[:2]) + " ago"


def _printable(text: Any) -> str:
    """Text of others on one line: no sequence of control characters reaches the terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)).split())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST - 4]} ..."


def _width(text: str) -> int:
    """Columns that a terminal takes."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) > 0 for sign in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
