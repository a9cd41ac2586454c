# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How whole a saved log is: in one word, and in the classes in which it is less than what was said, or may be less.

The words and their sentences stand here alone; index, transcripts, results, reports and documents use them. A class is
a word too, one that a user can accept (`accept` of the module).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from . import conversation
from .record import Entry, Message

WORDS = {
    "complete": "everything that was said until it was read is there",
    "partial": "something that was said is missing, or may be missing; its classes say why",
    "empty": "there is no message of it",
    "unreadable": "it could not be read yet",
}
CLASSES = {
    "snapshot": "it was read from a snapshot, which keeps the last messages only",
    "cut": "a message in it was cut",
    "none": "the server says that it has no log of it",
    "redacted": "secrets were taken out, so that only the server has the original",
    "restarted": "its agent was started more than once, and nothing shows that it remembers what was said before",
    "empty": "its running agent shows no message at all",
    "gaps": "the ids of its messages do not follow each other, so that some may be missing",
    "running": "it was read while its agent was at work, so that more may have been said",
    "files": "a file that it carries could not be read",
}
# What no later reading can better. It speaks against nothing, so that there is nothing to accept.
FOR_GOOD = {"gone": "a file that it carries is gone from the server, so that nobody can save it any more"}
# Without these a log is called complete: a snapshot can be the whole conversation, and a redacted one is all there.
_PARTIAL = ("cut", "none", "restarted", "empty", "gaps", "running", "files")


def lacks(
    source: str, messages: Sequence[Message], *, no_log: bool = True, restarted: bool, redacted: bool
) -> list[str]:
    """The classes of a log, in their order; empty for one that was read live, whole and untouched.

    :param source: "live", "snapshot" or "none".
    :param no_log: where the source is "none", whether the server itself says that there is no log; what could not be
        read is in no class.
    :param restarted: whether its agent may have forgotten what was said before.
    :param redacted: whether secrets were taken out of it.
    """
    held = {
        "snapshot": source == "snapshot",
        "cut": any(map(conversation.is_cut, messages)),
        "none": source == "none" and no_log,
        "redacted": redacted,
        "restarted": restarted and source != "none",
        "empty": source == "live" and not messages,
        "gaps": conversation.has_gaps(messages, from_start=source == "live"),
    }
    return [name for name in CLASSES if held.get(name)]


def chat_lacks(
    messages: Sequence[Message], *, running: bool, redacted: bool, files_missing: bool, files_gone: bool = False
) -> list[str]:
    """The classes of a chat's log, in their order, with those for good.

    Its ids have gaps, and a server keeps all of it or nothing.

    :param running: whether it may have gone on while it was read.
    :param files_missing: whether a file that it carries is not there, and might be one day.
    :param files_gone: whether one can never be had any more.
    """
    held = {
        "redacted": redacted, "empty": not messages, "running": running, "files": files_missing, "gone": files_gone,
    }  # fmt: skip
    return [name for name in (*CLASSES, *FOR_GOOD) if held.get(name)]


def is_complete(classes: Iterable[str], messages: Sequence[Message]) -> bool:
    """Whether everything that was said is there, for certain. A snapshot is, if it begins with the first message."""
    classes = set(classes)
    if not messages:
        return False
    if classes.intersection(_PARTIAL):
        return False
    return "snapshot" not in classes or not conversation.has_gaps(messages, from_start=True)


def word(entry: Entry) -> str:
    """How whole an entry is, one of WORDS. `lacks_of` says why it is partial."""
    if entry["complete"]:
        return "complete"
    if entry["messages"]:
        return "partial"
    return "empty" if entry["error_kind"] in (None, "no_log") else "unreadable"


def count(entries: Iterable[Entry]) -> dict[str, int]:
    """How many entries each of WORDS is true of."""
    found = Counter(map(word, entries))
    return {each: found[each] for each in WORDS}


def is_restarted(
    saved: Entry | None, before: Sequence[Message] | None, source: str, now: Sequence[Message], life: int | None
) -> bool:
    """Whether an agent may have forgotten what was said before.

    It may if it was started more than once, and what was saved before does not show that this log goes on from there.

    :param saved: the entry of what was saved before.
    :param before: its messages; None if they are lost.
    :param life: of the log, see `record.life`.
    """
    if life is not None and life <= 1:
        return False
    if not before:
        return True
    same_life = life is not None and saved is not None and saved.get("life") == life
    goes_on = conversation.is_continued(before, now, same_life)
    if source == "snapshot" and not goes_on:
        goes_on = conversation.spliced(list(before), list(now)) is not None
    return not goes_on or "restarted" in lacks_of(saved)


def lacks_of(entry: Entry | None) -> list[str]:
    """The classes of an entry, also of one that an older version wrote, which did not know all of them."""
    if entry is None:
        return []
    known: list[str] | None = entry.get("lacks")
    if known is not None:
        return known
    held: dict[str, Any] = {
        "snapshot": entry["source"] == "snapshot",
        "cut": entry["truncated"],
        "none": entry["source"] == "none",
        "redacted": entry["redacted"],
    }
    return [name for name, is_so in held.items() if is_so]
