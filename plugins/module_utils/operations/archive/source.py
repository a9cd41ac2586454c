# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which conversations an archive is about: those of tasks, of chats, or of both."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from ...coder.errors import invalid
from ..context import Context
from ..selection import SelectionParams
from ..spec import Options

TASKS, CHATS, BOTH = "tasks", "chats", "both"
# What chats do not have, so that they cannot be chosen by it.
_OF_TASKS_ONLY = ("template", "status", "select")


class SourceParams(TypedDict):
    """The option of where conversations come from."""

    source: str | None


class SourcedParams(SelectionParams, SourceParams):
    """The options that decide where conversations come from."""

    template: str | None


class Sources(NamedTuple):
    """What conversations are taken from."""

    tasks: bool
    chats: bool

    @property
    def word(self) -> str:
        """As the option says it."""
        return BOTH if self.tasks and self.chats else TASKS if self.tasks else CHATS


def source_spec() -> Options:
    """Argument spec of where conversations come from."""
    return {"source": {"type": "str", "choices": [TASKS, CHATS, BOTH]}}


def sources(context: Context[SourcedParams]) -> Sources:
    """What the option asks for; without it, what the server has and the other options can choose from.

    :raises CoderError: kind invalid, chats are asked for and another option knows tasks only.
    """
    wanted, only_tasks = context.params["source"], _means_tasks(context.params)
    if wanted in (CHATS, BOTH) and only_tasks:
        raise invalid(
            f"'{only_tasks}' chooses tasks only, and source={wanted} asks for chats",
            f"Leave out '{only_tasks}', or give source={TASKS}.",
        )
    if wanted:
        return Sources(wanted != CHATS, wanted != TASKS)
    if only_tasks or context.session.chats.presence() == "none":
        return Sources(True, False)
    return Sources(context.session.tasks.presence() == "yes", True)


def _means_tasks(params: SourcedParams) -> str | None:
    """An option that only tasks can be chosen by; None if there is none."""
    if params["owner"] != "me":
        return "owner"
    return next((name for name in _OF_TASKS_ONLY if params[name] is not None), None)  # type: ignore[literal-required]
