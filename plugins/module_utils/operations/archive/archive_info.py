# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what an archive holds of the server's tasks, and what could be deleted; whatever is found is no failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from ..connection import ConnectionParams
from ..context import Context
from ..fields import FieldsParams, chosen_fields, fields_spec, pick
from ..spec import Spec, defaults
from . import archive
from .archive import ArchiveParams, ComparisonParams
from .scope import ScopeParams
from .select import ArchiveSelectionParams
from .source import SourceParams

FIELDS = ("id", "kind", "task", "verdict", "reasons", "why", "action", "scope", "held", "command", "purge_after")
# What a person looks for first.
BRIEF = ("task", "verdict", "why", "command")


class ArchiveInfoParams(
    ConnectionParams, ArchiveSelectionParams, SourceParams, ScopeParams, ComparisonParams, FieldsParams
):
    """The options of this operation."""


def spec() -> Spec:
    """The operation's options."""
    return {
        "argument_spec": {**archive.proof_options(), **fields_spec()},
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "supports_check_mode": True,
    }


def run(context: Context[ArchiveInfoParams]) -> dict[str, Any]:
    """Result: what ``archive`` with ``state=verified`` gives, and ``tasks``, the verdict of each.

    :raises CoderError: an option cannot be right, the server refuses the list, or the archive cannot be read.
    """
    names = chosen_fields(context.params["fields"], BRIEF, FIELDS)
    unset = defaults(archive.spec()["argument_spec"])
    params = cast(ArchiveParams, {**unset, **context.params, "state": "verified"})
    outcomes, result = archive.look(replace(cast("Context[Any]", context), params=params))
    return {**result, "tasks": [pick(line, names) for line in outcomes.verdict_lines]}
