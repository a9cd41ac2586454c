# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ansible_collections.coder.tasks.plugins.module_utils.archive.record import Record
from ansible_collections.coder.tasks.plugins.module_utils.archive.report import index, timeline, transcript
from ansible_collections.coder.tasks.plugins.module_utils.archive.text import printable

from . import samples
from .samples import entry_of, message, record

HOSTILE = samples.HOSTILE


def hostile_record() -> Record:
    names = ("name", "display_name", "owner_name", "template_name", "status", "initial_prompt", "url", "created_at")
    state = {"timestamp": HOSTILE, "state": HOSTILE, "message": HOSTILE, "uri": "javascript:alert(1)"}
    return record(messages=[{"id": 1, "content": HOSTILE, "type": HOSTILE, "time": HOSTILE}], snapshot_at=HOSTILE,
                  source="snapshot", error_kind=HOSTILE, versions={"coder": HOSTILE, "agentapi": None},
                  task_changes=dict.fromkeys(names, HOSTILE) | {"current_state": state})


class Page(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", ["transcript", "index"])
def test_hostile_text_stays_text_in_html(kind: str) -> None:
    def page(given: Record) -> str:
        made = entry_of(given)
        return transcript.html(made, given["task"], given["messages"]) if kind == "transcript" else index.html([made])

    text = page(hostile_record())
    parsed = Page(text)
    names = [tag for tag, _attrs in parsed.tags]
    assert names.count("script") == 1 and "img" not in names
    assert {tag for tag, _attrs in parsed.tags} <= {tag for tag, _attrs in Page(page(record())).tags} | {"small", "p"}
    assert not [attrs for _tag, attrs in parsed.tags if any(name.startswith("on") or name == "style" for name in attrs)]
    links = [attrs["href"] or "" for _tag, attrs in parsed.tags if "href" in attrs]
    ours = re.compile(r"#|tasks/|\.\./|messages\.jsonl|SHA256SUMS|manifest\.jsonl|index\.csv")
    assert all(ours.match(link) for link in links)
    assert not set("\x1b\x07\x9b\0\u202e") & set(text)
    assert "{{ 7 * 7 }}" in parsed.text and "[U+202E]gpj.exe" in parsed.text


def test_pages_carry_a_strict_policy_that_fits() -> None:
    given = record()
    for text in (transcript.html(entry_of(given), given["task"], given["messages"]), index.html([entry_of(given)])):
        policy = next(attrs["content"] for tag, attrs in Page(text).tags if attrs.get("http-equiv"))
        assert policy is not None and policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize(("changes", "expected"), [
    ({"source": "snapshot", "snapshot_at": "2026-06-01T13:00:00Z"},
     ["snapshot taken on 2026-06-01 13:00:00 UTC"]),
    ({"messages": [message(0, "[...content truncated, 9 characters left out...]\n\nend")]}, ["was cut"]),
    ({"messages": [message(0, "a"), message(7, "b")]}, ["do not follow each other"]),
    ({"messages": []}, ["log is empty"]),
    ({"messages": [], "source": "none", "error_kind": "no_log"}, ["said that it has no log"]),
    ({"messages": [], "source": "none", "error_kind": "rate_limited"}, ["failed: rate limited"]),
    ({}, []),
])
def test_banners(changes: dict[str, Any], expected: list[str]) -> None:
    given = record(**changes)
    for text in (transcript.html(entry_of(given), given["task"], given["messages"]),
                 transcript.markdown(entry_of(given), given["task"], given["messages"])):
        assert len(re.findall(r'class="note |\*\*Note:', text)) == len(expected)
        assert all(part in text.replace("\\", "") for part in expected)


def test_the_redaction_banner_names_the_rules() -> None:
    given = record()
    made = entry_of(given, redacted=True, redactions={"github-token": 2, "jwt": 1})
    assert "3 secrets were taken out: github-token (2), jwt (1)." in transcript.html(made, given["task"], [])


def test_long_messages_are_folded_and_complete() -> None:
    for content in ("\n".join(f"line {number}" for number in range(200)), "x" * 20_000, "short"):
        given = record(messages=[message(1, content)])
        text = transcript.html(entry_of(given), given["task"], given["messages"])
        blocks = re.findall(r"<pre[^>]*>\n(.*?)</pre>", text.split("<main")[1], flags=re.S)
        assert "".join(blocks).replace("\n", "") == content.replace("\n", "")
        assert ("more line" in text) == (content != "short")


def _blocks(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable("table").parse(text)


@given(st.text("`~#<>\\\n -*=|[]()!ab1."), st.text("`~#<>\\\n *_[]()|!ab"))
def test_markdown_shows_hostile_text_as_it_is(content: str, name: str) -> None:
    given = record(messages=[message(1, content)], task_changes={"display_name": name or None, "initial_prompt": ""})
    tokens = _blocks(transcript.markdown(entry_of(given), given["task"], given["messages"]))
    fences = [token.content for token in tokens if token.type == "fence"]
    assert fences == [printable(content) + "\n"]
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "strong_open", "strong_close", "text_special"}


@given(st.text(), st.text())
def test_the_markdown_index_has_one_row_a_task(name: str, owner: str) -> None:
    given = record(task_changes={"display_name": name, "owner_name": owner})
    tokens = _blocks(index.markdown([entry_of(given)]))
    assert sum(token.type == "td_open" for token in tokens) == 8
    links = [child.attrs["href"] for token in tokens for child in token.children or [] if child.type == "link_open"]
    assert links == ["tasks/folder/transcript.md"]


@given(st.text())
def test_no_cell_of_the_table_is_a_formula(text: str) -> None:
    for value in (text, f"={text}", f"  @{text}", f"\t+{text}", f"-{text}"):
        given = record(task_changes={"display_name": value, "name": value})
        rows = list(csv.reader(io.StringIO(index.csv_table([entry_of(given)]))))
        assert len(rows) == 2
        assert not [cell for cell in rows[1] if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


_times = st.one_of(st.dates().map(str), st.text(max_size=12), st.none(), st.just("0001-01-01T00:00:00Z"))


@given(st.lists(_times, max_size=20))
def test_the_chart_holds_every_task_with_a_date(times: list[str | None]) -> None:
    entries = [{"created_at": time, "status": "active"} for time in times]
    chart = timeline.chart(entries)
    if chart is not None:
        assert all(0 <= column.x < timeline.WIDTH for column in chart.bars)
        dated = [time for time in times if timeline._date(time) is not None]
        assert sum(number for _status, number in chart.statuses) == len(dated)
        assert max(part.height for column in chart.bars for part in column.parts) == timeline.HEIGHT


@pytest.mark.parametrize(("last", "unit", "bars"), [
    ("2020-02-20", "day", 6), ("2020-05-20", "week", 15), ("2022-02-15", "month", 25), ("2030-02-15", "year", 11),
])  # fmt: skip
def test_a_bar_is_of_the_shortest_time_of_which_few_enough_fit(last: str, unit: str, bars: int) -> None:
    entries = [{"created_at": f"{day}T08:00:00Z", "status": "active"} for day in ("2020-02-15", last)]
    chart = timeline.chart(entries)
    assert chart is not None and (chart.unit, len(chart.bars)) == (unit, bars)
    assert [len(column.parts) for column in chart.bars] == [1] + [0] * (bars - 2) + [1]


@given(st.text())
def test_plain_text_has_no_controls(text: str) -> None:
    shown = printable(text + HOSTILE + text)
    assert not [char for char in shown if char not in "\n\t" and (ord(char) < 32 or 127 <= ord(char) < 160)]
    assert printable(shown) == shown


def test_plain_text_loses_nothing_to_an_open_sequence() -> None:
    never_closed = "]0;never closed, and here is the rest\nof it"
    assert printable(f"a\x1b{never_closed}") == f"a{never_closed}"
    assert printable("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b[1;31mred\x1b[0m\x1bP1$r\x1b\\") == "alink red"
