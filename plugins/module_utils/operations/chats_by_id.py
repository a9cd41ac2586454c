# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chats that are asked for one by one: by their ids, and everybody's.

A list shows one's own chats only, whoever asks, so those of others are found by the deployment's audit log.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable, NamedTuple, TypedDict

from ..coder.answers import Malformed
from ..coder.chats.backend import ChatsBackend
from ..coder.chats.models import Chat
from .at_once import at_once


class AuditLog(TypedDict):
    """How many chats the audit log named, how many of them could be read, and how many are gone, or hidden."""

    named: int
    read: int
    gone: int


class ReadById(NamedTuple):
    """What became of ids: chats, errors of those that are not what Coder answers, and ids that no chat has."""

    chats: list[Chat]
    refused: list[Malformed]
    gone: list[str]


def chats_by_id(backend: ChatsBackend, ids: Iterable[str], threads: int) -> ReadById:
    """Each of these chats. One that cannot be read takes no other with it. :raises CoderError: the server refuses."""

    def look(chat_id: str) -> tuple[str, Chat | Malformed | None]:
        try:
            return chat_id, backend.by_id(chat_id)
        except Malformed as problem:
            return chat_id, problem

    result = ReadById([], [], [])
    for chat_id, found in at_once(look, ids, threads):
        if found is None:
            result.gone.append(chat_id)
        elif isinstance(found, Malformed):
            result.refused.append(found)
        else:
            result.chats.append(found)
    return result


def audited_chats(
    backend: ChatsBackend, known: Iterable[Chat], threads: int, told: Callable[[Malformed], None]
) -> tuple[list[Chat], AuditLog]:
    """Those that are known, and every root chat that the log names, each asked for by its id.

    :param known: chats that need no request any more.
    :param told: of each chat that cannot be read.
    :raises CoderError: kind forbidden, this token may not read the log.
    """
    found = {chat["id"]: chat for chat in known}
    named = set(backend.logged())
    read = chats_by_id(backend, sorted(named - set(found)), threads)
    for problem in read.refused:
        told(problem)
    found.update((chat["id"], chat) for chat in read.chats)
    lost = len(read.gone) + len(read.refused)
    return list(found.values()), {"named": len(named), "read": len(named) - lost, "gone": len(read.gone)}
