# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many chats in one call: a declared list, and all that there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from calling import Call, call
from chatting import EVERY, NAME, SPAWN, allow, kept, named, posts, said

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import lifecycle
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat
from emulator import Emulator

Start = Callable[..., Emulator]
SLOW = "Count [[wait 50000]]"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOOK_FOR_CHAT", 0.3)
    monkeypatch.setattr(chat, "FIRST_MESSAGE", 0.2)


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    """A server of each chats dialect, without a limit on requests."""
    return emulator("", chats=request.param, rate_limit=0)


def fleet(server: Emulator, **options: Any) -> Call:
    return call("chat_fleet", server, **options)


def start(server: Emulator, count: int, prompt: str = SLOW, **options: Any) -> None:
    for number in range(count):
        done = call("chat", server, name=f"c{number}", prompt=prompt, **options)
        assert not done.failed, done.msg


def working(server: Emulator) -> list[str]:
    return [member.id for chat in kept(server) for member in chat.family() if member.busy]


# Declared


def test_a_declared_list_is_brought_and_then_left_alone(server: Emulator) -> None:
    server.create_chat("old", labels={NAME: "old"})
    chats = [*({"name": f"c{n}", "prompt": f"Do {n}"} for n in range(4)), {"name": "old", "state": "archived"}]
    would = fleet(server, chats=chats, check=True, diff=True)
    assert would["summary"]["actions"] == {"create": 4, "archive": 1} and len(kept(server)) == 1
    done = fleet(server, chats=chats, wait_for="replied")
    assert not done.failed, done.msg
    assert done["summary"]["actions"] == {"create": 4, "archive": 1}
    assert [said(each) for n in range(4) for each in named(server, f"c{n}")] == [[f"Do {n}"] for n in range(4)]
    again = fleet(server, chats=chats, wait_for="replied")
    assert (again["changed"], again.writes, again["summary"]["unchanged"]) == (False, [], 5)


def test_one_that_fails_ends_no_other(server: Emulator) -> None:
    chats = [{"name": "a", "prompt": "x", "model": "no"}, {"name": "b", "prompt": "x"}, {"name": "c", "state": "idle"}]
    done = fleet(server, chats=chats)
    assert done.failed and "2 of 3 chats failed" in done.msg and "a: " in done.msg and "c: " in done.msg
    assert [entry["failed"] for entry in done["chats"]] == [True, False, True]
    kinds = [(entry["failure"] or {}).get("kind") for entry in done["chats"]]
    assert kinds == ["not_found", None, "not_found"]
    assert named(server, "b") and done["changed"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"chats": [{"name": "a", "state": "absent"}, {"name": "b", "prompt": " "}]}, "item 2 (b)"),
        ({"chats": [{"name": "a", "prompt": "x"}, {"name": "a", "prompt": "y"}]}, "same chat as item 1"),
        ({"chats": [{"name": "a", "prompt": "x", "labels": {"b c": "1"}}]}, "label 'b c'"),
        ({"scope": "own", "concurrency": 0}, "concurrency=0"),
        ({"scope": "own", "max_failures": -1}, "below zero"),
        ({"scope": "own", "wait_for": "replied"}, "does not go with"),
        ({"scope": "own", "select": "[?"}, "JMESPath"),
    ],
)
def test_what_cannot_be_right_is_told_before_anything_is_changed(
    emulator: Start, options: dict[str, Any], says: str
) -> None:
    server = emulator("", chats="chats-2.38")
    start(server, 1)
    done = fleet(server, **options)
    assert done.kind == "invalid" and says in done.msg and done.writes == []


def test_no_more_is_begun_after_too_many_failures(emulator: Start) -> None:
    server = emulator("", chats="chats-2.35")
    server.faults.add("status", method="POST", count=None, status=403, body='{"message":"No."}')
    done = fleet(server, chats=[{"name": f"c{n}", "prompt": "x"} for n in range(30)], max_failures=0, concurrency=1)
    assert done["summary"]["failed"] >= 1 and done["summary"]["not_attempted"] > 0
    assert done["summary"]["failed"] + done["summary"]["not_attempted"] == 30


# All that there are


def test_all_agents_are_stopped_with_their_sub_agents(server: Emulator) -> None:
    start(server, 3)
    call("chat", server, name="split", prompt=f"Split {SPAWN.format(50000)}", wait_for="ready")
    server.create_chat("idle", labels={NAME: "idle"})
    while not named(server, "split")[0].children or named(server, "split")[0].busy:
        call("chat", server, name="split")
    busy = working(server)
    would = fleet(server, scope="own", check=True)
    assert would["changed"] and working(server) == busy
    done = fleet(server, scope="own")
    assert not done.failed, done.msg
    assert working(server) == [] and done["summary"]["total"] == 5
    assert sorted(each for entry in done["chats"] for each in entry["stopped"]) == sorted(busy)
    unchanged = next(entry for entry in done["chats"] if entry["name"] == "idle")
    assert (unchanged["changed"], unchanged["action"], unchanged["stopped"]) == (False, None, [])
    again = fleet(server, scope="own")
    assert (again["changed"], again.writes) == (False, [])


def test_labels_and_select_choose(server: Emulator) -> None:
    start(server, 2, labels={"team": "web"})
    call("chat", server, name="other", prompt=SLOW)
    fleet(server, scope="own", labels={"team": "web"}, select="name == 'c0'")
    assert [chat.labels[NAME] for chat in kept(server) if chat.busy] == ["c1", "other"]
    done = fleet(server, scope="own", labels={"team": "web"}, state="archived")
    assert sorted(chat.labels[NAME] for chat in kept(server) if chat.archived) == ["c0", "c1"]
    assert done["summary"]["actions"] == {"archive": 2} and not done.failed


def test_11_everybodys_are_stopped_by_a_site_owner(server: Emulator) -> None:
    allow(server)
    call("chat", server, user="bob", name="bobs", prompt=SLOW)
    start(server, 1)
    assert fleet(server, scope="own")["summary"]["changed"] == 1 and len(working(server)) == 1
    done = fleet(server, scope="deployment")
    assert not done.failed and working(server) == [] and done["summary"]["actions"] == {"stop": 1}, done.msg
    denied = call("chat_fleet", server, user="bob", scope="deployment")
    assert denied.kind == "forbidden" and "site owner" in denied.msg


def test_messages_in_queues_are_told(server: Emulator) -> None:
    start(server, 2)
    call("chat_send", server, chat="c1", input="and then", wait_for="accepted")
    done = fleet(server, scope="own")
    told = {entry["name"]: [queued["text"] for queued in entry["discarded"]] for entry in done["chats"]}
    assert told == {"c0": [], "c1": ["and then"]} and working(server) == []


def test_without_waiting_each_is_asked_once(server: Emulator) -> None:
    start(server, 3)
    fleet(server, scope="own", wait=False)
    assert posts(server, "/interrupt") == 3


def test_those_that_wait_share_one_list(emulator: Start) -> None:
    server = emulator("", chats="chats-2.36", rate_limit=0)
    chats = [{"name": f"c{n}", "prompt": "x [[slow 20]]"} for n in range(20)]
    done = fleet(server, chats=chats, wait_for="idle", poll_interval=0.1)
    lists = len(server.journal.matching("GET", "/chats$"))
    single = len(server.journal.matching("GET", "/chats/[^/]*$"))
    assert not done.failed and lists < 40 and single == 0, (lists, single)


def test_one_chat_of_the_list_that_cannot_be_read_is_nobody_elses_failure(server: Emulator) -> None:
    """Members share one list of all chats, in which some stand that no member is about."""
    server.create_chat("old", labels={NAME: "old"})
    odd = server.create_chat("odd", labels={NAME: "odd"})
    odd.title = 5  # type: ignore[assignment]
    chats = [
        {"name": "a", "prompt": "x"}, {"name": "old", "state": "archived"},
        {"name": "odd", "prompt": "x"}, {"name": "b", "prompt": "x"},
    ]  # fmt: skip
    done = fleet(server, chats=chats, wait_for="replied")
    failed = {entry["name"]: entry["msg"] for entry in done["chats"] if entry["failed"]}
    assert set(failed) == {"odd"} and "read the chat odd" in failed["odd"], done.msg
    assert "its 'title' is int" in failed["odd"] and "left out" not in failed["odd"]
    assert len(named(server, "a")) == len(named(server, "b")) == len(named(server, "odd")) == 1
    assert named(server, "old") == [] and not odd.archived


class ImpatientClock:
    """The time of this machine, in which nobody may sleep for long."""

    monotonic, time = staticmethod(time.monotonic), staticmethod(time.time)

    @staticmethod
    def sleep(seconds: float) -> None:
        assert seconds < 1, f"somebody would sleep for {seconds:g} s"
        time.sleep(seconds)


def test_those_who_all_wait_for_one_list_get_it_at_once(server: Emulator) -> None:
    """Nobody sleeps to the end of an interval in which nobody else could come, and no list is asked for each chat."""
    chats = [{"name": f"c{n}", "prompt": "x"} for n in range(30)]
    done = fleet(server, chats=chats, wait=False, clock=ImpatientClock(), poll_interval=60)
    lists = len(server.journal.matching("GET", "/chats$"))
    assert not done.failed and done["summary"]["actions"] == {"create": 30}, done.msg
    assert lists <= 15, lists


# On a bad day


@pytest.mark.slow
@pytest.mark.parametrize("dialect", EVERY)
def test_many_chats_on_a_bad_day(emulator: Start, dialect: str) -> None:
    """Nothing is created twice, nothing goes on, and each failure has a name."""
    server = emulator("", chats=dialect, time_factor=0.01, rate_limit=0)
    haste = {"deadline": 20.0, "timeout": 5.0, "retries": 2}
    chats = [{"name": f"c{number}", "prompt": f"Do {number} [[wait 50000]]"} for number in range(30)]
    server.faults.meet_all(0.2)
    for _try in range(12):
        done = fleet(server, chats=chats, **haste)
        check_told(done, server)
        if not done.failed:
            break
    assert not done.failed, done.msg
    assert [len(named(server, f"c{number}")) for number in range(30)] == [1] * 30
    assert all(len(said(chat)) == 1 for chat in kept(server) if not chat.archived)
    for _try in range(12):
        done = fleet(server, scope="own", state="archived", **haste)
        if not done.failed:
            break
    assert not done.failed, done.msg
    assert working(server) == [] and all(chat.archived for chat in kept(server))


def check_told(done: Call, server: Emulator) -> None:
    """Who failed is named, and what is there without having failed is what the result says."""
    for entry in done.result.get("chats", []):
        assert entry["failed"] == bool(entry["msg"])
        if not entry["failed"]:
            assert [each.id for each in named(server, entry["name"])] == [entry["id"]]
