# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the server held against their shape, before anything reads them. Pure functions."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from .errors import CoderError

Item = TypeVar("Item")

# Keys whose value is text wherever Coder has them.
_TEXTS = (
    "id", "ID", "name", "Name", "username", "owner_name", "status", "version", "value", "organization_id",
    "active_version_id", "workspace_id", "transition",
)  # fmt: skip
_OBJECTS = ("latest_build", "workspace_build")
_CHECK = "Check 'url' and any proxy before the server."


class Malformed(CoderError):
    """One item of a list is not what Coder answers. ``label``: what can be told of its name."""

    label = ""


def not_coders(path: str) -> CoderError:
    """The error for an answer that has not the shape of Coder's."""
    return CoderError(f"the answer of {path} is not what Coder answers", "protocol", path=path, hint=_CHECK)


def malformed(path: str, what: str, data: Any, problem: str) -> Malformed:
    """The error for one thing of a kind, such as ``task``, that is not what Coder answers.

    :param data: the thing. :param problem: what is wrong with it.
    """
    label = label_of(data)
    reason = f"the {what} {label!r} is not what Coder answers: {problem}"
    return not_coders(path).as_a(Malformed, label=label, reason=reason)


def an_object(data: Any, path: str, *keys: str) -> dict[str, Any]:
    """The answer, if it is an object with these keys. :raises CoderError: it is not, so it is not Coder's."""
    if isinstance(data, dict) and all(key in data and _is_sound(key, data[key]) for key in keys):
        return data
    raise not_coders(path)


def _is_sound(key: str, value: Any) -> bool:
    """Whether a value has the type that Coder gives this key; of other keys any type will do."""
    if key in _TEXTS:
        return isinstance(value, str)
    return isinstance(value, dict) if key in _OBJECTS else True


def a_list(data: Any, path: str) -> list[Any]:
    """The list; Go writes an empty one as null. :raises CoderError: it is none, so it is not Coder's."""
    if data is None:
        return []
    if isinstance(data, list):
        return data
    raise not_coders(path)


def objects(data: Any, path: str, *keys: str) -> list[dict[str, Any]]:
    """The list of such objects. :raises CoderError: it is not such a list."""
    return [an_object(item, path, *keys) for item in a_list(data, path)]


def each(items: Any, path: str, read: Callable[[Any], Item], told: Callable[[Malformed], None]) -> list[Item]:
    """The items of a list that can be read.

    :param told: of each that cannot.
    :raises CoderError: it is no list, or nothing in it can be read.
    """
    sound: list[Item] = []
    refused: list[Malformed] = []
    for item in a_list(items, path):
        try:
            sound.append(read(item))
        except CoderError as error:
            refused.append(error.as_a(Malformed, label=label_of(item)))
    if refused and not sound:
        raise refused[0]
    for problem in refused:
        told(problem.but(hint="It is left out; all others are there."))
    return sound


def refuse(problem: Malformed) -> None:
    """What a caller that needs the whole list does about an item that cannot be read."""
    raise problem.but(hint=_CHECK)


def label_of(item: Any) -> str:
    """The name of a thing that is not what it should be, as far as it has one."""
    fields = item if isinstance(item, dict) else {}
    owner, name = fields.get("owner_name"), fields.get("name") or fields.get("id")
    return "/".join(part for part in (owner, name) if isinstance(part, str) and part) or "one without a name"


def text(value: Any) -> str:
    """The value if it is text, else no text."""
    return value if isinstance(value, str) else ""


def text_or_none(value: Any) -> str | None:
    """The value if it is text."""
    return value if isinstance(value, str) else None


def texts(value: Any) -> list[str]:
    """The texts of a list, leaving out what is none; Go writes an empty list as null."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def number(value: Any) -> int | None:
    """The value if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def fields(value: Any) -> dict[str, Any]:
    """The value if it is an object, else one without fields."""
    return value if isinstance(value, dict) else {}


def sound_objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, leaving out what is none; Go writes an empty list as null."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
