# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of all conversations, as the page of all tasks carries them: it may load nothing, so it brings its index.

An inverted index in two texts of as many lines each. `words`: every word, sorted. `places`: at the same line the rows
that say it, ascending, each as its distance from the one before (the first from -1), minus 1, written as a variable
length quantity: six bits per character, the lowest first, 32 says that more follow. Words are what stands between
separators, in lower case and NFKC; of Chinese and Japanese, which have none, each pair of neighbours. The page's script
reads it, and takes what is searched apart in the same way.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple, Union

from ..text import printable

# Longer ones count by their beginning, so that encoded data does not fill the page.
LONGEST_WORD = 64
# Bytes of memory that the index may take while it is made: some 20,000 conversations of 10 KB, as agents write.
ROOM = 128 << 20
_WORD_COST, _PLACE_COST = 160, 4
# Inside of a class of both re and JavaScript: spaces, punctuation and symbols below U+10000, but not "_" and letters.
SEPARATORS = (
    r"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u2000-\u206f\u20a0-\u20bf\u2190-\u25ff"
    r"\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe10-\ufe1f\ufe30-\ufe6f\uff00-\uff0f\uff1a-\uff20"
    r"\uff3b-\uff40\uff5b-\uff65\ufffd"
)
# Scripts that are written without spaces between words: Han, Hiragana and Katakana.
UNSPACED = r"\u3005-\u3007\u3021-\u302f\u3031-\u3035\u3041-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

_WORD = re.compile(f"[^{SEPARATORS}{UNSPACED}]+|[{UNSPACED}]+")
# For what nearly all text is: much faster than the pattern, and the same.
_ASCII_SEPARATORS = {number: " " for number in range(128) if not re.match("[0-9A-Za-z_]", chr(number))}
_UNSPACED = re.compile(f"[{UNSPACED}]")
_Place = Union[int, "array[int]"]


class Index(NamedTuple):
    """The two texts; None where the conversations are too many for a page."""

    words: str | None
    places: str | None


NOTHING = Index("", "")


def words(text: str) -> set[str]:
    """What can be found of a text."""
    text = printable(text)
    if text.isascii():
        return {word[:LONGEST_WORD] for word in set(text.lower().translate(_ASCII_SEPARATORS).split())}
    found: set[str] = set()
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if len(word) > 1 and _UNSPACED.match(word):
            found.update(word[at : at + 2] for at in range(len(word) - 1))
        else:
            found.add(word[:LONGEST_WORD])
    return found


def said(task: dict[str, Any], messages: Iterable[dict[str, Any]]) -> str:
    """All that a transcript shows as somebody's words."""
    return "\n".join([str(task.get("initial_prompt") or ""), *(str(each.get("content") or "") for each in messages)])


def index(texts: Iterable[str | None]) -> Index:
    """The index of texts in the order of their rows; None is a row without one."""
    held: dict[str, _Place] = {}
    room = ROOM
    for row, text in enumerate(texts):
        known, found = len(held), words(text or "")
        for word in found:
            places = held.get(word)
            if places is None:
                held[word] = row  # most words are said once
            elif isinstance(places, int):
                held[word] = array("I", (places, row))
            else:
                places.append(row)
        room -= _WORD_COST * (len(held) - known) + _PLACE_COST * len(found)
        if room < 0:
            return Index(None, None)
    ordered = sorted(held)
    return Index("\n".join(ordered), "\n".join([_written(held[word]) for word in ordered]))


def _written(places: _Place) -> str:
    last = -1
    parts = []
    for place in [places] if isinstance(places, int) else places:
        distance = place - last - 1
        last = place
        parts.append(_QUANTITIES[distance] if distance < 1024 else _quantity(distance))
    return "".join(parts)


def _quantity(number: int) -> str:
    text = ""
    while number >= 32:
        text += DIGITS[32 + number % 32]
        number //= 32
    return text + DIGITS[number]


_QUANTITIES = [_quantity(number) for number in range(1024)]
