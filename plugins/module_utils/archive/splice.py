# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay a partial snapshot over the end of a log that was saved when there was more of it.

A task is saved while it runs, then paused: from now on the server has its last messages only. They must not take the
place of the whole log, and what is new in them must not be lost.
"""

from __future__ import annotations

from ..snapshot import marks
from .record import Message
from .redact import without_digits


def is_cut(message: Message) -> bool:
    """Whether a hook cut the message to fit the snapshot."""
    return marks.is_cut(str(message.get("content") or ""))


def spliced(saved: list[Message], snapshot: list[Message]) -> list[Message] | None:
    """The saved log and what the snapshot adds at its end; None where one does not continue the other."""
    ids = [message.get("id") for message in saved]
    if not snapshot or snapshot[0].get("id") not in ids:
        return None
    overlap = saved[ids.index(snapshot[0].get("id")) :]
    if not all(_holds(old, new) for old, new in zip(overlap, snapshot)):
        return None
    return saved + snapshot[len(overlap) :]


def _holds(old: Message, new: Message) -> bool:
    """Whether a saved message says all that the snapshot's says; their marks may come from different keys."""
    if old == new:
        return True
    old, new = ({**each, "content": without_digits(str(each.get("content")))} for each in (old, new))
    if old == new:
        return True
    tail = str(new.get("content")).partition("\n\n")[2]
    same = {**old, "content": None} == {**new, "content": None}
    return is_cut(new) and same and bool(tail) and str(old.get("content")).endswith(tail)
