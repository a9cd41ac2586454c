# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one list of messages says of another: whether it holds it, goes on from it, or begins a new life after it.

Messages are Coder's: `id`, `type`, `content`, `time`. Ids count from 0 in one life of an agent and begin anew in the
next. A terminal's text is padded to the width of its screen in a live log and not in a snapshot, so spaces at the end
of a line say nothing. A snapshot cuts the message that does not fit and keeps its tail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..snapshot import marks
from ..snapshot.fit import strip_padding
from .record import Message
from .redact import without_digits

# The type of the line that stands between two lives; Coder's messages are of type input or output.
SEAM = "seam"


def is_cut(message: Message) -> bool:
    """Whether a message is the tail of a longer one."""
    return marks.is_cut(_content(message))


def seam() -> Message:
    """The line between what was said before an agent was started anew and what was said after."""
    return {"id": None, "type": SEAM, "content": marks.NEW_LIFE, "time": None}


def is_seam(message: Message) -> bool:
    """Whether a message stands between two lives: one of ours, or one that a shutdown hook has joined."""
    return message.get("type") == SEAM or _content(message).strip() == marks.NEW_LIFE


def holds(held: Message, shown: Message) -> bool:
    """Whether one message says all that the other says; of one that was cut, its tail."""
    if held == shown:
        return True
    if _frame(held) != _frame(shown):
        return False
    old, new = strip_padding(_content(held)), strip_padding(_content(shown))
    if old == new:
        return True
    tail = new.partition("\n\n")[2]
    return is_cut(shown) and bool(tail) and old.endswith(tail)


def contains(held: Sequence[Message], shown: Iterable[Message]) -> bool:
    """Whether every message that is shown is among those that are held, in their order; there may be more held."""
    rest = iter(held)
    return all(any(holds(old, new) for old in rest) for new in shown)


def has_gaps(messages: Sequence[Message], from_start: bool) -> bool:
    """Whether ids are left out, or appear twice, so that a message may be missing. Lives are looked at one by one.

    :param from_start: whether the first life has to begin with the id 0, as a live log does and the end of one does
        not.
    """
    expected = 0 if from_start else None
    for message in messages:
        if is_seam(message):
            expected = None
            continue
        number = message.get("id")
        if not isinstance(number, int) or (expected is not None and number != expected):
            return True
        expected = number + 1
    return False


def is_continued(before: Sequence[Message], now: Sequence[Message], same_life: bool) -> bool:
    """Whether a log goes on from the one that was seen before.

    The last message may have grown while the agent wrote it. That is believed where the messages before it are the
    same, or, where there are none, while no other life has begun. Marks of redaction may come from different keys.

    :param same_life: whether no other life can have begun between the two.
    """
    if not before:
        return same_life
    before, now = list(map(_keyless, before)), list(map(_keyless, now))
    if contains(now, before):
        return True
    *firm, last = before
    if not firm:
        return same_life and bool(now) and _names(now[0]) == _names(last)
    grown = any(_names(message) == _names(last) for message in now)
    return contains(now, firm) and grown


def spliced(saved: list[Message], snapshot: list[Message]) -> list[Message] | None:
    """The saved log and what a snapshot, the end of the log, adds to it; None where one does not continue the other.

    Marks of redaction in them may come from different keys.
    """
    ids = [message.get("id") for message in saved]
    if not snapshot or snapshot[0].get("id") not in ids:
        return None
    overlap = saved[ids.index(snapshot[0].get("id")) :]
    if not all(holds(_keyless(old), _keyless(new)) for old, new in zip(overlap, snapshot)):
        return None
    return saved + snapshot[len(overlap) :]


def joined(versions: Sequence[list[Message]]) -> list[Message]:
    """One conversation out of a log's versions, the oldest first, with a seam where a new life begins."""
    whole: list[Message] = []
    life = 0  # where the newest life begins
    for version in versions:
        current = whole[life:]
        if not version or contains(list(map(_keyless, current)), map(_keyless, version)):
            continue
        longer = spliced(current, version)
        if longer is None and is_continued(current, version, same_life=False):
            longer = version
        if longer is None:
            if current:
                whole.append(seam())
                life = len(whole)
            longer = version
        whole[life:] = longer
    return whole


def _content(message: Message) -> str:
    return str(message.get("content") or "")


def _names(message: Message) -> tuple[object, object]:
    return message.get("id"), message.get("type")


def _frame(message: Message) -> Message:
    """All of a message but its content."""
    return {key: value for key, value in message.items() if key != "content"}


def _keyless(message: Message) -> Message:
    """The same message, whatever the key of the redaction marks in it."""
    return {**message, "content": without_digits(_content(message))}
