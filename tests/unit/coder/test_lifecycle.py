# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes on tasks, where what was seen before is not what is there any more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from calling import ReleasingClock, call

from ansible_collections.coder.tasks.plugins.module_utils.coder.builds import SOMEONE_ELSE, THIS_CALL, UNCERTAIN
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


def waiter(clock: Any = time) -> Waiter:
    return Waiter(clock, WaitOptions(timeout=10.0, interval=0.01), lambda text: None)


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


def test_a_start_that_is_refused_because_it_runs_was_not_ours(emulator: Start) -> None:
    server = emulator("2.34")
    server.create_task("fix", state="paused")
    tasks = backend(server)
    seen = tasks.get("fix")
    assert tasks.resume(seen, waiter()) is True
    assert tasks.resume(seen, waiter()) is False, "its build runs"
    assert call("task", server, name="fix", state="active")["task"]["status"] == "active"
    assert tasks.resume(seen, waiter()) is False, "it runs"


def test_a_write_whose_answer_is_lost_and_whose_task_is_gone_is_an_error(emulator: Start) -> None:
    """Nobody can say that it was paused; that its removal stopped it is another thing."""
    server = emulator("2.34")
    server.create_task("fix")
    tasks = backend(server)
    seen = tasks.get("fix")
    assert tasks.delete(seen, waiter())
    server.faults.add("lost", method="POST", path="/pause$")
    with pytest.raises(CoderError, match="The task fix was deleted meanwhile"):
        tasks.pause(seen, waiter())


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_refusal_that_is_not_about_the_workspace_stays_as_it_is(emulator: Start, verb: str) -> None:
    server = emulator("2.34")
    server.create_task("fix", state="active" if verb == "pause" else "paused")
    server.faults.add("status", method="POST", path=f"/{verb}$", status=403, body='{"message":"Not you."}')
    tasks = backend(server)
    with pytest.raises(CoderError) as caught:
        getattr(tasks, verb)(tasks.get("fix"), waiter())
    assert caught.value.server_message == "Not you." and "coder update" not in caught.value.message


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_server_whose_version_says_more_than_it_has_builds_the_workspace(emulator: Start, verb: str) -> None:
    server = emulator("2.34")
    server.create_task("fix", state="active" if verb == "pause" else "paused")
    server.faults.add("status", path=f"/{verb}$", status=404, body='{"message":"Route not found."}', count=None)
    tasks = backend(server)
    assert getattr(tasks, verb)(tasks.get("fix"), waiter()) is True
    assert writes(server)[-1].endswith("/builds")


def test_a_name_that_is_being_freed_is_waited_for(emulator: Start) -> None:
    """A task whose removal began between the look for it and the request that makes its successor."""
    server = emulator("2.34", time_factor=0.01)
    task = server.create_task("fix")
    tasks = backend(server)
    server.state.hold_builds()
    assert tasks.delete(tasks.get("fix"), waiter()) is True
    version = server.state.template("ai").active_version.id
    made = tasks.create("me", NewTask("fix", "Do it", version), waiter(ReleasingClock(server)))
    assert made.by == THIS_CALL and made.task["workspace_id"] != task.workspace.id


def test_a_removal_that_succeeded_is_over_though_the_workspace_still_shows(emulator: Start) -> None:
    server = emulator("2.34")
    workspace = server.create_task("fix").workspace.id
    tasks = backend(server)
    seen = tasks.get("fix")
    server.state.hold_builds()
    assert tasks.delete(seen, waiter()) is True
    path = f"/api/v2/workspaces/{workspace}"
    shown = requests.get(server.url + path, headers={"Coder-Session-Token": server.token}, timeout=10).json()
    shown["latest_build"]["job"]["status"] = "succeeded"
    server.faults.add("status", method="GET", path=f"{path}$", status=200, body=json.dumps(shown))
    looks = sum(entry.path == path for entry in server.journal)
    tasks.wait_until_removed(seen, waiter())
    assert sum(entry.path == path for entry in server.journal) == looks + 1


def test_a_name_that_nobody_is_seen_to_have_is_not_waited_for_without_waiting(emulator: Start) -> None:
    server = emulator("2.34")
    taken = '{"message":"A workspace of that name exists."}'
    server.faults.add("status", method="POST", path="/tasks/", status=409, body=taken, count=None)
    told = call("task", server, name="fix", template="ai", input="x", wait=False)
    assert told.kind == "conflict" and "A workspace of that name exists." in told.msg


def test_a_workspace_that_cannot_be_seen_any_more_is_removed(emulator: Start) -> None:
    server = emulator("2.34")
    workspace = server.create_task("fix").workspace.id
    server.faults.add("status", method="GET", path=f"/workspaces/{workspace}$", status=404, count=None)
    assert call("task", server, name="fix", state="absent")["changed"]


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
