# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text without some ranges of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.views import View, other_lines

LINES = st.lists(st.text("ab ", max_size=6), min_size=1, max_size=8).map("\n".join)


@given(LINES, st.data())
def test_of_a_joined_text_the_lines_in_which_something_was_joined_are_left(text: str, data: st.DataObject) -> None:
    places = st.lists(st.integers(0, len(text)), max_size=6, unique=True).map(sorted)
    ends = data.draw(places)
    joined = View(text, list(zip(ends[::2], ends[1::2])))
    left, at = "", 0
    for line in joined.text.splitlines(keepends=True):
        last = at + len(line) - line.endswith("\n")
        left += line if any(at <= seam <= last for seam in joined.seams) else ""
        at += len(line)
    assert View(joined.text, other_lines(joined)).text == left
