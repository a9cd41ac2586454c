# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending to a chat: once, and the answer to this message and no other. POSTs are counted where one may be repeated."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from altering import altered
from calling import Call, Meanwhile, call
from chatting import EVERY, NAME, allow, kept, path_of_chats, posts, said

from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_send
from emulator import CHAT_DIALECTS, Emulator
from emulator.chats import Chat, Chats
from emulator.chats_objects import Message, Queued
from emulator.chats_parts import text_part, tool_call
from emulator.chats_views import ChatViews
from emulator.clock import ManualClock
from emulator.faults import LOST_ANSWERS

Start = Callable[..., Emulator]
HELLO = "Hello from the fake model."
WEATHER = 'Weather [[tool get_weather {"city":"Oslo"}]]'
TWICE = f'{WEATHER} [[tool get_weather {{"city":"Bergen"}}]]'
NEWEST = "chats-2.38"
# For what no version of a server does otherwise.
on_newest = pytest.mark.parametrize("server", [NEWEST], indirect=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_send, "LOOK_FOR_MESSAGE", 0.3)


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    """A server of each chats dialect."""
    return emulator("", chats=request.param)


@pytest.fixture
def still(emulator: Start) -> Emulator:
    """A server whose time passes only where a test lets it."""
    return emulator("", chats=NEWEST, clock=ManualClock())


def chats(server: Emulator) -> Chats:
    assert server.state.chats is not None
    return server.state.chats


def pass_time(server: Emulator) -> None:
    """So much that every turn comes to its end, and less than a tool may take."""
    clock = server.clock
    assert isinstance(clock, ManualClock)
    clock.set(clock.now() + 100.0)
    chats(server).advance()


def meanwhile(*happens: Callable[[], Any]) -> dict[str, Any]:
    """Options of a call that looks once per second, and things that happen between its looks."""
    return {"clock": Meanwhile(*happens), "poll_interval": 1.0}


def chat(server: Emulator, prompt: str = "Do the thing", **more: Any) -> Chat:
    return server.create_chat(prompt, labels={NAME: "fix"}, **more)


def send(server: Emulator, input: str = "Go on", **options: Any) -> Call:
    return call("chat_send", server, chat=options.pop("chat", "fix"), input=input, **options)


def words(done: Call) -> list[str]:
    return [message["content"] for message in done["reply"]]


def busy(server: Emulator, seconds: float) -> None:
    """Have the chat work for so many recorded seconds."""
    assert not send(server, f"busy [[slow {seconds}]]", wait_for="accepted").failed


def when(condition: Callable[[], bool], action: Callable[[], Any]) -> None:
    """Act as soon as something is so, beside the test."""

    def watch() -> None:
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        action()

    threading.Thread(target=watch, daemon=True).start()


def refused(server: Emulator) -> int:
    """How often a queue was full."""
    return sum(entry.status == 429 for entry in server.journal.matching("POST", "/messages$"))


# The answer


def test_13_the_answer_is_what_follows_the_message(server: Emulator) -> None:
    one = chat(server)
    first, second = send(server, "one [[long 3]]"), send(server, "two", chat=one.id)
    assert words(first) == ["word0 word1 word2"] and words(second) == [HELLO]
    assert (first["changed"], first["delivered"], first["note"], first["action_required"]) == (True, "yes", None, [])
    assert said(one)[1:] == ["one [[long 3]]", "two"] and posts(server, "/messages") == 2
    assert first["message_id"] == one.messages[2].id and second["chat"]["name"] == "fix"


def test_17_a_turn_without_text_is_a_result_at_once(server: Emulator) -> None:
    chat(server)
    done = send(server, "say nothing [[empty]]")
    assert not done.failed and done["reply"] == [] and "without any text" in done["note"]


def test_14_a_provider_that_fails_for_a_while_is_waited_for(server: Emulator) -> None:
    chat(server)
    assert words(send(server, "again [[errn 500 2]]")) == [HELLO]


@pytest.mark.parametrize(("status", "kind"), [(400, "generic"), (401, "auth"), (402, "usage_limit")])
def test_16_a_turn_that_fails_says_why(server: Emulator, status: int, kind: str) -> None:
    chat(server)
    done = send(server, f"fail [[err {status}]]")
    assert (done.kind, done["delivered"]) == ("conflict", "yes") and kind in done.msg
    assert done["diagnosis"]["error"]["kind"] == kind and "Do not send it again" in done.msg
    assert done["diagnosis"]["queued"] == 0 and done["diagnosis"]["last_message_age"] is not None


def test_15_a_dead_provider_ends_the_wait_by_its_own_time(server: Emulator) -> None:
    chat(server)
    done = send(server, "dead [[dead]]", wait_timeout=0.3)
    assert (done.kind, done["delivered"], done["diagnosis"]["status"]) == ("wait_timeout", "yes", "running")


def test_the_state_of_the_provider_is_told(server: Emulator) -> None:
    assert server.state.chats is not None
    model = next(model for model in server.state.chats.models.values() if model.provider.type == "anthropic")
    chat(server, model_id=model.id)
    done = send(server, "fail [[err 400]]")
    provider = done["diagnosis"]["provider"]
    if CHAT_DIALECTS[server.chat_dialect.name].model_provider or provider:  # type: ignore[union-attr]
        assert (provider["provider"], provider["available"]) == ("anthropic", True)


def test_a_provider_that_is_not_told_is_null(server: Emulator) -> None:
    """A model that was deleted is in no list any more, and chats go on with it."""
    chats = server.state.chats
    assert chats is not None
    model = chats.create_model(next(iter(chats.providers.values())), "gone")
    one = chat(server, model_id=model.id)
    del chats.models[model.id]
    chats.gone_models.add(model.id)
    one.fail()
    server.faults.add("status", method="POST", path="/messages$", status=403, body='{"message":"No."}')
    done = send(server)
    assert done.kind == "forbidden" and done["diagnosis"]["provider"] is None, done.msg
    assert done["diagnosis"]["status"] == "error" and done["diagnosis"]["queued"] == 0


def test_a_time_that_cannot_be_told_is_null(server: Emulator) -> None:
    one = chat(server)

    def without_times(log: dict[str, Any]) -> dict[str, Any]:
        return {**log, "messages": [{**message, "created_at": "soon"} for message in log["messages"]]}

    altered(server, f"{path_of_chats(server)}/{one.id}/messages", without_times)
    server.faults.add("status", method="POST", path="/messages$", status=403, body='{"message":"No."}')
    done = send(server)
    assert done.kind == "forbidden" and done["diagnosis"]["last_message_age"] is None, done.msg
    assert done["diagnosis"]["queued"] == 0, "what could be read is told"


def test_an_answer_of_several_steps_has_its_words_and_no_empty_messages(server: Emulator) -> None:
    chat(server)
    done = send(server, 'look [[tool list_templates {"page":1}]]')
    assert words(done) == ["Calling the tool.", "The tool answered."]


# A busy chat


def test_21_a_queued_message_gets_its_own_answer(server: Emulator) -> None:
    one = chat(server)
    busy(server, 20)
    done = send(server, "mine [[long 2]]")
    assert words(done) == ["word0 word1"], done.msg
    assert done["message_id"] == next(message.id for message in one.messages if "mine" in str(message.content))


def test_21_of_two_alike_in_the_queue_each_gets_its_own_answer(server: Emulator) -> None:
    one = chat(server)
    busy(server, 20)
    first = send(server, "same", wait_for="accepted")
    second = send(server, "same")
    assert first["message_id"] is None and first["delivered"] == "yes"
    assert second["message_id"] == [m.id for m in one.messages if m.role == "user"][-1]


@pytest.mark.parametrize("dialect", ["chats-2.35", NEWEST])
def test_21_what_others_have_in_the_queue_before_ours_is_not_answered_for_it(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect)
    chat(server)
    busy(server, 20)
    send(server, "theirs [[long 1]]", wait_for="accepted")
    assert words(send(server, "mine [[long 2]]")) == ["word0 word1"]


def test_22_of_messages_sent_at_once_each_gets_its_own_answer(server: Emulator) -> None:
    one = chat(server)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: send(server, f"m{number} [[long {number}]]"), range(1, 5)))
    assert [len(" ".join(words(each)).split()) for each in done] == [1, 2, 3, 4], [each.msg for each in done]
    assert sorted(said(one)[1:]) == [f"m{number} [[long {number}]]" for number in range(1, 5)]


def test_21_interrupt_stops_the_turn_that_runs(server: Emulator) -> None:
    chat(server)
    busy(server, 5000)
    assert words(send(server, "now", busy="interrupt")) == [HELLO]


def test_21_fail_sends_nothing(server: Emulator) -> None:
    chat(server)
    busy(server, 5000)
    before = posts(server, "/messages")
    for check in (True, False):
        done = send(server, busy="fail", check=check)
        assert (done.kind, done["delivered"], done["changed"]) == ("busy", "no", False)
    assert posts(server, "/messages") == before


def test_21_a_full_queue_is_waited_for_and_told(server: Emulator) -> None:
    one = chat(server)
    busy(server, 5000)
    assert server.state.chats is not None
    one.queue = [server.state.chats.new_queued([text_part("x")], one.model_id) for _number in range(20)]
    full = send(server, "more", wait_timeout=0.1)
    assert (full.kind, full["delivered"], full["changed"]) == ("busy", "no", False)
    assert full["diagnosis"]["queued"] == 20 and "queue" in full.msg
    before = refused(server)
    when(lambda: refused(server) > before, one.queue.clear)
    done = send(server, "more", wait_for="accepted")
    assert done["delivered"] == "yes" and "queue" in done.progress[0]


def test_18_21_a_message_that_is_taken_out_of_the_queue_is_told(server: Emulator) -> None:
    one = chat(server)
    busy(server, 5000)
    when(lambda: bool(one.queue), lambda: (one.queue.clear(), call("chat", server, name="fix", state="idle")))
    done = send(server, "mine")
    assert (done.kind, done["delivered"]) == ("conflict", "yes") and "took it out" in done.msg


def test_21_an_error_keeps_the_queue_and_that_is_told(server: Emulator) -> None:
    chat(server)
    assert not send(server, "busy [[wait 30]] [[err 400]]", wait_for="accepted").failed
    done = send(server, "mine")
    assert (done.kind, done["delivered"]) == ("conflict", "yes") and "queue" in done.msg
    assert done["diagnosis"]["queued"] == 1


def test_21_a_message_is_gone_only_after_some_looks_in_a_row_that_see_it_nowhere(still: Emulator) -> None:
    one, waits = chat(still), list[Queued]()
    busy(still, 20)

    def seen(status: str, *, is_queued: bool) -> None:
        waits[:] = waits or one.queue
        one.status, one.queue = status, waits[:] if is_queued else []

    nowhere = [partial(seen, "waiting", is_queued=False)] * (chat_send.LOOKS_MISSING - 1)
    queued = [partial(seen, "waiting", is_queued=True)] * (chat_send.LOOKS_MISSING + 1)
    works, all_of_it = partial(seen, "running", is_queued=False), partial(seen, "running", is_queued=True)
    looks = [*nowhere, *queued, *nowhere, works, *nowhere, all_of_it, partial(pass_time, still)]
    assert words(send(still, "mine", **meanwhile(*looks))) == [HELLO]
    waits.clear()
    busy(still, 20)
    clock = Meanwhile(*nowhere, *nowhere)
    assert send(still, "mine", clock=clock).kind == "conflict" and len(clock.slept) == chat_send.LOOKS_MISSING


@pytest.mark.parametrize("dialect", ["chats-2.37", NEWEST])
def test_26_a_wait_for_a_free_slot_is_told(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect)
    for number in range(5):
        call("chat", server, name=f"c{number}", prompt="Count [[wait 5000]]")
    chat(server)
    done = send(server, wait_timeout=0.3)
    assert done.kind == "wait_timeout" and "free slot" in done.msg
    assert done["diagnosis"]["queued_for_capacity"] is True


# What becomes of the chat


@pytest.mark.parametrize("wait_for", ["reply", "accepted"])
def test_a_chat_that_is_gone_after_it_was_told_is_named(still: Emulator, wait_for: str) -> None:
    one = chat(still)
    still.faults.add("status", method="GET", path=f"/{one.id}$", skip=1, status=404)
    done = send(still, "mine", chat=one.id, wait_for=wait_for)
    said_so = done.warnings if wait_for == "accepted" else [done.msg]
    assert (done["delivered"], done["chat"]["id"], done.failed) == ("yes", one.id, wait_for == "reply")
    assert len(said_so) == 1 and "gone, or not to be seen any more" in said_so[0]


@on_newest
def test_a_last_look_that_is_refused_changes_nothing_but_a_warning(server: Emulator) -> None:
    one = chat(server)
    server.faults.add("status", method="GET", path=f"/{one.id}$", skip=1, status=403, body='{"message":"Forbidden."}')
    done = send(server, chat=one.id, wait_for="accepted")
    assert (done.failed, done["delivered"], done["chat"]["status"]) == (False, "yes", "waiting"), done.msg
    (warning,) = done.warnings
    assert "was delivered to the chat" in warning and "as it was before" in warning and "Forbidden" in warning


def test_an_answer_is_read_though_its_chat_was_archived_since(still: Emulator) -> None:
    one = chat(still)

    def answered_and_archived() -> None:
        pass_time(still)
        chats(still).set_archived(one, True)

    done = send(still, "mine", **meanwhile(answered_and_archived))
    assert words(done) == [HELLO] and done["chat"]["archived"] is True, done.msg


@pytest.mark.parametrize("is_queued", [False, True])
def test_a_chat_that_was_archived_before_it_answered_is_told(still: Emulator, is_queued: bool) -> None:
    one = chat(still)
    if is_queued:
        busy(still, 20)

    def stopped_and_archived() -> None:
        chats(still).turns.interrupt_at_once(one)
        chats(still).set_archived(one, True)

    done = send(still, "mine", **meanwhile(stopped_and_archived))
    assert (done.kind, done["delivered"]) == ("conflict", "yes") and "archived before it answered" in done.msg


# Lost answers


@pytest.mark.parametrize("works", [False, True])
@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=str)
def test_a_lost_answer_is_looked_up_before_anything_else(server: Emulator, works: bool, fault: dict[str, Any]) -> None:
    one = chat(server)
    if works:
        busy(server, 20)
    before = posts(server, "/messages")
    server.faults.add(**fault, method="POST", path="/messages$")
    done = send(server, "mine [[long 2]]")
    assert words(done) == ["word0 word1"] and done["delivered"] == "yes", done.msg
    assert said(one).count("mine [[long 2]]") == 1 and posts(server, "/messages") == before + 1


def test_what_never_arrived_is_unknown_and_not_sent_again(server: Emulator) -> None:
    one = chat(server, "mine")
    server.faults.add("reset", method="POST", path="/messages$")
    done = send(server, "mine")
    assert (done["delivered"], done["changed"]) == ("unknown", True), done.msg
    assert said(one) == ["mine"] and posts(server, "/messages") == 1


def test_no_older_message_is_taken_for_ours_though_the_server_tells_it_again(still: Emulator) -> None:
    one = chat(still, "mine")
    messages = [ChatViews(chats(still)).message(one, message) for message in reversed(one.messages)]
    whole = json.dumps({"messages": messages, "queued_messages": [], "has_more": False})
    still.faults.add("status", method="GET", path="/messages$", status=200, body=whole, count=None)
    still.faults.add("reset", method="POST", path="/messages$")
    assert send(still, "mine", **meanwhile())["delivered"] == "unknown"


def test_nothing_that_was_said_meanwhile_is_taken_for_ours(still: Emulator) -> None:
    one = chat(still)
    still.faults.add("reset", method="POST", path="/messages$")
    assert send(still, "mine", **meanwhile(partial(one.say, "theirs", "mine")))["delivered"] == "unknown"
    assert said(one) == ["Do the thing", "theirs"]


def test_no_other_message_of_the_queue_is_taken_for_ours(still: Emulator) -> None:
    one = chat(still)
    busy(still, 20)
    send(still, "mine", wait_for="accepted")
    still.faults.add("reset", method="POST", path="/messages$")
    others = partial(chats(still).turns.enqueue, one, [text_part("theirs")], one.model_id)
    assert send(still, "mine", **meanwhile(others))["delivered"] == "unknown"
    assert [entry.content[0]["text"] for entry in one.queue] == ["mine", "theirs"]


def test_a_look_that_fails_now_and_then_is_borne(server: Emulator) -> None:
    chat(server)
    server.faults.add("status", method="GET", path="/messages", skip=1, count=1, status=403, body='{"message":"x"}')
    assert send(server).kind == "forbidden"
    server.faults.clear()
    server.faults.add("status", method="GET", path="/chats/[^/]*$", skip=1, count=6, status=502, body="x")
    assert words(send(server, "two", retries=1)) == [HELLO]


# Tools of the client


def with_tool(server: Emulator) -> Chat:
    return chat(server, dynamic_tools=["get_weather"])


def results_in(one: Chat) -> list[dict[str, Any]]:
    return [part for message in one.messages if message.role == "tool" for part in message.content]


def test_18_the_calls_that_it_waits_for_are_returned(server: Emulator) -> None:
    with_tool(server)
    done = send(server, WEATHER)
    assert not done.failed and done["note"] is None and words(done) == ["Calling the tool."]
    (wanted,) = done["action_required"]
    assert (wanted["tool_name"], wanted["args"]) == ("get_weather", {"city": "Oslo"})
    waits = send(server, "and?")
    assert waits["message_id"] is None and "waits in the queue" in waits["note"]
    results = [{"tool": wanted["tool_call_id"], "output": {"temp": 5}}]
    assert words(send(server, "now", tool_results=results)) == [HELLO]


@pytest.mark.parametrize("fault", ["none", "lost", "gateway", "reset"])
def test_18_declared_results_are_given(server: Emulator, fault: str) -> None:
    one = with_tool(server)
    if fault != "none":
        server.faults.add(fault, method="POST", path="/tool-results$")
    done = send(server, WEATHER, tool_results=[{"tool": "get_weather", "output": {"temp": 5}}])
    assert words(done)[-1] == "The tool answered.", done.msg
    assert done["action_required"] == []
    assert len(results_in(one)) == 1


def test_18_results_are_given_for_each_call_once(still: Emulator) -> None:
    one, hidden = with_tool(still), list[Message]()

    def still_seen_to_wait() -> None:
        hidden.append(one.messages.pop())
        one.status = "requires_action"

    def with_its_result() -> None:
        one.messages.append(hidden.pop())

    def seen_to_work() -> None:
        one.status = "running"
        pass_time(still)

    looks = [partial(pass_time, still), still_seen_to_wait, with_its_result, seen_to_work, partial(pass_time, still)]
    done = send(still, TWICE, tool_results=[{"tool": "get_weather", "output": {"temp": 5}}], **meanwhile(*looks))
    assert words(done) == ["Calling the tool.", "Calling the tool.", "The tool answered."], done.msg
    assert posts(still, "/tool-results") == 2


def test_18_what_was_said_before_a_failure_is_in_the_result(still: Emulator) -> None:
    one = with_tool(still)

    def calls_and_fails() -> None:
        pass_time(still)
        assert one.turn is not None
        one.turn.prompt += "[[err 400]]"
        chats(still).turns.give_results(one, [(5, False)])
        pass_time(still)

    done = send(still, WEATHER, **meanwhile(calls_and_fails))
    assert done.kind == "conflict" and words(done) == ["Calling the tool."], done.msg


def test_18_calls_without_a_word_are_explained(server: Emulator) -> None:
    with_tool(server)
    done = send(server, f"{WEATHER} [[empty]]")
    assert done["reply"] == [] and len(done["action_required"]) == 1 and done["message_id"]
    assert done["note"] == "The model waits for the results of the tool calls in 'action_required'."


@on_newest
def test_18_of_several_calls_none_is_answered_without_the_others(server: Emulator) -> None:
    one = with_tool(server)
    send(server, WEATHER)
    call_beside(one, "get_time", "call_2")
    done = send(server, "now", tool_results=[{"tool": "get_weather", "output": 5}])
    assert [call["tool_name"] for call in done["action_required"]] == ["get_weather", "get_time"]
    assert not done.failed and posts(server, "/tool-results") == 0


# Results alone


def answer(server: Emulator, *results: dict[str, Any], **options: Any) -> Call:
    return call("chat_send", server, chat="fix", tool_results=list(results), **options)


def waiting(server: Emulator, prompt: str = WEATHER) -> tuple[Chat, str]:
    """A chat that waits for a call of a tool, and the id of that call."""
    one = with_tool(server)
    (wanted,) = send(server, prompt)["action_required"]
    return one, wanted["tool_call_id"]


def call_beside(one: Chat, tool: str, number: str) -> None:
    """Have the model that waits for a tool call another one at the same time."""
    assert one.turn is not None
    one.messages[-1].content.append(tool_call(number, tool, {}))
    one.turn.calls.append((number, tool))


@pytest.mark.parametrize("fault", ["none", "lost", "gateway", "reset"])
@pytest.mark.parametrize("by", ["id", "name"])
def test_results_alone_are_given_once_and_no_message(server: Emulator, fault: str, by: str) -> None:
    one, number = waiting(server)
    before = said(one)
    if fault != "none":
        server.faults.add(fault, method="POST", path="/tool-results$")
    done = answer(server, {"tool": number if by == "id" else "get_weather", "output": {"temp": 5}})
    assert words(done) == ["The tool answered."] and done["delivered"] == "yes", done.msg
    assert (done["message_id"], done["action_required"], said(one)) == (None, [], before)
    assert len(results_in(one)) == 1
    again = answer(server, {"tool": number, "output": 1})
    assert again.kind == "conflict" and "waits for no results" in again.msg and again.writes == []


def test_results_alone_need_not_be_waited_for(server: Emulator) -> None:
    _one, number = waiting(server)
    done = answer(server, {"tool": number, "output": None, "is_error": True}, wait_for="accepted")
    assert (done["delivered"], done["reply"], done["changed"]) == ("yes", [], True), done.msg


def test_results_that_never_arrive_are_unknown(server: Emulator) -> None:
    one, number = waiting(server)
    server.faults.add("reset", method="POST", path="/tool-results$", count=None)
    done = answer(server, {"tool": number, "output": 1})
    assert done["delivered"] == "unknown" and one.status == "requires_action", done.msg


@pytest.mark.parametrize("lost", [2, None])
def test_results_whose_answers_are_lost_again_and_again_are_given_once(server: Emulator, lost: int | None) -> None:
    one, number = waiting(server)
    server.faults.add("lost", method="POST", path="/tool-results$", count=lost)
    done = answer(server, {"tool": number, "output": 1})
    assert words(done) == ["The tool answered."] and done["delivered"] == "yes", done.msg
    assert len(results_in(one)) == 1 and posts(server, "/tool-results") == chat_send.GIVEN_AT_MOST


@on_newest
@pytest.mark.parametrize("is_lost_before", [False, True])
def test_results_that_nobody_waits_for_any_more_are_not_delivered(server: Emulator, is_lost_before: bool) -> None:
    _one, number = waiting(server)
    if is_lost_before:
        server.faults.add("reset", method="POST", path="/tool-results$")
    refusal = '{"message":"Chat is not waiting for tool results."}'
    server.faults.add("status", method="POST", path="/tool-results$", status=409, body=refusal)
    done = answer(server, {"tool": number, "output": 1})
    assert (done.kind, done["delivered"], done["changed"]) == ("conflict", "no", is_lost_before), done.msg
    assert "waits for no results any more" in done.msg and posts(server, "/tool-results") == 1 + is_lost_before


@on_newest
def test_results_that_are_followed_by_no_word_are_explained(server: Emulator) -> None:
    _one, number = waiting(server, f"{TWICE} [[empty]]")
    first = answer(server, {"tool": number, "output": 5})
    assert (first["reply"], first["action_required"][0]["args"]) == ([], {"city": "Bergen"}), first.msg
    assert first["note"] == "The model waits for the results of the tool calls in 'action_required'."
    last = answer(server, {"tool": "get_weather", "output": 6})
    assert (last["reply"], last["action_required"], last.failed) == ([], [], False), last.msg
    assert last["note"] == "The turn ended without any text after the results."


@on_newest
def test_results_alone_answer_no_call_that_comes_after_them(server: Emulator) -> None:
    one, _number = waiting(server, TWICE)
    done = answer(server, {"tool": "get_weather", "output": 5})
    assert [wanted["args"] for wanted in done["action_required"]] == [{"city": "Bergen"}], done.msg
    assert words(done) == ["Calling the tool."] and done["note"] is None and len(results_in(one)) == 1


@on_newest
def test_of_several_calls_each_gets_its_own_result(server: Emulator) -> None:
    one, number = waiting(server)
    call_beside(one, "get_weather", "call_2")
    call_beside(one, "get_time", "call_3")
    lacking = answer(server, {"tool": "get_weather", "output": 1})
    assert lacking.kind == "invalid" and "'get_time' has no result" in lacking.msg and "(call_3)" in lacking.msg
    by_name = {"tool": "get_weather", "output": "mild"}
    given = [by_name, {"tool": "call_2", "output": None, "is_error": True}, {"tool": "get_time", "output": 12}]
    assert words(answer(server, *given)) == ["The tool answered."]
    assert [(part["tool_call_id"], part["result"], part.get("is_error", False)) for part in results_in(one)] == [
        (number, "mild", False), ("call_2", None, True), ("call_3", 12, False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("input", "reply"), [(None, ["The tool answered."]), ("mine", [HELLO]), ("mine [[empty]]", [])]
)
def test_18_calls_of_a_later_turn_are_none_of_ours(still: Emulator, input: str | None, reply: list[str]) -> None:
    one = with_tool(still)
    if not input:
        send(still, WEATHER, **meanwhile(partial(pass_time, still)))

    def answers_and_calls_in_the_next_turn() -> None:
        chats(still).turns.enqueue(one, [text_part(f"later {WEATHER}")], one.model_id)
        pass_time(still)

    looks = meanwhile(answers_and_calls_in_the_next_turn)
    done = send(still, input, **looks) if input else answer(still, {"tool": "get_weather"}, **looks)
    assert (one.status, words(done), done["action_required"]) == ("requires_action", reply, []), done.msg


def test_what_waited_in_the_queue_is_no_reply_to_results(server: Emulator) -> None:
    _one, number = waiting(server)
    send(server, "and?", wait_for="accepted")
    assert words(answer(server, {"tool": number, "output": 1})) == ["The tool answered."]


@pytest.mark.parametrize(
    ("results", "options", "says"),
    [
        ([], {}, "'tool_results' is empty"),
        ([{"tool": "other", "output": 1}], {}, "waits for no 'other'"),
        ([{"tool": "get_weather", "output": 1}, {"tool": "other"}], {}, "Each of these calls needs a result: get_wea"),
        ([{"tool": "get_weather", "output": 1}, {"tool": "get_weather", "output": 2}], {}, "'get_weather' twice"),
        ([{"tool": "get_weather"}], {"busy": "fail"}, "'busy' is about a message"),
        ([{"tool": "get_weather"}], {"files": ["/etc/hostname"]}, "'files' is about a message"),
        ([{"tool": "get_weather", "output": "a\0b"}], {}, "NUL"),
    ],
)
def test_results_that_do_not_fit_are_told(
    server: Emulator, results: list[dict[str, Any]], options: dict[str, Any], says: str
) -> None:
    waiting(server)
    for check in (True, False):
        done = answer(server, *results, check=check, **options)
        assert done.kind == "invalid" and says in done.msg and done.writes == [], done.msg


def test_check_mode_tells_which_results_would_be_given(server: Emulator) -> None:
    _one, number = waiting(server)
    done = answer(server, {"tool": number, "output": 5}, check=True)
    assert done["changed"] and number in done["would_send"] and done["delivered"] == "no"
    server.create_chat(labels={NAME: "idle"})
    assert call("chat_send", server, chat="idle", tool_results=[{"tool": "x"}], check=True).kind == "conflict"


# What cannot be sent


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"input": " "}, "invalid", "'input' is empty"),
        ({"input": "a\0b"}, "invalid", "NUL"),
        ({"input": "x" * 300_000}, "invalid", "too long"),
        ({"tool_results": [{"tool": "x"}], "wait_for": "accepted"}, "invalid", "Use wait_for=reply"),
        ({"tool_results": [{"tool": "x"}, {"tool": "y"}, {"tool": "x"}]}, "invalid", "'x' twice"),
        ({"chat": "nobody"}, "not_found", "no chat 'nobody'"),
        ({"chat": "11111111-1111-4111-8111-111111111111"}, "not_found", "no chat"),
        ({"chat": "old"}, "conflict", "unarchive=true"),
    ],
)
def test_what_cannot_be_right_is_told_before_anything_is_written(
    server: Emulator, options: dict[str, Any], kind: str, says: str
) -> None:
    chat(server)
    server.create_chat(labels={NAME: "old"}, archived=True)
    for check in (True, False):
        done = send(server, check=check, **options)
        assert (done.kind, done.writes, done["changed"]) == (kind, [], False) and says in done.msg, done.msg


def test_check_mode_tells_what_would_be_sent(server: Emulator) -> None:
    chat(server)
    done = send(server, check=True)
    assert (done["changed"], done["would_send"], done["delivered"]) == (True, "Go on", "no")


def test_11_only_its_owner_speaks_in_a_chat(server: Emulator) -> None:
    allow(server)
    theirs = server.create_chat(owner="bob")
    done = send(server, chat=theirs.id)
    assert (done.kind, done["delivered"]) == ("forbidden", "no") and "token of the chat's owner" in done.msg
    assert said(kept(server)[0]) == ["Do the thing"]


def test_12_a_reader_sends_nothing(emulator: Start) -> None:
    server = allow(emulator("", chats="chats-2.35"))
    one = chat(server, readers={server.state.user("bob").id: "read"})
    done = call("chat_send", server, user="bob", chat=one.id, input="hello")
    assert (done.kind, done["delivered"]) == ("not_found", "no") and said(one) == ["Do the thing"]


@pytest.mark.parametrize("path", ["/files$", "/messages$"])
def test_what_the_server_calls_too_large_is_invalid_and_was_not_said(
    server: Emulator, tmp_path: Path, path: str
) -> None:
    """A proxy before the server may take less than the server."""
    one, file = chat(server), tmp_path / "notes.md"
    file.write_text("x")
    server.faults.add("status", method="POST", path=path, status=413, body="<html>Too large</html>")
    done = send(server, files=[str(file)])
    assert (done.kind, done["delivered"], said(one)) == ("invalid", "no", ["Do the thing"]), done.msg


def test_29_a_usage_limit_is_told(server: Emulator) -> None:
    chat(server)
    assert server.state.chats is not None
    server.state.chats.usage_limit = 0
    done = send(server)
    assert (done.kind, done["delivered"]) == ("conflict", "no") and "limit" in done.msg


def test_20_a_conversation_that_was_edited_meanwhile_is_told(server: Emulator) -> None:
    one = chat(server)
    options = {"prompt": "other", "on_prompt_change": "edit", "discard_log": True}
    when(lambda: "mine [[slow 5000]]" in said(one), lambda: call("chat", server, name="fix", **options))
    done = send(server, "mine [[slow 5000]]")
    assert done.kind == "conflict" and "edited" in done.msg
