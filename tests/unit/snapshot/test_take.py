# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole messages taken from the beginning of an array that arrives in pieces: the same as parsed at once."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import newest, read

# What looks like the end of a message, or of the array, and is not.
TEXTS = st.lists(st.sampled_from(['},{"', "}]", '"', "\\", "},", "ä", "\x00", "[", "word"]), max_size=6).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner, max_size=2) | st.fixed_dictionaries({"a": inner})
)
MESSAGES = st.lists(st.fixed_dictionaries({"content": TEXTS, "id": st.integers(), "parts": VALUES}), max_size=6)


@given(MESSAGES, st.sampled_from([(",", ":"), (", ", ": ")]), st.lists(st.integers(0, 400), max_size=4))
def test_any_pieces_give_what_the_whole_array_holds(messages: Any, separators: Any, cuts: list[int]) -> None:
    array = (json.dumps(messages, separators=separators)[1:] + ', "more": [{"a":1},{"b":2}]').encode()
    data, found, at = bytearray(), newest.Newest(0), 0
    ended = False
    for end in [*sorted(cuts), len(array)]:
        data += array[at:end] if not ended else b""
        at = max(at, end)
        ended = ended or read._take_messages(data, found)
    assert ended and found.messages() == messages and found.total == len(messages)
