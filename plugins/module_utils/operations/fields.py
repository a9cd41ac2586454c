# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which fields of what was found are returned: all for a playbook, a few for a person."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from ..coder.errors import CoderError, invalid
from .spec import Options

FULL = "full"
BRIEF = "brief"


class FieldsParams(TypedDict):
    """The option of choosing fields."""

    fields: list[str]


def fields_spec() -> Options:
    """Argument spec of choosing fields."""
    return {"fields": {"type": "list", "elements": "str", "default": [FULL]}}


def chosen_fields(given: list[str], brief: tuple[str, ...], known: Iterable[str]) -> tuple[str, ...] | None:
    """The fields to return, in their order; None for all.

    :param given: the option ``fields``. :param brief: what ``brief`` stands for. :param known: every field.
    :raises CoderError: one is unknown, or there is none.
    """
    names: list[str] = []
    for name in given:
        if name == BRIEF:
            names += brief
        elif name == FULL or name in known:
            names.append(name)
        else:
            raise unknown_field(f"'fields' names {name!r}", name, [FULL, BRIEF, *known])
    if not names:
        raise invalid("'fields' is empty", "Give full, brief or names of fields.")
    return None if FULL in names else tuple(dict.fromkeys(names))


def unknown_field(where: str, name: str, known: Iterable[str]) -> CoderError:
    """The error for a field that nothing has, with the one that was probably meant."""
    near = difflib.get_close_matches(name, list(known), 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Choose from: {', '.join(sorted(known))}."
    return invalid(f"{where}, and there is no such field", hint)


def pick(item: Mapping[str, Any], names: tuple[str, ...] | None) -> Mapping[str, Any]:
    """The item with these fields only, as far as it has them."""
    return item if names is None else {name: item[name] for name in names if name in item}
