# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""limit and offset, as Coder reads them."""

from __future__ import annotations

from typing import TypeVar

from emulator.answers import ApiError
from emulator.request import Request
from emulator.world import as_uuid

_INVALID = "Query parameters have invalid values."

T = TypeVar("T")


def page(request: Request, items: list[T]) -> list[T]:
    """The part of a list that was asked for; limit 0 or none means all of it. Raises ApiError 400."""
    after_id = request.query.get("after_id")
    if after_id and as_uuid(after_id) is None:
        raise ApiError(400, _INVALID, validations={"after_id": 'Query param "after_id" must be a valid uuid'})
    offset, limit = number(request, "offset"), number(request, "limit")
    return items[offset : offset + limit] if limit else items[offset:]


def number(request: Request, name: str, bits: int = 32) -> int:
    """A whole number of the query, 0 when it is absent. Raises ApiError 400."""
    text = request.query.get(name) or "0"
    try:
        value = int(text)
        why = "value is negative" if value < 0 else ""
        if value >= 2 ** (bits - 1):
            why = f'strconv.ParseInt: parsing "{text}": value out of range'
    except ValueError:
        value, why = 0, f'strconv.ParseInt: parsing "{text}": invalid syntax'
    if why:
        detail = f'Query param "{name}" must be a valid {bits}-bit positive integer: {why}'
        raise ApiError(400, _INVALID, validations={name: detail})
    return value
