# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of many tasks on a bad day: whoever repeats what failed loses nothing and does nothing twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from calling import Call, call

from ansible_collections.coder.tasks.plugins.module_utils.operations import task_send
from emulator import Emulator
from emulator.world import Task

Start = Callable[..., Emulator]
TRIES = 8
# As many as run in CI; `make faults` runs more.
MANY = int(os.environ.get("FAULTS_TASKS", "60"))
HASTE = {"wait_timeout": 15.0, "deadline": 20.0, "timeout": 5.0}


@pytest.fixture
def server(emulator: Start, dialect: str) -> Emulator:
    return emulator(dialect, time_factor=0.01, rate_limit=0)


@pytest.mark.slow
def test_some_tasks_on_a_bad_day(server: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_send, "LOOK_FOR_MESSAGE", 0.3)
    live_through(server, count=8, share=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_many_tasks_on_a_bad_day(server: Emulator, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_send, "LOOK_FOR_MESSAGE", 2.0)
    live_through(server, count=MANY, share=share)


def live_through(server: Emulator, count: int, share: float) -> None:
    """Create, tell and delete so many tasks, while this share of the requests meets a fault."""
    everyone = range(count)
    made = under_faults(server, share, everyone, create)
    assert not [done.msg for done in made if done.failed]
    assert Counter(task.name for task in there(server)) == {f"t-{number}": 1 for number in everyone}

    told = under_faults(server, share, everyone, tell)
    for number, done in enumerate(told):
        check_told(done, f"message {number}", inputs(server.state.task(f"t-{number}")))
    assert sum(not done.failed for done in told) > count / 2

    gone = under_faults(server, share, everyone, delete)
    assert not [done.msg for done in gone if done.failed]
    assert there(server) == []


def check_told(done: Call, text: str, got: list[str]) -> None:
    """What the result says of a message is true of the agent that it was for."""
    assert got in ([], [text]), f"told {len(got)} times"
    assert done["delivered"] == ("yes" if got else "no") or done["delivered"] == "unknown", done.msg
    assert done["changed"] or not got
    if done["delivered"] == "yes":
        assert "Could not send" not in done.msg
    if not done.failed:
        assert [message["content"] for message in done["reply"]] == [f"echo: {text}"]


def under_faults(
    server: Emulator, share: float, numbers: range, act: Callable[[Emulator, int], Call]
) -> list[Call]:
    server.faults.meet_all(share)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: act(server, number), numbers))
    server.faults.clear()
    return done


def until_done(server: Emulator, operation: str, **options: Any) -> Call:
    """As a playbook with `retries` does it: again until it worked, or until it is known or possible that it did."""
    for _try in range(TRIES):
        done = call(operation, server, **HASTE, **options)
        if not done.failed or done.result.get("delivered", "no") != "no":
            break
    return done


def create(server: Emulator, number: int) -> Call:
    return until_done(server, "task", name=f"t-{number}", template="ai", input=f"Do {number}", state="active")


def tell(server: Emulator, number: int) -> Call:
    return until_done(server, "task_send", task=f"t-{number}", input=f"message {number}", stable_idle=0.02)


def delete(server: Emulator, number: int) -> Call:
    return until_done(server, "task", name=f"t-{number}", state="absent")


def there(server: Emulator) -> list[Task]:
    # Era S goes on showing what was deleted.
    return [task for task in server.state.visible_tasks() if not task.workspace.is_deleted()]


def inputs(task: Task) -> list[str]:
    return [message.content for message in task.api.conversation() if message.role == "user"]
