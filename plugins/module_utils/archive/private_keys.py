# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys in blocks of several lines, whole or cut off, and as terminals, diffs and viewers show them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .rule import Rule, Span

# RFC 7468, OpenPGP (RFC 9580), and PuTTY's own format.
_MARK = re.compile(
    r"-----(?P<side>BEGIN|END) (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|Private-Lines: [0-9]{1,3}\b"
)
# What stands before a line's own text: a frame, a quote, the mark of a diff, a line number of grep, cat or a viewer.
_DECORATION = re.compile(r"""[\s│┃║|>⎿"'`,+*#.…-]{0,80}(?:[0-9]{1,6}[:→│┃|\t -][\s│┃|+-]{0,40})?["'`]?""")
_TRAILING = " \t\r\n│┃║|\"'`,;\\+"
_BODY = re.compile(r"[A-Za-z0-9+/=_]{4,}\Z")
_HEADER = re.compile(r"[A-Z][A-Za-z-]{2,20}: .{0,120}\Z")
_ONE_LINE = re.compile(r"(?:\\{1,4}[nr]|[A-Za-z0-9+/=])*")
_LONGEST_BODY = 32768


def _content(line: str) -> str:
    """A line's own text."""
    content = line.rstrip(_TRAILING)
    start = _DECORATION.match(content)
    content = content[start.end() :] if start else content
    return content.replace("\\n", "").replace("\\r", "").replace("\\", "")


def _is_body(line: str) -> bool | None:
    """Whether a line could be one of a key's headers or of its body; None where the line does not tell."""
    content = _content(line)
    return bool(_BODY.match(content) or _HEADER.match(content)) if content else None


def _body_end(text: str, start: int, stop: int) -> int:
    """Where the lines that could be a key's body end, reading from `start`, behind the mark of its beginning."""
    end = position = begin = _one_line_end(text, start, stop)
    has_body = is_parted = False
    while position < stop:
        newline = text.find("\n", position, stop)
        following = stop if newline < 0 else newline + 1
        line = text[position:following]
        is_body = _is_body(line)
        if is_body:
            end = _content_end(text, position, following)
            has_body = has_body or bool(_BODY.match(_content(line)))
        elif is_body is False:
            break
        elif position > begin and not line.strip():
            # One line is empty between the headers, of which there may be none, and the body.
            if has_body or is_parted:
                break
            is_parted = True
        position = following
    return end


def _content_end(text: str, start: int, stop: int) -> int:
    return start + len(text[start:stop].rstrip(_TRAILING))


def _is_block(text: str, start: int, stop: int) -> bool:
    """Whether nearly all between two marks could be a key's body; source code names both marks, too."""
    if stop - start > _LONGEST_BODY:
        return False
    kinds = [_is_body(line) for line in text[_one_line_end(text, start, stop) : stop].split("\n")]
    return kinds.count(False) <= len(kinds) // 4


def _one_line_end(text: str, start: int, stop: int) -> int:
    match = _ONE_LINE.match(text, start, stop)
    return match.end() if match else start


def _body_start(text: str, stop: int, floor: int) -> int:
    """Where the lines that could be a key's body begin, reading back from `stop`."""
    start = stop
    while start > floor:
        newline = text.rfind("\n", floor, start - 1)
        preceding = floor if newline < 0 else newline + 1
        if _is_body(text[preceding:start]) is False:
            break
        start = preceding
    return start


def _find(text: str) -> Iterator[Span]:
    """Whole blocks, and what a cut left of one. Reads every character at most twice."""
    floor = 0
    marks = list(_MARK.finditer(text))
    index = 0
    while index < len(marks):
        mark, following = marks[index], marks[index + 1] if index + 1 < len(marks) else None
        is_ended = mark["side"] and following and following["side"] == "END"
        index += 1
        if mark["side"] == "END":  # its beginning was cut off
            start, end = _body_start(text, mark.start(), floor), mark.end()
        elif is_ended and following and _is_block(text, mark.end(), following.start()):
            start, end = mark.start(), following.end()
            index += 1
        else:  # its end was cut off, or the format has no mark for it
            start, end = mark.start(), _body_end(text, mark.end(), following.start() if following else len(text))
        if end - start > mark.end() - mark.start():
            yield start, end
        floor = end


PRIVATE_KEY = Rule("private-key", _MARK.pattern, ("private key", "private-lines"), _find)
