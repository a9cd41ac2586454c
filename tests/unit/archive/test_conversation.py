# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.conversation import (
    contains,
    has_gaps,
    is_continued,
    is_cut,
    is_seam,
    joined,
    seam,
    spliced,
)
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.fit import strip_padding
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.marks import CUT, NEW_LIFE

Log = list[dict[str, Any]]
MARK = CUT + ", 9 characters left out...]\n\n"
texts = st.text(max_size=20)


def says(number: Any, content: str, kind: str = "output") -> dict[str, Any]:
    return {"id": number, "content": content, "type": kind, "time": str(number)}


def pad(text: str) -> str:
    """As a terminal of 80 columns shows it."""
    return "\n".join(line.ljust(80) for line in text.split("\n"))


@st.composite
def logs(draw: st.DrawFn, least: int = 1) -> Log:
    contents = draw(st.lists(texts, min_size=least, max_size=12))
    return [{"id": at, "content": text, "type": "output", "time": str(at)} for at, text in enumerate(contents)]


@given(logs(), st.data())
def test_the_end_of_a_log_adds_nothing(log: Log, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(log) - 1))
    assert spliced(log, log[start:]) == log
    assert spliced(log, log[start : data.draw(st.integers(start + 1, len(log)))]) == log, "an older snapshot"


@given(logs(2), st.data())
def test_what_is_new_is_added(log: Log, data: st.DataObject) -> None:
    saved = data.draw(st.integers(1, len(log) - 1))
    start = data.draw(st.integers(0, saved - 1))
    assert spliced(log[:saved], log[start:]) == log


@given(logs(), st.data())
def test_a_difference_is_no_continuation(log: Log, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(log) - 1))
    snapshot = [dict(message) for message in log[start:]]
    changed = data.draw(st.sampled_from(snapshot))
    changed["content"] = data.draw(texts.filter(lambda text: strip_padding(text) != strip_padding(changed["content"])))
    assert spliced(log, snapshot) is None


@given(logs(), texts, st.data())
def test_a_message_that_was_cut_is_known_by_its_end(log: Log, end: str, data: st.DataObject) -> None:
    assume(strip_padding(end))
    start = data.draw(st.integers(0, len(log) - 1))
    log[start]["content"] += end
    cut = {**log[start], "content": MARK + end}
    assert is_cut(cut)
    assert spliced(log, [cut, *log[start + 1 :]]) == log
    assert spliced(log, [{**cut, "content": MARK + "other " + end}, *log[start + 1 :]]) is None or log[start][
        "content"].endswith("other " + end)


@given(logs(), logs())
def test_no_overlap_is_no_continuation(log: Log, other: Log) -> None:
    later = [{**message, "id": message["id"] + len(log)} for message in other]
    assert spliced(log, later) is None
    assert spliced(log, []) is None


@given(logs(), st.data())
def test_what_is_held_contains_each_of_its_parts_in_order(log: Log, data: st.DataObject) -> None:
    chosen = [message for message in log if data.draw(st.booleans())]
    assert contains(log, chosen)
    assert contains(log, [{**message, "content": pad(message["content"])} for message in chosen])


@given(logs(), st.data())
def test_what_is_missing_changed_or_in_another_order_is_not_contained(log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 1))
    assert not contains(log[:at] + log[at + 1 :], log), "one is missing"
    for key, value in (("content", log[at]["content"] + "!"), ("type", "other"), ("time", "later"), ("id", 99)):
        assert not contains([*log[:at], {**log[at], key: value}, *log[at + 1 :]], log), key
    if len(log) > 1:
        assert not contains(log[::-1], log)


@given(logs(), st.data())
def test_a_cut_message_is_contained_by_its_tail_only(log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 1))
    tail = log[at]["content"][-3:].lstrip()
    cut = {**log[at], "content": f"{MARK}{tail}"}
    assert contains(log, [cut]) is bool(strip_padding(tail))
    assert not contains(log, [{**cut, "content": f"{MARK}{tail}?"}])
    assert not contains([cut], [{**log[at], "content": "more than " + tail}]), "held is less than what is shown"


@given(logs(), st.data())
def test_one_conversation_out_of_growing_versions(log: Log, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(1, len(log)), min_size=1, max_size=4)))
    versions = [log[:end] for end in ends]
    assert joined(versions) == versions[-1]
    start = data.draw(st.integers(0, ends[-1] - 1))
    assert joined([*versions, log[start:]]) == log, "a snapshot of the end"
    assert joined([log[start:], log]) == log, "a snapshot first, then all"


@given(logs(), logs())
def test_two_lives_are_joined_with_one_seam(first: Log, second: Log) -> None:
    second = [{**message, "content": "another life: " + message["content"], "time": "later"} for message in second]
    whole = joined([first, second])
    assert [message for message in whole if not is_seam(message)] == [*first, *second]
    assert [index for index, message in enumerate(whole) if is_seam(message)] == [len(first)]
    assert joined([first, second, second]) == whole
    assert contains(whole, first) and contains(whole, second)


def test_a_message_that_grew_while_it_was_written_is_no_new_life() -> None:
    before = [says(0, "Hello"), says(1, "Work", "input"), says(2, "I begin")]
    now = [*before[:2], {**says(2, "I begin, and end"), "time": "later"}, says(3, "Done")]
    assert is_continued(before, now, same_life=False)
    assert joined([before, now]) == now
    greeting = [says(0, "Hello")]
    other = [{**says(0, "Hello again"), "time": "later"}]
    assert is_continued(greeting, other, same_life=True) and not is_continued(greeting, other, same_life=False)
    assert not is_continued(before, other, same_life=True)


@pytest.mark.parametrize(("ids", "from_start", "expected"), [
    ([], True, False), ([0], True, False), ([0, 1, 2], True, False), ([5, 6], False, False), ([5, 6], True, True),
    ([0, 7, 8], False, True), ([0, 2], True, True), ([1, 1], False, True), ([2, 1], False, True), ([None], False, True),
    ([4, 5, "seam", 0, 1], False, False), ([0, 1, "seam", 3], True, False), ([0, 2, "seam", 0], True, True),
])  # fmt: skip
def test_gaps(ids: list[Any], from_start: bool, expected: bool) -> None:
    messages = [seam() if number == "seam" else says(number, "x") for number in ids]
    assert has_gaps(messages, from_start) is expected


def test_a_seam_of_a_shutdown_hook_is_known_by_its_words() -> None:
    assert is_seam({"id": 3, "type": "output", "content": f"{NEW_LIFE}\n", "time": None})
    assert not is_seam(says(0, f"It printed: {NEW_LIFE}"))
