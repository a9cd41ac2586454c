# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of all kinds of conversations, in one archive."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from .chat_folder import ChatFolders
from .folder import Folders
from .kinds import CHAT, TASK, kind_of
from .record import Record
from .redact import Redactor
from .seal import Seal
from .task_folder import TaskFolders


class Rooms:
    """The rooms of the archive at `path`, one per kind. Arguments as for `Folders`."""

    def __init__(self, path: str, redactor: Redactor | None, seal: Seal | None) -> None:
        self.tasks = TaskFolders(os.path.join(path, TASK.room), redactor, seal)
        self.chats = ChatFolders(os.path.join(path, CHAT.room), redactor, seal)
        self._by_kind: dict[str, Folders] = {TASK.name: self.tasks, CHAT.name: self.chats}

    def __iter__(self) -> Iterator[Folders]:
        return iter(self._by_kind.values())

    def present(self) -> list[Folders]:
        """Those that are there; an archive without chats has no folder for them."""
        return [room for room in self if os.path.isdir(room.path)]

    def of(self, about: Mapping[str, Any]) -> Folders:
        """The room of a record or of a line of the manifest."""
        return self._by_kind[kind_of(about).name]

    def compute(self, what: str, given: Record, *more: Any) -> Any:
        """What the room of a record makes of it without writing anything, as a helper process is asked for it.

        :param what: `compose` or `shown`, see :class:`Folders`; `more` are its further arguments.
        """
        return getattr(self.of(given), what)(given, *more)

    def close(self) -> None:
        for room in self:
            room.close()
