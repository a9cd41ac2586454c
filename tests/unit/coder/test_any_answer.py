# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever bytes a server answers, to any method of the client: a value of the right shape, or an error in words."""

from __future__ import annotations

import gzip
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from typing import Any

import pytest
from calling import FakeClock
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from raw_server import http, path_of, raw_server

from ansible_collections.coder.tasks.plugins.module_utils.coder import body
from ansible_collections.coder.tasks.plugins.module_utils.coder.backend import Choice, Log
from ansible_collections.coder.tasks.plugins.module_utils.coder.connection import Connection
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import KINDS, CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.models import NewWorkspace
from ansible_collections.coder.tasks.plugins.module_utils.coder.server import Server
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.models import STATUSES, TASK_FIELDS, NewTask

TASK = {"id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "owner_name": "alice", "workspace_id": "w", "name": "x"}
NEW_WORKSPACE = NewWorkspace("x", "v", None, {"region": "eu"})
VERSIONS = ("v2.27.1", "v2.28.2", "v2.29.0", "v2.30.0", "v2.34.0", "v2.28.0-devel+82945cfb1")

# What a server may say

KEYS = st.sampled_from(
    ["tasks", "logs", "id", "ID", "name", "Name", "owner_name", "status", "content", "type", "time", "snapshot",
     "snapshot_at", "latest_build", "workspaces", "workspace_build", "workspace_id", "username", "version", "message",
     "detail", "validations", "field", "prompts", "Parameters", "Value", "value", "options", "job", "error",
     "current_state", "state", "workspace_agent_health", "healthy", "organization_id", "active_version_id", "resources",
     "agents", "apps", "workspace_status", "transition"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", ".", "x", "active", "pending", "running", "working", "v2.34.0", "2026-01-01T00:00:00Z", "\0", "\ud800",
     TASK["id"], "Route not found.", "Task app is not ready to accept input.", "Task status must be active.",
     "Failed to reach task app endpoint."]
) | st.text(max_size=8)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=8),
    max_leaves=20,
)  # fmt: skip


def whole(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object with these keys, each with any value: near enough to Coder's to be looked into."""
    return st.fixed_dictionaries(dict.fromkeys(keys, JSON))


OBJECTS = st.one_of(
    whole("id", "name", "owner_name", "status", "current_state", "workspace_agent_health", "workspace_status"),
    whole("ID", "Name", "Parameters"),
    whole("id", "latest_build", "name", "owner_name"),
    whole("id", "job", "workspace_id", "transition"),
    whole("name", "value", "options", "id", "organization_id", "active_version_id", "username"),
    whole("id", "content", "type", "time"),
    whole("message", "detail", "validations"),
)
BODIES = st.one_of(
    JSON,
    OBJECTS,
    st.lists(OBJECTS, max_size=3),
    st.fixed_dictionaries(
        dict.fromkeys(("tasks", "logs", "workspaces", "prompts"), JSON | st.lists(OBJECTS, max_size=3))
    ),
).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
HEADERS = st.lists(
    st.sampled_from(
        ["Content-Type: text/html", "Content-Type: application/json", "Content-Type: ;;", "Content-Encoding: gzip",
         "Content-Encoding: br", "Content-Length: 3", "Content-Length: -1", "Content-Length: x", "Content-Length: 9, 9",
         "Transfer-Encoding: chunked", "Transfer-Encoding: \xff", "Location: http://[", "Location: /x", "Date: x",
         "Date: Fri, 31 Dec 9999 23:59:59 GMT", "Retry-After: 1", "Retry-After: " + "9" * 300, "X-Ratelimit-Reset: 5",
         "Set-Cookie: a=b; Path=/", "Set-Cookie: \xff", "Connection: keep-alive", "no colon", " folded", ": empty"]
    ) | st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n"), max_size=20),
    max_size=4,
)  # fmt: skip
STATUS = st.sampled_from([200, 200, 200, 201, 204, 206, 302, 304, 400, 401, 403, 404, 409, 410, 429, 500, 502, 503])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer of HTTP, or nearly."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    status = draw(STATUS | st.integers(0, 1200))
    content, headers = draw(BODIES), draw(HEADERS)
    if "Content-Encoding: gzip" in headers and draw(st.booleans()):
        content = gzip.compress(content)
    if "Transfer-Encoding: chunked" in headers and draw(st.booleans()):
        content = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
    head = "\r\n".join([f"HTTP/1.1 {status} x", *headers, "", ""])
    return head.encode("latin-1") + content


# What the client may make of it


def is_task(task: Any) -> None:
    assert set(task) == {*TASK_FIELDS, "url"} and task["status"] in STATUSES
    texts = ("id", "name", "owner_name", "workspace_id", "initial_prompt", "created_at", "url")
    assert all(isinstance(task[name], str) for name in texts)
    assert isinstance(task["workspace_build_number"], int)
    state, health = task["current_state"], task["workspace_agent_health"]
    assert state is None or all(isinstance(state[name], str) for name in ("message", "uri"))
    assert health is None or isinstance(health["healthy"], bool)


def is_log(log: Any) -> None:
    assert isinstance(log, Log) and log.source in ("live", "snapshot", "none")
    assert (log.source == "none") == bool(log.reason) and (log.source == "snapshot") == bool(log.snapshot_at)
    for message in log.messages:
        assert set(message) == {"id", "content", "type", "time"} and not isinstance(message["id"], (bool, str, float))
        assert all(isinstance(message[name], str) for name in ("content", "type", "time"))


def each(check: Callable[[Any], None]) -> Callable[[Any], None]:
    def check_all(values: Any) -> None:
        assert isinstance(values, list)
        for value in values:
            check(value)

    return check_all


def maybe(check: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda value: None if value is None else check(value)


def has(*texts: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        assert isinstance(value, dict) and all(isinstance(value[name], str) for name in texts)

    return check


def is_workspace(value: Any) -> None:
    assert isinstance(value["id"], str) and isinstance(value["latest_build"], dict)


def is_parameters(value: Any) -> None:
    assert all(isinstance(item, str) for pair in value.items() for item in pair)


def is_answer(value: Any) -> None:
    assert isinstance(value, bool)


def are_rights(value: Any) -> None:
    assert set(value) == {"x"} and value["x"] in (True, False, None)


def is_identity(value: Any) -> None:
    has("id", "username")(value.user)
    each(is_text)(value.organization_ids)
    assert value.requests_per_minute is None or value.requests_per_minute >= 0


def is_presence(value: Any) -> None:
    assert value in ("yes", "hidden", "removed", "none")


def is_text(value: Any) -> None:
    assert isinstance(value, str)


def is_nothing(value: Any) -> None:
    assert value is None


CALLS: dict[str, tuple[Callable[[TasksClient], Any], Callable[[Any], None]]] = {
    "list_tasks": (lambda client: client.list_tasks(), each(is_task)),
    "list_tasks of an owner": (lambda client: client.list_tasks(Choice("alice", "default", "active")), each(is_task)),
    "find_task": (lambda client: client.find_task("x", "alice"), maybe(is_task)),
    "get_task": (lambda client: client.get_task(TASK["id"]), is_task),
    "refresh": (lambda client: client.refresh(TASK), maybe(is_task)),
    "create_task": (lambda client: client.create_task("me", NewTask("x", "x", "v")), is_task),
    "delete_task": (lambda client: client.delete_task(TASK), is_nothing),
    "update_input": (lambda client: client.update_input(TASK, "x"), is_nothing),
    "pause": (lambda client: client.pause(TASK), has("id")),
    "resume": (lambda client: client.resume(TASK), has("id")),
    "may_read": (lambda client: client.may_read("task", any_org=True), is_answer),
    "may_read_each": (lambda client: client.may_read_each({"x": {"resource_type": "task"}}), are_rights),
    "identity": (lambda client: client.identity(), is_identity),
    "organizations": (lambda client: client.organizations(), each(has("id", "name"))),
    "presence": (lambda client: client.presence(), is_presence),
    "send": (lambda client: client.send(TASK, "x"), lambda _value: None),
    "logs": (lambda client: client.logs(TASK), is_log),
    "user": (lambda client: client.user("bob"), has("id", "username")),
    "organization": (lambda client: client.organization("x"), has("id", "name")),
    "find_workspace": (lambda client: client.find_workspace("alice", "x"), maybe(is_workspace)),
    "list_workspaces": (lambda client: client.list_workspaces("alice"), each(is_workspace)),
    "workspace": (lambda client: client.workspace("w"), maybe(is_workspace)),
    "create_workspace": (lambda client: client.create_workspace("alice", NEW_WORKSPACE), is_workspace),
    "build_workspace": (lambda client: client.build_workspace("w", "stop"), has("id")),
    "build_parameters": (lambda client: client.build_parameters("b"), is_parameters),
    "build": (lambda client: client.build("b"), has("id", "workspace_id")),
    "build_log": (lambda client: client.build_log("b"), each(has("output"))),
    "app_health": (lambda client: client.app_health(TASK), maybe(is_text)),
    "prompts": (lambda client: client.prompts(["b"]), is_parameters),
    "templates": (lambda client: client.templates(), each(has("id", "name", "organization_id", "active_version_id"))),
    "template_versions": (lambda client: client.template_versions("t"), each(has("id", "name"))),
    "presets": (lambda client: client.presets("v"), each(has("id", "name", "description", "icon"))),
    "parameters": (lambda client: client.parameters("v"), each(has("name", "display_name", "description"))),
}


def test_every_method_that_asks_is_tried() -> None:
    members = {**vars(Server), **vars(TasksClient)}
    public = {name for name, value in members.items() if not name.startswith("_") and callable(value)}
    local = {"connect", "for_call", "forget", "now", "require", "username", "owner_and_name"}
    assert public - local - {name.partition(" ")[0] for name in CALLS} == set()


class Peer:
    """A server that tells its version as it should, and answers everything else with the same bytes."""

    version = VERSIONS[0]
    data = b""

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        if path_of(request) == "/api/v2/buildinfo":
            connection.sendall(http(json.dumps({"version": self.version}).encode()))
            return True
        connection.sendall(self.data)
        return False


@contextmanager
def peer() -> Iterator[tuple[Peer, str]]:
    answer = Peer()
    with raw_server(answer) as url:
        yield answer, url


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[Peer, str]]:
    with peer() as found:
        yield found


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(version=st.sampled_from(VERSIONS), name=st.sampled_from(sorted(CALLS)), data=answers())
@example(version="v2.34.0", name="logs", data=http(b'{"logs":[{"id":"1","content":null}],"snapshot":1}'))
@example(version="v2.34.0", name="list_tasks", data=http(b"{}", "302 Found", "Location: http://[::1"))
@example(version="v2.27.1", name="list_tasks", data=http(b"{}", "103 Early Hints"))
@example(version="v2.34.0", name="workspace", data=http(b'{"id":"x","latest_build":null}'))
def test_any_answer_is_a_value_of_the_right_shape_or_an_error_in_words(
    serving: tuple[Peer, str], version: str, name: str, data: bytes
) -> None:
    server, url = serving
    server.version, server.data = version, data
    token = "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"
    client = TasksClient.connect(Connection(url, token, retries=1, timeout=2.0, deadline=10.0), FakeClock())
    ask, check = CALLS[name]
    began = time.monotonic()
    try:
        value = ask(client)
    except CoderError as error:
        assert error.kind in KINDS and error.kind not in ("internal", "library", "io")
        assert error.message.endswith((".", "!", "?")) and token not in error.message and len(error.message) < 3000
        json.dumps(error.failure(), ensure_ascii=False, allow_nan=False).encode()
        assert all(isinstance(text, str) for item in error.validations for text in item.values())
    else:
        check(value)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert time.monotonic() - began < 30


# The body, piece by piece


class Raw:
    """What reads like urllib3's answer, in pieces of any sizes."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = io.BytesIO(data)
        self._size = size

    def read(self, amount: int, decode_content: bool) -> bytes:
        assert not decode_content
        return self._stream.read(min(amount, self._size))


@given(content=st.binary(max_size=500), size=st.integers(1, 70), limit=st.integers(0, 600), members=st.integers(0, 3))
def test_a_body_is_whole_or_refused(content: bytes, size: int, limit: int, members: int) -> None:
    packed = b"".join(gzip.compress(content) for _number in range(members)) if members else content
    headers = {"Content-Length": str(len(packed)), **({"Content-Encoding": "gzip"} if members else {})}
    expected = content * (members or 1)
    if len(expected) > limit:
        with pytest.raises(body.BodyRefused, match="max_response_bytes"):
            body.read_body(Raw(packed, size), headers, limit)
    else:
        assert body.read_body(Raw(packed, size), headers, limit) == expected


@given(st.binary(min_size=1, max_size=300), st.integers(1, 300), st.booleans(), st.integers(1, 70))
def test_a_body_that_ends_early_is_told(content: bytes, cut: int, packed: bool, size: int) -> None:
    sent = gzip.compress(content) if packed else content
    short = sent[: -min(cut, len(sent))]
    headers = {"Content-Encoding": "gzip"} if packed and short else {"Content-Length": str(len(sent))}
    with pytest.raises(IncompleteRead):
        body.read_body(Raw(short, size), headers, 10_000)


@given(st.binary(max_size=100))
def test_what_is_no_gzip_is_a_broken_body(content: bytes) -> None:
    try:
        assert body.read_body(Raw(content, 7), {"Content-Encoding": "gzip"}, 10_000) is not None
    except IncompleteRead:
        assert content
