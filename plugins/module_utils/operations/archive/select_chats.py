# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which chats an archive is about.

A list shows one's own chats only, whoever asks. Everybody's are named by the audit log, which a site owner may read,
and are then asked for one by one; the log names also those that are gone by now.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ...coder.answers import Malformed
from ...coder.chats.models import Chat, family
from ...coder.errors import CoderError, attempting
from ...coder.names import is_uuid
from ..chats_by_id import AuditLog, audited_chats, chats_by_id
from ..context import Context
from .scope import DEPLOYMENT, ORGANIZATION, OWN
from .select import ArchiveSelectionParams, chosen_by_age, shard_of

Told = Callable[[Malformed], None]


class ChatSelectionParams(ArchiveSelectionParams):
    """The options of choosing chats for an archive."""

    concurrency: int


class ChosenChats(NamedTuple):
    """The root chats that were chosen, each with its sub-agents.

    :param scope: whose chats they were chosen from.
    :param missing: names that were given and that no chat has.
    :param audit_log: None where it was not read.
    """

    chats: list[Chat]
    scope: str
    missing: list[str]
    audit_log: AuditLog | None = None

    @property
    def conversations(self) -> int:
        """How many there are: those of sub-agents are conversations of their own."""
        return sum(len(family(chat)) for chat in self.chats)


def select_chats(context: Context[ChatSelectionParams], told: Told) -> ChosenChats:
    """The chosen chats of this shard, those that are archived too; warns where everybody's cannot be named.

    :param told: of each chat that cannot be read.
    :raises CoderError: an option cannot be right, or the server refuses.
    """
    params = context.params
    in_shard = shard_of(params["shard"])
    with attempting("list the chats"):
        if params["name"] is not None:
            found = _by_name(context, params["name"], told)
        else:
            refused: list[Malformed] = []
            found = ChosenChats(_own(context, refused.append), OWN, [])
            for problem in refused:
                told(problem)
            if params["all_owners"]:
                found = _everybodys(context, found.chats, [problem.reason for problem in refused], told)
    chats = found.chats
    if params["organization"] is not None:
        where = context.session.server.organization(params["organization"])["id"]
        chats = [chat for chat in chats if chat["organization_id"] == where]
        if found.scope == DEPLOYMENT:
            found = found._replace(scope=ORGANIZATION)
    is_old = chosen_by_age(params["older_than"], context.session.chats.now)
    return found._replace(chats=[chat for chat in chats if in_shard(chat["id"]) and is_old(chat["updated_at"])])


def _own(context: Context[Any], told: Told) -> list[Chat]:
    backend = context.session.chats
    found: dict[str, Chat] = {}
    for archived in (False, True):
        # One that is archived in between is in both.
        found.update((chat["id"], chat) for chat in backend.labelled({}, archived, told))
    return list(found.values())


def _by_name(context: Context[Any], names: list[str], told: Told) -> ChosenChats:
    """Chats by UUID, one's own also by name: every one that has it."""
    backend = context.session.chats
    read = chats_by_id(backend, filter(is_uuid, names), context.params["concurrency"])
    for problem in read.refused:
        told(problem)
    found = {chat["id"]: chat for chat in read.chats}
    missing = read.gone
    for name in names:
        named = [] if is_uuid(name) else backend.named(name)
        found.update((chat["id"], chat) for chat in named)
        missing += [] if named or is_uuid(name) else [name]
    return ChosenChats(list(found.values()), OWN, missing)


def _everybodys(context: Context[Any], own: list[Chat], known: list[str], told: Told) -> ChosenChats:
    """One's own chats, and all that the audit log names; one's own alone where this token may not read it.

    :param known: why some of one's own cannot be read, which is told already.
    """
    backend = context.session.chats

    def new(problem: Malformed) -> None:
        if problem.reason not in known:
            told(problem)

    try:
        chats, log = audited_chats(backend, own, context.params["concurrency"], new)
    except CoderError as error:
        if error.kind != "forbidden":
            raise
        context.warn(f"'all_owners' was asked for, but {error.reason}; only one's own chats are seen.")
        return ChosenChats(own, OWN, [])
    return ChosenChats(chats, DEPLOYMENT, [], log)
