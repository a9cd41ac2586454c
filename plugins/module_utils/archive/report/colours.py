# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours in a message: those that a terminal was told to show, and those of a diff. A page has them as classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..text import ESCAPE, harmless, printable
from .markup import Html, escaped

# ECMA-48, 8.3.117: Select Graphic Rendition.
_SGR = re.compile(r"(?:\x1b\[|\x9b)([0-9;:]*)m\Z")
_HUNK = re.compile(r"([ \t]*)@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
# How coding agents show an edit on a terminal: a summary, then numbered lines, some with a sign.
_EDIT = re.compile(r"[^\n]* with \d+ (?:addition|removal)")
_EDITED_LINE = re.compile(r"[ \t]+(?:\d+[ \t]*([+-])?|[ \t])")
_SIGNS = {"+": "add", "-": "del"}


class Span(NamedTuple):
    """A part of a text and the classes that it is shown with. Spans of a text are in order and do not overlap."""

    start: int
    end: int
    classes: str


def coloured(content: str) -> tuple[str, list[Span]]:
    """A message's text, exactly as `printable` gives it, and its colours: those of a terminal, else those of diffs."""
    if "\x1b" not in content and "\x9b" not in content:
        text = printable(content)
        return text, diff(text)
    parts: list[str] = []
    spans: list[Span] = []
    style = _Style()
    content = content.replace("\r\n", "\n")
    begin = length = 0
    for match in [*ESCAPE.finditer(content), None]:
        piece = harmless(content[begin : match.start() if match else None])
        classes = style.classes
        if piece and classes:
            spans.append(Span(length, length + len(piece), classes))
        parts.append(piece)
        length += len(piece)
        if match:
            begin = match.end()
            style.read(match[0])
    text = "".join(parts)
    return text, spans or diff(text)


class _Style:
    """What a terminal would show the next character with."""

    def __init__(self) -> None:
        self._colour: int | None = None
        self._bold = self._dim = False

    @property
    def classes(self) -> str:
        # Black and white are what text has anyway, whichever way round the reader's page is.
        names = {f"c{self._colour}": self._colour not in (None, 0, 7), "bold": self._bold, "dim": self._dim}
        return " ".join(name for name, is_set in names.items() if is_set)

    def read(self, sequence: str) -> None:
        """Take note of an escape sequence, if it is about colours."""
        match = _SGR.match(sequence)
        if match is None:
            return
        codes = iter([int(code[:4]) for code in re.split("[;:]", match[1]) if code] or [0])
        for code in codes:
            if code == 0:
                self._colour, self._bold, self._dim = None, False, False
            elif code in (1, 2):
                self._bold, self._dim = self._bold or code == 1, self._dim or code == 2
            elif code == 22:
                self._bold = self._dim = False
            elif code == 39:
                self._colour = None
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._colour = code % 10
            elif code in (38, 48):
                colour = _extended(codes)
                self._colour = colour if code == 38 else self._colour


def _extended(codes: Iterator[int]) -> int | None:
    """The basic colour that is nearest to one of 256, or to one of red, green and blue; None for a grey."""
    kind = next(codes, None)
    if kind == 2:
        return _basic([next(codes, 0) for _part in range(3)])
    number = next(codes, 0) if kind == 5 else 232
    if number < 16:
        return number % 8
    if number > 231:
        return None
    number -= 16
    return _basic([number // 36, number // 6 % 6, number % 6])


def _basic(parts: list[int]) -> int | None:
    strong = [part * 5 >= max(parts) * 3 for part in parts]
    return None if all(strong) else sum(bit << at for at, bit in enumerate(strong))


def diff(text: str) -> list[Span]:
    """Lines that were added or removed, in unified diffs and in what an agent shows of its edits."""
    if "@@ -" not in text and " addition" not in text and " removal" not in text:
        return []
    spans: list[Span] = []
    old = new = 0
    indent = ""
    edited = False
    for start, line in _lines(text):
        if old > 0 or new > 0:
            sign = line[len(indent) :][:1] if line.startswith(indent) else " "
            old -= sign != "+"
            new -= sign != "-"
        elif match := _HUNK.match(line):
            indent, sign = match[1], ""
            old, new = int((match[2] or "1")[:9]), int((match[3] or "1")[:9])
        elif edited:
            kept = _EDITED_LINE.match(line)
            edited, sign = kept is not None, kept[1] or "" if kept else ""
        else:
            edited, sign = _EDIT.match(line) is not None, ""
        if sign in _SIGNS:
            spans.append(Span(start, start + len(line), _SIGNS[sign]))
    return spans


def signed(text: str) -> list[Span]:
    """Lines that begin with a sign, of a text that is known to be a diff."""
    lines = ((start, line, _SIGNS.get(line[:1])) for start, line in _lines(text))
    return [Span(start, start + len(line), sign) for start, line, sign in lines if sign and line[:3] not in _FILES]


_FILES = ("+++", "---")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def marked(text: str, spans: Iterable[Span], start: int = 0, end: int | None = None) -> str:
    """A part of a plain text with its colours, as Html; still text, which a template escapes, if it has none."""
    end = len(text) if end is None else end
    inside = [span for span in spans if span.end > start and span.start < end]
    if not inside:
        return text[start:end]
    parts = []
    for span in inside:
        first, last = max(span.start, start), min(span.end, end)
        parts += [escaped(text[start:first]), f'<span class="{span.classes}">{escaped(text[first:last])}</span>']
        start = last
    return Html("".join([*parts, escaped(text[start:end])]))
