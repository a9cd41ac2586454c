# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes of chats over real sockets, in every dialect: never a second chat, never somebody else's stopped.

Tests with a number hold what the emulator shows under that number (tests/contract/test_chats_emulator.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chatting import (
    EVERY,
    NAME,
    SPAWN,
    allow,
    as_backend,
    chats_of,
    kept,
    named,
    new_chat,
    posts,
    said,
    waiter,
)  # fmt: skip
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import lifecycle
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.client import ChatsClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.lifecycle import SOMEONE_ELSE, THIS_CALL
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.models import age
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.new import BODY_BYTES, check_labels
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import AnswerLost, CoderError, NotReady
from ansible_collections.coder.tasks.plugins.module_utils.coder.server import AUTHCHECK_TRIES
from emulator import CHAT_DIALECTS, Emulator
from emulator.clock import ManualClock
from emulator.faults import LOST_ANSWERS

Start = Callable[..., Emulator]
ESR, NEWEST = "chats-2.34esr", "chats-2.38"
# What a server says of a turn that is not over, and of what it does not have or show.
ACTIVE = '{"message":"Cannot archive an active chat. Interrupt or wait for the chat to finish first."}'
NOT_FOUND = '{"message":"Resource not found or you do not have access to this resource"}'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOOK_FOR_CHAT", 0.3)


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    """A server of each chats dialect."""
    return emulator("", chats=request.param)


def empty_first(server: Emulator) -> bool:
    assert server.chat_dialect is not None
    return server.chat_dialect.empty_create


# Create


def test_01_a_create_makes_one_chat_and_says_its_prompt_once(server: Emulator) -> None:
    chats = chats_of(server)
    made = chats.create(new_chat(server, labels={"team": "infra"}), waiter())
    (chat,) = kept(server)
    assert (made.by, made.chat["id"], made.chat["name"]) == (THIS_CALL, chat.id, "fix")
    assert chat.labels["team"] == "infra" and said(chat) == ["Say hello"]
    before = posts(server, "/chats")
    chats.create(new_chat(server, name="other"), waiter())
    assert posts(server, "/chats") == before + 1, "what the server can is asked for once"
    assert posts(server, "/messages") == (2 if empty_first(server) else 0)


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=str)
@pytest.mark.parametrize("skip", [0, 1])
def test_01_a_lost_answer_makes_no_second_chat(server: Emulator, fault: dict[str, Any], skip: int) -> None:
    server.faults.add(**fault, method="POST", path="/chats$", skip=skip)
    made = chats_of(server).create(new_chat(server), waiter())
    assert [chat.id for chat in kept(server)] == [made.chat["id"]] and made.by == THIS_CALL
    assert said(kept(server)[0]) == ["Say hello"]


def test_01_a_create_that_never_arrived_is_not_repeated(server: Emulator) -> None:
    server.faults.add("reset", method="POST", path="/chats$", skip=1)
    with pytest.raises(AnswerLost, match="cannot be known"):
        chats_of(server).create(new_chat(server), waiter())
    assert kept(server) == [] and posts(server, "/chats") == 2


def test_what_the_server_can_is_not_asked_for_without_end(server: Emulator) -> None:
    server.faults.add("lost", method="POST", path="/chats$", count=AUTHCHECK_TRIES)
    made = chats_of(server).create(new_chat(server), waiter())
    assert [chat.id for chat in kept(server)] == [made.chat["id"]] and posts(server, "/messages") == 0
    assert said(kept(server)[0]) == ["Say hello"] and posts(server, "/chats") == AUTHCHECK_TRIES + 1


def test_a_question_that_was_answered_is_not_put_again(server: Emulator) -> None:
    server.faults.add("status", method="POST", path="/chats$", status=201, body="{}")
    chats_of(server).create(new_chat(server), waiter())
    assert posts(server, "/chats") == 2 and said(kept(server)[0]) == ["Say hello"]


def test_a_lost_prompt_is_looked_for_and_not_sent_again(emulator: Start) -> None:
    server = emulator("", chats=NEWEST)
    server.faults.add("lost", method="POST", path="/messages$")
    made = chats_of(server).create(new_chat(server), waiter())
    assert said(kept(server)[0]) == ["Say hello"] and made.by == THIS_CALL
    server.faults.add("reset", method="POST", path="/messages$")
    with pytest.raises(AnswerLost, match="got the message"):
        chats_of(server).create(new_chat(server, name="other"), waiter())
    assert posts(server, "/messages") == 2


def test_an_empty_chat_whose_prompt_is_refused_is_told(emulator: Start) -> None:
    server = emulator("", chats=NEWEST)
    server.faults.add("status", method="POST", path="/messages$", status=409, body='{"message":"No."}')
    with pytest.raises(CoderError, match="No") as caught:
        chats_of(server).create(new_chat(server), waiter())
    assert [chat.id for chat in kept(server)] == [caught.value.result["chat"]["id"]]


def test_creators_at_once_leave_one_chat(server: Emulator) -> None:
    def create(number: int) -> Any:
        return chats_of(server).create(new_chat(server, f"I am {number} [[slow 50]]"), waiter())

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(create, range(6)))
    (left,) = named(server, "fix")
    assert {each.chat["id"] for each in made if each.by == SOMEONE_ELSE} <= {left.id}
    assert [each.chat["id"] for each in made if each.by == THIS_CALL] == [left.id]
    assert not [chat.id for chat in kept(server) if chat.archived and chat.busy]
    if empty_first(server):
        assert sum(len(said(chat)) for chat in kept(server)) == 1, "who was not first has cost nothing"


def test_one_that_was_made_too_much_and_cannot_be_archived_is_named(server: Emulator) -> None:
    older = server.create_chat("theirs", labels={NAME: "fix"})
    server.faults.add("status", method="PATCH", status=403, body='{"message":"No."}')
    with pytest.raises(CoderError, match="which must not stay, could not be archived") as caught:
        chats_of(server).create(new_chat(server, "mine [[wait 500]]"), waiter())
    (ours,) = [chat for chat in kept(server) if chat is not older]
    assert caught.value.kind == "forbidden" and ours.id in caught.value.message and older.id not in caught.value.message
    assert not older.archived and said(older) == ["theirs"] and not ours.busy


def test_a_younger_one_of_somebody_else_is_left_alone(server: Emulator) -> None:
    other = chats_of(server)
    made = chats_of(server).create(new_chat(server, "mine [[slow 50]]"), waiter())
    server.create_chat("theirs", labels={NAME: "fix"}, status="waiting")
    with pytest.raises(CoderError) as caught:
        other.only_one("fix", waiter())
    assert caught.value.kind == "conflict"
    assert all(chat.id in caught.value.message for chat in named(server, "fix"))
    assert [chat.archived for chat in kept(server)] == [False, False]
    assert caught.value.message.index(made.chat["id"]) < caught.value.message.index(kept(server)[1].id)


def test_33_a_chat_for_somebody_else(server: Emulator) -> None:
    allow(server)
    bob = server.state.user("bob").id
    chats = chats_of(server)
    wanted = new_chat(server, "For bob [[slow 20]]", None, owner_id=bob)
    assert server.chat_dialect is not None
    if server.chat_dialect.owner_id:
        assert chats.create(wanted, waiter()).chat["owner_username"] == "bob"
    else:
        with pytest.raises(CoderError) as caught:
            chats.create(wanted, waiter())
        assert caught.value.kind == "unsupported"
        assert [(chat.archived, chat.busy) for chat in kept(server)] == [(True, False)]


def test_29_a_usage_limit_is_told_and_leaves_nothing(emulator: Start) -> None:
    for dialect in ("chats-2.35", NEWEST):
        server = emulator("", chats=dialect)
        assert server.state.chats is not None
        server.state.chats.usage_limit = 0
        with pytest.raises(CoderError, match="usage limit"):
            chats_of(server).create(new_chat(server), waiter())
        assert not [text for chat in kept(server) for text in said(chat)]


def test_a_gateway_that_is_off_is_an_answer(emulator: Start) -> None:
    server = emulator("", chats="chats-2.36")
    assert server.state.chats is not None
    server.state.chats.ai_gateway = False
    with pytest.raises(CoderError, match="AI Gateway") as caught:
        chats_of(server).create(new_chat(server), waiter())
    assert not isinstance(caught.value, AnswerLost) and posts(server, "/chats") == 1


# What no server takes


@pytest.mark.parametrize("text", ["a\0b", "half \ud800 pair", "x" * BODY_BYTES, "ü" * (BODY_BYTES // 6)])
def test_03_06_what_cannot_be_stored_is_refused_before_it_is_sent(server: Emulator, text: str) -> None:
    kept_chat = server.create_chat()
    chats = chats_of(server)
    chat = chats.get(kept_chat.id)
    before = len(server.writes)
    for act in (
        lambda: chats.create(new_chat(server, text, None), waiter()),
        lambda: chats.send(chat, text),
        lambda: chats.edit(chat, text, waiter()),
        lambda: chats.change(chat, "title", text),
    ):
        with pytest.raises(CoderError) as caught:
            act()
        assert caught.value.kind == "invalid"
    assert len(server.writes) == before


@given(st.dictionaries(st.text(max_size=70), st.text(max_size=300), max_size=3))
def test_07_labels_are_refused_as_the_server_would(labels: dict[str, str]) -> None:
    from emulator.api_chats import _label_problem

    unstorable = any("\0" in text or not _is_unicode(text) for pair in labels.items() for text in pair)
    own = any(key.startswith("coder.tasks/") for key in labels)
    try:
        check_labels(labels)
    except CoderError:
        assert unstorable or own or _label_problem(labels)
    else:
        assert not unstorable and not _label_problem(labels)


def _is_unicode(text: str) -> bool:
    try:
        return bool(text.encode()) or True
    except UnicodeEncodeError:
        return False


def test_the_oldest_is_told_by_moments_not_by_letters() -> None:
    times = ["2026-11-21T11:17:18Z", "2026-11-21T11:17:18.37Z", "2026-11-21T11:17:18.371Z", "2026-11-21T11:17:19Z"]
    chats: list[Any] = [{"created_at": time, "id": "x"} for time in times]
    assert sorted(chats, key=age) == chats and sorted(times) != times


# Stop and archive


def test_23_stop_waits_for_all_and_a_second_one_does_nothing(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    assert chats.pause(chat, waiter()) is True
    now = chats.get(chat["id"])
    assert now["status"] == "waiting" and chats.judge(now, "idle").reached
    assert chats.pause(now, waiter()) is False
    assert posts(server, "/interrupt") >= 1


def test_25_a_family_is_stopped_and_archived_whole(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, f"Split {SPAWN.format(5000)}"), waiter()).chat
    at_rest = waiter()
    while chats.get(chat["id"])["busy"] or not chats.get(chat["id"])["children"]:
        at_rest.pause()
    resting = chats.get(chat["id"])
    assert not chats.judge(resting, "idle").reached, "its sub-agent works"
    assert chats.archive(resting, waiter(), []) is True
    root = kept(server)[0]
    assert [(member.archived, member.busy) for member in root.family()] == [(True, False)] * 2
    archived = chats.get(chat["id"])
    assert chats.archive(archived, waiter(), []) is False
    assert chats.resume(archived, waiter()) is True
    assert not any(member.archived for member in root.family())
    assert chats.resume(chats.get(chat["id"]), waiter()) is False


def test_21_what_waits_in_a_queue_does_not_begin_when_a_chat_is_stopped(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    chats.send(chat, "and then [[wait 500]]")
    discarded: list[dict[str, Any]] = []
    assert chats.stop(chats.get(chat["id"]), waiter(), discarded)
    assert [queued["text"] for queued in discarded] == ["and then [[wait 500]]"]
    (root,) = kept(server)
    assert (root.queue, root.busy, said(root)) == ([], False, ["Count [[wait 500]]"])


@pytest.mark.parametrize("fault", ["lost", "truncate", "gateway"])
def test_21_what_went_with_a_lost_answer_was_taken_out_by_this_call(server: Emulator, fault: str) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    for text in ("one", "two"):
        chats.send(chat, text)
    # The answer to each: the repetition of the first finds another one waiting, that of the second an empty queue.
    for skip in (0, 1):
        server.faults.add(fault, method="DELETE", path="/queue/", skip=skip)
    discarded: list[dict[str, Any]] = []
    chats.stop(chats.get(chat["id"]), waiter(), discarded)
    assert [queued["text"] for queued in discarded] == ["one", "two"]


@pytest.mark.parametrize(
    ("status", "message"), [(404, "Queued message not found."), (409, "Chat has no queued messages to delete.")]
)
def test_21_what_somebody_else_took_out_was_not_taken_out_by_this_call(
    server: Emulator, status: int, message: str
) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    chats.send(chat, "theirs")
    body = json.dumps({"message": message})
    server.faults.add("status", method="DELETE", path="/queue/", status=status, body=body)
    discarded: list[dict[str, Any]] = []
    assert chats.stop(chats.get(chat["id"]), waiter(wait=False), discarded) is True
    assert discarded == [] and posts(server, "/interrupt") == 1


def test_21_a_queue_that_cannot_be_emptied_ends_the_stop_before_its_turn_begins(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    chats.send(chat, "and then")
    server.faults.add("status", method="DELETE", path="/queue/", status=404, body=NOT_FOUND)
    with pytest.raises(CoderError) as caught:
        chats.stop(chats.get(chat["id"]), waiter(), [])
    assert caught.value.kind == "not_found" and posts(server, "/interrupt") == 0 and len(kept(server)[0].queue) == 1


@pytest.mark.parametrize("fault", ["lost", "reset", "truncate", "gateway"])
@pytest.mark.parametrize("path", ["/interrupt$", "/chats/[^/]*$"])
def test_23_24_a_lost_answer_of_a_stop_is_looked_up(server: Emulator, fault: str, path: str) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    server.faults.add(fault, method="POST" if "interrupt" in path else "PATCH", path=path)
    assert chats.archive(chat, waiter(), []) is True
    assert [(root.archived, root.busy) for root in kept(server)] == [(True, False)]


def test_21_what_was_taken_out_is_told_also_where_the_stop_fails(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    chats.send(chat, "and then")
    server.faults.add("status", method="POST", path="/interrupt$", status=403, body='{"message":"No."}')
    discarded: list[dict[str, Any]] = []
    with pytest.raises(CoderError, match="No"):
        chats.stop(chats.get(chat["id"]), waiter(), discarded)
    assert [queued["text"] for queued in discarded] == ["and then"]


def test_11_a_site_owner_stops_and_archives_the_chat_of_another(server: Emulator) -> None:
    allow(server)
    chat = chats_of(server, "bob").create(new_chat(server, "Bob's [[wait 500]]"), waiter()).chat
    chats = chats_of(server)
    theirs = chats.by_id(chat["id"])
    assert theirs is not None and chats.archive(theirs, waiter(), [])
    with pytest.raises(CoderError, match="owner"):
        chats.send(theirs, "hello")


def test_stopping_without_waiting_asks_once(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    chats.stop(chat, waiter(wait=False), [])
    assert posts(server, "/interrupt") == 1


@pytest.mark.parametrize("dialect", [name for name in EVERY if not CHAT_DIALECTS[name].archives_anything])
def test_24_a_turn_that_still_ends_is_told_where_it_is_not_waited_for(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect, clock=ManualClock())
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    for interrupts in (1, 1):
        with pytest.raises(CoderError, match="with wait=true") as caught:
            chats.archive(chats.get(chat["id"]), waiter(wait=False), [])
        assert caught.value.kind == "conflict" and posts(server, "/interrupt") == interrupts, "it stops already"
    assert [(root.archived, root.status) for root in kept(server)] == [(False, "interrupting")]
    assert chats.stop(chats.get(chat["id"]), waiter(wait=False), []) is False


def test_24_a_turn_that_begins_before_the_archive_is_waited_for(server: Emulator) -> None:
    chat = server.create_chat()
    chats = chats_of(server)
    server.faults.add("status", method="PATCH", status=409, body=ACTIVE, count=2)
    assert chats.archive(chats.get(chat.id), waiter(), []) is True and chat.archived
    other = server.create_chat()
    server.faults.add("status", method="PATCH", status=409, body=ACTIVE, count=None)
    with pytest.raises(CoderError, match="raise 'wait_timeout'") as caught:
        chats.archive(chats.get(other.id), waiter(timeout=0.1), [])
    assert caught.value.kind == "wait_timeout" and not other.archived


@pytest.mark.parametrize(("body", "kind"), [("ACTIVE", "conflict"), ('{"message":"No."}', "forbidden")])
def test_24_what_is_to_be_archived_at_rest_is_not_stopped(server: Emulator, body: str, kind: str) -> None:
    chat = server.create_chat()
    chats = chats_of(server)
    is_active = body == "ACTIVE"
    server.faults.add("status", method="PATCH", status=409 if is_active else 403, body=ACTIVE if is_active else body)
    with pytest.raises(CoderError) as caught:
        chats.archive_at_rest(chats.get(chat.id), waiter())
    assert caught.value.kind == kind and ("state=idle" in caught.value.message) == is_active
    assert not chat.archived and posts(server, "/interrupt") == 0


@pytest.mark.parametrize("archived", [True, False])
@pytest.mark.parametrize("fault", ["lost", "reset"])
def test_24_an_archive_whose_answers_are_all_lost_is_looked_up(server: Emulator, fault: str, archived: bool) -> None:
    chat = server.create_chat(archived=not archived)
    chats = chats_of(server, retries=0)
    seen = chats.get(chat.id)
    server.faults.add(fault, method="PATCH", count=None)

    def act() -> bool:
        return chats.archive(seen, waiter(), []) if archived else chats.resume(seen, waiter())

    if fault == "lost":
        assert act() is True
    else:
        with pytest.raises(AnswerLost):
            act()
    assert chat.archived is (archived if fault == "lost" else not archived)


def test_what_the_server_has_deleted_meanwhile_is_told(server: Emulator) -> None:
    assert server.state.chats is not None
    chats, chat = chats_of(server), server.create_chat()
    seen = chats.get(chat.id)
    server.state.chats.delete(chat)
    for act in (
        lambda: chats.archive_at_rest(seen, waiter()),
        lambda: chats.merge_labels(seen, {"team": "infra"}, waiter()),
    ):
        with pytest.raises(CoderError, match="is gone") as caught:
            act()
        assert caught.value.kind == "not_found" and not server.writes, "it is looked at before it is written"


def test_a_chat_that_does_not_stop_ends_the_wait(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    server.faults.add("status", method="POST", path="/interrupt$", count=None, status=200, body="{}")
    with pytest.raises(CoderError) as caught:
        chats.stop(chat, waiter(timeout=0.2), [])
    assert caught.value.kind == "wait_timeout" and chat["id"] in caught.value.message


def test_no_chat_can_be_deleted(server: Emulator) -> None:
    chats = as_backend(chats_of(server))
    with pytest.raises(CoderError) as caught:
        chats.delete(chats_of(server).get(server.create_chat().id), waiter())
    assert caught.value.kind == "unsupported" and "state=archived" in caught.value.message


# Messages


def test_21_a_full_queue_is_no_rate_limit(server: Emulator) -> None:
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    sent = [chats.send(chat, f"message {number}") for number in range(20)]
    assert all(each.id is None and each.queued_id for each in sent)
    before = posts(server, "/messages")
    with pytest.raises(NotReady) as caught:
        chats.send(chat, "one too many")
    assert caught.value.kind == "busy" and posts(server, "/messages") == before + 1


def test_20_an_edit_cuts_what_followed_once(server: Emulator) -> None:
    chats = chats_of(server)
    root = server.create_chat("Do this")
    root.say("And that", "Did that")
    chat = chats.get(root.id)
    for number, fault in enumerate([None, *LOST_ANSWERS]):
        if fault:
            server.faults.add(**fault, method="PATCH", path="/messages/")
        new_id = chats.edit(chat, f"Do the other {number}", waiter())
        assert said(root) == [f"Do the other {number}"] and root.messages[0].id == new_id
        chats.stop(chats.get(root.id), waiter(), [])


def test_20_an_edit_that_did_not_happen_is_no_edit(server: Emulator) -> None:
    chats, root = chats_of(server, retries=0), server.create_chat("Do this")
    server.faults.add("reset", method="PATCH", path="/messages/")
    with pytest.raises(AnswerLost):
        chats.edit(chats.get(root.id), "Do that", waiter())
    body = '{"message":"Chat message not found."}'
    server.faults.add("status", method="PATCH", path="/messages/", status=404, body=body)
    with pytest.raises(CoderError) as caught:
        chats.edit(chats.get(root.id), "Do that", waiter())
    assert caught.value.kind == "conflict" and said(root) == ["Do this"], "somebody else edited it"
    with pytest.raises(CoderError, match="no message yet") as caught:
        chats.edit(chats.get(server.create_chat("").id), "Do that", waiter())
    assert caught.value.kind == "conflict"


def test_24_labels_are_merged_and_those_of_others_stay(server: Emulator) -> None:
    chats = chats_of(server)
    root = server.create_chat(labels={"theirs": "1", "team": "old"})
    merged = chats.merge_labels(chats.get(root.id), {"team": "infra"}, waiter())
    assert merged["labels"] == root.labels == {"theirs": "1", "team": "infra"}
    before = len(server.writes)
    chats.merge_labels(merged, {"team": "infra"}, waiter())
    assert len(server.writes) == before


def test_24_labels_that_somebody_else_keeps_setting_are_a_conflict(
    server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = chats_of(server)
    root = server.create_chat(labels={"team": "old"})
    change = ChatsClient.change

    def and_then_somebody_else(*arguments: Any) -> None:
        change(*arguments)
        if len(writes) < patience:
            root.labels = {"team": "theirs"}
        writes.append(arguments)

    patience, writes = 100, list[Any]()
    monkeypatch.setattr(ChatsClient, "change", and_then_somebody_else)
    with pytest.raises(CoderError, match=f"Somebody else sets the labels of the chat {root.id}, too") as error:
        chats.merge_labels(chats.get(root.id), {"team": "infra"}, waiter())
    assert error.value.kind == "conflict" and root.labels == {"team": "theirs"}
    patience = 2 * len(writes) - 1
    assert chats.merge_labels(chats.get(root.id), {"team": "infra"}, waiter())["labels"] == {"team": "infra"}


def test_18_tool_results_are_given_once(emulator: Start) -> None:
    server = emulator("", chats="chats-2.35")
    chats = chats_of(server)
    tool = {"name": "get_weather", "description": "weather", "input_schema": {"type": "object"}}
    root = server.create_chat("Weather", dynamic_tools=[tool["name"]])
    chats.send(chats.get(root.id), 'Weather [[tool get_weather {"city":"Oslo"}]]')
    while chats.get(root.id)["status"] != "requires_action":
        waiter().pause()
    parts = chats.messages(chats.get(root.id)).messages[-1]["parts"]
    call = next(part for part in parts if part["type"] == "tool-call")
    result = {"tool_call_id": call["tool_call_id"], "output": {"temp": 5}, "is_error": False}
    assert [chats.give_results(chats.get(root.id), [result]) for _time in range(2)] == [True, False]


@pytest.mark.parametrize("dialect", [name for name in EVERY if CHAT_DIALECTS[name].interrupts_anything])
def test_34_a_pending_chat_is_stopped_all_the_same(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect, time_factor=5.0)
    chats = chats_of(server)
    chat = chats.create(new_chat(server, "Count [[wait 500]]"), waiter()).chat
    assert chat["status"] == "pending"
    assert chats.stop(chat, waiter(), [])
    assert not kept(server)[0].busy
