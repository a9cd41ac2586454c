# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of what an operation's ``spec()`` gives: Ansible's argument spec, and what this collection adds to it."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

# The type of an option that is a duration. Ansible has none for it, so to Ansible it is text.
DURATION = "duration"

OptionType = Literal["str", "bool", "int", "float", "path", "list", "dict", "raw", "duration"]


class Option(TypedDict, total=False):
    """One option, as in Ansible's argument spec.

    ``env`` names the environment variable that is read where the option is unset. ``read_as`` names the option that
    gets the content of the file that this one names: it is read on the controller, whichever way the operation runs.
    """

    type: OptionType
    elements: Literal["str", "dict", "path"]
    required: bool
    default: Any
    choices: list[str]
    aliases: list[str]
    no_log: bool
    options: dict[str, Option]
    mutually_exclusive: list[list[str]]
    required_one_of: list[list[str]]
    env: str
    read_as: str


Options = dict[str, Option]


def defaults(options: Options) -> dict[str, Any]:
    """The value of each option that nobody sets."""
    return {name: option.get("default") for name, option in options.items()}


class Spec(TypedDict, total=False):
    """Keyword arguments of AnsibleModule, as plain data."""

    argument_spec: Options
    mutually_exclusive: list[list[str]]
    required_one_of: list[list[str]]
    required_if: list[list[Any]]
    supports_check_mode: bool
