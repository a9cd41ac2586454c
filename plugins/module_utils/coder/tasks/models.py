# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coder's JSON in the one shape that every plugin returns, whatever the server's version. Pure functions."""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict, cast

from ..answers import fields, number, text, text_or_none
from ..backend import Message
from .dialect import Dialect

STATUSES = ("pending", "initializing", "active", "paused", "unknown", "error")
# A workspace that is gone, or on its way, but that era S still shows as a task. Later a task is gone at once.
DELETED = "deleted"


class State(TypedDict):
    """What the agent reported last."""

    state: str | None
    message: str
    uri: str
    timestamp: str | None


class AgentHealth(TypedDict, total=False):
    """Whether the workspace's agent is well, and why not."""

    healthy: bool
    reason: str


class TaskFields(TypedDict):
    """What the server gives of a task. Text that may be missing is empty, or null where it may have none."""

    id: str
    name: str
    display_name: str | None
    owner_id: str
    owner_name: str
    organization_id: str
    template_id: str
    template_name: str
    template_display_name: str
    template_icon: str
    template_version_id: str | None
    workspace_id: str
    workspace_name: str
    workspace_status: str
    workspace_build_number: int
    workspace_agent_id: str | None
    workspace_agent_lifecycle: str | None
    workspace_agent_health: AgentHealth | None
    workspace_app_id: str | None
    initial_prompt: str
    status: str
    current_state: State | None
    created_at: str
    updated_at: str


class Task(TaskFields, total=False):
    """A task as every plugin returns it. ``url`` is its page; ``reason`` stands in one that is not well."""

    url: str | None
    reason: str


class NewTask(NamedTuple):
    """What a task is to be. ``display_name``: None where none is wished, or the server knows none."""

    name: str
    input: str
    version_id: str
    preset_id: str | None = None
    display_name: str | None = None


TASK_FIELDS = tuple(TaskFields.__annotations__)
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


def task_from(data: dict[str, Any], dialect: Dialect, base_url: str) -> Task:
    """A task with every field and its dashboard address.

    Text that the server leaves out is empty, or null where it may have none; a build number that it leaves out is 0.

    :param data: in which :func:`task_problem` finds nothing.
    """
    given: dict[str, Any] = {name: data.get(name) for name in TASK_FIELDS}
    given.update({name: "" for name, value in given.items() if value is None and name not in _NULLABLE})
    task = cast(Task, given)
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


def _health_from(value: Any) -> AgentHealth | None:
    if not isinstance(value, dict) or not isinstance(value.get("healthy"), bool):
        return None
    health = {name: value[name] for name in ("healthy", "reason") if isinstance(value.get(name), (bool, str))}
    return cast(AgentHealth, health)


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


def is_stopping(task: TaskFields) -> bool:
    """Whether a stop is queued, runs, or has just ended: the task will be paused without our doing."""
    return task["status"] == "unknown" and task["workspace_status"] in ("pending", "stopping", "stopped")


def is_ended(task: TaskFields) -> bool:
    """Whether nothing runs any more of a task whose last build went wrong, so that it can be started anew."""
    return task["status"] == "error" and task["workspace_status"] in ("failed", "canceled", "stopped")


def _state_from(value: Any) -> State | None:
    state = fields(value)
    if not state:
        return None
    name = text_or_none(state.get("state"))
    return {
        "state": "failed" if name == "failure" else name,
        "message": text(state.get("message")),
        "uri": text(state.get("uri")),
        "timestamp": text_or_none(state.get("timestamp")),
    }


def message_from(entry: dict[str, Any]) -> Message | None:
    """A message of a log; None for an entry that is none, for a log with a hole in it is not to pass for whole."""
    number_of_it, content, kind = number(entry.get("id")), entry.get("content"), entry.get("type")
    if number_of_it is None or not isinstance(content, str) or not isinstance(kind, str):
        return None
    return {"id": number_of_it, "content": content, "type": kind, "time": text(entry.get("time"))}
