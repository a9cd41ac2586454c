# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JMESPath expression of `select`: a condition on one task, held against what a task is before it is asked."""

from __future__ import annotations

from typing import Any, Callable

from ..coder.errors import CoderError, invalid, missing_library
from ..coder.tasks.models import TASK_FIELDS, Task
from .fields import unknown_field

EXAMPLE = "It is asked of each task, such as: template_name == 'ai' && status == 'active'."
FIELDS = (*TASK_FIELDS, "url")
# The fields of a task that have fields themselves.
_INNER = {
    "current_state": ("state", "message", "uri", "timestamp"),
    "workspace_agent_health": ("healthy", "reason"),
}
_OF_LISTS = ("projection", "filter_projection", "flatten", "index_expression", "slice")
# What these make is never empty, so it would choose every task.
_ALWAYS_TRUE = ("multi_select_list", "multi_select_dict", "literal", "current", "identity")


class Predicate:
    """A condition on one task.

    :raises CoderError: the expression cannot be read, or can be true of no task, here and not at the first task.
    """

    def __init__(self, expression: str) -> None:
        try:
            import jmespath
            import jmespath.exceptions
        except ImportError as error:
            raise missing_library("jmespath", error) from None
        self._expression = expression
        self._error = jmespath.exceptions.JMESPathError
        if not expression.strip():
            raise invalid("'select' is empty", "Give a condition, or leave the option out.")
        try:
            self._compiled = jmespath.compile(expression)
        except self._error as error:
            raise self._unreadable(error) from None
        tree: Any = self._compiled.parsed
        _check(tree, expression)

    def chosen_of(self, tasks: list[Task], warn: Callable[[str], None]) -> list[Task]:
        """The tasks for which it is true. :param warn: told where it is null for all, which is no answer."""
        answers = [self._answer(task) for task in tasks]
        if tasks and all(answer is None for answer in answers):
            warn(f"'select' is null for each of {len(tasks)} tasks, so none is chosen: {self._expression}. {EXAMPLE}")
        return [task for task, answer in zip(tasks, answers) if answer]

    def _answer(self, task: Task) -> Any:
        try:
            return self._compiled.search(task)
        except self._error as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> CoderError:
        reason = str(error).splitlines()[0].rstrip(":. ")
        return invalid(f"'select' is not a JMESPath condition: {self._expression} ({reason})", EXAMPLE)


def _check(tree: dict[str, Any], expression: str) -> None:
    """:raises CoderError: the expression cannot tell one task from another."""
    if tree["type"] in _ALWAYS_TRUE:
        raise invalid(f"'select' is true of every task, so it does not choose: {expression}", EXAMPLE)
    _check_part(tree, expression)


def _check_part(node: dict[str, Any], expression: str) -> None:
    """:param node: a part that is asked of the task itself, not of something in it."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        _check_field(node["value"], FIELDS, "", expression)
    elif kind in _OF_LISTS and _is_of_task(children[0]):
        raise invalid(
            "'select' uses [...] on a task, which is an object and no list, so it would choose nothing",
            "Write the condition alone, such as name == 'fix-login' for [?name == 'fix-login'].",
        )
    elif kind in (*_OF_LISTS, "value_projection", "pipe", "subexpression"):
        # What is on the right is asked of what the left one gives.
        _check_part(children[0], expression)
        names = [child["value"] for child in children[:2] if child["type"] == "field"]
        if kind == "subexpression" and len(names) == 2 and names[0] in _INNER:
            _check_field(names[1], _INNER[names[0]], f"{names[0]}.", expression)
    else:
        for child in children:
            _check_part(child, expression)


def _is_of_task(node: dict[str, Any]) -> bool:
    """Whether a part gives the task or one of its fields, of which none is a list."""
    if node["type"] in ("flatten", "projection", "index_expression"):
        return _is_of_task(node["children"][0])
    return node["type"] in ("identity", "current", "field", "subexpression")


def _check_field(name: str, known: tuple[str, ...], where: str, expression: str) -> None:
    if name in known:
        return
    error = unknown_field(f"'select' names the field {where + name!r} of a task", name, known)
    if f'"{name}"' in expression:
        raise error.but(hint=f"Text stands in single quotes: '{name}', not \"{name}\".")
    raise error
