# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes on tasks, where what was seen before is not what is there any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.coder.builds import SOMEONE_ELSE, UNCERTAIN
from ansible_collections.coder.tasks.plugins.module_utils.coder.connection import Connection
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import AnswerLost, CoderError, NotReady
from ansible_collections.coder.tasks.plugins.module_utils.coder.session import open_session
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.backend import TasksBackend
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.lifecycle import Lifecycle
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.models import NewTask
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.refusals import explain_send
from ansible_collections.coder.tasks.plugins.module_utils.coder.waiter import Waiter, WaitOptions
from emulator import Emulator

Start = Callable[..., Emulator]
LOST = AnswerLost("the answer is lost", "network")
TAKEN = CoderError("the name is taken", "conflict", status=409)


def backend(server: Emulator) -> TasksBackend:
    return open_session(Connection(server.url, server.token), time).tasks


def waiter() -> Waiter:
    return Waiter(time, WaitOptions(timeout=10.0, interval=0.01), lambda text: None)


def writes(server: Emulator) -> list[str]:
    return [entry.path for entry in server.journal if entry.is_write()]


@pytest.mark.parametrize("dialect", ["2025-10", "2.29"])
def test_what_runs_by_now_is_not_started_again(emulator: Start, dialect: str) -> None:
    # Before tasks could be resumed, a start build on a running workspace would restart it.
    server = emulator(dialect)
    server.create_task("fix", state="paused")
    tasks = backend(server)
    seen = tasks.get("fix")
    assert tasks.resume(seen, waiter()) is True
    before = writes(server)
    assert tasks.resume(seen, waiter()) is False
    assert writes(server) == before


def test_what_somebody_else_deleted_was_not_deleted_by_this_call(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("fix")
    tasks = backend(server)
    seen = tasks.get("fix")
    assert tasks.delete(seen, waiter()) is True
    assert tasks.delete(seen, waiter()) is False


@pytest.mark.parametrize(
    ("found", "refusal", "by"),
    [
        ({"initial_prompt": "Do it", "template_version_id": "v"}, LOST, UNCERTAIN),
        ({"initial_prompt": "Do it", "template_version_id": None}, LOST, UNCERTAIN),
        ({"initial_prompt": "Do it", "template_version_id": "w"}, LOST, SOMEONE_ELSE),
        ({"initial_prompt": "Other", "template_version_id": "v"}, LOST, SOMEONE_ELSE),
        ({"initial_prompt": "Do it", "template_version_id": "v"}, TAKEN, SOMEONE_ELSE),
    ],
)
def test_a_task_may_be_ours_only_where_it_is_just_like_it(found: Any, refusal: CoderError, by: str) -> None:
    class Client:
        def create_task(self, _owner: str, _new: NewTask) -> Any:
            raise refusal

        def find_task(self, _name: str, _owner: str) -> Any:
            return found

    client: Any = Client()
    assert Lifecycle(client, waiter()).create("me", NewTask("fix", "Do it", "v")) == (found, by)


@pytest.mark.parametrize(
    ("message", "detail", "cls"),
    [
        ("Task app rejected the message.", 'Post "http://a/message": dial tcp 127.0.0.1:3284: refused', CoderError),
        ("Task app rejected the message.", 'Post "http://a/message": EOF', AnswerLost),
        ("Task app rejected the message.", "the agent waits for user input: waiting for user input", NotReady),
        ("Task is initializing.", None, NotReady),
    ],
)
def test_whether_an_input_reached_the_agent(message: str, detail: str | None, cls: type[CoderError]) -> None:
    told = explain_send(CoderError("x", "server", status=502, detail=detail, server_message=message))
    assert told.__class__ is cls
