# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search language of `q`: key:value elements and bare words, in lower case."""

from __future__ import annotations

import re

from emulator.answers import ApiError
from emulator.world import User, World


def parse(query: str, title: str, keys: tuple[str, ...], bare: str) -> dict[str, str]:
    """The values of a query by key; bare words are joined and become the key `bare`.

    title: the message of the error, as in `Invalid task search query.`; keys: those that are known.
    Raises ApiError 400.
    """
    values: dict[str, list[str]] = {}
    words: list[str] = []
    for element in elements(query.lower()):
        if element.startswith(":") or element.endswith(":"):
            raise ApiError(400, title, validations={"q": f"Query element \"{element}\" cannot start or end with ':'"})
        parts = re.findall(r'(?:"[^"]*"|[^:])+', element)
        if len(parts) > 2:
            raise ApiError(400, title, validations={"q": f"Query element \"{element}\" can only contain 1 ':'"})
        if len(parts) == 2:
            values.setdefault(parts[0], []).append(parts[1].strip('"'))
        else:
            words.append(element)
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


def elements(query: str) -> list[str]:
    """The elements of a query; what stands in quotes holds together."""
    return re.findall(r'(?:"[^"]*"|\S)+', query)


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
