# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as reached of a task, what is only on the way, and what will never come: one pure function per goal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Callable, NamedTuple

from ..backend import Message
from ..errors import CoderError
from ..waiter import TRANSITIONAL, Passing, Verdict
from .health import NOT_YET_CONNECTED, RECONNECT, RESTART
from .models import State, Task, is_stopping

# Seconds that an agent may be out of reach before it is called dead. The status stays active then for ever.
AGENT_LOST = 30.0
# Seconds until a start that was asked for must show.
NOT_STARTED = 10.0

FINISHED = ("idle", "complete", "failed")
# The two that need no agent.
OF_WORKSPACE = ("paused", "settled")


class Look(NamedTuple):
    """A task at one moment, with what its goal asks about beside it.

    ``app``: health of its app, on a server whose status does not tell of it. ``said``: a fingerprint of the
    conversation, empty where it cannot be read now; of an agent that reports no state. ``now``: of the server, seconds.
    """

    task: Task
    app: str | None
    said: str
    now: float


def in_words(goal: str) -> str:
    """A goal as it stands in a sentence."""
    return "active or paused" if goal == "settled" else goal


def needs_app(task: Task, goal: str) -> bool:
    """Whether the health of the task's app tells something about the goal."""
    return goal not in OF_WORKSPACE and task["status"] == "active" and _agent_is_well(task)


def needs_conversation(look: Look, goal: str) -> bool:
    """Whether only the conversation can tell: the agent never reports a state."""
    return goal == "idle" and _is_ready(look) and look.task["current_state"] is None


def judge(look: Look, goal: str) -> Verdict:
    """How the task stands to the goal. :raises CoderError: it will not get there."""
    passing = _on_the_way(look, goal)
    starts = look.task["status"] in ("pending", "initializing")
    if goal not in OF_WORKSPACE and not _is_ready(look):
        return Verdict(False, passing=passing, starts=starts)
    return PREDICATES[goal](look)._replace(passing=passing, starts=starts)


# States that are passed through


def _on_the_way(look: Look, goal: str) -> tuple[Passing, ...]:
    task = look.task
    status = task["status"]
    if status == "error":
        return (Passing("error", None, "its app is unhealthy", hint=RESTART),)
    # A stop is no such state: it may take minutes of a workspace's grace, so only the timeout ends it.
    if status == "unknown" and not is_stopping(task):
        return (Passing("unknown", TRANSITIONAL, "its status is unknown"),)
    if goal in OF_WORKSPACE:
        return ()
    if status == "paused":
        return (Passing("paused", NOT_STARTED, "it is paused", hint="Resume it with state=active."),)
    if status == "active" and not _agent_is_well(task) and _reason(task) != NOT_YET_CONNECTED:
        reason = f"its agent is not healthy: {_reason(task) or 'no reason given'}"
        return (Passing("agent", AGENT_LOST, reason, "unavailable", RECONNECT),)
    if status == "active" and look.app == "unhealthy":
        return (Passing("app", None, "its app is unhealthy", hint=RESTART),)
    return ()


def _agent_is_well(task: Task) -> bool:
    return (task["workspace_agent_health"] or {}).get("healthy", True)


def _reason(task: Task) -> str | None:
    return (task["workspace_agent_health"] or {}).get("reason")


def _is_ready(look: Look) -> bool:
    return look.task["status"] == "active" and _agent_is_well(look.task) and look.app in (None, "healthy", "disabled")


# Goals


def _paused(look: Look) -> Verdict:
    return Verdict(look.task["status"] == "paused")


def _settled(look: Look) -> Verdict:
    return Verdict(look.task["status"] in ("paused", "active"))


def _ready(look: Look) -> Verdict:
    return Verdict(True)


def _complete(look: Look) -> Verdict:
    state = look.task["current_state"]
    if state and state["state"] == "failed":
        reason = f"it will not be complete: its agent reported a failure: {state['message'] or 'no reason given'}"
        raise CoderError(reason, "conflict")
    return Verdict(state is not None and state["state"] == "complete")


def _idle(look: Look) -> Verdict:
    state = look.task["current_state"]
    if state is None:
        # Nothing is written into the conversation for a while.
        return Verdict(bool(look.said), look.said)
    # A new report, whatever it says: the agent has done something since the last look.
    return Verdict(state["state"] in FINISHED, ("reported", state["timestamp"]), _seconds_since(state, look.now))


def _seconds_since(state: State, now: float) -> float:
    """Seconds since a state was reported: an agent that was idle before we came need not be watched anew."""
    try:
        reported = datetime.fromisoformat((state["timestamp"] or "")[:19] + "+00:00").timestamp()
    except ValueError:
        return 0.0
    # Both sides are whole seconds, so one second is not counted.
    return now - reported - 1.0


PREDICATES: dict[str, Callable[[Look], Verdict]] = {
    "ready": _ready,
    "idle": _idle,
    "complete": _complete,
    "paused": _paused,
    "settled": _settled,
}


def digest(messages: Sequence[Message]) -> str:
    """A fingerprint of a conversation."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()
