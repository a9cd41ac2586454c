# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one task or many."""

from __future__ import annotations

from typing import Any

from .connection import connection_spec
from .context import Context
from .selection import choose, selection_spec, summarize, warning_of


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    return {
        "argument_spec": dict(connection_spec(), **selection_spec()),
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "supports_check_mode": True,
    }


def run(context: Context) -> dict[str, Any]:
    """Result: ``tasks``, ``missing`` names, ``summary``."""
    tasks, missing = choose(context.session, context.params, warning_of(context))
    return {"changed": False, "tasks": tasks, "missing": missing, "summary": summarize(tasks)}
