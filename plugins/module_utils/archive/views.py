# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person, a browser or the clipboard makes of a text: the same text without some ranges of it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from html import unescape

from .rule import SHORTEST_TOKEN, Span, occurrences
from .text import ESCAPE

_NARROWEST_TERMINAL = 40
_SHORTEST_WRAPPED = 16
_REACH = 16
_FRAME = " \t\r│┃║|"
_TOKEN_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=.~:%@")

# Characters of no width: Unicode's default ignorable code points (UAX #44) that occur in practice, and controls.
_NO_WIDTH = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff"
)
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f"
# What HTML and Markdown show nothing for. It is looked at only between two characters of one word.
_WORD = r"[A-Za-z0-9_%+/=.-]"
_MARKUP = (
    r"<{behind}(?:!--[^<>]{{0,200}}--|/?(?:wbr|b|i|u|s|em|strong|span|code|tt|kbd|samp|var|mark|small|big|sub|sup|font|a|bdi|"
    r"bdo|q|del|ins)(?:\s[^<>]{{0,200}})?/?)>"
    r"|&{behind}(?:shy|zwj|zwnj|ZeroWidthSpace|NoBreak|lrm|rlm|#0{{0,4}}(?:173|820[3-7]|8288|65279)|"
    r"#[xX]0{{0,4}}(?:[aA][dD]|200[b-fB-F]|2060|[fF][eE][fF]{{2}}));"
    r"|\*{behind}\*{{0,2}}|`{behind}`?|\\{behind}(?=[!-/:-@\[-`{{-~])"
)
_IN_WORD = re.compile(
    rf"(?:{_MARKUP.format(behind=f'(?<={_WORD}.)')})(?:{_MARKUP.format(behind='')}){{0,3}}(?={_WORD})"
)
_MARKUP_STARTS = ("<", "&", "*", "`", "\\")
_STRINGS = ("]", "P", "X", "^", "_")
_ODD = re.compile(f"[\x1b\r{_NO_WIDTH}{_CONTROLS}]")
# What a viewer, grep, a quotation or a diff puts before each line, and the other half of a line's end.
_LINE_MARK = re.compile(
    r"^(?:[ \t]{0,8}[0-9]{1,6}(?:[:→│|\t]|[ ]{2})|[ \t]{0,4}>[ ]?|[-+](?![-+]))|\r(?=\n)", re.MULTILINE
)
# What says that the next lines may hold a secret.
_BLOCK = re.compile(
    r"kind[\"']?:[ \t]{0,8}[\"']?Secret\b|\b(?:value|default|content)[\"']?[ \t]{0,4}[:=]"
    r"|:[ \t]{1,4}[|>][-+0-9]{0,2}[ \t\r]{0,4}$",
    re.IGNORECASE | re.MULTILINE,
)
# A character as JSON, a string of code, a URL, or HTML spells it.
_SPELLED = re.compile(
    r"""\\(?:[nrt"'/\\]|u[0-9A-Fa-f]{4}|x[0-7][0-9A-Fa-f])|%[0-7][0-9A-Fa-f]"""
    r"|&(?:quot|apos|lt|gt|amp|nbsp|#0{0,4}(?:3[249]|[xX]2[0-7]));"
)
_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t"}
_NOT_PLAIN = re.compile("[0-9A-Z]")
_LONG_WORD = re.compile(rf"\S{{{SHORTEST_TOKEN},}}")


class View:
    """A text without some ranges of it, able to tell where a position was in the original."""

    def __init__(self, text: str, cuts: Sequence[Span]) -> None:
        pieces, self.seams, self._starts, self._shifts = [], [], [0], [0]
        length = at = 0
        for start, end in cuts:
            pieces.append(text[at:start])
            length += start - at
            at = end
            self.seams.append(length)
            self._starts.append(length)
            self._shifts.append(end - length)
        pieces.append(text[at:])
        self.text = "".join(pieces)

    def _origin(self, position: int) -> int:
        return position + self._shifts[bisect_right(self._starts, position) - 1]

    def span(self, start: int, end: int) -> Span:
        """The original range of what is at start..end here (end > start)."""
        return self._origin(start), self._origin(end - 1) + 1

    def crosses(self, start: int, end: int) -> bool:
        """Whether something was cut out between start and end, or just before, where a name may stand."""
        return bisect_left(self.seams, start - _REACH) < bisect_right(self.seams, end - 1)


class Whole(View):
    """A text as it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.seams = text, []

    def span(self, start: int, end: int) -> Span:
        return start, end


class Plain(View):
    """A text with the characters that it spells as an escape as themselves.

    Behind an escape a word begins, though that may end with a letter, as one for a line break does.
    """

    def __init__(self, text: str) -> None:
        escapes = list(_SPELLED.finditer(text)) if any(sign in text for sign in "\\%&") else []
        super().__init__(text, [(escape.start() + 1, escape.end()) for escape in escapes])
        pieces, at = [], 0
        for seam, escape in zip(self.seams, escapes):
            pieces += [self.text[at : seam - 1], _character(escape[0])]
            at = seam
        self.text = "".join([*pieces, self.text[at:]])


def _character(escape: str) -> str:
    if escape[0] == "&":
        return unescape(escape)
    return _CHARACTERS.get(escape[1:]) or (escape[1] if len(escape) == 2 else chr(int(escape.lstrip("\\ux%"), 16)))


def unseen(text: str) -> list[Span]:
    """What a reader does not see: escape sequences, controls, characters of no width, markup inside a word."""
    cuts = []
    if not (text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()):
        end = 0
        for match in _ODD.finditer(text):
            start = match.start()
            if start >= end and not text.startswith("\r\n", start):
                sequence = ESCAPE.match(text, start)
                end = sequence.end() if sequence else start + 1
                cuts.append((start, end))
    found = [_IN_WORD.match(text, at) for at in occurrences(text, _MARKUP_STARTS)]
    markup = [match.span() for match in found if match]
    return _united(cuts + markup) if markup else cuts


def escapes(text: str, cuts: list[Span]) -> list[Span]:
    """Of what is not seen, the escape sequences, but for the string that one carries, such as a link's target."""
    found = []
    for start, end in cuts:
        introducer = text[start : start + 2]
        if introducer[0] == "\x9b" or (introducer[0] == "\x1b" and introducer[1:] not in _STRINGS):
            found.append((start, end))
        elif introducer[0] == "\x1b" and introducer[1:] in _STRINGS and introducer[1:] != "]":
            found.append((start, start + 2))
    return found


def _united(spans: list[Span]) -> list[Span]:
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def around_long_words(text: str) -> list[Span]:
    """Everything but the words in which a provider's token has room, with one character of the space around them."""
    cuts, at = [], 0
    for match in _LONG_WORD.finditer(text):
        start = match.start() - 1
        if start > at:
            cuts.append((at, start))
        at = match.end() + 1
    if at < len(text):
        cuts.append((at, len(text)))
    return cuts


def line_marks(text: str) -> list[Span]:
    """What stands before and behind the lines of a block that is to be read as a whole; nothing where there is none."""
    return [match.span() for match in _LINE_MARK.finditer(text)] if _BLOCK.search(text) else []


def other_lines(joined: View) -> list[Span]:
    """The lines of a joined text in which nothing was joined."""
    text, cuts, at = joined.text, [], 0
    for seam in joined.seams:
        if seam >= at:
            start = text.rfind("\n", at, seam) + 1
            if start > at:
                cuts.append((at, start))
            end = text.find("\n", seam)
            at = end + 1 if end >= 0 else len(text)
    if at < len(text):
        cuts.append((at, len(text)))
    return cuts


def wraps(text: str, at_spaces: bool = True) -> list[Span]:
    """The line breaks, with the frame and indentation around them, that a terminal may have put inside a token.

    :param at_spaces: whether also those with more space around them than the other ends of the two lines have: it may
        be what the terminal puts there, or a space of the text at which it broke the line.
    """
    cuts = []
    lines = text.split("\n")
    start = 0
    for line, following in zip(lines, lines[1:]):
        if len(line) >= _NARROWEST_TERMINAL:
            body, rest = line.rstrip(_FRAME), following.lstrip(_FRAME)
            is_inside = at_spaces or not _has_space_between(line, following)
            if len(body) >= _NARROWEST_TERMINAL and rest and is_inside and _is_one_token(body, rest):
                cuts.append((start + len(body), start + len(line) + 1 + len(following) - len(rest)))
        start += len(line) + 1
    return cuts


def _has_space_between(line: str, following: str) -> bool:
    begins = [len(each) - len(each.lstrip(_FRAME)) for each in (line, following)]
    ends = [len(each) - len(each.rstrip(_FRAME)) for each in (line, following)]
    return begins[1] > begins[0] or ends[0] > ends[1]


def _is_one_token(body: str, rest: str) -> bool:
    """Whether the end of one line and the start of the next could be one secret; two plain words are too short."""
    if body[-1] not in _TOKEN_CHARS or rest[0] not in _TOKEN_CHARS:
        return False
    word = body.rsplit(None, 1)[-1] + rest.split(None, 1)[0]
    return len(word) >= _SHORTEST_WRAPPED and bool(_NOT_PLAIN.search(word))
