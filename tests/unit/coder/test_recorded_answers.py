# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real servers answered, given to the client: every answer is understood, whatever the era."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from calling import FakeClock
from recorded import Stub, exchanges

from ansible_collections.coder.tasks.plugins.module_utils.coder.backend import Choice
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import AnswerLost, CoderError, RouteNotFound
from ansible_collections.coder.tasks.plugins.module_utils.coder.rate_limit import RateGate
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.dialect import (
    COMPLETE,
    STABLE_TASKS,
    WORKSPACE_TASKS,
)
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.models import STATUSES, TASK_FIELDS, NewTask
from ansible_collections.coder.tasks.plugins.module_utils.coder.transport import Connection

DIALECTS = {"2025-10": WORKSPACE_TASKS, "2.29": STABLE_TASKS, "2.34": COMPLETE}
TASK = {"id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "owner_name": "alice", "workspace_id": "w", "name": "x"}

# The kind of failure by the server's message where the status alone does not say it.
KINDS = {
    "Task app is not ready to accept input.": "busy",
    "Failed to reach task app endpoint.": "unavailable",
    "Failed to get status from task app.": "unavailable",
    "Failed to get messages from task app.": "unavailable",
    "Task sidebar app is unhealthy.": "unavailable",
    "Invalid snapshot data.": "unavailable",
    "Invalid task app response.": "unavailable",
    "Invalid task app response message role.": "unavailable",
    "Task status must be active.": "conflict",
    "Task must be active.": "conflict",
    "Task is not configured with a sidebar app.": "conflict",
    "Task sidebar app not found in latest build.": "conflict",
    '"user" must be an existing uuid or username.': "not_found",
}
BY_STATUS = {400: "invalid", 401: "auth", 403: "forbidden", 404: "not_found", 405: "protocol", 409: "conflict",
             410: "not_found", 429: "rate_limited", 500: "server", 502: "server", 503: "server"}  # fmt: skip


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(stub: Stub, dialect: str) -> TasksClient:
    url, token = f"http://127.0.0.1:{stub.server_address[1]}", "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"
    made = TasksClient.connect(Connection(url, token, retries=0), FakeClock())
    stub.by_path = {"/api/v2/buildinfo": exchanges(dialect, "/buildinfo")[0]["response"]}
    if dialect == "2025-10":
        # Its version, of a development build, says nothing: the client looks for the lists, and at what they know.
        listed = [found["response"] for found in exchanges(dialect, "/experimental/tasks")]
        stub.by_path["/api/v2/tasks"] = {"status": 404, "headers": {}, "body": {"message": "Route not found."}}
        stub.by_path["/api/experimental/tasks"] = next(answer for answer in listed if answer["status"] == 400)
    assert made.dialect is DIALECTS[dialect]
    stub.by_path = {}
    return made


def never(_status: int, _value: Any) -> bool:
    return False


def told(
    client: TasksClient,
    stub: Stub,
    exchange: dict[str, Any],
    ask: Callable[[], Any],
    answers: Callable[[int, Any], bool] = never,
) -> Any:
    """What the client makes of an answer: a value, or an error of the right kind.

    :param answers: whether a value is the right answer to a status of 300 and more; any other has to be an error.
    """
    stub.answer = exchange["response"]
    # A stub that refuses by the rate limit would close the gate for the next exchange.
    client.transport._gate = RateGate()
    status, body = stub.answer["status"], stub.answer["body"]
    try:
        value = ask()
    except CoderError as error:
        if status < 300:  # a page of the dashboard
            assert isinstance(body, str) and error.kind == "protocol", (exchange["name"], error.message)
            return error
        message = str(body.get("message") or "") if isinstance(body, dict) else ""
        assert not isinstance(error, AnswerLost), error.message
        if isinstance(error, RouteNotFound) or error.kind == "unsupported":
            assert message in ("Route not found.", "")
            return error
        owner = any(item.get("field") == "owner" for item in error.validations)
        expected = "not_found" if owner else KINDS.get(message, BY_STATUS.get(status, "protocol"))
        assert error.kind == expected, (exchange["name"], error.message)
        assert error.status == status and error.message.endswith((".", "!", "?"))
        return error
    assert status < 300 or answers(status, value), exchange["name"]
    return value


def is_gone(status: int, value: Any) -> bool:
    return status in (404, 410) and value is None


def has_no_log(status: int, value: Any) -> bool:
    return status in (400, 409) and value.source == "none" and bool(value.reason)


def check_task(task: dict[str, Any]) -> None:
    assert set(task) == {*TASK_FIELDS, "url"}
    assert task["status"] in STATUSES and task["id"] and task["owner_name"]
    state = task["current_state"]
    assert state is None or state["state"] in ("working", "idle", "complete", "failed")


def test_lists(client: TasksClient, stub: Stub, dialect: str) -> None:
    lengths = set()
    for exchange in exchanges(dialect, r"/(v2|experimental)/tasks/?"):
        if exchange["request"]["method"] == "GET":
            value = told(client, stub, exchange, lambda: client.list_tasks(Choice("me")))
            if isinstance(value, list):
                lengths.add(len(value))
                for task in value:
                    check_task(task)
    assert max(lengths) > 1


def test_single_tasks(client: TasksClient, stub: Stub, dialect: str) -> None:
    statuses = set()
    for exchange in exchanges(dialect, r"/tasks/[^/]+/[^/]+"):
        body = exchange["response"]["body"]
        # In era S the client then asks for the workspace too, which a stub with one answer cannot give.
        queued = dialect == "2025-10" and isinstance(body, dict) and body.get("status") == "pending"
        if exchange["request"]["method"] == "GET" and not queued:
            value = told(client, stub, exchange, lambda: client._get_task("alice", TASK["id"]), is_gone)
            if isinstance(value, dict):
                check_task(value)
                statuses.add(value["status"])
    assert {"active", "paused", "error"} <= statuses


def test_creates(client: TasksClient, stub: Stub, dialect: str) -> None:
    made = 0
    for exchange in exchanges(dialect, r"/tasks/[^/]+"):
        if exchange["request"]["method"] == "POST":
            value = told(client, stub, exchange, lambda: client.create_task("me", NewTask("x", "x", "v")))
            if isinstance(value, dict):
                made += 1
                check_task(value)
    assert made > 3


def test_logs(client: TasksClient, stub: Stub, dialect: str) -> None:
    sources = set()
    for exchange in exchanges(dialect, "/logs"):
        if exchange["request"]["method"] == "GET" and "/tasks/" in exchange["request"]["path"]:
            value = told(client, stub, exchange, lambda: client.logs(TASK), has_no_log)
            if not isinstance(value, CoderError):
                sources.add(value.source)
                assert (value.source == "none") == bool(value.reason)
                assert all(message["type"] in ("input", "output") for message in value.messages)
    assert sources == ({"live", "snapshot", "none"} if dialect == "2.34" else {"live", "none"})


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("POST", "/send", lambda client: client.send(TASK, "x")),
        ("DELETE", "/tasks/[^/]+/[^/]+", lambda client: client.delete_task(TASK)),
        ("PATCH", "/input", lambda client: client.update_input(TASK, "x")),
        ("POST", "/(pause|resume)", lambda client: client.pause(TASK)),
        ("POST", "/(pause|resume)", lambda client: client.resume(TASK)),
        ("POST", "/builds", lambda client: client.build_workspace("w", "stop")),
        ("GET", "/presets", lambda client: client.presets(str(time.monotonic_ns()))),
        ("GET", "/rich-parameters", lambda client: client.parameters(str(time.monotonic_ns()))),
        ("GET", "/api/v2/workspaces/[^/]+", lambda client: client.workspace("w")),
        ("GET", "/users/[^/]+", lambda client: client.user(str(time.monotonic_ns()))),
        ("GET", "/api/v2/templates", lambda client: client.templates(None) and client._cache.clear()),
    ],
)
def test_other_answers(
    client: TasksClient, stub: Stub, dialect: str, method: str, path: str, call: Callable[[TasksClient], Any]
) -> None:
    for exchange in (found for found in recorded(dialect, path) if found["request"]["method"] == method):
        told(client, stub, exchange, lambda: call(client), is_gone if "workspaces/" in path else never)


def recorded(dialect: str, path: str) -> list[dict[str, Any]]:
    try:
        return exchanges(dialect, path)
    except AssertionError:
        assert dialect != "2.34" or path in ("/rich-parameters",), path
        return []
