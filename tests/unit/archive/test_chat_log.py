# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chat's versions: whatever edits came, nothing that was saved once is lost, and a proof needs every message."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.chat_log import (
    contains,
    earlier,
    files_of,
    is_seam,
    joined,
)
from ansible_collections.coder.tasks.plugins.module_utils.archive.record import Message

Log = list[Message]
# One step of a chat's life: how many messages an edit takes out at the end, and how many are said then.
STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=8)


def message(number: int, words: str = "") -> Message:
    return {"id": number, "role": "user", "content": [{"type": "text", "text": words or f"says {number}", "url": ""}]}


def readings(steps: list[tuple[int, int]]) -> list[Log]:
    """What each reading of a chat shows, one after each step; ids have gaps and ascend."""
    shown: Log = []
    number = 0
    found = []
    for taken, new in steps:
        del shown[max(0, len(shown) - taken) :]
        for _message in range(new):
            number += 3
            shown.append(message(number))
        found.append(list(shown))
    return found


def collected(found: list[Log]) -> tuple[list[Log], Log]:
    """The earlier versions and the newest log, as saving each reading leaves them."""
    versions: list[Log] = []
    newest: Log = []
    for log in found:
        if not log:  # a reading that brought nothing takes the place of nothing
            continue
        versions = earlier([*versions, newest], log)
        newest = log
    return versions, newest


@given(STEPS)
def test_nothing_that_was_saved_is_lost(steps: list[tuple[int, int]]) -> None:
    found = readings(steps)
    versions, newest = collected(found)
    whole = joined([*versions, newest])
    said = [each["id"] for each in whole if not is_seam(each)]
    assert said == sorted({each["id"] for log in found for each in log})
    assert contains([each for each in whole if not is_seam(each)], newest)


@given(STEPS)
def test_a_seam_stands_after_what_is_shown_no_more_and_nowhere_else(steps: list[tuple[int, int]]) -> None:
    versions, newest = collected(readings(steps))
    whole = joined([*versions, newest])
    shown = {each["id"] for each in newest}
    for at, each in enumerate(whole):
        if is_seam(each):
            assert whole[at - 1]["id"] not in shown
            assert at + 1 == len(whole) or whole[at + 1]["id"] in shown
    gone = [at for at, each in enumerate(whole) if not is_seam(each) and each["id"] not in shown]
    assert all(any(is_seam(each) for each in whole[at:]) for at in gone)


@given(STEPS)
def test_a_log_that_only_grows_has_one_version(steps: list[tuple[int, int]]) -> None:
    versions, newest = collected(readings([(0, new) for _taken, new in steps]))
    assert versions == [] and joined([newest]) == newest


@given(STEPS, st.data())
def test_a_proof_needs_every_message_as_it_is(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    newest = readings(steps)[-1]
    assert contains(newest, newest)
    if newest:
        at = data.draw(st.integers(0, len(newest) - 1))
        without = newest[:at] + newest[at + 1 :]
        assert not contains(without, newest) and contains(newest, without)
        changed = [*newest[:at], message(newest[at]["id"], "something else"), *newest[at + 1 :]]
        assert not contains(changed, newest)
        assert not contains([*newest[:at], {**newest[at], "role": "assistant"}, *newest[at + 1 :]], newest)


def test_what_is_empty_says_nothing() -> None:
    old, new = message(1), message(1)
    new["content"][0].update({"from_a_newer_version": None, "start_line": 0, "is_error": False, "more": []})
    assert contains([old], [new]) and contains([new], [old])
    new["content"][0]["from_a_newer_version"] = "x"
    assert not contains([old], [new])


def test_a_message_that_is_none_is_not_held() -> None:
    assert not contains([], [{"id": 1, "role": None, "content": []}])
    assert not contains([], [message(1)]) and contains([], [])


def test_files_are_found_wherever_they_are_told() -> None:
    part: dict[str, Any] = {"type": "file", "file_id": "b", "name": "b.txt", "media_type": "text/plain"}
    chat = {"files": [{"id": "a", "name": "a.txt", "mime_type": "text/csv"}, {"id": 3}, "x", {"id": "b"}]}
    found = files_of(chat, [{"content": [part, part, {"type": "file", "file_id": None}]}, {"content": "odd"}])
    assert found == [
        {"id": "a", "name": "a.txt", "media_type": "text/csv"},
        {"id": "b", "name": "b.txt", "media_type": "text/plain"},
    ]  # fmt: skip
