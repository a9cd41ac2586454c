# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real servers answered about chats, given to the client: every answer is understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from calling import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from recorded import Stub, exchanges

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.client import ChatsClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.dialect import EARLY, GENERAL
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.messages import (
    PARTS,
    message_problem,
    messages_from,
    queued_from,
)
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.models import (
    CHAT_FIELDS,
    ERROR_KINDS,
    STATUSES,
    chat_from,
    chat_problem,
    error_from,
)
from ansible_collections.coder.tasks.plugins.module_utils.coder.connection import Connection
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import KINDS, CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.rate_limit import RateGate

DIALECTS = ("chats-2.35", "chats-2.37-dev")
ID = "3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda"
CHATS = "/api/experimental/chats"


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(stub: Stub, dialect: str) -> ChatsClient:
    """One that has found by itself how the server speaks."""
    url = f"http://127.0.0.1:{stub.server_address[1]}"
    made = ChatsClient.connect(Connection(url, "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", retries=0), FakeClock())
    stub.by_path = {
        "/api/v2/chats": exchanges("chats-2.35", "/api/v2/chats")[0]["response"],
        CHATS: {"status": 200, "headers": {}, "body": []},
        "/api/v2/buildinfo": {"status": 200, "headers": {}, "body": {"version": "v2.34.0+dca8178f8"}},
    }
    assert made.dialect is EARLY
    stub.by_path = {"/api/v2/buildinfo": stub.by_path["/api/v2/buildinfo"]}
    return made


def told(client: ChatsClient, stub: Stub, exchange: dict[str, Any], ask: Callable[[], Any]) -> Any:
    """What the client makes of an answer: a value of a good one, else an error of the right kind, or None for a 404."""
    stub.answer = exchange["response"]
    client.transport._gate = RateGate()
    status = stub.answer["status"]
    try:
        value = ask()
    except CoderError as error:
        assert status >= 300 and error.status == status, (exchange["name"], error.message)
        assert error.kind in KINDS and error.message.endswith((".", "!", "?"))
        return error
    assert status < 300 or (status == 404 and value is None), exchange["name"]
    return value


def gets(dialect: str, path: str, kind: type) -> list[dict[str, Any]]:
    """Recorded reads that gave an object or a list, or an error."""
    return [
        exchange
        for exchange in exchanges(dialect, path)
        if exchange["request"]["method"] == "GET"
        and (exchange["response"]["status"] >= 300 or isinstance(exchange["response"]["body"], kind))
    ]


def check_chat(chat: dict[str, Any]) -> None:
    assert set(chat) == {*CHAT_FIELDS, "url"}
    assert chat["status"] in STATUSES and chat["owner_username"] and chat["url"].endswith(chat["id"])
    assert chat["last_error"] is None or chat["last_error"]["kind"] in ERROR_KINDS
    for child in chat["children"]:
        check_chat(child)
        assert child["parent_chat_id"] == chat["id"]


def test_lists(client: ChatsClient, stub: Stub, dialect: str) -> None:
    seen = 0
    for exchange in gets(dialect, CHATS, list):
        body = exchange["response"]["body"]
        if isinstance(body, list) and not all(isinstance(chat, dict) and "id" in chat for chat in body):
            continue  # clipped when it was imported
        value = told(client, stub, exchange, lambda: client.list_chats({}, False))
        if isinstance(value, list):
            seen += len(value)
            for chat in value:
                check_chat(chat)
    assert seen


def test_single_chats(client: ChatsClient, stub: Stub, dialect: str) -> None:
    found = 0
    for exchange in gets(dialect, rf"{CHATS}/<[^/]*>", dict):
        value = told(client, stub, exchange, lambda: client.chat(ID))
        if isinstance(value, dict):
            found += 1
            check_chat(value)
            assert value["queued_for_capacity"] is False
    assert found > 3


def test_messages(client: ChatsClient, stub: Stub, dialect: str) -> None:
    found = 0
    for exchange in gets(dialect, rf"{CHATS}/<[^/]*>/messages", dict):
        body = exchange["response"]["body"]
        if exchange["response"]["status"] < 300:
            exchange["response"]["body"] = {**body, "has_more": False}  # the stub would give the same page for ever
        value = told(client, stub, exchange, lambda: client.messages(ID))
        if isinstance(value, CoderError):
            continue
        ids = [message["id"] for message in value.messages]
        assert ids == sorted(set(ids)) and len(value.raw) == len(ids)
        for message in value.messages:
            found += 1
            assert message["role"] in ("user", "assistant", "tool", "system")
            for part in message["parts"]:
                assert part["type"] not in PARTS or set(part) >= {"type", *PARTS[part["type"]]}
    assert found > 5


def test_an_interrupted_answer_is_one_text(client: ChatsClient, stub: Stub) -> None:
    name = "messages (partial answer kept, one text part per stream chunk)"
    exchange = next(each for each in exchanges("chats-2.35", "/messages") if each["name"] == name)
    value = told(client, stub, exchange, lambda: client.messages(ID))
    answer = value.messages[-1]
    assert answer["text"].startswith("word0 word1 word2") and len(answer["parts"]) == 1


def test_a_tool_call_has_its_result(client: ChatsClient, stub: Stub) -> None:
    name = "turn with a built-in tool call (execute, no workspace)"
    exchange = next(each for each in exchanges("chats-2.35", "/messages") if each["name"] == name)
    value = told(client, stub, exchange, lambda: client.messages(ID))
    calls = [part for message in value.messages for part in message["parts"] if part["type"] == "tool-call"]
    assert calls and calls[-1]["is_error"] is True and "no workspace" in calls[-1]["result"]["error"]


def test_the_audit_log_names_chats(client: ChatsClient, stub: Stub) -> None:
    exchange = next(each for each in exchanges("chats-2.35", "/api/v2/audit") if each["response"]["status"] == 200)
    value = told(client, stub, exchange, client.logged_chats)
    assert value and all(value)


def test_the_list_of_a_newer_server_is_found_first(stub: Stub) -> None:
    url = f"http://127.0.0.1:{stub.server_address[1]}"
    made = ChatsClient.connect(Connection(url, "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", retries=0), FakeClock())
    stub.by_path = {"/api/v2/chats": {"status": 200, "headers": {}, "body": []}}
    assert made.dialect is GENERAL
    stub.by_path = {}


# Any JSON

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
# Most of what is recursive is a list.
JSON = LEAVES | st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
CHAT = {
    "id": ID, "title": "x", "status": "waiting", "owner_id": ID, "organization_id": ID, "archived": False,
    "created_at": "2026-11-21T12:05:13Z", "updated_at": "2026-11-21T12:05:13Z",
}  # fmt: skip


TEXTS_OR_NULL = (
    "owner_name", "root_chat_id", "parent_chat_id", "workspace_id", "build_id", "agent_id", "model_id", "plan_mode",
    "reasoning_effort", "client_type", "last_turn_summary", "summary",
)  # fmt: skip
OBJECTS_OR_NULL = ("diff_status", "context")
# What a chat need not have, each of any shape; of labels and children one that does not make it no chat.
MORE: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys({*CHAT_FIELDS, "last_model_config_id", "last_reasoning_effort"} - set(CHAT), JSON),
    "labels": st.none() | st.dictionaries(st.text(max_size=8), st.text(max_size=5)),
    "children": st.none() | st.lists(st.just(CHAT), max_size=2),
}


@given(st.fixed_dictionaries({}, optional=MORE), st.sampled_from(STATUSES) | st.text(max_size=8))
def test_what_is_a_chat_has_every_field_whatever_else_it_holds(more: dict[str, Any], status: str) -> None:
    data = {**CHAT, **more, "status": status}
    assert chat_problem(data) is None
    chat: dict[str, Any] = dict(chat_from(data, "https://coder.example.com"))
    assert {*CHAT_FIELDS, "url"} == set(chat)
    assert chat["status"] == (status if status in STATUSES else "unknown") and isinstance(chat["busy"], bool)
    assert all(isinstance(value, str) for value in [*chat["labels"].values(), *chat["mcp_server_ids"]])
    assert all(chat[name] is None or (isinstance(chat[name], str) and chat[name]) for name in TEXTS_OR_NULL)
    assert {type(chat[name]) for name in ("shared", "has_unread")} <= {bool, type(None)}
    assert type(chat["pin_order"]) in (int, type(None)) and isinstance(chat["warnings"], list)
    assert all(chat[name] is None or (isinstance(chat[name], dict) and chat[name]) for name in OBJECTS_OR_NULL)
    assert all(isinstance(file, dict) for file in chat["files"])
    assert chat["queued_for_capacity"] is None, "a list does not tell it"
    single = chat_from(data, "https://coder.example.com", single=True)
    assert single["queued_for_capacity"] is (data.get("queued_for_capacity") is True)


@given(st.dictionaries(st.sampled_from((*CHAT_FIELDS, "last_model_config_id")), JSON))
def test_what_is_said_to_be_a_chat_can_be_read(more: dict[str, Any]) -> None:
    data = {**CHAT, **more}
    if chat_problem(data) is None:
        assert set(chat_from(data, "https://coder.example.com")) == {*CHAT_FIELDS, "url"}


ERROR = st.dictionaries(st.sampled_from(("message", "detail", "kind", "provider", "retryable", "status_code")), JSON)


@given(JSON | ERROR)
def test_an_error_of_any_shape_is_one_or_none(value: Any) -> None:
    error = error_from(value)
    assert (error is None) == (not value or not isinstance(value, (str, dict)))
    if error:
        assert error["kind"] in ERROR_KINDS and isinstance(error["retryable"], bool)
        assert all(isinstance(error[name], str) for name in ("message", "detail", "provider"))
        code = error["status_code"]
        assert code is None or (isinstance(code, int) and not isinstance(code, bool) and code)
        assert error["message"] == value if isinstance(value, str) else True


# What a person said or attached, as the documents of chat_messages_info say.
INPUT = ("text", "file", "file-reference", "workspace-file-reference")
PART_KEYS = sorted({key for keys in PARTS.values() for key in keys})
TYPES = st.sampled_from(sorted(PARTS)) | st.sampled_from(["new", "", None, 7, ["text"]])
PART = st.fixed_dictionaries({"type": TYPES}, optional=dict.fromkeys(PART_KEYS, JSON))


OF_MESSAGES = ("usage", "queued_message_id", "created_by", "model_config_id", "created_at")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(OF_MESSAGES, JSON)))
def test_what_a_message_has_beside_its_parts_has_one_type(more: dict[str, Any]) -> None:
    (message,) = messages_from([{"id": 1, "role": "user", "content": None, **more}])
    assert type(message["usage"]) in (dict, type(None)) and type(message["queued_message_id"]) in (int, type(None))
    assert all(isinstance(message[name], (str, type(None))) for name in ("created_by", "model_id"))  # type: ignore[literal-required]
    assert isinstance(message["created_at"], str) and (message["text"], message["parts"]) == ("", [])


@given(st.sampled_from(["user", "assistant", "tool"]), st.lists(PART, max_size=4))
def test_parts_of_any_shape_are_read(role: str, content: list[dict[str, Any]]) -> None:
    assert message_problem({"id": 1, "role": role, "content": content}) is None
    (message,) = messages_from([{"id": 1, "role": role, "content": content}])
    told = [part for part in message["parts"] if part["type"] != "text"]
    given = [part for part in content if part.get("type") != "text"]
    for part, data in zip(told, given, strict=True):
        if part["type"] in PARTS:
            assert set(part) - {"result", "is_error"} <= {"type", *PARTS[part["type"]]}
        else:
            assert part == {**data, "type": part["type"]}, "what nobody knows is as the server gave it"
    said = [part["text"] for part in message["parts"] if part["type"] == "text"]
    assert all(isinstance(text, str) for text in said) and message["text"] == "\n".join(filter(None, said))
    assert message["input"] == (role == "user" and any(part.get("type") in INPUT for part in content))
    assert all(isinstance(part["is_error"], bool) for part in message["parts"] if part["type"] == "tool-result")


@given(st.lists(st.tuples(st.sampled_from(["tool-call", "tool-result"]), st.sampled_from("abc"), st.booleans())))
def test_a_tool_call_has_the_result_of_its_id(said: list[tuple[str, str, bool]]) -> None:
    content = [{"type": kind, "tool_call_id": key, "result": key, "is_error": wrong} for kind, key, wrong in said]
    messages = [{"id": number, "role": "assistant", "content": [part]} for number, part in enumerate(content, 1)]
    answered = {key: wrong for kind, key, wrong in said if kind == "tool-result"}
    read = messages_from(messages[::-1])
    assert [message["id"] for message in read] == [message["id"] for message in messages], "in the order of their ids"
    for part in (message["parts"][0] for message in read):
        key = part["tool_call_id"]
        if part["type"] == "tool-call":
            assert (part["result"], part["is_error"]) == (key if key in answered else None, answered.get(key))


@given(st.lists(st.sampled_from(["a", "b", ""])), st.sampled_from(["assistant", "user"]))
def test_the_chunks_of_an_answer_are_one_text_and_what_a_person_says_is_not(chunks: list[str], role: str) -> None:
    content = [{"type": "text", "text": chunk} for chunk in chunks]
    (message,) = messages_from([{"id": 1, "role": role, "content": content}])
    assert message["text"] == ("" if role == "assistant" else "\n").join(filter(None, chunks))
    assert queued_from({"content": content})["text"] == "\n".join(chunks)


@given(st.dictionaries(st.sampled_from(("id", "content", "created_at")), JSON | st.lists(PART, max_size=3)))
def test_what_waits_in_a_queue_is_read_whatever_its_shape(data: dict[str, Any]) -> None:
    queued = queued_from(data)
    assert set(queued) == {"id", "text", "created_at"} and type(queued["id"]) in (int, type(None))
    assert isinstance(queued["text"], str) and isinstance(queued["created_at"], str)


@given(st.lists(st.dictionaries(st.sampled_from(("id", "role", "content", "usage", "created_at")), JSON), max_size=4))
def test_messages_of_any_shape_are_refused_or_read(data: list[dict[str, Any]]) -> None:
    sound = [entry for entry in data if message_problem(entry) is None]
    read = messages_from(sound)
    assert [message["id"] for message in read] == sorted(entry["id"] for entry in sound)
    assert all(isinstance(message["text"], str) for message in read)
