# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search language of `q`: key:value elements and bare words, in lower case."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from emulator.answers import ApiError
from emulator.world import User, World


def parse(query: str, title: str, keys: tuple[str, ...], bare: str) -> dict[str, str]:
    """The values of a query by key; bare words are joined and become the key `bare`.

    title: the message of the error, as in `Invalid task search query.`; keys: those that are known.
    Raises ApiError 400.
    """
    values: dict[str, list[str]] = {}
    words: list[str] = []
    for key, value in elements(query.lower(), title):
        if key:
            values.setdefault(key, []).append(value)
        else:
            words.append(value)
    if words:
        values.setdefault(bare, []).append(" ".join(words))
    errors = {key: f'"{key}" is not a valid query param' for key in values if key not in keys}
    for key, given in values.items():
        if len(given) > 1:
            errors[key] = (
                f'Query param "{key}" provided more than once, found {len(given)} times. '
                "Only provide 1 instance of this query param."
            )
    if errors:
        raise ApiError(400, title, validations=errors)
    return {key: given[0] for key, given in values.items()}


def elements(query: str, title: str) -> Iterator[tuple[str, str]]:
    """The keys and values of a query; the key of a bare word is empty.

    Only a blank ends an element: a query over two lines is one element, with one ``:`` too many.

    :param title: The message of the error.
    :raises ApiError: 400.
    """
    for element in _split(query, " "):
        if element.startswith(":") or element.endswith(":"):
            problem = f"Query element {json.dumps(element)} cannot start or end with ':'"
            raise ApiError(400, title, validations={"q": problem})
        parts = _split(element, ":")
        if len(parts) > 2:
            problem = f"Query element {json.dumps(element)} can only contain 1 ':'"
            raise ApiError(400, title, validations={"q": problem})
        yield (parts[0].strip('"'), parts[1].strip('"')) if len(parts) == 2 else ("", element)


def _split(text: str, delimiter: str) -> list[str]:
    """What stands between delimiters; quotes hold together, up to the end where they are not closed."""
    return re.findall(rf'(?:"[^"]*(?:"|\Z)|[^{delimiter}"])+', text)


def check_organization(world: World, text: str, title: str) -> None:
    """Raises ApiError 400 unless this names the organization."""
    if text not in (world.organization["id"], world.organization["name"]):
        problem = f'organization "{text}" either does not exist, or you are unauthorized to view it'
        detail = f'Query param "organization" has invalid value: {problem}'
        raise ApiError(400, title, validations={"organization": detail})


def find_owner(world: World, text: str, caller: User, title: str) -> User:
    """The user that a task query names. Raises ApiError 400."""
    user = world.find_user(text, caller)
    if user is None or not caller.may_access(user):
        quoted = text.replace('"', '\\"')
        problem = f'user "{quoted}" either does not exist, or you are unauthorized to view them'
        raise ApiError(400, title, validations={"owner": f'Query param "owner" has invalid value: {problem}'})
    return user
