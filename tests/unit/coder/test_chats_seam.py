# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chats as whoever does not care whether it is a task or a chat sees them, in every dialect."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chatting import EVERY, NAME, as_backend, chats_of, new_chat, waiter

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from emulator import Emulator

Start = Callable[..., Emulator]


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    """A server of each chats dialect."""
    return emulator("", chats=request.param)


def test_a_log_is_what_was_said_without_what_the_model_did(server: Emulator) -> None:
    chat = server.create_chat("Look", answer="I look.")
    chat.call_tool("execute", {"command": "ls"}, {"output": "a.txt"})
    chat.say("And?", "There is a file.")
    chats = as_backend(chats_of(server))
    log = chats.log(chats.get(chat.id))
    assert [(message["type"], message["content"]) for message in log.messages if message["content"]] == [
        ("input", "Look"), ("output", "I look."), ("input", "And?"), ("output", "There is a file."),
    ]  # fmt: skip
    assert [message["id"] for message in log.messages] == [each.id for each in chat.messages if each.role != "tool"]
    assert all(message["time"] for message in log.messages)
    assert (log.source, log.complete, log.reason, log.refused) == ("live", True, None, False)


def test_a_log_is_not_whole_while_a_turn_is_under_way(server: Emulator) -> None:
    made = chats_of(server).create(new_chat(server, "Count [[wait 5000]]"), waiter()).chat
    chats = as_backend(chats_of(server))
    log = chats.log(chats.get(made["id"]))
    assert [message["content"] for message in log.messages] == ["Count [[wait 5000]]"] and log.complete is False


def test_a_name_is_one_of_ones_own_and_a_uuid_anybodys(server: Emulator) -> None:
    """A list shows nobody else's, so that a name of another user would look as if it were free."""
    mine, theirs = (server.create_chat("x", owner=owner, labels={NAME: "fix"}) for owner in ("alice", "bob"))
    chats = as_backend(chats_of(server))
    assert chats.get("fix")["id"] == chats.get(mine.id)["id"] == mine.id
    with pytest.raises(CoderError, match="'fix' of 'bob' cannot be found by its name") as caught:
        chats.find("fix", "bob")
    assert caught.value.kind == "invalid" and "Give its UUID" in caught.value.message
    found = chats.find(theirs.id, "bob")
    assert found is not None and found["owner_username"] == "bob"
    assert as_backend(chats_of(server, "bob")).find(mine.id) is None
