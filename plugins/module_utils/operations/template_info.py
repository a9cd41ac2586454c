# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the templates that can run tasks, with what a task can be made from."""

from __future__ import annotations

from typing import Any

from ..coder.client import CoderClient
from ..coder.errors import attempting
from .connection import connection_spec
from .context import Context
from .templates import find_template

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


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    options = {
        "name": {"type": "str", "aliases": ["template"]},
        "organization": {"type": "str"},
        "versions": {"type": "bool", "default": False},
    }
    return {"argument_spec": dict(connection_spec(), **options), "supports_check_mode": True}


def run(context: Context) -> dict[str, Any]:
    """Result: ``templates``."""
    client, params = context.session, context.params
    with attempting("read the templates"):
        if params["name"]:
            listed = [find_template(client, params["name"], params["organization"])]
        else:
            listed = client.templates(params["organization"])
        templates = [_described(client, item, params["versions"]) for item in listed]
    return {"changed": False, "templates": templates}


def _described(client: CoderClient, data: dict[str, Any], with_versions: bool) -> dict[str, Any]:
    template = {field: data.get(field) for field in FIELDS}
    version_id = data["active_version_id"]
    template["presets"] = client.presets(version_id)
    template["parameters"] = client.parameters(version_id)
    template["versions"] = [_version(item, version_id) for item in _versions(client, data, with_versions)]
    return template


def _versions(client: CoderClient, data: dict[str, Any], wanted: bool) -> list[dict[str, Any]]:
    return client.template_versions(data["id"]) if wanted else []


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
