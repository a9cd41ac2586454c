# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a template's parameters: as Coder writes them, and whether they can be right. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import invalid
from .models import Parameter, Preset


def as_text(name: str, value: Any) -> str:
    """A value as Coder stores it: text as it is, the rest as JSON, such as ``true``, ``8`` and ``["a"]``.

    :raises CoderError: it is null, which is a variable that was not set.
    """
    if value is None:
        raise invalid(f"the parameter {name!r} has no value", "Give one, or leave the parameter out.")
    return value if isinstance(value, str) else json.dumps(value)


def check_values(known: list[Parameter], given: Mapping[str, str], where: str, preset: Preset | None = None) -> None:
    """What can be known to be wrong before a build is asked for.

    :param where: what has the parameters, such as ``the template 'ai'``.
    :param preset: gives some of them itself, and Coder lets its values win silently.
    :raises CoderError: kind invalid, an unknown parameter, a value that is none of its options, or not the preset's.
    """
    by_name = {item["name"]: item for item in known}
    for name, value in given.items():
        if name not in by_name:
            names = ", ".join(sorted(by_name)) or "none"
            raise invalid(f"{where} has no parameter {name!r}", f"Its parameters: {names}.")
        options = by_name[name]["options"]
        # A list of several options is JSON, which the server judges.
        if options and value not in options and by_name[name]["type"] != "list(string)":
            raise invalid(f"the parameter {name!r} cannot be {value!r}", f"Choose from: {', '.join(options)}.")
        fixed = preset["parameters"].get(name, value) if preset else value
        if preset and fixed != value:
            raise invalid(
                f"the parameter {name!r} is said to be {value!r}, and the preset {preset['name']!r} makes it {fixed!r}",
                "Leave the parameter out, or choose another preset.",
            )


def changed_values(known: list[Parameter], built: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The given values that differ from those of a build. An ephemeral one holds for one build, so it never does."""
    ephemeral = {item["name"] for item in known if item["ephemeral"]}
    return {name: value for name, value in given.items() if name not in ephemeral and built.get(name) != value}
