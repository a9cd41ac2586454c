# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a task is not well, and what to do: from the task itself; where its build failed from that and its log."""

from __future__ import annotations

from contextlib import suppress
from typing import TypedDict

from ..backend import Ailment
from ..build_failure import build_failure, one_line
from ..builds import BUILD_FAILED
from ..errors import CoderError
from ..models import Build, build_from
from ..server import Server
from .models import State, Task, TaskFields, is_stopping

NOT_YET_CONNECTED = "agent has not yet connected"

_REBUILD = "Correct what the build tells of, then start the task again with state=active."
RESTART = "Look at its log; pause and resume the task to restart the agent."
RECONNECT = "The status stays active, yet every send takes 30 s and fails; pause and resume the task."
_LOOK = "Look at the workspace in the dashboard."


class AgentFacts(TypedDict):
    """Of a workspace's agent."""

    lifecycle: str | None
    healthy: bool | None
    reason: str | None


class Diagnosis(TypedDict):
    """What a person would look at next: the build and its error, the agent, the last state."""

    build: Build | None
    agent: AgentFacts
    state: State | None


def has_failed_build(task: TaskFields) -> bool:
    """Whether the last build of its workspace failed or was canceled."""
    return task["status"] == "error" and task["workspace_status"] in BUILD_FAILED


_BUILD = Ailment("the build of its workspace failed", _REBUILD)


def ailment(task: TaskFields) -> Ailment | None:
    """What a task shows by itself; None for one that is well, or only starts or stops. Makes no request."""
    health = task["workspace_agent_health"] or {}
    lifecycle = task["workspace_agent_lifecycle"]
    state = task["current_state"]
    if has_failed_build(task):
        return _BUILD
    is_lost = not health.get("healthy", True) and health.get("reason") != NOT_YET_CONNECTED
    if is_lost and task["status"] in ("active", "error"):
        return Ailment(f"its agent is not healthy: {health.get('reason') or 'no reason given'}", RECONNECT)
    if task["status"] == "error":
        return Ailment("its app is unhealthy: AgentAPI does not answer inside the workspace", RESTART)
    if task["status"] == "unknown" and not is_stopping(task):
        found = f", the lifecycle of its agent is {lifecycle}" if lifecycle else ""
        return Ailment(f"Coder cannot tell its status{found}", _LOOK)
    if task["status"] != "active":
        return None
    if lifecycle in ("start_error", "start_timeout"):
        how = "failed" if lifecycle == "start_error" else "did not end in time"
        return Ailment(f"the start script of its agent {how}", "Look at the logs of the agent in the dashboard.")
    if state and state["state"] == "failed":
        return Ailment(f"its agent reported a failure: {one_line(state['message']) or 'no reason given'}", RESTART)
    return None


def explain(server: Server, task: Task) -> Ailment | None:
    """Like :func:`ailment`; where a build failed, with its error and the end of its log. Never raises.

    Asks the server for nothing but a failed build: its workspace and its log, two requests.
    """
    return explain_build(server, task) if has_failed_build(task) else ailment(task)


def explain_build(server: Server, task: Task) -> Ailment:
    """Why the build of a task's workspace failed, as far as that can be read. Never raises."""
    try:
        workspace = server.workspace(task["workspace_id"]) if task["workspace_id"] else None
        if workspace is None:
            return _BUILD
        return _BUILD._replace(reason=build_failure(server, build_from(workspace["latest_build"])))
    except CoderError as error:
        # It goes with something that is already being told.
        return _BUILD._replace(reason=f"{_BUILD.reason}; why could not be read: {error.reason}")


def describe(task: Task) -> str:
    """The state in words: status, then what the agent said last."""
    if is_stopping(task):
        return "being paused"
    text = task["status"]
    # The last words of an agent that no longer runs say nothing of now.
    state = task["current_state"] if text not in ("paused", "error", "unknown") else None
    if state:
        text += f", {state['state']}"
        if state["message"]:
            text += f" ({state['message']})"
    return text


def diagnose(server: Server, task: Task) -> Diagnosis:
    """What a person would look at next. Never raises: it goes with an error that is already being told."""
    build = None
    with suppress(CoderError):
        workspace = server.workspace(task["workspace_id"]) if task["workspace_id"] else None
        build = build_from(workspace["latest_build"]) if workspace else None
    health = task["workspace_agent_health"] or {}
    return {
        "build": build,
        "agent": {
            "lifecycle": task["workspace_agent_lifecycle"],
            "healthy": health.get("healthy"),
            "reason": health.get("reason"),
        },
        "state": task["current_state"],
    }
