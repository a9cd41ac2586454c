# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.report.colours import coloured, diff, marked, signed
from ansible_collections.coder.tasks.plugins.module_utils.archive.report.style import STYLE
from ansible_collections.coder.tasks.plugins.module_utils.archive.text import printable

_pieces = st.lists(st.sampled_from([
    "text", "<b>", "\n", "\r\n", "\r", " ", "\x1b", "\x1b[", "\x1b[31m", "\x1b[0m", "\x1b[m", "\x1b[1;38;5;200m",
    "\x1b[38;2;1;2;3m", "\x1b[38;5m", "\x1b[38m", "\x1b[48;5;1m", "\x1b[99999999m", "\x9b32m", "\x1b]0;t\x07", "5m",
    "\u202e", "\x00", "\x1b[2J", "\x1b[22;39m", "\x1b[4:3m", "@@ -1 +1 @@", "+a", "-b", "\ud800",
]), max_size=20).map("".join)


def shown(content: str) -> list[tuple[str, str]]:
    text, spans = coloured(content)
    return [(text[span.start : span.end], span.classes) for span in spans]


@given(_pieces)
def test_colours_change_no_character_of_the_text(content: str) -> None:
    text, spans = coloured(content)
    assert text == printable(content)
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:]))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    page = marked(text, spans)
    assert html.unescape(re.sub(r"</?span[^>]*>", "", page)) == text if spans else page == text


@given(_pieces, st.data())
def test_a_part_has_the_colours_of_the_whole(content: str, data: st.DataObject) -> None:
    text, spans = coloured(content)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    part = marked(text, spans, start, end)
    plain_part = html.unescape(re.sub(r"</?span[^>]*>", "", part)) if "<span" in part else part
    assert plain_part == text[start:end]


@pytest.mark.parametrize(("sequence", "classes"), [
    ("31", "c1"), ("92", "c2"), ("1;34", "c4 bold"), ("2", "dim"), ("38;5;1", "c1"), ("38;5;196", "c1"),
    ("38;5;39", "c6"), ("38;2;250;240;10", "c3"), ("38:2::200:60:200", "c5"), ("48;5;1;32", "c2"), ("01;31", "c1 bold"),
])  # fmt: skip
def test_what_a_terminal_would_show(sequence: str, classes: str) -> None:
    assert shown(f"a\x1b[{sequence}mb\x1b[0mc") == [("b", classes)]


@pytest.mark.parametrize("sequence", [
    "", "0", "39", "38;5;240", "38;2;9;9;9", "48;5;1", "4", "38", "38;5", "7", "30", "97",
])  # fmt: skip
def test_what_is_no_colour_of_text(sequence: str) -> None:
    assert shown(f"a\x1b[{sequence}mb") == []


@pytest.mark.parametrize("number", range(1, 7))
def test_every_colour_has_a_style(number: int) -> None:
    assert f".c{number} {{" in STYLE


def test_a_unified_diff_ends_where_its_counts_say() -> None:
    text = "-not this\n@@ -1,2 +1,3 @@ def a\n-old\n+new\n+more\n same\n+not this\n- nor a list\n"
    assert [text[span.start : span.end] for span in diff(text)] == ["-old", "+new", "+more"]
    indented = "  @@ -1 +1 @@\n  -old\n  +new\nafter"
    assert [span.classes for span in diff(indented)] == ["del", "add"]


def test_what_an_agent_shows_of_an_edit() -> None:
    text = "  ⎿  Updated a.py with 1 addition and 1 removal\n   11      x\n   12 -  y\n   12 +  z\n● Done\n   1 - no"
    assert [(text[span.start : span.end], span.classes) for span in diff(text)] == [("   12 -  y", "del"),
                                                                                    ("   12 +  z", "add")]


def test_lines_of_a_fenced_diff() -> None:
    text = "--- a\n+++ b\n-old\n+new\n same"
    assert [text[span.start : span.end] for span in signed(text)] == ["-old", "+new"]
