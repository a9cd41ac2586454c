# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the templates that can run tasks, with what a task can be made from."""

from __future__ import annotations

from typing import Any

from ..coder.errors import attempting
from ..coder.tasks.backend import TasksBackend
from .connection import ConnectionParams, connection_spec
from .context import Context
from .spec import Options, Spec

FIELDS = (
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

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"templates": []}


class TemplateInfoParams(ConnectionParams):
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
    return {"argument_spec": {**connection_spec(), **options}, "supports_check_mode": True}


def run(context: Context[TemplateInfoParams]) -> dict[str, Any]:
    """Result: ``templates``."""
    backend, params = context.session.tasks, context.params
    with attempting("read the templates"):
        if params["name"]:
            listed = [backend.find_template(params["name"], params["organization"])]
        else:
            listed = backend.templates(params["organization"])
        templates = [_described(backend, item, params["versions"]) for item in listed]
    return {"changed": False, "templates": templates}


def _described(backend: TasksBackend, data: dict[str, Any], with_versions: bool) -> dict[str, Any]:
    template = {field: data.get(field) for field in FIELDS}
    version_id = data["active_version_id"]
    template["presets"] = backend.presets(version_id)
    template["parameters"] = backend.parameters(version_id)
    template["versions"] = [_version(item, version_id) for item in _versions(backend, data, with_versions)]
    return template


def _versions(backend: TasksBackend, data: dict[str, Any], wanted: bool) -> list[dict[str, Any]]:
    return backend.template_versions(data["id"]) if wanted else []


def _version(data: dict[str, Any], active_id: str) -> dict[str, Any]:
    return {
        "id": data["id"],
        "name": data["name"],
        "message": data.get("message") or "",
        "active": data["id"] == active_id,
        "archived": bool(data.get("archived")),
        "import_status": (data.get("job") or {}).get("status"),
        "created_at": data.get("created_at"),
    }
