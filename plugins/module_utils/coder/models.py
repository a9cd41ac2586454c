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
_NULLABLE = (
    "display_name",
    "template_version_id",
    "workspace_agent_id",
    "workspace_agent_lifecycle",
    "workspace_app_id",
)
# What a task's fields hold where they are not text; every field but the first four can be null.
_NEEDED = ("id", "name", "owner_name", "status")
_OTHER_TYPES: dict[str, type] = {
    "workspace_build_number": int,
    "workspace_agent_health": dict,
    "current_state": dict,
}
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


def task_problem(data: Any) -> str | None:
    """Why this cannot be a task of Coder's, such as a status that is no text; None if it can."""
    if not isinstance(data, dict):
        return "it is no object"
    for name in TASK_FIELDS:
        value = data.get(name)
        if value is None and name not in _NEEDED:
            continue
        if not isinstance(value, _OTHER_TYPES.get(name, str)) or isinstance(value, bool):
            return f"its {name!r} is {'missing' if value is None else type(value).__name__}"
    for name in ("state", "message", "uri", "timestamp"):
        if not isinstance((data.get("current_state") or {}).get(name), (str, type(None))):
            return f"its 'current_state' has a {name!r} that is no text"
    return None


def task_from(data: dict[str, Any], dialect: Dialect, base_url: str) -> dict[str, Any]:
    """A task with every field of :data:`TASK_FIELDS` and its dashboard address.

    Text that the server leaves out is empty, or null where it may have none; a build number that it leaves out is 0.

    :param data: in which :func:`task_problem` finds nothing.
    """
    task: dict[str, Any] = {name: data.get(name) for name in TASK_FIELDS}
    task.update({name: "" for name, value in task.items() if value is None and name not in _NULLABLE})
    task["workspace_build_number"] = task["workspace_build_number"] or 0
    task["workspace_agent_health"] = _health_from(data.get("workspace_agent_health"))
    if dialect.workspace_statuses:
        task["workspace_status"] = task["status"]
        task["workspace_name"] = task["name"]
        task["status"] = _status_of_workspace(task["status"], task["workspace_agent_lifecycle"])
    elif task["status"] not in STATUSES:
        task["status"] = "unknown"
    task["current_state"] = _state_from(data.get("current_state"))
    reference = task["name"] if dialect.workspace_statuses else task["id"]
    task["url"] = f"{base_url}/tasks/{task['owner_name']}/{reference}"
    return task


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; Go writes an empty one as null."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _health_from(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not isinstance(value.get("healthy"), bool):
        return None
    return {name: value[name] for name in ("healthy", "reason") if isinstance(value.get(name), (bool, str))}


def _status_of_workspace(status: str, lifecycle: str | None) -> str:
    """The status of a task on a server that knows only its workspace (docs/contract.md, Status)."""
    if status != "running":
        return _BY_WORKSPACE_STATUS.get(status, "unknown")
    if lifecycle in _READY:
        return "active"
    return "initializing" if lifecycle in _STARTING else "unknown"


def queued_status(transition: str) -> str:
    """Status of a task whose workspace waits for a build to begin."""
    return {"delete": DELETED, "stop": "unknown"}.get(transition, "pending")


def is_stopping(task: dict[str, Any]) -> bool:
    """Whether a stop is queued, runs, or has just ended: the task will be paused without our doing."""
    return task["status"] == "unknown" and task["workspace_status"] in ("pending", "stopping", "stopped")


def _state_from(value: Any) -> dict[str, Any] | None:
    state = _dict(value)
    if not state:
        return None
    name = _text_or_none(state.get("state"))
    return {
        "state": "failed" if name == "failure" else name,
        "message": _text(state.get("message")),
        "uri": _text(state.get("uri")),
        "timestamp": _text_or_none(state.get("timestamp")),
    }


def message_from(entry: dict[str, Any]) -> dict[str, Any] | None:
    """A message of a log; None for an entry that is none, for a log with a hole in it is not to pass for whole."""
    message = {"id": _number(entry.get("id")), **{name: entry.get(name) for name in ("content", "type")}}
    if message["id"] is None or not isinstance(message["content"], str) or not isinstance(message["type"], str):
        return None
    return {**message, "time": _text(entry.get("time"))}


def preset_from(data: dict[str, Any]) -> dict[str, Any]:
    """A preset; the API spells its keys with capitals and gives null for no parameters."""
    return {
        "id": _text(data.get("ID")),
        "name": _text(data.get("Name")),
        "default": data.get("Default") is True,
        "description": _text(data.get("Description")),
        "icon": _text(data.get("Icon")),
        "parameters": {_text(item.get("Name")): _text(item.get("Value")) for item in _dicts(data.get("Parameters"))},
    }


def parameter_from(data: dict[str, Any]) -> dict[str, Any]:
    """A parameter of a template version."""
    return {
        "name": _text(data.get("name")),
        "display_name": _text(data.get("display_name")),
        "description": _text(data.get("description_plaintext")) or _text(data.get("description")),
        "type": _text_or_none(data.get("type")),
        "default": _text_or_none(data.get("default_value")),
        "required": data.get("required") is True,
        "options": [_text(option.get("value")) for option in _dicts(data.get("options"))],
    }


def build_from(data: dict[str, Any]) -> dict[str, Any]:
    """A workspace build, as far as it explains a task's state."""
    job = _dict(data.get("job"))
    return {
        "id": _text(data.get("id")),
        "number": _number(data.get("build_number")),
        "transition": _text_or_none(data.get("transition")),
        "status": _text_or_none(job.get("status")),
        "error": _text(job.get("error")) or None,
        "reason": _text_or_none(data.get("reason")),
    }


def app_health(workspace: dict[str, Any], app_id: str | None) -> str | None:
    """Health of the app that shows the agent: disabled, initializing, healthy or unhealthy; None if there is none."""
    for resource in _dicts(_dict(workspace.get("latest_build")).get("resources")):
        for agent in _dicts(resource.get("agents")):
            for app in _dicts(agent.get("apps")):
                if app.get("id") == app_id:
                    return _text_or_none(app.get("health"))
    return None
