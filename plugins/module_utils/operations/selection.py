# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing tasks: by name, by what the server can filter, and by a JMESPath predicate; and counting them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Callable, TypedDict

from ..coder.answers import Malformed
from ..coder.backend import Choice
from ..coder.errors import attempting
from ..coder.tasks.models import STATUSES, Task
from .context import Context
from .predicate import TASK, Predicate
from .spec import Options


class SelectionParams(TypedDict):
    """The options of choosing tasks."""

    name: list[str] | None
    owner: str
    all_owners: bool
    organization: str | None
    status: str | None
    select: str | None


def selection_spec() -> Options:
    """Argument spec of choosing tasks."""
    return {
        "name": {"type": "list", "elements": "str", "aliases": ["task", "tasks"]},
        "owner": {"type": "str", "default": "me"},
        "all_owners": {"type": "bool", "default": False},
        "organization": {"type": "str"},
        "status": {"type": "str", "choices": list(STATUSES)},
        "select": {"type": "str"},
    }


def choose(
    context: Context[SelectionParams], malformed: Callable[[Malformed], None]
) -> tuple[list[Task], list[str]]:
    """The chosen tasks, and of the names that were given those that no task has; warns where that is no choice.

    :param malformed: told of each task of the server's list that cannot be read.
    :raises CoderError: the predicate or a name cannot be right, or the server refuses.
    """
    params = context.params
    keep = Predicate(params["select"], TASK) if params["select"] is not None else None
    backend = context.session.tasks
    missing: list[str] = []
    if params["name"] is not None:
        with attempting("read the tasks"):
            tasks = _by_name(context, params["name"], missing, malformed)
    else:
        with attempting("list the tasks"):
            owner = None if params["all_owners"] else params["owner"]
            choice = Choice(owner, params["organization"], params["status"])
            tasks = backend.list(choice, malformed)
    return keep.chosen_of(tasks, context.warn) if keep else tasks, missing


def warning_of(context: Context[Any]) -> Callable[[Malformed], None]:
    """What a task that cannot be read is to an operation that only reads: a warning."""
    return lambda problem: context.warn(problem.message)


def _by_name(
    context: Context[SelectionParams], names: list[str], missing: list[str], malformed: Callable[[Malformed], None]
) -> list[Task]:
    params = context.params
    found = []
    refused: list[Malformed] = []
    for name in names:
        try:
            task = context.session.tasks.find(name, params["owner"])
        except Malformed as error:
            refused.append(error)
            continue
        if task is None:
            missing.append(name)
        elif params["status"] in (None, task["status"]):
            found.append(task)
    if refused and len(refused) == len(names):
        raise refused[0]
    for problem in refused:
        malformed(problem)
    return list({task["id"]: task for task in found}.values())


def summarize(tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts by status, owner and template, the largest first."""

    def count(field: str) -> dict[str, int]:
        return dict(Counter(str(task[field]) for task in tasks).most_common())

    return {
        "total": len(tasks),
        "by_status": count("status"),
        "by_owner": count("owner_name"),
        "by_template": count("template_name"),
    }
