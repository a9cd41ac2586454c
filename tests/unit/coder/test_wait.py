# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting, with a clock that a test moves: what is reached, what is only on the way, what will never come."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from calling import FakeClock

from ansible_collections.coder.tasks.plugins.module_utils.coder.backend import Log
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.backend import TasksBackend
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.dialect import COMPLETE, WORKSPACE_TASKS, Dialect
from ansible_collections.coder.tasks.plugins.module_utils.coder.waiter import Waiter, WaitOptions, Watch

EPOCH = datetime.datetime(2026, 11, 21, 12, 0, 0, tzinfo=datetime.UTC)


class StillClock(FakeClock):
    """Moves only by sleeping; its calendar begins at EPOCH."""

    def __init__(self) -> None:
        super().__init__(tick=0.0)

    def time(self) -> float:
        return EPOCH.timestamp() + self.now - 1000.0


class Server(TasksClient):
    """Stands in for the client: the task as it is at each second, and its conversation."""

    dialect: Any = None

    def __init__(self, dialect: Dialect = COMPLETE, **states: Any) -> None:
        self.dialect = dialect
        self.clock = StillClock()
        self.transport: Any = SimpleNamespace(server_ahead=0.0, clock=self.clock)
        self.looks: list[float] = []
        self.walk: list[tuple[float, dict[str, Any]]] = [(0.0, task(**states))]
        self.conversation: Any = []
        self.app = "healthy"

    def then(self, second: float, **states: Any) -> Server:
        self.walk.append((second, task(**states)))
        return self

    def shown(self) -> Any:
        passed = self.clock.now - 1000.0
        return [shown for second, shown in self.walk if second <= passed][-1]

    def refresh(self, _task: Any) -> Any:
        self.looks.append(self.clock.now)
        return self.shown() if self.shown()["status"] != "gone" else None

    def logs(self, _task: Any) -> Log:
        messages = self.conversation
        if callable(messages):
            messages = messages(self.clock.now - 1000.0)
        if isinstance(messages, CoderError):
            raise messages
        return Log(messages, "live")

    def build_log(self, _id: str) -> list[dict[str, Any]]:
        return [{"output": "the disk is full"}]

    def workspace(self, _id: str) -> Any:
        agent = {"apps": [{"id": "app", "health": self.app}]}
        build = {"id": "b", "build_number": 1, "transition": "start", "job": {"status": "failed", "error": "boom"}}
        return {"latest_build": dict(build, resources=[{"agents": [agent]}])}

    def wait(self, goal: str, timeout: float = 600.0, stable_idle: float = 5.0, **more: float) -> float:
        """Seconds that it took."""
        options = WaitOptions(timeout, stable_idle, 1.0, **more)
        Waiter(self.clock, options, lambda text: None).wait_for(TasksBackend(self), self.shown(), goal)
        return self.clock.now - 1000.0

    def failure(self, goal: str, **options: Any) -> CoderError:
        with pytest.raises(CoderError) as caught:
            self.wait(goal, **options)
        assert set(caught.value.result) >= {"task", "waited", "diagnosis"}
        return caught.value


def task(status: str = "active", state: Any = None, health: Any = None, workspace_status: str | None = None) -> Any:
    if isinstance(state, tuple):
        name, second = state
        moment = (EPOCH + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.123456Z")
        state = {"state": name, "message": "words", "uri": "", "timestamp": moment}
    return {
        "name": "fix",
        "status": status,
        "workspace_status": workspace_status,
        "workspace_id": "w",
        "workspace_app_id": "app",
        "workspace_agent_lifecycle": "ready",
        "workspace_agent_health": health,
        "current_state": state,
    }


DEAD = {"healthy": False, "reason": "agent has lost connection"}
EARLY = {"healthy": False, "reason": "agent has not yet connected"}


def test_ready_is_reached_when_the_task_is_active() -> None:
    server = Server(status="initializing").then(4.5, status="active")
    assert server.wait("ready") == 5.0
    assert len(server.looks) == 5


def test_a_wait_ends_in_time_with_all_that_is_known() -> None:
    server = Server(status="initializing", state=("working", 0))
    error = server.failure("ready", timeout=10.5)
    assert error.kind == "wait_timeout"
    assert error.result["waited"] == 10.5
    assert error.result["task"]["status"] == "initializing"
    assert error.result["diagnosis"]["build"] == {
        "id": "b", "number": 1, "transition": "start", "status": "failed", "error": "boom", "reason": None
    }  # fmt: skip
    assert error.result["diagnosis"]["agent"]["lifecycle"] == "ready"
    assert "it is initializing, working (words)" in error.message


@pytest.mark.parametrize(("status", "after"), [("unknown", 250), ("error", 250)])
def test_transitional_states_are_waited_out(status: str, after: float) -> None:
    assert Server(status=status).then(after, status="paused").wait("paused") == after
    assert Server(status=status).then(after, status="active").wait("ready") == after


@pytest.mark.parametrize("status", ["unknown", "error"])
def test_transitional_states_are_bounded(status: str) -> None:
    error = Server(status=status).failure("ready")
    assert error.kind == "conflict" and "more than 300 s" in error.message
    assert 300 < error.result["waited"] < 303


@pytest.mark.parametrize("workspace_status", ["pending", "stopping"])
def test_a_stop_may_last_as_long_as_the_wait(workspace_status: str) -> None:
    server = Server(status="unknown", workspace_status=workspace_status).then(550, status="paused")
    assert server.wait("paused") == 550
    server = Server(status="unknown", workspace_status=workspace_status)
    assert server.failure("paused", timeout=500.0).kind == "wait_timeout"


def test_a_transitional_state_that_comes_again_has_its_time_again() -> None:
    server = Server(status="error").then(250, status="initializing").then(251, status="error")
    server.then(500, status="active")
    assert server.wait("ready") == 500


@pytest.mark.parametrize("workspace_status", ["failed", "canceled", "canceling"])
def test_a_failed_build_ends_the_wait_at_once(workspace_status: str) -> None:
    error = Server(status="error", workspace_status=workspace_status).failure("ready")
    assert error.kind == "build_failed" and error.result["waited"] == 0.0


def test_a_paused_task_never_gets_ready() -> None:
    assert Server(status="paused").then(8, status="initializing").then(12, status="active").wait("ready") == 12
    error = Server(status="paused").failure("ready")
    assert error.kind == "conflict" and "state=active" in error.message


def test_a_task_that_is_deleted_meanwhile() -> None:
    assert Server(status="initializing").then(3, status="gone").failure("ready").kind == "not_found"


def test_a_dead_agent_is_named_after_a_while_and_a_late_one_waited_for() -> None:
    error = Server(health=DEAD).failure("ready")
    assert error.kind == "unavailable" and "agent has lost connection" in error.message
    assert 30 < error.result["waited"] < 33
    assert error.result["diagnosis"]["agent"] == {"lifecycle": "ready", "healthy": False, "reason": DEAD["reason"]}
    assert Server(health=DEAD).then(20, health={"healthy": True}).wait("ready") == 20
    assert Server(health=EARLY).then(100, health={"healthy": True}).wait("ready") == 100


def test_where_the_status_hides_the_app_its_health_is_looked_at() -> None:
    server = Server(WORKSPACE_TASKS)
    server.app = "initializing"
    assert server.failure("ready", timeout=5).kind == "wait_timeout"
    server.app = "healthy"
    server.wait("ready", timeout=5)


# Idle


def test_idle_must_last() -> None:
    server = Server(state=("working", 0)).then(10, state=("idle", 10))
    assert 15 <= server.wait("idle") <= 17


def test_an_agent_that_was_idle_before_is_not_watched_anew() -> None:
    assert Server(state=("idle", -60)).wait("idle", stable_idle=30) == 0


def test_an_agent_that_does_not_say_since_when_it_is_idle_is_watched() -> None:
    server = Server(state=("idle", -60))
    server.shown()["current_state"]["timestamp"] = "a while ago"
    assert server.wait("idle", stable_idle=30) == 30


def test_the_servers_clock_counts() -> None:
    server = Server(state=("idle", -3600))
    server.transport.server_ahead = -3600.0
    assert server.wait("idle", stable_idle=5) == 5


@pytest.mark.parametrize("state", ["complete", "failed"])
def test_an_agent_that_ended_is_idle(state: str) -> None:
    assert Server(state=(state, -60)).wait("idle") == 0


def test_flapping_is_not_idle_even_between_two_looks() -> None:
    server = Server(state=("idle", 0))
    for second in range(3, 40, 3):
        server.then(second, state=("idle", second))
    assert 44 <= server.wait("idle", stable_idle=5) <= 46


def test_flapping_that_is_seen_is_not_idle() -> None:
    server = Server(state=("idle", 0)).then(3, state=("working", 3)).then(4, state=("idle", 4))
    assert 9 <= server.wait("idle", stable_idle=5) <= 11


def test_without_a_state_a_resting_conversation_is_idle() -> None:
    server = Server()
    server.conversation = lambda second: [{"content": "x" * min(int(second), 10)}]
    assert 15 <= server.wait("idle", stable_idle=5) <= 16


def test_a_conversation_that_cannot_be_read_for_a_while_is_not_idle() -> None:
    server = Server()
    gone = CoderError("no answer", "unavailable")
    server.conversation = lambda second: gone if second < 10 else [{"content": "hello"}]
    assert 15 <= server.wait("idle", stable_idle=5) <= 16
    server.conversation = CoderError("forbidden", "forbidden")
    assert server.failure("idle").kind == "forbidden"


# Complete


def test_complete_is_what_the_agent_reported() -> None:
    assert Server(state=("idle", 0)).then(7, state=("complete", 7)).wait("complete") == 7
    error = Server(state=("failed", 0)).failure("complete")
    assert error.kind == "conflict" and "reported a failure: words" in error.message


def test_goals_see_the_same_whoever_looks() -> None:
    server = Server(status="initializing")
    watch = Watch(TasksBackend(server), "ready", server.clock, WaitOptions())
    assert not watch.reached(server.shown())
    server.then(0, status="active")
    assert watch.reached(server.shown()) and server.looks == []


@pytest.mark.parametrize("dialect", [COMPLETE, WORKSPACE_TASKS])
def test_an_app_that_has_died_is_waited_for_as_long_as_was_said(dialect: Dialect) -> None:
    # Before tasks had a status of their own, only the workspace shows that an app is unhealthy.
    server = Server(dialect, status="error" if dialect is COMPLETE else "active", workspace_status="running")
    server.app = "unhealthy"
    failure = server.failure("ready", unhealthy=10.0)
    assert failure.result["waited"] == 11.0 and "its app is unhealthy for more than 10 s" in failure.message
    assert "pause and resume the task" in failure.message


def test_an_app_that_starts_may_be_unhealthy_for_longer() -> None:
    server = Server(status="initializing").then(5.0, status="error").then(65.0, status="active")
    assert server.wait("ready", unhealthy=10.0) == 65.0


def test_an_app_that_is_slow_for_a_moment_is_not_dead() -> None:
    server = Server(status="active", state=("working", 0)).then(3.0, status="error").then(10.0, state=("idle", 9))
    assert server.wait("idle", unhealthy=10.0) >= 10.0
