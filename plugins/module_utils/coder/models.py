# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coder's JSON in the one shape that every plugin returns, whatever the server's version. Pure functions."""

from __future__ import annotations

from typing import Any

from .dialect import Dialect

STATUSES = ("pending", "initializing", "active", "paused", "unknown", "error")
# A workspace that is gone, or on its way, but that era S still shows as a task. Later a task is gone at once.
DELETED = "deleted"

TASK_FIELDS = (
    "id",
    "name",
    "display_name",
    "owner_id",
    "owner_name",
    "organization_id",
    "template_id",
    "template_name",
    "template_display_name",
    "template_icon",
    "template_version_id",
    "workspace_id",
    "workspace_name",
    "workspace_status",
    "workspace_build_number",
    "workspace_agent_id",
    "workspace_agent_lifecycle",
    "workspace_agent_health",
    "workspace_app_id",
    "initial_prompt",
    "status",
    "current_state",
    "created_at",
    "updated_at",
)
_READY = ("ready", "start_timeout", "start_error")
_STARTING = (None, "", "created", "starting")
_BY_WORKSPACE_STATUS = {
    "pending": "pending",
    "starting": "initializing",
    "stopping": "unknown",
    "stopped": "paused",
    "deleting": DELETED,
    "failed": "error",
    "canceling": "error",
    "canceled": "error",
    "deleted": DELETED,
}


def task_from(data: dict[str, Any], dialect: Dialect, base_url: str) -> dict[str, Any]:
    """A task with every field of :data:`TASK_FIELDS` and its dashboard address; null where the server has none."""
    task = {name: data.get(name) for name in TASK_FIELDS}
    if dialect.workspace_statuses:
        task["workspace_status"] = data.get("status")
        task["workspace_name"] = data.get("name")
        task["status"] = _status_of_workspace(str(data.get("status")), data.get("workspace_agent_lifecycle"))
    elif task["status"] not in STATUSES:
        task["status"] = "unknown"
    task["current_state"] = _state_from(data.get("current_state"))
    reference = task["name"] if dialect.workspace_statuses else task["id"]
    task["url"] = "%s/tasks/%s/%s" % (base_url, task["owner_name"], reference)
    return task


def _status_of_workspace(status: str, lifecycle: str | None) -> str:
    """Contract, section 4, read for a server that knows only the workspace."""
    if status != "running":
        return _BY_WORKSPACE_STATUS.get(status, "unknown")
    if lifecycle in _READY:
        return "active"
    return "initializing" if lifecycle in _STARTING else "unknown"


def queued_status(transition: str) -> str:
    """Status of a task whose workspace waits for a build to begin."""
    return {"delete": DELETED, "stop": "unknown"}.get(transition, "pending")


def is_stopping(task: dict[str, Any]) -> bool:
    """Whether a stop is queued, runs, or has just ended: the task will be paused without our doing (section 4)."""
    return task["status"] == "unknown" and task["workspace_status"] in ("pending", "stopping", "stopped")


def _state_from(state: dict[str, Any] | None) -> dict[str, Any] | None:
    if not state:
        return None
    name = state.get("state")
    return {
        "state": "failed" if name == "failure" else name,
        "message": state.get("message") or "",
        "uri": state.get("uri") or "",
        "timestamp": state.get("timestamp"),
    }


def messages_from(logs: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The messages of a log, in the order of the server."""
    return [
        {"id": entry.get("id"), "content": entry.get("content"), "type": entry.get("type"), "time": entry.get("time")}
        for entry in logs or []
    ]


def preset_from(data: dict[str, Any]) -> dict[str, Any]:
    """A preset; the API spells its keys with capitals and gives null for no parameters."""
    return {
        "id": data.get("ID"),
        "name": data.get("Name"),
        "default": bool(data.get("Default")),
        "description": data.get("Description") or "",
        "icon": data.get("Icon") or "",
        "parameters": {item["Name"]: item["Value"] for item in data.get("Parameters") or []},
    }


def parameter_from(data: dict[str, Any]) -> dict[str, Any]:
    """A parameter of a template version."""
    return {
        "name": data.get("name"),
        "display_name": data.get("display_name") or "",
        "description": data.get("description_plaintext") or data.get("description") or "",
        "type": data.get("type"),
        "default": data.get("default_value"),
        "required": bool(data.get("required")),
        "options": [option.get("value") for option in data.get("options") or []],
    }


def build_from(data: dict[str, Any]) -> dict[str, Any]:
    """A workspace build, as far as it explains a task's state."""
    job = data.get("job") or {}
    return {
        "id": data.get("id"),
        "number": data.get("build_number"),
        "transition": data.get("transition"),
        "status": job.get("status"),
        "error": job.get("error") or None,
        "reason": data.get("reason"),
    }


def app_health(workspace: dict[str, Any], app_id: str | None) -> str | None:
    """Health of the app that shows the agent: disabled, initializing, healthy or unhealthy; None if there is none."""
    build = workspace.get("latest_build") or {}
    for resource in build.get("resources") or []:
        for agent in resource.get("agents") or []:
            for app in agent.get("apps") or []:
                if app.get("id") == app_id:
                    return app.get("health")
    return None
