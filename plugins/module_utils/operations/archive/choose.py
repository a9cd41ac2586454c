# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conversations that one call is about: tasks, chats or both, and whose they are."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ...coder.answers import Malformed
from ...coder.chats.models import Chat
from ...coder.tasks.models import Task
from ..chats_by_id import AuditLog
from ..context import Context
from .scope import ScopeParams, check_scope, narrowest, task_scope, warn_of_scope
from .select import ArchiveSelectionParams, select_tasks
from .select_chats import select_chats
from .source import BOTH, SourceParams, sources


class ChoiceParams(ArchiveSelectionParams, SourceParams, ScopeParams):
    """The options that decide what a call is about."""

    concurrency: int


class Chosen(NamedTuple):
    """What a call is about.

    :param source: tasks, chats or both.
    :param scope: whose they are, the least of what was seen of tasks and of chats.
    :param chats: root chats, each with its sub-agents.
    :param conversations: how many there are; those of sub-agents are conversations of their own.
    :param missing: names that were given and that nothing has.
    """

    source: str
    scope: str
    tasks: list[Task]
    chats: list[Chat]
    conversations: int
    missing: list[str]
    audit_log: AuditLog | None

    @property
    def noun(self) -> str:
        """What they are called in a sentence."""
        return "tasks and chats" if self.source == BOTH else self.source


def choose_conversations(context: Context[ChoiceParams], told: Callable[[Malformed], None]) -> Chosen:
    """What the options choose, of whichever sources there are.

    :param told: of each task or chat that cannot be read.
    :raises CoderError: an option cannot be right, the server refuses, or less is seen than is expected.
    """
    source = sources(context)
    chats = select_chats(context, told) if source.chats else None
    scopes = [chats.scope] if chats else []
    if source.tasks:
        scopes.append(task_scope(context))
    check_scope(context, narrowest(scopes))
    tasks: list[Task] = []
    missing = chats.missing if chats else []
    if source.tasks:
        warn_of_scope(context, scopes[-1])
        tasks, unknown = select_tasks(context, told)
        missing = [name for name in unknown if chats is None or name in missing]
    if chats is None:
        return Chosen(source.word, narrowest(scopes), tasks, [], len(tasks), missing, None)
    conversations = len(tasks) + chats.conversations
    return Chosen(source.word, narrowest(scopes), tasks, chats.chats, conversations, missing, chats.audit_log)
