# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JMESPath expression of `select`: a condition on a task or chat, held against what that is before it is asked."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, TypeVar

from ..coder.errors import CoderError, invalid, missing_library
from ..coder.tasks.models import TASK_FIELDS
from .fields import unknown_field

Item = TypeVar("Item")

_OF_LISTS = ("projection", "filter_projection", "flatten", "index_expression", "slice")
# What these make is never empty, so it would choose everything.
_ALWAYS_TRUE = ("multi_select_list", "multi_select_dict", "literal", "current", "identity")


class Subject(NamedTuple):
    """What a condition is asked of.

    ``noun``: as in "each task". ``fields``: that it has. ``inner``: the fields of those that have some. ``lists``:
    fields that are lists. ``example``: of a condition.
    """

    noun: str
    fields: tuple[str, ...]
    inner: dict[str, tuple[str, ...]]
    lists: tuple[str, ...]
    example: str

    @property
    def advice(self) -> str:
        """What a condition has to be."""
        return f"It is asked of each {self.noun}, such as: {self.example}."


TASK = Subject(
    "task",
    (*TASK_FIELDS, "url"),
    {
        "current_state": ("state", "message", "uri", "timestamp"),
        "workspace_agent_health": ("healthy", "reason"),
    },
    (),
    "template_name == 'ai' && status == 'active'",
)


class Predicate:
    """A condition on one task or chat.

    :raises CoderError: the expression cannot be read, or can be true of none, here and not at the first one.
    """

    def __init__(self, expression: str, subject: Subject) -> None:
        try:
            import jmespath
            import jmespath.exceptions
        except ImportError as error:
            raise missing_library("jmespath", error) from None
        self._expression = expression
        self._subject = subject
        self._error = jmespath.exceptions.JMESPathError
        if not expression.strip():
            raise invalid("'select' is empty", "Give a condition, or leave the option out.")
        try:
            self._compiled = jmespath.compile(expression)
        except self._error as error:
            raise self._unreadable(error) from None
        tree: Any = self._compiled.parsed
        self._check(tree)

    def chosen_of(self, items: list[Item], warn: Callable[[str], None]) -> list[Item]:
        """The items for which it is true. :param warn: told where it is null for all, which is no answer."""
        answers = [self._answer(item) for item in items]
        if items and all(answer is None for answer in answers):
            warn(
                f"'select' is null for each of {len(items)} {self._subject.noun}s, so none is chosen: "
                f"{self._expression}. {self._subject.advice}"
            )
        return [item for item, answer in zip(items, answers) if answer]

    def _answer(self, item: Any) -> Any:
        """True or false of one item; null, an object or a list stands for what there is, or is not.

        :raises CoderError: a text or a number, which a condition gives that was cut short: ``-e select=name == 'x'``
            ends at its first blank, and would choose everything.
        """
        try:
            answer = self._compiled.search(item)
        except self._error as error:
            raise self._unreadable(error) from None
        if isinstance(answer, (str, int, float)) and not isinstance(answer, bool):
            raise invalid(
                f"'select' gives {answer!r} of a {self._subject.noun}, and not true or false: {self._expression}",
                f"{self._subject.advice} After -e, which ends a value at a blank, write it without any.",
            )
        return answer

    def _unreadable(self, error: Exception) -> CoderError:
        reason = str(error).splitlines()[0].rstrip(":. ")
        text = f"'select' is not a JMESPath condition: {self._expression} ({reason})"
        return invalid(text, self._subject.advice)

    # Whether it can tell one item from another

    def _check(self, tree: dict[str, Any]) -> None:
        if tree["type"] in _ALWAYS_TRUE:
            reason = f"'select' is true of every {self._subject.noun}, so it does not choose: {self._expression}"
            raise invalid(reason, self._subject.advice)
        self._check_part(tree)

    def _check_part(self, node: dict[str, Any]) -> None:
        """:param node: a part that is asked of the item itself, not of something in it."""
        kind, children = node["type"], node["children"]
        if kind == "field":
            self._check_field(node["value"], self._subject.fields, "")
        elif kind in _OF_LISTS and self._is_no_list(children[0]):
            raise invalid(
                f"'select' uses [...] on a {self._subject.noun}, which is an object and no list, so it would choose "
                "nothing",
                "Write the condition alone, such as name == 'fix-login' for [?name == 'fix-login'].",
            )
        elif kind in (*_OF_LISTS, "value_projection", "pipe", "subexpression"):
            # What is on the right is asked of what the left one gives.
            self._check_part(children[0])
            names = [child["value"] for child in children[:2] if child["type"] == "field"]
            inner = self._subject.inner.get(names[0]) if kind == "subexpression" and len(names) == 2 else None
            if inner:
                self._check_field(names[1], inner, f"{names[0]}.")
        else:
            for child in children:
                self._check_part(child)

    def _is_no_list(self, node: dict[str, Any]) -> bool:
        """Whether a part gives the item, or a field of it that is no list."""
        if node["type"] in ("flatten", "projection", "index_expression"):
            return self._is_no_list(node["children"][0])
        if node["type"] == "field":
            return node["value"] not in self._subject.lists
        return node["type"] in ("identity", "current", "subexpression")

    def _check_field(self, name: str, known: tuple[str, ...], where: str) -> None:
        if name in known:
            return
        error = unknown_field(f"'select' names the field {where + name!r} of a {self._subject.noun}", name, known)
        if f'"{name}"' in self._expression:
            raise error.but(hint=f"Text stands in single quotes: '{name}', not \"{name}\".")
        raise error
