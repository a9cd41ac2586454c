# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the prompts that workspace builds were made with."""

from __future__ import annotations

from typing import Any

from ..coder.errors import attempting, invalid
from ..coder.names import is_uuid
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .selection import warning_of
from .spec import Options, Spec

FIELDS = ("build_id", "prompt", "source")
# What a person looks for first.
BRIEF = ("build_id", "prompt")
# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"prompts": []}


class PromptsParams(ConnectionParams, FieldsParams):
    """The options of this operation."""

    build_ids: list[str]


def spec() -> Spec:
    """The operation's options."""
    options: Options = {"build_ids": {"type": "list", "elements": "str", "required": True}}
    return {"argument_spec": {**connection_spec(), **options, **fields_spec()}, "supports_check_mode": True}


def run(context: Context[PromptsParams]) -> dict[str, Any]:
    """Result: ``prompts``, one entry per build that has one, and ``missing`` ids."""
    names = chosen_fields(context.params["fields"], BRIEF, FIELDS)
    asked = list(dict.fromkeys(item.strip().lower() for item in context.params["build_ids"]))
    for build_id in asked:
        if not is_uuid(build_id):
            raise invalid(f"{build_id!r} in 'build_ids' is not a UUID", "Give ids of workspace builds.")
    with attempting("read the prompts"):
        found = context.session.tasks.prompts(asked, warning_of(context)) if asked else []
    known = {prompt["build_id"] for prompt in found}
    picked = [pick(prompt, names) for prompt in found]
    return {"changed": False, "prompts": picked, "missing": [item for item in asked if item not in known]}
