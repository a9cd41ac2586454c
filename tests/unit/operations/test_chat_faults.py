# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of many chats on a bad day: nothing is done twice, nothing is lost, and every failure says what it left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from calling import Call, call
from chatting import EVERY, NAME, kept, named, said

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import lifecycle
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat as operation
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_send
from emulator import Emulator

Start = Callable[..., Emulator]
SHARE = 0.2
MANY = 24
TRIES = 10
HASTE = {"wait_timeout": 15.0, "deadline": 20.0, "timeout": 5.0, "retries": 2}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for what an emulated server does after its answer is lost, which is all at once.
    monkeypatch.setattr(lifecycle, "LOOK_FOR_CHAT", 0.2)
    monkeypatch.setattr(operation, "FIRST_MESSAGE", 0.2)
    monkeypatch.setattr(chat_send, "LOOK_FOR_MESSAGE", 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", EVERY)
def test_many_chats_on_a_bad_day(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect, time_factor=0.01, rate_limit=0)
    made = under_faults(server, lambda n: call("chat", server, name=f"c-{n}", prompt=f"Do {n} [[slow 9]]", **HASTE))
    assert not [done.msg for done in made if done.failed]
    for number in range(MANY):
        (one,) = named(server, f"c-{number}")
        assert said(one) == [f"Do {number} [[slow 9]]"]
        assert made[number]["chat"]["id"] == one.id

    told = under_faults(server, lambda n: call("chat_send", server, chat=f"c-{n}", input=f"and {n}", **HASTE))
    for number, done in enumerate(told):
        check_told(done, Counter(said(named(server, f"c-{number}")[0]))[f"and {number}"])

    gone = under_faults(server, lambda n: call("chat", server, name=f"c-{n}", state="archived", **HASTE))
    assert not [done.msg for done in gone if done.failed]
    assert not [chat.labels[NAME] for chat in kept(server) if chat.busy or not chat.archived]


def check_told(done: Call, times: int) -> None:
    """What the result says of a message is true of the chat that it was for."""
    assert times <= 1, f"told {times} times"
    assert done["delivered"] == ("yes" if times else "no") or done["delivered"] == "unknown", done.msg
    assert done["changed"] or not times
    if not done.failed:
        assert [message["content"] for message in done["reply"]] == ["Hello from the fake model."]


def under_faults(server: Emulator, act: Callable[[int], Call]) -> list[Call]:
    """As a playbook with `retries` does it: again until it worked, or until it is possible that it did."""

    def until_done(number: int) -> Any:
        for _try in range(TRIES):
            done = act(number)
            if not done.failed or done.result.get("delivered", "no") != "no":
                break
        return done

    server.faults.meet_all(SHARE)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(until_done, range(MANY)))
    server.faults.clear()
    return done
