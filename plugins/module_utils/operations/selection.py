# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing tasks: by name, by what the server can filter, and by a JMESPath predicate; and counting them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable

from ..coder.client import CoderClient, Malformed
from ..coder.errors import attempting
from ..coder.models import STATUSES
from .context import Context
from .predicate import Predicate


def selection_spec() -> dict[str, Any]:
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
    context: Context, malformed: Callable[[Malformed], None]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The chosen tasks, and of the names that were given those that no task has; warns where that is no choice.

    :param malformed: told of each task of the server's list that cannot be read.
    :raises CoderError: the predicate or a name cannot be right, or the server refuses.
    """
    params = context.params
    keep = Predicate(params["select"]) if params["select"] is not None else None
    client = context.session
    missing: list[str] = []
    if params["name"] is not None:
        with attempting("read the tasks"):
            tasks = _by_name(client, params, missing, malformed)
    else:
        with attempting("list the tasks"):
            owner = None if params["all_owners"] else params["owner"]
            tasks = client.list_tasks(owner, params["organization"], params["status"], malformed)
    return keep.chosen_of(tasks, context.warn) if keep else tasks, missing


def warning_of(context: Context) -> Callable[[Malformed], None]:
    """What a task that cannot be read is to an operation that only reads: a warning."""
    return lambda problem: context.warn(problem.message)


def _by_name(
    client: CoderClient, params: dict[str, Any], missing: list[str], malformed: Callable[[Malformed], None]
) -> list[dict[str, Any]]:
    found = []
    refused: list[Malformed] = []
    for name in params["name"]:
        try:
            task = client.find_task(name, params["owner"])
        except Malformed as error:
            refused.append(error)
            continue
        if task is None:
            missing.append(name)
        elif params["status"] in (None, task["status"]):
            found.append(task)
    if refused and len(refused) == len(params["name"]):
        raise refused[0]
    for problem in refused:
        malformed(problem)
    return list({task["id"]: task for task in found}.values())


def summarize(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by status, owner and template, the largest first."""

    def count(field: str) -> dict[str, int]:
        return dict(Counter(str(task[field]) for task in tasks).most_common())

    return {
        "total": len(tasks),
        "by_status": count("status"),
        "by_owner": count("owner_name"),
        "by_template": count("template_name"),
    }
