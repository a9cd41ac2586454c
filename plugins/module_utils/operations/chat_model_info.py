# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the models that a chat can be given."""

from __future__ import annotations

from typing import Any

from ..coder.chats.model_list import MODEL_FIELDS as FIELDS
from ..coder.errors import attempting, invalid
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .spec import Options, Spec

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"models": []}
# What a person looks for first.
BRIEF = ("model", "display_name", "provider", "default", "usable", "reason")


class ChatModelInfoParams(ConnectionParams, FieldsParams):
    """The options of this operation."""

    organization: str
    usable: bool | None


def spec() -> Spec:
    """The operation's options."""
    options: Options = {"organization": {"type": "str", "default": "default"}, "usable": {"type": "bool"}}
    return {"argument_spec": {**connection_spec(), **options, **fields_spec()}, "supports_check_mode": True}


def run(context: Context[ChatModelInfoParams]) -> dict[str, Any]:
    """Result: ``models``."""
    params = context.params
    names = chosen_fields(params["fields"], BRIEF, FIELDS)
    if not params["organization"]:
        raise invalid("'organization' is empty", "Give its name or UUID, or leave the option out.")
    with attempting("read the models"):
        found = context.session.chats.models(params["organization"])
    models = [model for model in found if params["usable"] in (None, model["usable"])]
    return {"changed": False, "models": [pick(model, names) for model in models]}
