# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing tasks: by name, by what the server can filter, and by a JMESPath predicate; and counting them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable

from ..coder.client import CoderClient, Malformed
from ..coder.errors import CoderError, attempting, invalid
from ..coder.models import STATUSES
from ..coder.transport import missing_library
from .context import Context


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
    client: CoderClient, params: dict[str, Any], malformed: Callable[[Malformed], None]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The chosen tasks, and of the names that were given those that no task has.

    :param malformed: told of each task of the server's list that cannot be read.
    :raises CoderError: the predicate or a name cannot be right, or the server refuses.
    """
    keep = predicate(params["select"]) if params["select"] else None
    missing: list[str] = []
    if params["name"] is not None:
        with attempting("read the tasks"):
            tasks = _by_name(client, params, missing, malformed)
    else:
        with attempting("list the tasks"):
            owner = None if params["all_owners"] else params["owner"]
            tasks = client.list_tasks(owner, params["organization"], params["status"], malformed)
    if keep:
        tasks = [task for task in tasks if keep(task)]
    return tasks, missing


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


def predicate(expression: str) -> Callable[[dict[str, Any]], bool]:
    """A test on one task, from a JMESPath expression such as ``template_name == 'ai'``.

    :raises CoderError: it cannot be read, here and not at the first task.
    """
    try:
        import jmespath
        import jmespath.exceptions
    except ImportError as error:
        raise missing_library("jmespath", error) from None
    try:
        compiled = jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_expression(expression, error) from None

    def test(task: dict[str, Any]) -> bool:
        try:
            return bool(compiled.search(task))
        except jmespath.exceptions.JMESPathError as error:
            raise _bad_expression(expression, error) from None

    return test


def _bad_expression(expression: str, error: Exception) -> CoderError:
    return invalid(
        "'select' is not a JMESPath predicate: %s (%s)" % (expression, str(error).splitlines()[0]),
        "It is asked of each task, such as: template_name == 'ai' && status == 'active'.",
    )


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
