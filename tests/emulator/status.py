# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a task, by the rules of Coder's view tasks_with_status."""

from __future__ import annotations

from typing import Any

from emulator.builds import Workspace
from emulator.clock import go_time
from emulator.dialects import Dialect

TASK_STATUSES = ("pending", "initializing", "active", "paused", "unknown", "error")


def task_status(workspace: Workspace, dialect: Dialect) -> str:
    """The task enum, or in era S the status of the workspace."""
    now, build = workspace.clock.now(), workspace.latest
    if dialect.task_is_workspace:
        return build.status(now)
    job = build.job_status(now)
    if job in ("failed", "canceling", "canceled"):
        return "error"
    if build.transition != "start":
        return "paused" if job == "succeeded" else "unknown"
    if job == "pending":
        return dialect.pending_status
    agent = workspace.agent()
    if agent is None or agent.lifecycle() in ("created", "starting"):
        return "initializing"
    if agent.lifecycle() in ("shutting_down", "shutdown_timeout", "shutdown_error", "off"):
        return "unknown"
    return {"initializing": "initializing", "unhealthy": "error"}.get(agent.app_health(), "active")


def current_state(workspace: Workspace, dialect: Dialect, status: str) -> dict[str, Any] | None:
    """What the agent last said, or how far a starting workspace has come."""
    report, build = workspace.last_report(), workspace.latest
    if report is not None and (build.transition != "start" or report.time > build.created):
        return {
            "timestamp": go_time(workspace.clock.wall(report.time)),
            "state": dialect.failure_state if report.state == "failure" else report.state,
            "message": report.message,
            "uri": report.uri,
        }
    if status != "initializing" or not dialect.synthetic_state:
        return None
    return {
        "timestamp": go_time(workspace.clock.wall(build.created)),
        "state": "working",
        "message": _progress(workspace),
        "uri": "",
    }


def _progress(workspace: Workspace) -> str:
    status, agent = workspace.status(), workspace.agent()
    if status in ("pending", "starting"):
        return f"Workspace is {status}"
    if agent is None:
        return "Initializing workspace"
    lifecycle = agent.lifecycle()
    if lifecycle == "ready":
        waiting = agent.app_health() == "initializing"
        return "App is initializing" if waiting else "Initializing workspace applications"
    return {"created": "Agent is connecting", "starting": "Agent is starting"}.get(
        lifecycle, "Initializing workspace agent"
    )
