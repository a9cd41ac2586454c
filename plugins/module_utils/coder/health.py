# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a task is not well, and what to do: from the task itself; where its build failed from that and its log."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import models
from .client import CoderClient
from .errors import CoderError

BUILD_FAILED = ("failed", "canceled", "canceling")
NOT_YET_CONNECTED = "agent has not yet connected"
# The end of a build's log that is told: lines, and characters of them.
_LINES = 6
_CHARACTERS = 600
# Of no use to who asks what went wrong.
_QUIET = ("trace", "debug")

_REBUILD = "Correct what the build tells of, then start the task again with state=active."
RESTART = "Look at its log; pause and resume the task to restart the agent."
RECONNECT = "The status stays active, yet every send takes 30 s and fails; pause and resume the task."
_LOOK = "Look at the workspace in the dashboard."


class Ailment(NamedTuple):
    """What is wrong with a task, without a full stop, and a sentence with what to do."""

    reason: str
    hint: str


def has_failed_build(task: dict[str, Any]) -> bool:
    """Whether the last build of its workspace failed or was canceled."""
    return task["status"] == "error" and task["workspace_status"] in BUILD_FAILED


_BUILD = Ailment("the build of its workspace failed", _REBUILD)


def ailment(task: dict[str, Any]) -> Ailment | None:
    """What a task shows by itself; None for one that is well, or only starts or stops. Makes no request."""
    health = task["workspace_agent_health"] or {}
    lifecycle = task["workspace_agent_lifecycle"]
    state = task["current_state"] or {}
    if has_failed_build(task):
        return _BUILD
    is_lost = not health.get("healthy", True) and health.get("reason") != NOT_YET_CONNECTED
    if is_lost and task["status"] in ("active", "error"):
        return Ailment(f"its agent is not healthy: {health.get('reason') or 'no reason given'}", RECONNECT)
    if task["status"] == "error":
        return Ailment("its app is unhealthy: AgentAPI does not answer inside the workspace", RESTART)
    if task["status"] == "unknown" and not models.is_stopping(task):
        found = f", the lifecycle of its agent is {lifecycle}" if lifecycle else ""
        return Ailment(f"Coder cannot tell its status{found}", _LOOK)
    if task["status"] != "active":
        return None
    if lifecycle in ("start_error", "start_timeout"):
        how = "failed" if lifecycle == "start_error" else "did not end in time"
        return Ailment(f"the start script of its agent {how}", "Look at the logs of the agent in the dashboard.")
    if state.get("state") == "failed":
        return Ailment(f"its agent reported a failure: {_one_line(state['message']) or 'no reason given'}", RESTART)
    return None


def explain(client: CoderClient, task: dict[str, Any]) -> Ailment | None:
    """Like :func:`ailment`; where a build failed, with its error and the end of its log. Never raises.

    Asks the server for nothing but a failed build: its workspace and its log, two requests.
    """
    return explain_build(client, task) if has_failed_build(task) else ailment(task)


def explain_build(client: CoderClient, task: dict[str, Any]) -> Ailment:
    """Why the build of a task's workspace failed, as far as that can be read. Never raises."""
    try:
        workspace = client.workspace(task["workspace_id"]) if task["workspace_id"] else None
        if workspace is None:
            return _BUILD
        return _BUILD._replace(reason=build_failure(client, models.build_from(workspace["latest_build"])))
    except CoderError as error:
        # It goes with something that is already being told.
        return _BUILD._replace(reason=f"{_BUILD.reason}; why could not be read: {error.reason}")


def build_failure(client: CoderClient, build: dict[str, Any]) -> str:
    """``the build of its workspace failed: <its error>; its log ends: <lines>``, as far as there is any of it.

    :param build: as :func:`models.build_from` gives it.
    :raises CoderError: the log cannot be read.
    """
    how = "failed" if build["status"] in (None, "failed") else f"was {build['status']}"
    which = "build" if build["transition"] in (None, "start") else f"{build['transition']} build"
    text = f"the {which} of its workspace {how}"
    error = _one_line(build["error"] or "")
    if error:
        text += f": {error}"
    end = log_end(client.build_log(build["id"]), error) if build["id"] else ""
    return f"{text}; its log ends: {end}" if end else text


def log_end(rows: list[dict[str, Any]], known: str = "") -> str:
    """The last lines of a build's log on one line, without those that are in ``known`` or came before."""
    lines: list[str] = []
    for row in rows:
        line = _one_line(str(row.get("output") or ""))
        if line and row.get("log_level") not in _QUIET and line not in known and line not in lines:
            lines.append(line)
    text = " / ".join(lines[-_LINES:])
    return text if len(text) <= _CHARACTERS else f"[...] {text[-_CHARACTERS:]}"


def with_reason(client: CoderClient, task: dict[str, Any]) -> dict[str, Any]:
    """The task; one that is not well has its ``reason``, too."""
    found = explain(client, task)
    return {**task, "reason": found.reason} if found else task


def _one_line(text: str) -> str:
    """Text of others in one line of what can be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
