# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose tasks a call has seen. A list shows what its token may see and does not say what it leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from ...coder.errors import CoderError
from ...coder.server import Server
from ..context import Context
from ..selection import SelectionParams
from ..spec import Options

DEPLOYMENT, ORGANIZATION, OWN, UNPROVEN = "deployment", "organization", "own", "unproven"
# From the narrowest to the widest.
EXPECTABLE = (OWN, ORGANIZATION, DEPLOYMENT)
_WHOSE = {
    DEPLOYMENT: "the tasks of everybody",
    ORGANIZATION: "the tasks of an organization",
    OWN: "the tasks of one user, or those that were named",
    UNPROVEN: "tasks of which nobody can say whether they are all",
}


class ScopeParams(TypedDict):
    """The option of what an archive expects to see."""

    expect_scope: str | None


class SeenParams(SelectionParams, ScopeParams):
    """The options that decide whose tasks are seen."""


def scope_spec() -> Options:
    """Argument spec of what an archive expects to see."""
    return {"expect_scope": {"type": "str", "choices": list(EXPECTABLE)}}


def task_scope(context: Context[SeenParams]) -> str:
    """Whose tasks the selection is taken from, proven by asking the server what the token may read.

    :returns: ``deployment``, ``organization``, ``own``, or ``unproven`` where the server did not say.
    """
    return _scope(context.session.server, context.params)


def narrowest(scopes: Iterable[str]) -> str:
    """Of what is seen of tasks and of chats, the least."""
    return min(scopes, key=(UNPROVEN, *EXPECTABLE).index)


def check_scope(context: Context[SeenParams], scope: str) -> None:
    """Hold what is seen against what is expected.

    :raises CoderError: kind forbidden, the token sees less than ``expect_scope`` wants.
    """
    wanted = context.params["expect_scope"]
    if wanted and (scope == UNPROVEN or EXPECTABLE.index(scope) < EXPECTABLE.index(wanted)):
        raise CoderError(
            f"this call sees {_WHOSE[scope]}, and {_WHOSE[wanted]} were expected", "forbidden",
            hint="Use the token of a site owner and all_owners=true, or say with 'expect_scope' that less is enough.",
        )


def warn_of_scope(context: Context[SeenParams], scope: str) -> None:
    """Tell where everybody's tasks were asked for and are not seen."""
    if context.params["all_owners"] and scope in (OWN, UNPROVEN):
        context.warn(f"'all_owners' was asked for, but this token sees only {_WHOSE[scope]}.")


def _scope(server: Server, params: SeenParams) -> str:
    if params["name"] is not None:
        return OWN
    # One that does not exist is a mistake of its own, whatever is expected to be seen.
    where = server.organization(params["organization"])["id"] if params["organization"] else None
    try:
        if not params["all_owners"]:
            own = params["owner"] == "me" or _is_me(server, params["owner"]) or server.may_read("task")
            return OWN if own else UNPROVEN
        if where:
            return ORGANIZATION if server.may_read("task", organization_id=where) else OWN
        if server.may_read("task"):
            return DEPLOYMENT
        return ORGANIZATION if server.may_read("task", any_org=True) else OWN
    except CoderError as error:
        if error.kind in ("auth", "invalid"):
            raise
        return UNPROVEN


def _is_me(server: Server, owner: str) -> bool:
    me = server.user()
    return owner.lower() in (me["username"].lower(), me["id"])
