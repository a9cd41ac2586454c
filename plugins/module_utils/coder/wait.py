# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a task: what counts as reached, what is only on the way, and what will never come."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable

from . import models
from .client import CoderClient
from .durations import in_words
from .errors import CoderError
from .health import NOT_YET_CONNECTED, RECONNECT, RESTART, ailment, explain_build, has_failed_build, with_reason

# Seconds that a state may last which is passed through on a normal way but can also be the end of it:
# `unknown`, and `error` of an app that is still starting, which the official client bears as long (docs/contract.md,
# Status). A stop is no such state: it may take minutes of a workspace's grace, so only the timeout ends it.
TRANSITIONAL = 300.0
# Seconds that an agent may be out of reach before it is called dead. The status stays active then for ever.
AGENT_LOST = 30.0
# Seconds until a start that was asked for must show.
NOT_STARTED = 10.0

# Goals as they stand in a sentence.
WORDS = {"settled": "active or paused"}
WORDS.update((name, name) for name in ("ready", "idle", "complete", "paused"))

FINISHED = ("idle", "complete", "failed")
# Seconds between two words of progress about a state that lasts.
PROGRESS_EVERY = 5.0


@dataclass(frozen=True)
class Patience:
    """How long to wait, all in seconds.

    ``stable_idle``: how long the agent must stay idle without a break. ``unhealthy``: how long its app may be
    unhealthy, unless the task is seen to start meanwhile: an app that starts may be unhealthy for minutes.
    """

    timeout: float = 600.0
    stable_idle: float = 5.0
    interval: float = 1.0
    unhealthy: float = TRANSITIONAL


class Goal:
    """Watches one task on its way to `ready`, `idle`, `complete` or `paused`; `settled` is either of active and paused.

    It is fed with looks at the task, from wherever they come: a GET of one task or a list of all.
    """

    def __init__(
        self,
        name: str,
        client: CoderClient,
        clock: Any,
        stable_idle: float = 0.0,
        unhealthy: float = TRANSITIONAL,
    ) -> None:
        self.name = name
        self._client = client
        self._clock = clock
        self._stable_idle = stable_idle
        self._unhealthy = unhealthy
        self._since: dict[str, float] = {}
        self._conversation = ""
        self._reported: str | None = None

    def reached(self, task: dict[str, Any]) -> bool:
        """Whether the goal is reached. :raises CoderError: it will not be."""
        status = task["status"]
        if status in ("pending", "initializing"):
            self._unhealthy = TRANSITIONAL
        if status == "error":
            if has_failed_build(task):
                raise self._failed_build(task)
            self._only_for(self._unhealthy, "error", task, "its app is unhealthy", hint=RESTART)
        elif status == "unknown" and not models.is_stopping(task):
            self._only_for(TRANSITIONAL, "unknown", task, "its status is unknown")
        else:
            self._forget("error", "unknown")
        if self.name == "paused":
            return status == "paused"
        if self.name == "settled":
            return status in ("paused", "active")
        if status == "paused":
            self._only_for(NOT_STARTED, "paused", task, "it is paused", hint="Resume it with state=active.")
        if status != "active" or not self._agent_in_reach(task):
            self._forget("idle")
            return False
        self._forget("paused")
        if self.name == "ready":
            return True
        if self.name == "complete":
            return self._complete(task)
        return self._idle(task)

    def _agent_in_reach(self, task: dict[str, Any]) -> bool:
        health = task["workspace_agent_health"] or {}
        if health.get("healthy", True):
            self._forget("agent")
        elif health.get("reason") == NOT_YET_CONNECTED:
            return False
        else:
            reason = f"its agent is not healthy: {health.get('reason') or 'no reason given'}"
            self._only_for(AGENT_LOST, "agent", task, reason, "unavailable", RECONNECT)
            return False
        if self._client.dialect.app_health_visible:
            return True
        # Era S calls a workspace running while its app still answers 503.
        workspace = self._client.workspace(task["workspace_id"]) or {}
        health_of_app = models.app_health(workspace, task["workspace_app_id"])
        if health_of_app == "unhealthy":
            self._only_for(self._unhealthy, "app", task, "its app is unhealthy", hint=RESTART)
        else:
            self._forget("app")
        return health_of_app in (None, "healthy", "disabled")

    def _complete(self, task: dict[str, Any]) -> bool:
        state = task["current_state"] or {}
        if state.get("state") == "failed":
            raise self._never(f"its agent reported a failure: {state['message'] or 'no reason given'}")
        return state.get("state") == "complete"

    def _idle(self, task: dict[str, Any]) -> bool:
        state = task["current_state"]
        if state is None:
            return self._conversation_rests(task)
        if state["state"] not in FINISHED:
            self._forget("idle")
            return False
        if state["timestamp"] != self._reported:
            # A new report: whatever it says, the agent has done something since the last look.
            self._reported = state["timestamp"]
            self._forget("idle")
        return max(self._seconds("idle"), self._server_says_since(state["timestamp"])) >= self._stable_idle

    def _server_says_since(self, timestamp: str | None) -> float:
        """Seconds since the state was reported: an agent that was idle before we came need not be watched anew."""
        try:
            reported = datetime.fromisoformat((timestamp or "")[:19] + "+00:00").timestamp()
        except ValueError:
            return 0.0
        # Both sides are whole seconds, so one second is not counted.
        return self._clock.time() + self._client.transport.server_ahead - reported - 1.0

    def _conversation_rests(self, task: dict[str, Any]) -> bool:
        """For an agent that never reports a state: nothing is written into the conversation for a while."""
        try:
            conversation = digest(self._client.logs(task).messages)
        except CoderError as error:
            # AgentAPI is restarting or types; its app turns unhealthy in a few seconds if it died.
            # An app without an address, a 400 or 500, never gets one.
            if error.kind not in ("unavailable", "timeout") or error.status in (400, 500):
                raise
            conversation = ""
        if not conversation or conversation != self._conversation:
            self._conversation = conversation
            self._forget("idle")
        return self._seconds("idle") >= self._stable_idle

    # Stopwatches

    def _seconds(self, what: str) -> float:
        now = self._clock.monotonic()
        return now - self._since.setdefault(what, now)

    def _forget(self, *names: str) -> None:
        for name in names:
            self._since.pop(name, None)

    def _only_for(
        self,
        limit: float,
        what: str,
        task: dict[str, Any],
        reason: str,
        kind: str = "conflict",
        hint: str | None = None,
    ) -> None:
        """A state that is passed through: wait, but not longer than it can be passed through."""
        if self._seconds(what) > limit:
            raise self._never(f"{reason} for more than {limit:g} s", kind, hint)

    def _failed_build(self, task: dict[str, Any]) -> CoderError:
        found = explain_build(self._client, task)
        error = self._never(found.reason, "build_failed", found.hint)
        error.result["task"] = {**task, "reason": found.reason}
        return error

    def _never(self, reason: str, kind: str = "conflict", hint: str | None = None) -> CoderError:
        return CoderError(f"it will not be {WORDS[self.name]}: {reason}", kind, hint=hint)


def digest(messages: list[dict[str, Any]]) -> str:
    """A fingerprint of a conversation."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()


def wait_for(
    client: CoderClient,
    clock: Any,
    task: dict[str, Any],
    goal_name: str,
    patience: Patience,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Look at the task until the goal is reached. :returns: the task as it then is.

    :raises CoderError: not reached; its ``result`` holds the last task, the seconds waited and a diagnosis.
    """
    goal = Goal(goal_name, client, clock, patience.stable_idle, patience.unhealthy)
    started = clock.monotonic()
    told = ("", 0.0)
    current = task
    try:
        while not goal.reached(current):
            waited = clock.monotonic() - started
            if waited >= patience.timeout:
                raise timed_out(current, goal_name, waited)
            told = _tell(progress, current, waited, patience, told)
            clock.sleep(min(patience.interval, patience.timeout - waited))
            found = client.refresh(current)
            if found is None:
                raise CoderError("it was deleted while it was waited for", "not_found")
            current = found
    except CoderError as error:
        if "task" not in error.result:
            error.result["task"] = with_reason(client, current)
        error.result.setdefault("waited", round(clock.monotonic() - started, 1))
        error.result.setdefault("diagnosis", diagnose(client, current))
        raise
    return current


def _tell(
    progress: Callable[[str], None], task: dict[str, Any], waited: float, patience: Patience, told: tuple[str, float]
) -> tuple[str, float]:
    """Tell how it stands: where that has changed, and now and then where it has not.

    :param told: what was told last, and after how many seconds. :returns: the same, now.
    """
    state = describe(task)
    if state == told[0] and waited - told[1] < PROGRESS_EVERY:
        return told
    waiting = f", {in_words(waited)} of at most {in_words(patience.timeout)}" if waited >= 1 else ""
    progress(f"{task['name']} is {state}{waiting}")
    return state, waited


def timed_out(task: dict[str, Any], goal_name: str, waited: float) -> CoderError:
    """The wait ended before the goal came."""
    found = ailment(task)
    return CoderError(
        f"it was not {WORDS[goal_name]} within {round(waited)} s; it is {describe(task)}"
        + (f", and {found.reason}" if found else ""),
        "wait_timeout",
        hint=found.hint if found else "See 'diagnosis' in the result; raise 'wait_timeout' if it only needs more time.",
    )


def describe(task: dict[str, Any]) -> str:
    """The state in words: status, then what the agent said last."""
    if models.is_stopping(task):
        return "being paused"
    text = str(task["status"])
    # The last words of an agent that no longer runs say nothing of now.
    state = task["current_state"] if text not in ("paused", "error", "unknown") else None
    if state:
        text += f", {state['state']}"
        if state["message"]:
            text += f" ({state['message']})"
    return text


def diagnose(client: CoderClient, task: dict[str, Any]) -> dict[str, Any]:
    """What a person would look at next: the build and its error, the agent, the last state."""
    build = None
    try:
        workspace = client.workspace(task["workspace_id"]) if task["workspace_id"] else None
        if workspace:
            build = models.build_from(workspace["latest_build"])
    except CoderError:
        # The diagnosis goes with an error that is already being told.
        pass
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
