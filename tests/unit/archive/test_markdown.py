# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.report import markdown, transcript
from ansible_collections.coder.tasks.plugins.module_utils.archive.text import printable

from . import samples
from .samples import entry_of, message, record

ALLOWED = {"p", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "h3", "h4",
           "h5", "h6", "code", "pre", "a", "br", "hr", "span"}  # fmt: skip


class Elements(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, "elements do not nest"

    def handle_data(self, data: str) -> None:
        self.text += data


def html(text: str) -> str:
    made = markdown.rendered(printable(text), 24, 40)
    assert made is not None
    return made.shown + made.rest


@given(st.lists(st.sampled_from([
    "# a", "\n", "\n\n", "* b", "1. c", "7) d", "```", "~~~ x", "> e", "|a|b|\n|-|-:|\n|1|2|\n", "**f**", "*g*", "`h`",
    "[i](https://example.com/?a=1&b='2')", "[j](javascript:alert(1))", "[k](<JAVASCRIPT:x>)",
    "![l](https://e.com/x.png)", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "<http://a.b/c>", "<javascript:x>", "&lt;", "&#27;[31m",
    "&#x202e;", "&#0;", "\\", "---", "    m", "[n]: data:text/html,x 'y'\n\n[n]", "\"'", samples.HOSTILE,
    "[o](https://a\" onclick=\"x)", "```diff\n-a\n+b\n```", "{{ 1 }}", "<!-- p -->", "[q](data:text/html;base64,x)",
]), max_size=12).map(lambda parts: "# a\n" + "".join(parts)))  # fmt: skip
def test_nothing_but_what_is_allowed_comes_out(text: str) -> None:
    clean = printable(text)
    made = markdown.rendered(clean, 24, 40)
    if made is None:
        return
    for part in (made.shown, made.rest):
        page = Elements(part)
        assert not page.open
        assert {tag for tag, _attributes in page.found} <= ALLOWED
        for tag, attributes in page.found:
            assert set(attributes) <= {"a": {"href", "rel", "title"}, "ol": {"start"}, "th": {"class"}, "td": {"class"},
                                       "pre": {"class"}, "span": {"class"}}.get(tag, set())  # fmt: skip
            assert (attributes.get("href") or "https://").startswith(("https://", "http://"))
        assert printable(page.text) == page.text


def test_what_it_looks_like() -> None:
    assert html("## a\n\n**b** `c` [d](https://e.f)\n\n3. g\n4. h") == (
        '<h4>a</h4>\n<p><strong>b</strong> <code>c</code> <a href="https://e.f" rel="noopener noreferrer" '
        'title="https://e.f">d</a></p>\n<ol start="3"><li>g\n</li>\n<li>h\n</li>\n</ol>\n'
    )
    assert html("```diff\n-a\n+b\n```") == (
        '<pre class="code">\n<span class="del">-a</span>\n<span class="add">+b</span></pre>\n'
    )
    assert '<td class="number">2</td>' in html("|a|b|\n|-|-:|\n|1|2|")
    assert html("- a\nb") == "<ul><li>a<br>\nb\n</li>\n</ul>\n", "a line's end stays one"
    assert html("# x\n![a cat](https://e.f/cat.png)").endswith("<p>[a cat: https://e.f/cat.png]</p>\n")


def test_only_an_address_of_the_web_is_one() -> None:
    assert html("# x\n[a](/etc/passwd) [b](ftp://e.f)").endswith("<p><a>a</a> <a>b</a></p>\n")


def test_what_a_later_parser_knows_more_is_left_out_but_for_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    more = markdown.MarkdownIt("commonmark").enable("strikethrough")
    monkeypatch.setattr(markdown, "_parser", lambda: more)
    assert html("# x\n~~a~~ b").endswith("<p>a b</p>\n")


@pytest.mark.parametrize("text", [
    "Plain prose, `with code` in it.\nAnd two lines.", "5 * 3 ** 2", "● Bash(ls)\n  ⎿  - a\n- b", "╭──╮\n# a\n╰──╯",
    "# padded as on a screen     \n- a\n", "# a\n" + "x" * markdown.LONGEST,
])  # fmt: skip
def test_what_is_shown_as_it_is(text: str) -> None:
    assert markdown.rendered(text, 24, 40) is None


def test_without_the_library_a_message_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = record(messages=[message(0, "# A heading <b>")])
    arguments = (entry_of(given_), given_["task"], given_["messages"])
    assert "<h3>A heading &lt;b&gt;</h3>" in transcript.html(*arguments)
    monkeypatch.setattr(markdown, "HAVE_MARKDOWN", False)
    assert "\n# A heading &lt;b&gt;</pre>" in transcript.html(*arguments)


def test_a_parser_that_fails_does_not_keep_a_message_from_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def parse(self, text: str) -> Any:
            raise IndexError(text)

    monkeypatch.setattr(markdown, "_parser", Broken)
    assert markdown.rendered("# a", 24, 40) is None


def test_a_long_message_is_folded_between_blocks() -> None:
    text = "".join(f"## {number}\n\nwords\n\n" for number in range(30)).rstrip()
    made = markdown.rendered(text, 24, 40)
    assert made is not None and made.shown.count("<h4>") == 6 and made.rest.count("<h4>") == 24
    assert made.rest_lines == text.count("\n") + 1 - 24
    assert re.findall(r"<h4>(\d+)", made.shown + made.rest) == [str(number) for number in range(30)]


def test_what_is_rendered_of_one_conversation_has_a_bound() -> None:
    log = [message(number, f"# {number}\n" + "word " * 3900) for number in range(20)]
    given_ = record(messages=log)
    text = transcript.html(entry_of(given_), given_["task"], log)
    assert text.count("<h3>") == 3


@pytest.mark.parametrize("unit", [
    "**", "[", "[a](", "`", "> ", "* ", "|a", "<", "&", "_*", "![", "```\n", "**a", "- \n ",
])  # fmt: skip
def test_no_text_takes_long(unit: str) -> None:
    """The work on one message is bounded; generously, because this is not about speed."""
    started = time.process_time()
    markdown.rendered("# a\n" + unit * (markdown.LONGEST // len(unit) - 4), 24, 40)
    assert time.process_time() - started < 10
