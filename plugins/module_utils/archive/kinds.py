# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of conversations that an archive holds, and where each lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of conversation.

    :param name: as the manifest says it, and the key of the thing itself in its own file.
    :param room: the folder at the top that has one folder per conversation of this kind.
    :param about: the file in such a folder that tells of the conversation.
    :param format: version of the format in which the current version writes it.
    """

    name: str
    room: str
    about: str
    format: int


# Format 1, of collection 0.1.0, has no seal and does not know all classes. An archive without chats is still of format
# 2, so that what reads that one reads it; chats came with format 3.
TASK = Kind("task", "tasks", "task.json", 2)
CHAT = Kind("chat", "chats", "chat.json", 3)
KINDS = {kind.name: kind for kind in (TASK, CHAT)}
NEWEST_FORMAT = max(kind.format for kind in KINDS.values())


def kind_of(about: Mapping[str, Any]) -> Kind:
    """The kind of a record or of a line of the manifest; the first versions knew tasks only, and did not say so."""
    return KINDS[about.get("kind", TASK.name)]


def place_of(entry: Mapping[str, Any]) -> str:
    """The folder of a conversation, relative to the archive.

    :param entry: a line of the manifest; ``within`` is the shard's folder, where the archive is one of shards.
    """
    place = f"{kind_of(entry).room}/{entry['folder']}"
    return f"{entry['within']}/{place}" if "within" in entry else place
