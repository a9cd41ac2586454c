# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.splice import is_cut, spliced
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.marks import CUT

Log = list[dict[str, Any]]
MARK = CUT + ", 9 characters left out...]\n\n"
texts = st.text(max_size=20)


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
    changed["content"] = data.draw(texts.filter(lambda text: text != changed["content"]))
    assert spliced(log, snapshot) is None


@given(logs(), texts, st.data())
def test_a_message_that_was_cut_is_known_by_its_end(log: Log, end: str, data: st.DataObject) -> None:
    assume(end)
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
