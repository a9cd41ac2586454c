# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that are Markdown, rendered: parsed by markdown-it-py where it is installed, written by an own allow-list.

Whatever the parser finds, a page gets only the elements named here, without attributes but for an address of the web,
the number that a list starts with and the alignment of a cell; every text is escaped. Without the library, or where a
text is none of ours to render, a message is shown as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..text import printable
from . import colours
from .markup import Html, escaped

try:
    from markdown_it import MarkdownIt
except ImportError:
    HAVE_MARKDOWN = False
else:
    HAVE_MARKDOWN = True

# Longer ones stay as they are: parsing takes some 0.7 ms for each 1,000 characters.
LONGEST = 20_000
# A text without any of these gains nothing from being rendered.
_BLOCK = re.compile(r"\n(?:#{1,6} \S|```|~~~|(?:[-*+]|\d{1,3}[.)]) \S|> \S|\|[-: |]{3,}\n)")
_STRONG = re.compile(r"\*\*\w[^\n*]{0,200}\*\*")
# Boxes, bullets and padded lines of a terminal, whose layout Markdown would destroy.
_TERMINAL = re.compile("[\u2500-\u259f\u23bf\u23fa\u25cf\u273b\u273d]|[ ]{3}\n")
_SAME = frozenset(("p", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "strong", "em"))
_INLINE = frozenset(("strong", "em"))
_WEB = re.compile(r"https?://[^\s]+\Z")


class Rendered(NamedTuple):
    """A message in two parts, the second folded away.

    :param rest_lines: lines of source in the second part.
    """

    shown: Html
    rest: Html
    rest_lines: int


def rendered(text: str, shown_lines: int, most_lines: int) -> Rendered | None:
    """A printable text as Markdown; None where it is to be shown as it is.

    :param shown_lines: of a text that has more than `most_lines`, about so many are in the first part.
    """
    if not HAVE_MARKDOWN or len(text) > LONGEST or not _has_marks(text) or _TERMINAL.search(text):
        return None
    try:
        tokens = _parser().parse(text)
    except Exception:  # noqa: BLE001 - a text that the library fails at is still to be saved and read
        return None
    lines = text.count("\n") + 1
    cut = _cut(tokens, shown_lines) if lines > most_lines else len(tokens)
    left = lines - tokens[cut].map[0] if cut < len(tokens) else 0
    return Rendered(_html(tokens[:cut]), _html(tokens[cut:]), left)


def _has_marks(text: str) -> bool:
    return bool(_BLOCK.search(f"\n{text}") or "](http" in text or ("**" in text and _STRONG.search(text)))


@functools.cache
def _parser() -> Any:
    """CommonMark and tables. What looks like HTML is text, and a line's end is one, as its writer saw it."""
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")


def _cut(tokens: Sequence[Any], lines: int) -> int:
    """Where the second part begins: at the first block of the outermost level that starts after so many lines."""
    starts = (
        at for at, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0 and token.map[0] >= lines
    )
    return next(starts, len(tokens))


def _html(tokens: Sequence[Any]) -> Html:
    return Html("".join(map(_element, tokens)))


def _text(value: Any) -> Html:
    """What the parser took for text, cleaned once more: a reference such as `&#27;` can stand for any character."""
    return escaped(printable(str(value)))


def _element(token: Any) -> str:
    """One token as HTML."""
    if token.type == "inline":
        return _html(token.children or [])
    if token.type in ("fence", "code_block"):
        return _code(token)
    if token.type == "code_inline":
        return f"<code>{_text(token.content)}</code>"
    if token.type in ("softbreak", "hardbreak"):
        return "<br>\n"
    if token.type == "hr":
        return "<hr>\n"
    if token.type == "image":  # nothing is loaded: what it shows, and where it is
        return f"[{_text(token.content or 'image')}: {_text(token.attrs.get('src', ''))}]"
    return _tag(token) if token.nesting else _text(token.content)


def _tag(token: Any) -> str:
    slash, end = ("/", "\n") if token.nesting < 0 else ("", "")
    if token.hidden:  # the paragraph of an item in a tight list
        return end
    if token.type in ("link_open", "link_close"):
        return _link(token)
    if token.type in ("heading_open", "heading_close"):  # the page has headings of its own above
        return f"<{slash}h{min(int(token.tag[1:]) + 2, 6)}>{end}"
    if token.tag not in _SAME:
        return ""
    attribute = ""
    if token.type == "ordered_list_open" and token.attrs.get("start"):
        attribute = f' start="{int(token.attrs["start"])}"'
    elif token.attrs.get("style") == "text-align:right":
        attribute = ' class="number"'
    return f"<{slash}{token.tag}{attribute}>{end if token.tag not in _INLINE else ''}"


def _link(token: Any) -> str:
    """A link keeps its address only if that is one of the web. Both ends are there either way."""
    if token.nesting < 0:
        return "</a>"
    address = printable(str(token.attrs.get("href", "")))
    if not _WEB.match(address):
        return "<a>"
    return f'<a href="{escaped(address)}" rel="noopener noreferrer" title="{escaped(address)}">'


def _code(token: Any) -> str:
    text = printable(token.content).rstrip("\n")
    spans = colours.signed(text) if token.info.strip() == "diff" else colours.diff(text)
    code = colours.marked(text, spans)
    return f'<pre class="code">\n{code if isinstance(code, Html) else escaped(code)}</pre>\n'
