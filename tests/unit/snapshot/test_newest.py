# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest messages are kept, however they come and however great they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import newest


@given(st.lists(st.text(max_size=5), max_size=30), st.integers(1, 10), st.integers(0, 30))
def test_the_newest_messages_are_kept_however_they_come(texts: list[str], keep: int, at: int) -> None:
    messages = [{"content": text} for text in texts]
    one_by_one, together, keyed = newest.Newest(keep), newest.Newest(keep), newest.Newest(keep)
    for number, message in enumerate(messages):
        one_by_one.add(message)
        keyed.add({"content": "still written"}, key=f"id {number}")
        keyed.add(message, key=f"id {number}")
    together.extend(messages[:at])
    together.extend(messages[at:])
    for kept in (one_by_one, together, keyed):
        assert (kept.messages(), kept.total) == (messages[-keep:], len(messages))
    everything = newest.Newest(0)
    everything.extend(messages)
    assert everything.messages() == messages


def test_great_messages_push_the_oldest_out_but_a_dozen_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "_KEEP_CHARACTERS", 1000)
    monkeypatch.setattr(newest, "_LONGEST", 200)
    small, great = newest.Newest(100), newest.Newest(100)
    for number in range(50):
        small.add({"content": "x" * 10})
        great.add({"content": "x" * 150 + str(number)})
    assert len(small.messages()) == 50
    assert [message["content"][150:] for message in great.messages()] == [str(number) for number in range(38, 50)]
    great.add({"content": "y" * 900 + "the end"})
    assert great.messages()[-1]["content"].endswith("the end") and len(great.messages()[-1]["content"]) < 350
