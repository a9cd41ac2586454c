# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as reached of a chat: pure functions, held for every status and every order of messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import wait
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.models import STATUSES, chat_from
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError

AT_WORK = {"pending", "running", "interrupting", "requires_action"}
ENDED = {"waiting", "error", "paused", "completed"}


def chat(status: str, *children: str, **more: Any) -> Any:
    data = {"id": "x", "title": "t", "owner_id": "o", "organization_id": "g", "created_at": "", "updated_at": ""}
    of_children = [{**data, "status": child, "archived": False} for child in children]
    return chat_from({**data, "status": status, "archived": False, "children": of_children, **more}, "", single=True)


def message(number: int, role: str, text: str) -> Any:
    return {"id": number, "role": role, "text": text, "input": role == "user", "parts": []}


def test_every_status_is_at_work_over_or_unknown() -> None:
    assert AT_WORK | ENDED | {"unknown"} == set(STATUSES)


@given(st.sampled_from(STATUSES), st.lists(st.sampled_from(STATUSES), max_size=3))
def test_a_family_is_idle_when_nobody_in_it_works(status: str, children: list[str]) -> None:
    verdict = wait.judge(wait.Look(chat(status, *children)), "idle")
    everybody = {status, *children}
    assert verdict.reached == (not everybody & (AT_WORK | {"unknown"}))
    assert bool(verdict.passing) == ("unknown" in everybody)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), st.sampled_from(["", " ", "words"]))))
def test_an_answer_has_words_and_comes_after_the_newest_question(said: list[tuple[str, str]]) -> None:
    messages = [message(number, *each) for number, each in enumerate(said, 1)]
    asked = max((each["id"] for each in messages if each["role"] == "user"), default=0)
    expected = [m["id"] for m in messages if m["id"] > asked and m["role"] == "assistant" and m["text"].strip()]
    assert [each["id"] for each in wait.answer(messages)] == expected
    if expected:
        assert wait.judge(wait.Look(chat("waiting"), messages), "replied").reached
    else:
        with pytest.raises(CoderError, match="without any text"):
            wait.judge(wait.Look(chat("waiting"), messages), "replied")


@pytest.mark.parametrize("status", sorted(AT_WORK - {"requires_action"}))
def test_an_old_answer_is_none_while_a_turn_runs(status: str) -> None:
    old = [message(1, "user", "one"), message(2, "assistant", "done")]
    assert not wait.needs_messages(chat(status), "replied")
    assert not wait.judge(wait.Look(chat(status), old), "replied").reached


@pytest.mark.parametrize(("status", "says"), [("error", "last turn failed"), ("requires_action", "tool calls")])
def test_what_will_never_answer_fails_at_once(status: str, says: str) -> None:
    with pytest.raises(CoderError, match=says):
        wait.judge(wait.Look(chat(status)), "replied")


def test_an_archived_chat_takes_no_message() -> None:
    assert wait.judge(wait.Look(chat("running")), "ready").reached
    with pytest.raises(CoderError, match="archived"):
        wait.judge(wait.Look(chat("waiting", archived=True)), "ready")
