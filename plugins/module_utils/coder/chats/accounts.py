# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server's own accounts of its chats: limits, costs per user, and pull requests. They go with Coder 2.37.

What is asked for stands here as data. Without a time a server tells of the last 30 days, and of ten users.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from ..answers import sound_objects, text
from ..errors import CoderError, attempting
from ..names import is_uuid

# Before the first chat that there was.
_BEGIN = "2025-01-01T00:00:00Z"
USERS = "cost-users"
_PAGE = 100


class Account(NamedTuple):
    """A question to a server.

    :param name: of what is asked. :param path: below the routes of chats. :param params: of the request.
    :param everybodys: whether only a site owner is told.
    """

    name: str
    path: str
    everybodys: bool
    params: dict[str, Any]


_OF_TIME = {"start_date": _BEGIN}
SHARED = (
    Account("usage-limits", "usage-limits", True, {}),
    Account("usage-limit-of-me", "usage-limits/status", False, {}),
    Account("cost-of-me", "cost/me/summary", False, _OF_TIME),
    Account(USERS, "cost/users", True, {**_OF_TIME, "limit": _PAGE}),
    Account("pull-requests", "insights/pull-requests", True, _OF_TIME),
)


class Told(NamedTuple):
    """What a server answered to a question.

    :param name: of the account. :param everybodys: whether only a site owner is told.
    :param answer: None where there is none. :param error: why it could not be read; None where the server has none.
    """

    name: str
    everybodys: bool
    answer: dict[str, Any] | None = None
    error: CoderError | None = None


class Reads(Protocol):
    """Asks a server."""

    def account(self, account: Account) -> dict[str, Any]:
        """See :meth:`.client.ChatsClient.account`."""


def accounts_of(client: Reads) -> Iterator[Told]:
    """Every account of a server; those of single users where it tells who has one."""
    for account in SHARED:
        told = _told(client, account)
        yield told
        if account.name == USERS and told.answer:
            yield from (_told(client, _of_user(user_id)) for user_id in _users(told.answer))


def _told(client: Reads, account: Account) -> Told:
    nothing = Told(account.name, account.everybodys)
    try:
        with attempting(f"read the account {account.name} of the server"):
            return nothing._replace(answer=client.account(account))
    except CoderError as error:
        return nothing if _is_absent(error) else nothing._replace(error=error)


def _users(answer: dict[str, Any]) -> Iterator[str]:
    """The ids of those who have an account of costs."""
    for user in sound_objects(answer.get("users")):
        if is_uuid(text(user.get("user_id"))):
            yield user["user_id"]


def _of_user(user_id: str) -> Account:
    """What a user's chats cost."""
    return Account(f"cost-of-{user_id}", f"cost/{user_id}/summary", True, _OF_TIME)


def _is_absent(error: CoderError) -> bool:
    """Whether a refusal says that the server has no such account: later ones take its path for the id of a chat."""
    return error.kind == "not_found" or error.server_message.startswith("Invalid UUID")
