# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one call has of a server: the one place where backends are opened.

A backend is imported when it is asked for: most calls have to do with one of the two.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Callable

from .clock import Clock
from .connection import Connection
from .server import Server

if TYPE_CHECKING:
    from .chats.backend import ChatsBackend
    from .tasks.backend import TasksBackend
    from .workspaces.backend import WorkspacesBackend


class Session:
    """A server, seen with one user's token, and what has conversations there.

    :param server: a client of the server.
    """

    def __init__(self, server: Server) -> None:
        self.server = server

    @cached_property
    def tasks(self) -> TasksBackend:
        """The server's tasks; whether it has any shows with the first question."""
        from .tasks.backend import TasksBackend

        return TasksBackend(self.server)

    @cached_property
    def chats(self) -> ChatsBackend:
        """The server's chats; whether it has any shows with the first question."""
        from .chats.backend import ChatsBackend

        return ChatsBackend(self.server)

    @cached_property
    def workspaces(self) -> WorkspacesBackend:
        """The server's workspaces, which every server has."""
        from .workspaces.backend import WorkspacesBackend

        return WorkspacesBackend(self.server)

    def for_call(self, note_write: Callable[[str], None], read_only: bool) -> Session:
        """The same session, as one call has it.

        :param note_write: told of each request that wrote, or may have.
        :param read_only: whether every write is refused, as in check mode.
        """
        return Session(self.server.for_call(note_write, read_only))


class Sessions:
    """Sessions that outlive a call, by all that makes a connection: of a loop, which runs in one process."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Session] = {}

    def get(self, connection: Connection, clock: Clock) -> Session:
        """The session of an earlier call on the same connection, or a new one.

        :raises CoderError: the connection's options cannot be right.
        """
        session = self._kept.get(connection)
        if session is None:
            session = self._kept[connection] = open_session(connection, clock)
        # With `until` the next call comes because something is to be different.
        session.server.forget()
        return session


def open_session(connection: Connection, clock: Clock) -> Session:
    """:raises CoderError: the connection's options cannot be right."""
    return Session(Server.connect(connection, clock))
