# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one task or many, and why those that are not well are not."""

from __future__ import annotations

from typing import Any

from ..coder.tasks.health import has_failed_build
from ..coder.tasks.models import TASK_FIELDS, Task
from .at_once import at_once
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .selection import SelectionParams, choose, selection_spec, summarize, warning_of
from .spec import Spec
from .task_table import rows

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"tasks": []}
# What a person looks for first.
BRIEF = ("name", "owner_name", "status", "reason", "current_state", "template_name", "updated_at", "url")
FIELDS = (*TASK_FIELDS, "url", "reason")
# Failed builds whose logs are read, two requests each, of so many at the same time.
MOST_EXPLAINED = 50
AT_ONCE = 8


class TaskInfoParams(ConnectionParams, SelectionParams, FieldsParams):
    """The options of this operation."""

    table: bool


def spec() -> Spec:
    """The operation's options."""
    options = {**connection_spec(), **selection_spec(), **fields_spec()}
    options["table"] = {"type": "bool", "default": False}
    return {
        "argument_spec": options,
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "supports_check_mode": True,
    }


def run(context: Context[TaskInfoParams]) -> dict[str, Any]:
    """Result: ``tasks``, ``missing`` names, ``summary``, and ``table`` if that was asked."""
    params = context.params
    names = chosen_fields(params["fields"], BRIEF, FIELDS)
    tasks, missing = choose(context, warning_of(context))
    if names is None or "reason" in names or params["table"]:
        tasks = _explained(context, tasks)
    result = {
        "changed": False,
        "tasks": [pick(task, names) for task in tasks],
        "missing": missing,
        "summary": summarize(tasks),
    }
    if params["table"]:
        table = rows(tasks, with_owner=params["all_owners"], now=context.clock.time())
        result["table"] = [row.text for row in table]
        for row in table:
            context.show(row.text, row.tone)
    return result


def _explained(context: Context[TaskInfoParams], tasks: list[Task]) -> list[Task]:
    """The tasks, those that are not well with their reason. Healthy ones cost no request."""
    backend = context.session.tasks
    failed = [task["id"] for task in tasks if has_failed_build(task)]
    asked = set(failed[:MOST_EXPLAINED])
    if len(failed) > len(asked):
        context.warn(f"The logs of {len(asked)} of {len(failed)} failed builds were read; choose fewer tasks for more.")

    def explained(task: Task) -> Task:
        found = backend.health(task) if task["id"] in asked else backend.ailment(task)
        return {**task, "reason": found.reason} if found else task

    return at_once(explained, tasks, min(AT_ONCE, len(asked)))
