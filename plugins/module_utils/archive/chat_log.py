# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one list of a chat's messages says of another, and which files they carry. Pure functions.

The ids of a chat's messages come from one sequence of the whole server: they ascend, have gaps, and none comes twice.
An edit of a message takes it and all later ones out of the chat and goes on with new ids. So what was saved before and
is shown no more was said all the same, and belongs between the messages around its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .conversation import SEAM, seam
from .record import Message

GONE = "What stands above, from message {first} on, was taken out of the chat later, as by an edit of that message."
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def is_seam(message: Message) -> bool:
    """Whether it is the line after what is shown no more; nothing that was said has a type."""
    return message.get("type") == SEAM


def parts_of(message: Message) -> list[dict[str, Any]]:
    """The parts of a message, without what is none."""
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def contains(held: Iterable[Message], shown: Iterable[Message]) -> bool:
    """Whether every message that is shown is among those that are held, with the same role and parts.

    Servers give every part the keys that any part has, each version a few more of them: what is empty says nothing.
    """
    known = {message.get("id"): _essence(message) for message in held}
    return all(known.get(message.get("id")) == _essence(message) for message in shown)


def _essence(message: Message) -> tuple[object, list[dict[str, Any]]]:
    parts = parts_of(message)
    return message.get("role"), [
        {key: value for key, value in part.items() if value is not False and value != 0 and value not in _EMPTY}
        for part in parts
    ]


def earlier(versions: Sequence[list[Message]], newest: Sequence[Message]) -> list[list[Message]]:
    """Those versions of a log, the oldest first, that have to be kept beside the newest one.

    Only the last of them can have become a part of the newest one since it was saved.
    """
    if not versions[-1] or contains(newest, versions[-1]):
        return list(versions[:-1])
    return list(versions)


def joined(versions: Sequence[Iterable[Message]]) -> list[Message]:
    """One conversation out of a log's versions, the oldest first; a seam stands after what is shown no more."""
    found: dict[Any, Message] = {}
    newest: set[Any] = set()
    for version in versions:
        messages = [message for message in version if not is_seam(message)]
        found.update((message.get("id"), message) for message in messages)
        newest = {message.get("id") for message in messages}
    return list(_with_seams([found[number] for number in sorted(found, key=_order)], newest))


def _with_seams(messages: Sequence[Message], newest: set[Any]) -> Iterator[Message]:
    first_gone: Any = None
    for message in messages:
        is_gone = message.get("id") not in newest
        if first_gone is not None and not is_gone:
            yield _gone(first_gone)
            first_gone = None
        if is_gone and first_gone is None:
            first_gone = message.get("id")
        yield message
    if first_gone is not None:
        yield _gone(first_gone)


def _gone(first: object) -> Message:
    return {**seam(), "note": GONE.format(first=first)}


def _order(number: object) -> tuple[int, str]:
    """Ids are numbers; whatever else a file may hold comes last."""
    return (number, "") if isinstance(number, int) else (1 << 63, str(number))


def files_of(chat: dict[str, Any], messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The files that a chat carries, each once: ``id``, ``name`` and ``media_type`` as the server tells them.

    :param messages: those that were said, and those that wait for their turn.
    """
    found: dict[str, dict[str, Any]] = {}
    for about in chat.get("files") or []:
        if isinstance(about, dict):
            _note(found, about.get("id"), about.get("name"), about.get("mime_type"))
    for message in messages:
        for part in parts_of(message):
            if part.get("type") == "file":
                _note(found, part.get("file_id"), part.get("name") or part.get("file_name"), part.get("media_type"))
    return list(found.values())


def _note(found: dict[str, dict[str, Any]], file_id: Any, name: Any, media_type: Any) -> None:
    if isinstance(file_id, str) and file_id:
        known = found.setdefault(file_id, {"id": file_id, "name": "", "media_type": ""})
        for key, value in (("name", name), ("media_type", media_type)):
            if isinstance(value, str) and not known[key]:
                known[key] = value
