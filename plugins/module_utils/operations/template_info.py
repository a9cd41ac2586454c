# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the templates that can run tasks, with what a task can be made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ..coder.answers import fields, text_or_none
from ..coder.errors import attempting
from ..coder.tasks.backend import TasksBackend
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .spec import Options, Spec

# As the server lists them.
_LISTED = (
    "id",
    "name",
    "display_name",
    "description",
    "icon",
    "organization_id",
    "organization_name",
    "active_version_id",
    "deprecated",
    "deprecation_message",
    "created_at",
    "updated_at",
)
# What a person looks for first; these cost no further request per template.
BRIEF = ("name", "display_name", "description", "organization_name", "deprecated")
FIELDS = (*_LISTED, "presets", "parameters", "versions")

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"templates": []}


class TemplateInfoParams(ConnectionParams, FieldsParams):
    """The options of this operation."""

    name: str | None
    organization: str | None
    versions: bool


def spec() -> Spec:
    """The operation's options."""
    options: Options = {
        "name": {"type": "str", "aliases": ["template"]},
        "organization": {"type": "str"},
        "versions": {"type": "bool", "default": False},
    }
    return {"argument_spec": {**connection_spec(), **options, **fields_spec()}, "supports_check_mode": True}


def run(context: Context[TemplateInfoParams]) -> dict[str, Any]:
    """Result: ``templates``."""
    params = context.params
    names = chosen_fields(params["fields"], BRIEF, FIELDS)
    backend = context.session.tasks
    with attempting("read the templates"):
        if params["name"]:
            listed = [backend.find_template(params["name"], params["organization"])]
        else:
            listed = backend.templates(params["organization"])
        templates = [_described(backend, item, params["versions"], names) for item in listed]
    return {"changed": False, "templates": templates}


def _described(
    backend: TasksBackend, data: dict[str, Any], with_versions: bool, names: tuple[str, ...] | None
) -> Mapping[str, Any]:
    """A template with these fields. What is not wanted is not asked for."""
    version_id = data["active_version_id"]
    asked: dict[str, Callable[[], Any]] = {
        "presets": lambda: backend.presets(version_id),
        "parameters": lambda: backend.parameters(version_id),
        "versions": lambda: [
            _version(item, version_id) for item in (backend.template_versions(data["id"]) if with_versions else [])
        ],
    }
    template = {field: data.get(field) for field in _LISTED}
    template.update((name, ask()) for name, ask in asked.items() if names is None or name in names)
    return pick(template, names)


def _version(data: dict[str, Any], active_id: str) -> dict[str, Any]:
    return {
        "id": data["id"],
        "name": data["name"],
        "message": data.get("message") or "",
        "active": data["id"] == active_id,
        "archived": bool(data.get("archived")),
        "import_status": text_or_none(fields(data.get("job")).get("status")),
        "created_at": data.get("created_at"),
    }
