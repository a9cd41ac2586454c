# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever JSON a server answers, the client gives what it promises or raises its one kind of error."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from calling import FakeClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.answers import Malformed
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.server_version import parse_version
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.backend import TasksBackend
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.dialect import (
    COMPLETE,
    FIRST_TASKS,
    STABLE_TASKS,
    WORKSPACE_TASKS,
)
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.models import STATUSES, TASK_FIELDS, NewTask
from ansible_collections.coder.tasks.plugins.module_utils.coder.waiter import WaitOptions, Watch

ID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
STATE = {"state": "idle", "message": "", "uri": "", "timestamp": "2026-11-21T11:17:59Z"}
TASK = {
    "id": ID, "name": "x", "owner_name": "alice", "status": "active", "workspace_id": "w", "initial_prompt": "Go",
    "workspace_build_number": 1, "workspace_agent_health": {"healthy": True}, "current_state": STATE,
}  # fmt: skip
WHOLE = {**dict.fromkeys(TASK_FIELDS), **TASK, "workspace_app_id": "a"}
BUILD = {"id": "b", "transition": "start", "job": {"status": "running"}, "build_number": 1,
         "resources": [{"agents": [{"apps": [{"id": "a", "health": "healthy"}]}]}]}  # fmt: skip
WORKSPACE = {"id": "w", "name": "x", "owner_name": "alice", "latest_build": BUILD}
MESSAGE = {"id": 0, "content": "Hello", "type": "output", "time": "2026-11-21T11:17:59Z"}
USER = {"id": ID, "username": "alice"}
NAMED = {"id": ID, "name": "x", "organization_id": ID, "active_version_id": ID, "value": "v"}
PRESET = {"ID": ID, "Name": "Fast", "Default": True, "Parameters": [{"Name": "region", "Value": "eu"}]}
PARAMETER = {"name": "region", "options": [{"value": "eu"}], "required": True}


def is_ready(client: TasksClient) -> bool:
    return Watch(TasksBackend(client), "ready", FakeClock(), WaitOptions()).reached(WHOLE)  # type: ignore[arg-type]


# What is asked, and a right answer to it.
CALLS: dict[str, tuple[Any, Any]] = {
    "list_tasks": (lambda client: client.list_tasks(told=lambda problem: None), {"tasks": [TASK, TASK]}),
    "find_task": (lambda client: client.find_task(ID, "alice"), TASK),
    "create_task": (lambda client: client.create_task("alice", NewTask("x", "x", "v")), TASK),
    "logs": (lambda client: client.logs(TASK), {"logs": [MESSAGE, MESSAGE]}),
    "pause": (lambda client: client.pause(TASK), {"workspace_build": BUILD, "id": "b"}),
    "workspace": (lambda client: client.workspace("w"), WORKSPACE),
    "find_workspace": (lambda client: client.find_workspace("alice", "x"), WORKSPACE),
    "list_workspaces": (
        lambda client: client.list_workspaces(malformed=lambda problem: None), {"workspaces": [WORKSPACE, WORKSPACE]}
    ),
    "diagnose": (lambda client: TasksBackend(client).diagnose(WHOLE), WORKSPACE),
    "is it ready": (
        lambda client: is_ready(client) or client.dialect is not WORKSPACE_TASKS,
        WORKSPACE,
    ),
    "user": (lambda client: client.user("alice"), USER),
    "organization": (lambda client: client.organization("x"), NAMED),
    "templates": (lambda client: client.templates(), [NAMED]),
    "template_versions": (lambda client: client.template_versions(ID), [NAMED]),
    "presets": (lambda client: client.presets(ID), [PRESET]),
    "parameters": (lambda client: client.parameters(ID), [PARAMETER]),
    "build_parameters": (lambda client: client.build_parameters(ID), [NAMED]),
    "build": (lambda client: client.build(ID), {"id": ID, "workspace_id": "w"}),
    "build_log": (lambda client: client.build_log(ID), [{"output": "x"}]),
    "prompts": (lambda client: client.prompts([ID]), {"prompts": {ID: "Go"}}),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "active", "deleted", ".", "a/b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), inner, max_size=2),
    max_leaves=4,
)


class OneAnswer:
    """Stands in for the transport, because this is about what an answer means and not how it came."""

    base_url = "https://coder.example.com"
    connection = SimpleNamespace(timeout=1.0)
    clock = FakeClock()
    server_ahead = 0.0

    def __init__(self, data: Any) -> None:
        self._data = data

    def allowance(self) -> None:
        return None

    def request(self, method: str, path: str, **options: Any) -> Any:
        return SimpleNamespace(data=copy.deepcopy(self._data))


def client_for(data: Any, dialect: Any) -> TasksClient:
    client = TasksClient(OneAnswer(data))  # type: ignore[arg-type]
    client._cache.update(version=parse_version("v2.34.0"), dialect=dialect)
    return client


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value inside, the whole included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


def put(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    """The value with another one at this place."""
    if not place:
        return other
    changed = copy.copy(value)
    changed[place[0]] = put(value[place[0]], place[1:], other)
    return changed


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_value_that_is_another(name: str, data: Any) -> None:
    ask, right = CALLS[name]
    place = data.draw(st.sampled_from(places(right)))
    answer = put(right, place, data.draw(JSON))
    dialect = data.draw(st.sampled_from([COMPLETE, STABLE_TASKS, FIRST_TASKS, WORKSPACE_TASKS]))
    try:
        value = ask(client_for(answer, dialect))
    except CoderError as error:
        assert error.kind in ("protocol", "invalid", "conflict") and error.message
        return
    if name == "list_tasks":
        assert all(set(task) == {*TASK_FIELDS, "url"} and task["status"] in STATUSES for task in value)


@pytest.mark.parametrize("name", CALLS)
def test_the_right_answer_is_taken(name: str) -> None:
    ask, right = CALLS[name]
    assert ask(client_for(right, COMPLETE))


def test_one_of_many_that_is_malformed_is_told_by_its_name() -> None:
    told: list[Malformed] = []
    client = client_for({"tasks": [TASK, {**TASK, "name": "odd", "status": None}, 7]}, COMPLETE)
    assert [task["name"] for task in client.list_tasks(told=told.append)] == ["x"]
    assert [problem.label for problem in told] == ["alice/odd", "one without a name"]
    with pytest.raises(Malformed, match="alice/odd"):
        client.list_tasks()
