# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as reached of a workspace, what is only on the way, and what is wrong with it. Pure functions."""

from __future__ import annotations

from ..backend import Ailment
from ..waiter import TRANSITIONAL, Passing, Verdict
from .models import Agent, Workspace, WorkspaceFields

# Seconds that an agent may be out of reach before it is called lost; a network may break for a moment.
AGENT_LOST = 30.0
# Seconds until a build that was asked for must show.
NOT_STARTED = 10.0
# Of an agent whose start scripts are over, whatever became of them: it can be worked with.
STARTED = ("ready", "start_timeout", "start_error")

_REBUILD = "Correct what the build tells of, then start the workspace again with state=started."
_LOOK = "Look at the workspace in the dashboard; state=stopped and state=started restart it."
BUILD_FAILED = Ailment("its build failed", _REBUILD)


def in_words(goal: str) -> str:
    """A goal as it stands in a sentence."""
    return {"settled": "running or stopped"}.get(goal, goal)


def judge(workspace: Workspace, goal: str) -> Verdict:
    """How the workspace stands to ``running``, ``stopped`` or ``settled``; its build has not failed."""
    status = workspace["status"]
    if goal == "settled":
        return Verdict(status in ("running", "stopped"))
    if goal == "stopped" or status != "running":
        rests = ("running", "stopped", "deleted")
        wrong = (Passing(status, NOT_STARTED, f"it is {status}"),) if status in rests and status != goal else ()
        return Verdict(status == goal, passing=wrong, starts=status == "starting")
    lost = [agent for agent in workspace["agents"] if is_lost(agent)]
    passing = tuple(_lost(agent, AGENT_LOST) for agent in lost)
    slow = (Passing("agents", TRANSITIONAL * 2, "its agents do not get ready", "unavailable", _LOOK),)
    ready = all(agent["lifecycle"] in STARTED and agent["status"] == "connected" for agent in workspace["agents"])
    return Verdict(ready, passing=passing or (() if ready else slow))


def is_lost(agent: Agent) -> bool:
    """Whether an agent was there and is not any more, or has not come in the time that its template gives it."""
    return agent["status"] in ("disconnected", "timeout")


def _lost(agent: Agent, limit: float) -> Passing:
    return Passing(f"agent {agent['id']}", limit, _why_lost(agent), "unavailable", _LOOK)


def _why_lost(agent: Agent) -> str:
    return f"its agent {agent['name']} is not healthy: {agent['reason'] or agent['status']}"


def ailment(workspace: WorkspaceFields) -> Ailment | None:
    """What a workspace whose build has not failed shows by itself; None for one that is well, or starts or stops."""
    for agent in workspace["agents"]:
        if is_lost(agent):
            return Ailment(_why_lost(agent), _LOOK)
        if agent["lifecycle"] in ("start_error", "start_timeout"):
            how = "failed" if agent["lifecycle"] == "start_error" else "did not end in time"
            return Ailment(f"the start script of its agent {agent['name']} {how}", "Look at its log in the dashboard.")
    return None


def describe(workspace: WorkspaceFields) -> str:
    """The state in words: its status, then that of agents that are not ready."""
    words = [
        f"its agent {agent['name']} is {agent['lifecycle'] or agent['status'] or 'unknown'}"
        for agent in workspace["agents"]
        if agent["lifecycle"] != "ready" or agent["status"] != "connected"
    ]
    return ", ".join([workspace["status"], *words])
