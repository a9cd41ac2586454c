# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients may rely on in the emulator's chats, numbered, over a real socket.

The recordings that prove a behaviour are replayed in test_chats_recordings.py; here stands what follows from them for
a client, in every dialect that it holds for. The clock stands still until a test moves it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from import_recordings import compact
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from emulator import CHAT_DIALECTS, Emulator
from emulator.chats import Chats
from emulator.chats_objects import Chat
from emulator.clock import ManualClock

RECORDINGS = Path(__file__).parent.parent / "recordings"
EVERY = list(CHAT_DIALECTS)
OLD = ["chats-2.35", "chats-2.36", "chats-2.37-dev"]  # one prefix, a role, no limit of what runs at once
GA = ["chats-2.37", "chats-2.38"]
NOT_FOUND = "Resource not found or you do not have access to this resource"
TOOL = {"name": "get_weather", "description": "weather", "input_schema": {"type": "object"}}
WEATHER = 'Weather [[tool get_weather {"city":"Oslo"}]]'


class Server:
    """A server with chats, a clock to move, and what tests ask again and again."""

    def __init__(self, dialect: str, **options: Any) -> None:
        self.clock = ManualClock()
        self.emulator = Emulator(chats=dialect, clock=self.clock, **options).start()
        self.dialect = CHAT_DIALECTS[dialect]
        self.path = f"{self.dialect.prefixes[0]}/chats"
        self.organization = self.emulator.state.organization["id"]
        self.session = requests.Session()
        self.emulator.state.user("bob").agents_access = True

    @property
    def chats(self) -> Chats:
        assert self.emulator.state.chats is not None
        return self.emulator.state.chats

    def wait(self, seconds: float = 1.0) -> None:
        self.clock.set(self.clock.now() + seconds)

    def ask(self, method: str, path: str = "", body: Any = None, user: str = "alice", **more: Any) -> requests.Response:
        """A request below the chats, or to a whole path."""
        url = self.emulator.url + (path if path.startswith("/api") else f"{self.path}{path}")
        headers = {"Coder-Session-Token": self.emulator.tokens[user], **more.pop("headers", {})} if user else {}
        return self.session.request(method, url, json=body, headers=headers, timeout=5, **more)

    def create(self, text: str = "Say hello", user: str = "alice", **body: Any) -> requests.Response:
        content = [{"type": "text", "text": text}]
        return self.ask("POST", "", {"organization_id": self.organization, "content": content, **body}, user)

    def chat(self, text: str = "Say hello", user: str = "alice", **body: Any) -> str:
        """The id of a new chat, whose turn has just begun."""
        answer = self.create(text, user, **body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def get(self, chat: str, user: str = "alice") -> dict[str, Any]:
        answer = self.ask("GET", f"/{chat}", user=user)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def status(self, chat: str) -> str:
        return str(self.get(chat)["status"])

    def send(self, chat: str, text: str, user: str = "alice", **body: Any) -> requests.Response:
        return self.ask("POST", f"/{chat}/messages", {"content": [{"type": "text", "text": text}], **body}, user)

    def messages(self, chat: str, query: str = "") -> dict[str, Any]:
        answer = self.ask("GET", f"/{chat}/messages{query}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def texts(self, chat: str) -> list[tuple[str, str]]:
        """Role and text of each message, the oldest first."""
        found = reversed(self.messages(chat, "?limit=200")["messages"])
        return [(m["role"], "".join(part["text"] for part in m["content"])) for m in found]

    def patch(self, chat: str, user: str = "alice", **fields: Any) -> requests.Response:
        return self.ask("PATCH", f"/{chat}", fields, user)

    def interrupt(self, chat: str, user: str = "alice") -> requests.Response:
        return self.ask("POST", f"/{chat}/interrupt", user=user)

    def listed(self, query: str = "", user: str = "alice") -> list[str]:
        answer = self.ask("GET", query, user=user)
        assert answer.status_code == 200, answer.text
        return [chat["id"] for chat in answer.json()]

    def refused(self, answer: requests.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["message"]


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Server] = []

    def begin(dialect: str = "chats-2.35", **options: Any) -> Server:
        started.append(Server(dialect, **options))
        return started[-1]

    yield begin
    for server in started:
        server.session.close()
        server.emulator.stop()


def walks(scenario: str, name: str, dialect: str = "chats-2.35") -> list[dict[str, Any]]:
    """The phases of a recorded walk."""
    recording = json.loads((RECORDINGS / dialect / f"{scenario}.json").read_text())
    return next(walk["phases"] for walk in recording["walks"] if walk["name"] == name)


# 1 to 12: making and finding


@pytest.mark.parametrize("dialect", EVERY)
def test_01_a_create_is_not_idempotent(start: Start, dialect: str) -> None:
    server = start(dialect)
    key = {"Idempotency-Key": "abc"}
    body = {"organization_id": server.organization, "content": [{"type": "text", "text": "Idem"}]}
    made = {server.ask("POST", "", body, headers=key).json()["id"] for _time in range(3)}
    assert set(server.listed()) == made
    assert len(made) == 3


@pytest.mark.parametrize("dialect", [name for name in EVERY if name != "chats-2.34esr"])
def test_02_the_title_is_the_prompt_at_first(start: Start, dialect: str) -> None:
    server = start(dialect)
    made = server.create("one two three four five six seven").json()
    assert (made["status"], made["title"]) == ("running", "one two three four five six…")
    server.wait()
    assert server.get(made["id"])["title"] == "Fake generated title"
    kept = server.chat("Keep mine")
    server.patch(kept, title="  Mine  ")
    server.wait()
    assert server.get(kept)["title"] == "Mine"


@pytest.mark.parametrize("dialect", EVERY)
def test_03_nul_is_an_error_of_the_server(start: Start, dialect: str) -> None:
    server = start(dialect)
    assert server.refused(server.create("a\0b")) == (500, "Failed to create chat.")
    assert server.listed() == []


@pytest.mark.parametrize("dialect", EVERY)
def test_04_organizations_are_named_by_id(start: Start, dialect: str) -> None:
    server = start(dialect)
    unknown = server.create(organization_id="11111111-1111-4111-8111-111111111111")
    assert server.refused(unknown) == (403, "You are not a member of the specified organization.")
    assert server.create(organization_id="coder").json()["detail"] == "invalid UUID length: 5"


@pytest.mark.parametrize("dialect", EVERY)
def test_05_who_may_have_chats(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Mine", user="bob")
    server.ask("PUT", f"/api/v2/organizations/{server.organization}/members/bob/roles", {"roles": []})
    if not server.dialect.role:
        assert server.listed(user="bob") == [chat]
        server.emulator.state.user("bob").service_account = True
    assert server.refused(server.create(user="bob")) == (403, "Forbidden.")
    assert server.listed(user="bob") == []
    assert server.refused(server.ask("GET", f"/{chat}", user="bob")) == (404, NOT_FOUND)


@pytest.mark.parametrize("dialect", EVERY)
def test_06_a_body_over_256_kib(start: Start, dialect: str) -> None:
    server = start(dialect)
    answer = server.create("x" * 300_000)
    new = server.dialect.body_limit_status == 413
    assert server.refused(answer) == (
        (413, "Request body too large.") if new else (400, "Request body must be valid JSON.")
    )
    assert server.create("x" * 100_000).status_code == 201


@pytest.mark.parametrize(
    ("labels", "detail"),
    [
        ({"bad key": "1"}, 'label key "bad key" contains invalid characters'),
        ({"-k": "1"}, 'label key "-k" contains invalid characters'),
        ({"k" * 65: "v"}, "exceeds maximum length of 64 bytes"),
        ({"": "v"}, "label key must not be empty"),
        ({"k": ""}, 'label value for key "k" must not be empty'),
        ({"k": "ü" * 129}, "exceeds maximum length of 256 bytes"),
        ({f"k{number}": "v" for number in range(51)}, "too many labels (51); maximum is 50"),
    ],
)
def test_07_labels_that_are_refused(start: Start, labels: dict[str, str], detail: str) -> None:
    server = start()
    chat = server.chat()
    for answer in (server.create(labels=labels), server.patch(chat, labels=labels)):
        assert server.refused(answer) == (400, "Invalid labels.")
        assert detail in answer.json()["validations"][0]["detail"]
    number = server.create(labels={"k": 1}).json()["detail"]
    assert number.endswith("CreateChatRequest.labels of type string")


def test_07_labels_are_found_by_their_whole_value(start: Start) -> None:
    server = start()
    chat = server.chat(labels={"url": "https://x/y:1", "a.b/c-d_e": "x y", "k" * 64: "ü" * 128})
    server.chat(labels={"url": "https://x/y:2"})
    assert server.listed("?label=url:https://x/y:1") == [chat]
    assert server.listed("?label=url:https://x/y:1&label=a.b/c-d_e:x%20y") == [chat]
    assert server.listed("?label=url:https://x/y:1&label=a.b/c-d_e:z") == []


@pytest.mark.parametrize("dialect", EVERY)
def test_08_what_a_search_refuses(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat()
    assert server.ask("GET", "?label=team").json()["message"].startswith('Invalid label filter: "team"')
    assert server.ask("GET", "?q=label:team:infra").json()["validations"][0]["field"] == "q"
    for key in ("owner", "workspace", *(() if dialect == "chats-2.38" else ("status",))):
        answer = server.ask("GET", f"?q={key}:waiting")
        assert server.refused(answer) == (400, "Invalid chat search query.")
        assert answer.json()["validations"] == [{"field": key, "detail": f'"{key}" is not a valid query param'}]
    if dialect == "chats-2.38":
        assert server.listed("?q=status:running,error") == [chat]
        assert server.listed("?q=status:waiting") == []
    if "search" in server.dialect.search_keys:
        assert server.listed("?q=search:HELLO") == [chat]
    if "source" not in server.dialect.search_keys:
        assert server.ask("GET", "?q=source:created_by_me").status_code == 400


def test_09_pages_of_a_list(start: Start) -> None:
    server = start()
    made = [server.emulator.create_chat(f"chat {number}").id for number in range(60)]
    for number, chat in enumerate(made):
        server.chats.chats[chat].updated = number
    newest_first = made[::-1]
    assert server.listed() == server.listed("?limit=0") == newest_first[:50]
    assert server.listed("?limit=1000") == newest_first
    assert server.listed(f"?limit=5&after_id={newest_first[9]}") == newest_first[10:15]
    assert server.listed("?after_id=11111111-1111-4111-8111-111111111111") == []
    assert server.ask("GET", "?limit=2147483648").status_code == 400


@pytest.mark.parametrize("dialect", EVERY)
def test_10_what_moves_a_chat(start: Start, dialect: str) -> None:
    server = start(dialect)
    first, second, pinned = (server.emulator.create_chat(name).id for name in ("first", "second", "pinned"))
    server.wait()
    server.patch(second, labels={"a": "1"})
    updated = server.get(second)["updated_at"]
    server.wait()
    server.patch(second, title="Renamed")
    assert server.get(second)["updated_at"] == updated
    assert server.listed()[0] == second
    server.patch(first, labels={"a": "1"})
    server.patch(pinned, pin_order=1)
    assert server.listed() == [pinned, first, second]


@pytest.mark.parametrize("dialect", EVERY)
def test_11_what_a_site_owner_may(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Bob's [[slow 20]]", user="bob")
    server.wait()
    assert server.listed() == server.listed("?q=archived:true") == []
    assert server.get(chat)["owner_username"] == "bob"
    assert server.refused(server.send(chat, "hi")) == (403, "Only the chat owner may send messages.")
    assert server.interrupt(chat).status_code == 200
    server.wait()
    assert server.texts(chat)[0] == ("user", "Bob's [[slow 20]]")
    assert [server.patch(chat, title="x").status_code, server.patch(chat, archived=True).status_code] == [204, 204]
    other = server.chat("Alice's")
    assert server.refused(server.ask("GET", f"/{other}", user="bob")) == (404, NOT_FOUND)


def test_12_a_reader(start: Start) -> None:
    server = start()
    chat, bob = server.chat(), server.emulator.state.user("bob").id
    server.wait()
    assert server.ask("PATCH", f"/{chat}/acl", {"user_roles": {bob: "read"}}).status_code == 204
    assert server.ask("GET", f"/{chat}/acl").json()["users"] == [{"id": bob, "username": "bob", "role": "read"}]
    assert server.listed(user="bob") == []
    assert server.listed("?q=source:shared_with_me", user="bob") == [chat]
    assert server.get(chat, user="bob")["shared"] is True
    assert server.ask("GET", f"/{chat}/messages", user="bob").status_code == 200
    for answer in (server.send(chat, "x", "bob"), server.interrupt(chat, "bob"), server.patch(chat, "bob", title="x")):
        assert server.refused(answer) == (404, NOT_FOUND)


# 13 to 18: turns


@pytest.mark.parametrize("dialect", EVERY)
def test_13_a_fast_turn_may_never_be_seen_running(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat()
    server.wait(0.33)
    seen = server.get(chat)
    assert (seen["status"], seen["last_turn_summary"]) == ("waiting", "Finished latest turn")
    assert server.texts(chat) == [("user", "Say hello"), ("assistant", "Hello from the fake model.")]


@pytest.mark.parametrize(
    ("failure", "seconds"), [("errn 500 2", 3.0), ("errn 503 1", 1.0), ("errn 529 1", 1.0), ("errn 429 2", 120.0)]
)
def test_14_retries_are_silent(start: Start, failure: str, seconds: float) -> None:
    server = start()
    chat = server.chat(f"Please fail [[{failure}]]")
    server.wait(seconds - 0.1)
    seen = server.get(chat)
    assert (seen["status"], seen.get("last_error")) == ("running", None)
    server.wait(1.0)
    assert server.status(chat) == "waiting"
    assert len(server.texts(chat)) == 2


def test_15_a_dead_provider(start: Start) -> None:
    server = start()
    dead = next(model for model in server.chats.models.values() if model.provider.dead)
    chat = server.chat("Dead", model_config_id=dead.id)
    phases = walks("18-dead-provider-to-the-end", "walk (5 s polls)")
    assert [phase["state"]["status"] for phase in phases] == ["running", "error"]
    server.clock.set(phases[0]["to_s"])
    assert server.status(chat) == "running"
    server.clock.set(phases[1]["from_s"])
    error = server.get(chat)["last_error"]
    assert (error["kind"], error["retryable"], error["status_code"]) == ("timeout", True, 502)
    assert len(server.texts(chat)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_16_a_refused_key_fails_every_later_chat(start: Start, status: int) -> None:
    server = start()
    first = server.chat(f"Please fail [[err {status}]]")
    server.wait()
    second = server.chat()
    other = next(model.id for model in server.chats.models.values() if model.provider.type == "anthropic")
    unconcerned = server.chat(model_config_id=other)
    server.wait()
    for chat in (first, second):
        error = server.get(chat)["last_error"]
        assert (error["kind"], error["status_code"], error["retryable"]) == ("auth", 502, False)
    assert server.status(unconcerned) == "waiting"
    changed = server.ask("PATCH", "/api/v2/ai/providers/fake-compat", {"display_name": "Fake Compat"})
    assert changed.status_code == 200
    third = server.chat()
    server.wait()
    assert server.status(third) == "waiting"


@pytest.mark.parametrize("status", [400, 402, 404, 413, 422])
def test_16_other_refusals_concern_one_chat(start: Start, status: int) -> None:
    server = start()
    chat = server.chat(f"Please fail [[err {status}]]")
    server.wait(0.33)
    error = server.get(chat)["last_error"]
    assert (error["kind"], error["status_code"]) == ("usage_limit" if status == 402 else "generic", status)
    assert server.send(chat, "now fine").json()["queued"] is False
    server.wait()
    assert "last_error" not in server.get(chat)


@pytest.mark.parametrize("dialect", EVERY)
def test_17_waiting_is_no_answer(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Nothing [[empty]]")
    server.wait()
    seen = server.get(chat)
    assert (seen["status"], "last_error" in seen) == ("waiting", False)
    assert server.texts(chat) == [("user", "Nothing [[empty]]")]


@pytest.mark.parametrize("dialect", [name for name in EVERY if name != "chats-2.34esr"])
def test_18_a_tool_of_the_client(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat(WEATHER, unsafe_dynamic_tools=[TOOL])
    server.wait()
    assert server.status(chat) == "requires_action"
    assert server.send(chat, "meanwhile").json()["queued"] is True
    assert server.patch(chat, archived=True).status_code == 409
    call = server.messages(chat)["messages"][0]["content"][1]
    assert (call["type"], call["tool_name"], call["args"]) == ("tool-call", "get_weather", {"city": "Oslo"})
    path, result = f"/{chat}/tool-results", {"tool_call_id": call["tool_call_id"], "output": {"temp": 5}}
    assert server.ask("POST", path, {"results": [{**result, "tool_call_id": "x"}]}).status_code == 400
    assert server.ask("POST", path, {"results": [result]}).status_code == 204
    server.wait()
    assert server.refused(server.ask("POST", path, {"results": [result]}))[0] == 409
    assert [role for role, _text in server.texts(chat)] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
        "assistant",
    ]


def test_18_a_tool_without_a_result(start: Start) -> None:
    server = start()
    interrupted, forgotten = (server.chat(WEATHER, unsafe_dynamic_tools=[TOOL]) for _time in range(2))
    server.wait()
    assert server.interrupt(interrupted).json()["status"] == "running"
    server.wait()
    result = server.messages(interrupted)["messages"][1]["content"][0]
    assert (server.status(interrupted), result["result"]) == ("waiting", "Tool execution interrupted by user")
    server.wait(297)
    assert server.status(forgotten) == "requires_action"
    server.wait(3)
    result = server.messages(forgotten)["messages"][1]["content"][0]
    assert (server.status(forgotten), result["result"], result["is_error"]) == (
        "waiting",
        "Tool execution timed out",
        True,
    )


# 19 to 24: messages, queue, interrupts


@pytest.mark.parametrize("dialect", EVERY)
def test_19_pages_of_messages(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.emulator.create_chat("q0", answer="a0")
    for number in range(1, 6):
        chat.say(f"q{number}", f"a{number}")
    ids = [message.id for message in chat.messages]

    def page(query: str) -> list[int]:
        return [message["id"] for message in server.messages(chat.id, query)["messages"]]

    assert page("") == ids[::-1]
    assert page("?limit=3") == ids[:-4:-1]
    assert page(f"?after_id={ids[3]}&limit=2") == ids[4:6]
    assert page(f"?before_id={ids[3]}") == ids[2::-1]
    assert page(f"?after_id={ids[1]}&before_id={ids[5]}") == ids[4:1:-1]
    assert page("?after_id=0&limit=2") == ids[:-3:-1]
    assert server.messages(chat.id, "?limit=3")["has_more"] is True
    assert server.messages(chat.id, f"?after_id={ids[-3]}")["has_more"] is False
    for limit in (0, 201):
        answer = server.ask("GET", f"/{chat.id}/messages?limit={limit}")
        assert server.refused(answer) == (400, "Invalid limit parameter (1-200).")
    busy = server.chat("Please be slow [[slow 20]]")
    server.send(busy, "queued")
    assert len(server.messages(busy)["queued_messages"]) == 1
    assert server.messages(busy, "?after_id=1")["queued_messages"] == []


@pytest.mark.parametrize("dialect", EVERY)
def test_20_an_edit_cuts_what_came_after(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.emulator.create_chat("first", answer="one")
    chat.say("second", "two")
    ids = [message.id for message in chat.messages]
    answer = server.ask(
        "PATCH", f"/{chat.id}/messages/{ids[0]}", {"content": [{"type": "text", "text": "edited"}]}
    ).json()
    assert answer["message"]["id"] > ids[-1]
    assert answer.get("deleted_message_ids", ids) == ids
    assert ("messages" in answer) == server.dialect.messages_in_answers
    server.wait()
    assert server.texts(chat.id) == [("user", "edited"), ("assistant", "Hello from the fake model.")]
    gone = server.ask("PATCH", f"/{chat.id}/messages/{ids[0]}", {"content": [{"type": "text", "text": "x"}]})
    assert server.refused(gone) == (404, "Chat message not found.")


@pytest.mark.parametrize("dialect", EVERY)
def test_21_the_queue(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Please be slow [[slow 5]]")
    server.wait()
    for number in range(20):
        answer = server.send(chat, f"fill {number}").json()
        assert (answer["queued"], "message" in answer) == (True, False)
    for behaviour in ("queue", "interrupt"):
        assert server.refused(server.send(chat, "x", busy_behavior=behaviour)) == (429, "Message queue is full.")
    server.wait(10)
    asked = [text for role, text in server.texts(chat) if role == "user"]
    assert asked == ["Please be slow [[slow 5]]", *(f"fill {number}" for number in range(20))]


@pytest.mark.parametrize("dialect", OLD + GA)
def test_21_a_queue_survives_an_error(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Slow then bad [[wait 2]] [[err 400]]")
    server.send(chat, "after the error")
    server.wait(3)
    assert server.status(chat) == "error"
    answer = server.send(chat, "next").json()
    assert answer["queued"] is True
    assert [m["content"][0]["text"] for m in answer.get("messages", [])] == (
        ["after the error"] if server.dialect.messages_in_answers else []
    )
    server.wait(3)
    assert [text for role, text in server.texts(chat) if role == "user"][1:] == ["after the error", "next"]


def test_21_an_interrupting_message_waits_too(start: Start) -> None:
    server = start()
    chat = server.chat("Please be slow [[slow 20]]")
    server.wait()
    answer = server.send(chat, "stop and do this", busy_behavior="interrupt").json()
    assert (answer["queued"], server.status(chat)) == (True, "interrupting")
    server.wait()
    assert server.texts(chat)[-2:] == [("user", "stop and do this"), ("assistant", "Hello from the fake model.")]


def test_21_entries_of_the_queue(start: Start) -> None:
    server = start()
    chat = server.chat("Please be slow [[slow 20]]")
    first, second, third = (server.send(chat, text).json()["queued_message"]["id"] for text in ("a", "b", "c"))
    assert server.ask("DELETE", f"/{chat}/queue/{third}").status_code == 204
    assert server.refused(server.ask("DELETE", f"/{chat}/queue/{third}")) == (404, "Queued message not found.")
    assert server.ask("POST", f"/{chat}/queue/{second}/promote").status_code == 202
    server.wait()
    assert [text for role, text in server.texts(chat) if role == "user"][1:] == ["b", "a"]
    assert server.ask("POST", f"/{chat}/queue/{first}/promote").status_code == 409


@pytest.mark.parametrize("dialect", EVERY)
def test_22_one_of_parallel_sends_is_direct(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.emulator.create_chat("idle").id
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda number: server.send(chat, f"parallel {number}").json(), range(5)))
    assert sorted(answer["queued"] for answer in answers) == [False, True, True, True, True]
    server.wait(5)
    assert len(server.texts(chat)) == 12


@pytest.mark.parametrize("dialect", OLD + GA)
def test_23_an_interrupt_keeps_what_was_streamed(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Please be slow [[slow 20]]")
    server.wait(1.2)
    assert server.interrupt(chat).json()["status"] == "interrupting"
    assert server.refused(server.interrupt(chat)) == (409, "Chat is not in an interruptible state.")
    server.wait()
    assert server.status(chat) == "waiting"
    parts = [part["text"] for part in server.messages(chat)["messages"][0]["content"]]
    assert parts == ["word0", " word1", " word2", " word3", " word4"]
    assert server.interrupt(chat).status_code == 409


def test_23_an_interrupted_turn_has_no_summary(start: Start) -> None:
    server = start()
    chat = server.emulator.create_chat("done").id
    assert server.get(chat)["last_turn_summary"] == "Finished latest turn"
    server.send(chat, "Please be slow [[slow 20]]")
    server.wait()
    server.interrupt(chat)
    server.wait()
    assert server.get(chat)["last_turn_summary"] is None


@pytest.mark.parametrize("dialect", OLD + GA)
def test_23_a_state_that_cannot_be(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.emulator.create_chat("broken", invalid=True).id
    for answer in (server.send(chat, "x"), server.interrupt(chat), server.patch(chat, archived=True)):
        assert server.refused(answer) == (409, "Chat is in an invalid state.")
    assert server.ask("POST", f"/{chat}/reconcile-invalid").json()["status"] == "error"
    assert server.ask("POST", f"/{chat}/reconcile-invalid").status_code == 409
    assert server.send(chat, "x").status_code == 200


def test_23_interrupts_that_leave_nothing(start: Start) -> None:
    server = start()
    early, failed, archived = server.chat("[[wait 15]] x"), server.chat("[[err 400]] x"), server.chat()
    server.wait()
    assert server.interrupt(early).status_code == 200
    server.wait()
    assert [role for role, _text in server.texts(early)] == ["user"]
    server.patch(archived, archived=True)
    for chat in (early, failed, archived):
        assert server.interrupt(chat).status_code == 409
    assert server.status(failed) == "error"


@pytest.mark.parametrize("dialect", OLD + GA)
def test_24_a_patch_is_not_atomic(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat("Please be slow [[slow 20]]")
    server.wait()
    assert server.patch(chat, title="Half done", labels={"a b": "1"}).status_code == 400
    assert server.get(chat)["title"] == "Half done"
    assert server.patch(chat, archived=True).json()["message"].startswith("Cannot archive an active chat.")
    server.interrupt(chat)
    server.wait(0.1)
    assert server.patch(chat, archived=True).status_code == 204
    assert server.refused(server.patch(chat, archived=True)) == (400, "Chat is already archived.")
    assert server.refused(server.patch(chat, pin_order=1)) == (400, "Cannot pin an archived chat.")
    assert server.refused(server.send(chat, "x")) == (400, "Cannot send messages to an archived chat.")
    updated = server.get(chat)["updated_at"]
    server.wait()
    assert server.patch(chat, labels={"keep": "1"}).status_code == 204
    assert server.get(chat)["updated_at"] != updated
    assert (server.listed("?label=keep:1"), server.listed("?label=keep:1&q=archived:true")) == ([], [chat])
    assert server.patch(chat, archived=False).status_code == 204
    assert server.send(chat, "again").json()["queued"] is False


# 25 to 31: families, capacity, restarts, workspaces, money, sockets

SPAWN = 'Spawn [[tool spawn_agent {"type":"general","prompt":"Child work [[slow 20]]","title":"child one"}]]'


@pytest.mark.parametrize("dialect", OLD + GA)
def test_25_a_family(start: Start, dialect: str) -> None:
    server = start(dialect)
    root = server.chat(SPAWN)
    server.wait()
    seen = server.get(root)
    child = seen["children"][0]["id"]
    assert (seen["status"], server.status(child), server.get(child)["parent_chat_id"]) == ("waiting", "running", root)
    assert server.listed() == [root]
    assert [server.patch(root, archived=True).status_code, server.interrupt(root).status_code] == [409, 409]
    assert server.status(child) == "running"
    assert server.interrupt(child).status_code == 200
    server.wait()
    message = "Chat archive state can only be changed on the root chat."
    assert server.refused(server.patch(child, archived=True)) == (400, message)
    assert server.patch(root, archived=True).status_code == 204
    assert server.get(child)["archived"] is True
    server.wait()
    server.patch(root, labels={"fam": "2"})
    assert server.get(child)["updated_at"] < server.get(root)["updated_at"]


@pytest.mark.parametrize("dialect", ["chats-2.34esr", *OLD])
def test_26_without_a_cap_all_run_at_once(start: Start, dialect: str) -> None:
    server = start(dialect)
    made = [server.chat(f"{number} [[slow 4]]") for number in range(16)]
    server.wait(4.5)
    assert {server.status(chat) for chat in made} == {"waiting"}


@pytest.mark.parametrize("dialect", GA)
def test_26_five_run_at_once(start: Start, dialect: str) -> None:
    server = start(dialect)
    made = [server.chat(f"{number} [[slow 4]]", user=("alice", "bob")[number % 2]) for number in range(6)]
    server.wait(1)
    assert [server.get(chat).get("queued_for_capacity", False) for chat in made] == [False] * 5 + [True]
    assert server.status(made[5]) == "running"
    assert all("queued_for_capacity" not in chat for chat in server.ask("GET", user="bob").json())
    server.wait(3.5)
    assert server.status(made[0]) == "waiting"
    assert "queued_for_capacity" not in server.get(made[5])
    server.wait(4.5)
    assert server.status(made[5]) == "waiting"


@pytest.mark.parametrize("dialect", ["chats-2.35", "chats-2.38"])
def test_27_a_restart_begins_the_answer_anew(start: Start, dialect: str) -> None:
    server = start(dialect)
    gracefully = server.chat("Please be slow [[slow 12]]")
    server.clock.set(3.0)
    server.chats.turns.restart()
    server.clock.set(14.0)
    assert server.status(gracefully) == "running"
    server.clock.set(15.5)
    assert server.status(gracefully) == "waiting"
    assert len(server.texts(gracefully)) == 2
    killed, begun = server.chat("Please be slow [[slow 12]]"), server.clock.now()
    server.wait(3)
    server.chats.turns.restart(killed=True)
    if dialect == "chats-2.35":
        running = walks("16b-after-sigkill", "walk, seconds since create")[0]
        server.clock.set(begun + running["to_s"])
        assert server.status(killed) == "running"
        server.wait(5)
    else:
        server.clock.set(begun + 44)
        assert server.status(killed) == "running"
        server.wait(2)
    assert server.status(killed) == "waiting"


def test_28_workspaces(start: Start) -> None:
    server = start()
    task = server.emulator.create_task("one")
    workspace = task.workspace.id
    refused = server.create(user="bob", workspace_id=workspace)
    assert server.refused(refused) == (400, NOT_FOUND.replace("Resource", "Workspace"))
    chat = server.chat('Look [[tool execute {"command":"ls"}]]', workspace_id=workspace)
    server.wait()
    assert server.messages(chat)["messages"][1]["content"][0]["result"]["success"] is True
    assert server.ask("GET", f"/by-workspace?workspace_ids={workspace}").json() == {workspace: chat}
    server.ask("DELETE", f"/api/v2/tasks/me/{task.id}")
    server.wait(10)
    assert server.get(chat)["workspace_id"] == workspace
    server.send(chat, 'Run [[tool execute {"command":"ls"}]]')
    server.wait()
    result = server.messages(chat)["messages"][1]["content"][0]
    assert (server.status(chat), result["is_error"]) == ("waiting", True)
    assert result["result"]["error"].startswith("workspace has no running agent")
    server.patch(chat, workspace_id="00000000-0000-0000-0000-000000000000")
    assert "workspace_id" not in server.get(chat)


@pytest.mark.parametrize("dialect", ["chats-2.35", "chats-2.36"])
def test_29_a_limit_of_what_chats_may_cost(start: Start, dialect: str) -> None:
    server = start(dialect)
    model = next(model for model in server.chats.models.values() if model.default)
    price = {"cost": {"input_price_per_million_tokens": "10", "output_price_per_million_tokens": "10"}}
    server.ask("PATCH", f"/model-configs/{model.id}", {"model_config": price})
    chat = server.chat()
    server.wait()
    server.ask("PUT", "/usage-limits", {"period": "day", "spend_limit_micros": 1})
    for answer in (server.create(), server.send(chat, "more")):
        told = answer.json()
        assert (answer.status_code, told["message"]) == (409, "Chat usage limit exceeded.")
        assert (told["spent_micros"], told["limit_micros"], sorted(told)[2]) == (1100, 1, "resets_at")
    assert server.create(user="bob").status_code == 201
    assert server.ask("GET", "/cost/me/summary").json()["total_cost_micros"] == 1100
    assert server.ask("GET", "/cost/users").json()["users"][0]["username"] == "alice"


@pytest.mark.parametrize("dialect", ["chats-2.37-dev", *GA])
def test_29_budgets_of_the_gateway(start: Start, dialect: str) -> None:
    server = start(dialect)
    for path in ("/usage-limits", "/cost/users"):
        assert server.ask("GET", path).json()["message"].startswith("Invalid UUID")
    server.chats.usage_limit = 0
    assert server.create().json() == {"message": "Chat usage limit exceeded."}
    server.chats.usage_limit = None
    chat = server.chat("[[err 402]] broke")
    server.wait()
    assert server.get(chat)["last_error"]["kind"] == "usage_limit"


def test_30_watch(start: Start) -> None:
    server = start()
    with connect(
        f"{server.emulator.url}{server.path}/watch".replace("http", "ws"), additional_headers=token(server)
    ) as ws:
        chat = server.chat("Watched chat")
        server.chat("Somebody else's", user="bob")
        server.wait()
        kinds = [json.loads(ws.recv(timeout=5))["kind"] for _event in range(4)]
        assert kinds == ["created", "title_change", "status_change", "summary_change"]
        server.patch(chat, title="t2")
        server.patch(chat, archived=True)
        told = [json.loads(ws.recv(timeout=5)) for _event in range(2)]
        assert [(event["kind"], event["chat"]["id"]) for event in told] == [("title_change", chat), ("deleted", chat)]


def test_30_stream(start: Start) -> None:
    server = start()
    recording = json.loads((RECORDINGS / "chats-2.35" / "10-stream.json").read_text())
    recorded = {stream["name"]: stream["frames"] for stream in recording["streams"]}
    chat = server.chat("Hello stream")
    server.wait()
    assert server.ask("GET").json()[0]["has_unread"] is True
    with stream(server, chat) as ws:
        snapshot = json.loads(ws.recv(timeout=5))
    assert shape(snapshot) == shape(recorded["stream of an idle chat (4 s)"][0]["data"])
    assert server.ask("GET").json()[0]["has_unread"] is False
    failing = server.chat("Please fail [[errn 503 2]]")
    with stream(server, failing) as ws:
        events = json.loads(ws.recv(timeout=5))
        for seconds in (0.06, 1.1, 2.1):
            server.wait(seconds)
            events += json.loads(ws.recv(timeout=5))
        while events[-1].get("status") != {"status": "waiting"}:
            events += json.loads(ws.recv(timeout=5))
    retries = [event["retry"] for event in events if event["type"] == "retry"]
    told = [e["retry"] for frame in recorded["stream of a chat whose provider fails twice (retry events)"]
            for e in frame["data"] if e["type"] == "retry"]  # fmt: skip
    assert [{**retry, "retrying_at": ""} for retry in retries] == [{**retry, "retrying_at": ""} for retry in told]
    parts = [event["message_part"]["part"]["text"] for event in events if event["type"] == "message_part"]
    assert "".join(parts) == "Hello from the fake model."


def test_30_nothing_is_told_twice(start: Start) -> None:
    server = start()
    url = f"{server.emulator.url}{server.path}/watch".replace("http", "ws")
    with connect(url, additional_headers=token(server)) as ws:
        server.chat("before")
        assert json.loads(ws.recv(timeout=5))["kind"] == "created"
        server.chats.turns.events.hang_up()
        with pytest.raises(ConnectionClosed):
            while True:
                ws.recv(timeout=5)
    server.chat("meanwhile")
    server.wait()
    with connect(url, additional_headers=token(server)) as ws:
        after = server.chat("after")
        assert json.loads(ws.recv(timeout=5))["chat"]["id"] == after


@pytest.mark.parametrize(("kind", "error"), [("reset", (EOFError, OSError)), ("status", (InvalidStatus,))])
def test_30_faults_meet_handshakes(start: Start, kind: str, error: tuple[type[BaseException], ...]) -> None:
    server = start()
    server.emulator.faults.add(kind, path="/watch$", status=503)
    url = f"{server.emulator.url}{server.path}/watch".replace("http", "ws")
    with pytest.raises((*error, InvalidMessage)):
        connect(url, additional_headers=token(server))
    connect(url, additional_headers=token(server)).close()
    assert server.emulator.journal[0].fault == kind


def test_30_no_stream(start: Start) -> None:
    server = start()
    chat = server.chat()
    assert server.ask("GET", f"/{chat}/stream").status_code == 426
    assert server.ask("GET", f"/{chat}/stream?after_id=x").status_code == 400
    with pytest.raises(InvalidStatus) as refused:
        stream(server, chat, "bob")
    assert refused.value.response.status_code == 404


def token(server: Server, user: str = "alice") -> dict[str, str]:
    return {"Coder-Session-Token": server.emulator.tokens[user]}


def stream(server: Server, chat: str, user: str = "alice") -> Any:
    url = f"{server.emulator.url}{server.path}/{chat}/stream".replace("http", "ws")
    return connect(url, additional_headers=token(server, user))


def shape(events: Any) -> list[tuple[str, list[str]]]:
    """Types and keys of events, and the keys of the messages in them."""
    return [(event["type"], sorted(compact(event).get("message", event))) for event in events]


@pytest.mark.parametrize("dialect", ["2025-10", "2.28", "2.29", "2.30", "2.31", "2.34", "2.36", "2.38"])
def test_31_servers_without_chats(dialect: str) -> None:
    with Emulator(dialect) as server:
        for path in ("chats", "chats/models", "chats/11111111-1111-4111-8111-111111111111/messages"):
            for prefix in ("v2", "experimental"):
                for headers in ({}, {"Coder-Session-Token": server.token}, {"Coder-Session-Token": "garbage"}):
                    answer = requests.get(f"{server.url}/api/{prefix}/{path}", headers=headers, timeout=5)
                    assert (answer.status_code, answer.json()) == (404, {"message": "Route not found."})


# 32 to 34: dialects that were read, not measured


@pytest.mark.parametrize("dialect", EVERY)
def test_32_prefixes(start: Start, dialect: str) -> None:
    server = start(dialect)
    v2, experimental = ("/api/v2/chats" in paths, "/api/experimental/chats" in paths) if (
        paths := [f"{prefix}/chats" for prefix in server.dialect.prefixes]
    ) else (False, False)  # fmt: skip
    assert (v2, experimental) == (dialect in GA, dialect != "chats-2.38")
    for prefix, there in (("v2", v2), ("experimental", experimental)):
        for user in ("alice", ""):
            answer = server.ask("GET", f"/api/{prefix}/chats?limit=1", user=user)
            assert answer.status_code == ((200 if user else 401) if there else 404)


@pytest.mark.parametrize("dialect", GA)
def test_32_models_of_an_organization(start: Start, dialect: str) -> None:
    server = start(dialect)
    for organization in (server.organization, "coder"):
        told = server.ask("GET", f"/api/v2/organizations/{organization}/chats/models", user="bob").json()
        assert {model["model"] for model in told["models"]} > {"fake-1", "fake-claude"}
    reasons = {provider["display_name"]: provider.get("unavailable_reason", "") for provider in told["providers"]}
    assert (reasons["fake-nokey"], reasons["Fake Compat"]) == ("missing_api_key", "")
    chosen = next(model["id"] for model in told["models"] if model["model"] == "fake-claude")
    assert server.get(server.chat(model_config_id=chosen))["last_model_config_id"] == chosen
    unknown = server.create(model_config_id="11111111-1111-4111-8111-111111111111")
    assert server.refused(unknown)[1] == "Invalid model_config_id: model config not found or disabled."
    assert server.refused(server.ask("GET", "/api/v2/chats/models")) == (400, 'Invalid UUID "models".')
    assert server.ask("GET", "/api/v2/chats/model-configs").status_code == 404
    assert server.ask("GET", "/api/v2/templates").json()[0]["agents_allowed"] is True
    providers = server.ask("GET", "/api/v2/chats/providers").status_code
    assert providers == (404 if dialect == "chats-2.37" else 400)
    if dialect == "chats-2.37":
        for path, status in (("models", 404), ("model-configs", 404), ("providers", 410)):
            assert server.ask("GET", f"/api/experimental/chats/{path}").status_code == status


@pytest.mark.parametrize("dialect", EVERY)
def test_33_what_a_send_answers(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.emulator.create_chat("idle").id
    answer = server.send(chat, "now").json()
    assert answer.get("messages", [answer["message"]]) == [answer["message"]]
    assert ("messages" in answer) == server.dialect.messages_in_answers
    queued = server.send(chat, "later").json()["queued_message"]["id"]
    server.wait()
    started = server.messages(chat)["messages"][1]
    assert started["content"][0]["text"] == "later"
    assert started.get("queued_message_id") == (queued if dialect == "chats-2.38" else None)


@pytest.mark.parametrize("dialect", EVERY)
def test_33_other_owners_and_empty_chats(start: Start, dialect: str) -> None:
    server = start(dialect)
    bob = server.emulator.state.user("bob")
    made = server.create(owner_id=bob.id)
    empty = server.ask("POST", "", {"organization_id": server.organization})
    if dialect != "chats-2.38":
        assert made.json()["owner_username"] == "alice"
        assert server.refused(empty) == (400, "Content is required.")
        return
    assert made.json()["owner_username"] == "bob"
    assert (server.listed(), server.listed(user="bob")) == ([empty.json()["id"]], [made.json()["id"]])
    assert (empty.json()["status"], empty.json()["title"]) == ("waiting", "New Chat")
    assert server.create(user="bob", owner_id=server.emulator.state.user("alice").id).status_code == 403
    bob.status = "suspended"
    assert server.create(owner_id=bob.id).status_code == 400


def test_34_the_esr_begins_as_pending(start: Start) -> None:
    server = start("chats-2.34esr")
    made = server.create("Please be slow [[slow 4]]").json()
    chat = made["id"]
    assert (made["status"], "shared" in made) == ("pending", False)
    assert server.interrupt(chat).json()["status"] == "pending"
    server.wait()
    assert server.status(chat) == "running"
    answer = server.interrupt(chat)
    assert (answer.status_code, answer.json()["status"]) == (200, "waiting")
    assert server.texts(chat)[-1] == ("assistant", "word0 word1 word2 word3")
    assert server.send(chat, "again").json()["queued"] is False
    assert server.status(chat) == "pending"
    assert server.ask("POST", f"/{chat}/reconcile-invalid").status_code == 404


def test_34_the_esr_makes_up_results(start: Start) -> None:
    server = start("chats-2.34esr")
    chat = server.chat(WEATHER, unsafe_dynamic_tools=[TOOL])
    server.wait()
    assert server.status(chat) == "requires_action"
    with stream(server, chat) as ws:
        assert [event["type"] for event in json.loads(ws.recv(timeout=5))] == ["message", "message", "status"]
        assert server.interrupt(chat).json()["status"] == "waiting"
    assert server.messages(chat)["messages"][0]["content"][0]["result"] == "Tool execution interrupted by user"


def test_34_the_esr_interrupts_and_archives_anything(start: Start) -> None:
    server = start("chats-2.34esr")
    failed, running, family = server.chat("[[err 400]] x"), server.chat("[[slow 20]] x"), server.chat(SPAWN)
    server.wait()
    answer = server.interrupt(failed).json()
    assert (answer["status"], "last_error" in answer) == ("waiting", False)
    assert server.patch(running, archived=True).status_code == 204
    assert (server.status(running), server.get(running)["archived"]) == ("waiting", True)
    child = server.get(family)["children"][0]["id"]
    assert server.patch(child, archived=True).status_code == 204
    assert (server.get(child)["archived"], server.get(family)["archived"]) == (True, False)


# What is no numbered behaviour: offboarding, audit, jobs, cost, files, and the library


@pytest.mark.parametrize("dialect", EVERY)
def test_the_audit_log_names_every_chat(start: Start, dialect: str) -> None:
    server = start(dialect)
    carol = server.emulator.state.create_user("carol", agents_access=True)
    server.emulator.tokens["carol"]
    made = [server.chat(user="bob"), server.chat(user="carol", text="Slow [[slow 5]]"), server.chat(SPAWN)]
    server.wait(1)
    server.ask("PUT", "/api/v2/users/carol/status/suspend")
    minted = server.ask("POST", "/api/v2/users/carol/keys/tokens", {})
    headers = {"Coder-Session-Token": minted.json()["key"]}
    blocked = requests.get(server.emulator.url + server.path, headers=headers, timeout=5)
    assert (minted.status_code, blocked.status_code) == (201, 401)
    assert "User is not active" in blocked.json()["message"]
    server.wait(5)
    assert server.status(made[1]) == "waiting"
    assert server.ask("DELETE", "/api/v2/users/carol").json() == {"message": "User has been deleted!"}
    assert server.ask("POST", "/api/v2/users/carol/keys/tokens", {}).status_code == 404
    assert len(server.texts(made[1])) == 2
    query = "/api/v2/audit?q=resource_type:chat%20action:create"
    told = (
        server.ask("GET", f"{query}&limit=2").json()["audit_logs"]
        + server.ask("GET", f"{query}&offset=2").json()["audit_logs"]
    )
    assert [entry["resource_id"] for entry in told] == made[::-1]
    assert told[1]["diff"]["owner_id"]["new"] == carol.id
    assert told[1]["diff"]["title"]["secret"] is True
    assert server.ask("GET", query, user="bob").status_code == 403
    assert server.patch(made[1], archived=True).status_code == 204
    writes = server.ask("GET", "/api/v2/audit?q=resource_type:chat%20action:write").json()
    assert (writes["count"], writes["audit_logs"][0]["diff"]["archived"]["new"]) == (1, True)


def test_retention_and_auto_archive(start: Start) -> None:
    server = start()
    chats, day = server.chats, 86_400
    old, touched, active, pinned = (
        server.emulator.create_chat(name) for name in ("old", "touched", "active", "pinned")
    )
    child = server.emulator.create_chat("child", parent=old)
    server.patch(pinned.id, pin_order=1)
    for chat in (old, touched):
        assert server.patch(chat.id, archived=True).status_code == 204
    server.wait(20 * day)
    server.patch(touched.id, labels={"keep": "1"})
    server.patch(child.id, labels={"keep": "1"})
    server.wait(10.5 * day)
    assert server.ask("GET", f"/{old.id}").status_code == 404
    assert server.get(child.id).get("parent_chat_id") is None
    assert {touched.id, active.id, pinned.id} <= set(chats.chats)
    server.ask("PUT", "/config/auto-archive-days", {"auto_archive_days": 30})
    server.wait(3600)
    assert (server.get(active.id)["archived"], server.get(pinned.id)["archived"]) == (True, False)
    server.ask("PUT", "/config/retention-days", {"retention_days": 0})
    server.wait(4000 * day)
    assert server.get(active.id)["archived"] is True


@pytest.mark.parametrize("dialect", ["chats-2.36", "chats-2.37-dev", *GA])
def test_cost_compaction_and_gateway(start: Start, dialect: str) -> None:
    server = start(dialect)
    chat = server.chat()
    server.wait()
    cost = server.ask("GET", f"/{chat}/cost").json()
    assert cost == {"chat_id": chat, "total_cost_micros": 0, "request_count": 3, "unpriced_request_count": 3}
    assert server.ask("POST", f"/{chat}/compact").json()["status"] == "running"
    server.wait()
    assert server.messages(chat)["messages"][0]["content"][0]["tool_name"] == "chat_summarized"
    assert server.refused(server.ask("POST", f"/{chat}/compact")) == (409, "Nothing to compact.")
    assert server.create(reasoning_effort="turbo").status_code == 400
    assert server.create(reasoning_effort="low").json()["last_reasoning_effort"] == "low"
    server.chats.ai_gateway = False
    for answer in (server.create(), server.send(chat, "more")):
        assert (answer.status_code, "AI Gateway" in answer.json()["message"]) == (503, True)
    assert server.get(chat)["status"] == "waiting"


def test_files(start: Start) -> None:
    server = start()
    headers = {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="notes.txt"'}
    path = f"/files?organization={server.organization}"
    file = server.ask("POST", path, headers=headers, data=b"hello file\n").json()["id"]
    made = server.ask(
        "POST", "", {"organization_id": server.organization, "content": [{"type": "file", "file_id": file}]}
    )
    assert (made.json()["title"], made.json()["files"][0]["name"]) == ("New Chat", "notes.txt")
    download = server.ask("GET", f"/files/{file}")
    assert (download.content, download.headers["Content-Type"]) == (b"hello file\n", "text/plain")
    assert server.ask("GET", f"/files/{file}", user="bob").status_code == 404
    limited = [server.ask("GET", f"/files/{file}").status_code for _time in range(12)]
    assert limited[-1] == 429


def test_faults_meet_chats_too(start: Start) -> None:
    server = start()
    server.emulator.faults.add("lost", method="POST", path="/chats$")
    with pytest.raises(requests.exceptions.ConnectionError):
        server.create(labels={"job": "1"})
    assert len(server.listed("?label=job:1")) == 1
    server.emulator.faults.add("status", status=503, path="/messages$")
    assert server.ask("GET", f"/{server.listed()[0]}/messages").status_code == 503


def test_control(start: Start) -> None:
    server = start("chats-2.38")

    def control(path: str, body: Any) -> Any:
        return requests.post(f"{server.emulator.url}/_emulator/{path}", json=body, timeout=5).json()

    made = control("chats", {"create": {"prompt": "From outside", "owner": "bob"}})["create"]
    assert server.get(made["id"])["owner_username"] == "bob"
    control("chats", {"walk": "[[err 400]]"})
    chat = server.chat("innocent")
    server.wait()
    assert server.status(chat) == "error"
    assert control(f"chats/{chat}", {"age": 40, "status": "waiting"})["status"] == "waiting"
    server.patch(chat, archived=True)
    assert control("chats", {"purge": 29})["purge"] == []
    assert control("chats", {"purge": 31})["purge"] == [chat]
    refused = requests.post(f"{server.emulator.url}/_emulator/chats", json={"colour": "red"}, timeout=5)
    assert (refused.status_code, "unknown changes colour" in refused.json()["message"]) == (400, True)


def test_many_chats_are_made_and_listed_quickly(start: Start) -> None:
    """A thousand chats with fifty messages each; the numbers below are far above what an idle machine takes."""
    server = start("chats-2.38")
    chats = [server.emulator.create_chat(f"chat {number}") for number in range(1000)]
    for chat in chats:
        for number in range(24):
            chat.say(f"question {number}", f"answer {number}")
    assert len(server.listed("?limit=1000")) == 1000
    assert len(server.messages(chats[0].id, "?limit=200")["messages"]) == 50


def test_a_chat_made_by_hand_reads_like_any_other(start: Start) -> None:
    server = start("chats-2.38")
    chat: Chat = server.emulator.create_chat("Say hello", owner="bob", labels={"team": "infra"}, plan_mode="plan")
    chat.call_tool("execute", {"command": "ls"}, {"output": "a.txt"})
    chat.attach(server.chats.create_file(chat.owner, "notes.txt", b"hello"))
    child = server.emulator.create_chat("Look there", parent=chat)
    chat.fail("It broke.", "overloaded")
    told = server.get(chat.id)
    assert (told["labels"], told["plan_mode"], told["files"][0]["size_bytes"]) == ({"team": "infra"}, "plan", 5)
    assert (told["status"], told["last_error"]["kind"]) == ("error", "overloaded")
    assert told["children"][0]["id"] == child.id
    assert [m["role"] for m in server.messages(chat.id)["messages"]] == [
        "user",
        "tool",
        "assistant",
        "assistant",
        "user",
    ]
    with pytest.raises(ValueError, match="no field 'colour'"):
        server.emulator.create_chat(colour="red")
    with pytest.raises(ValueError, match="unknown chats dialect 'chats-1'"):
        Emulator(chats="chats-1")
