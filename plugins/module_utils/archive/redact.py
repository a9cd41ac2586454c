# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the secrets out of text before it is written, best effort.

Each secret becomes a mark, `[REDACTED:<rule>:<8 hex digits>]`. The digits are a keyed hash (HMAC-SHA-256): the same
secret has the same mark everywhere, and without the key nobody can try guesses against it. What is redacted already
stays as it is when it is redacted again.

A terminal breaks a long secret over two lines and colours it, so rules are asked twice: about the text without escape
sequences, and about the same text with its wrapped lines joined again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Callable, NamedTuple
from urllib.parse import quote

from .rules import RULES, SHORTEST_TOKEN, Rule, Span
from .text import ESCAPE

SHORTEST_VALUE = 4
"""Exact values below this length are refused: they would shred ordinary text."""

_NARROWEST_TERMINAL = 40
_SHORTEST_WRAPPED = 16
_FRAME = " \t\r│┃║|"
_TOKEN_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=.~:%@")
_SHORT = 100
_MARK_START = "[REDACTED:"
_MARK = re.compile(r"\[REDACTED:([a-z0-9][a-z0-9-]{0,39}):[0-9a-f]{8}\]")
_WORD = re.compile(r"[A-Z]?[a-z]{0,14}[.:]?(?![A-Za-z0-9_+/=.~:%@-])")


class Redacted(NamedTuple):
    """What is left, and how many secrets each rule took out."""

    text: str
    counts: dict[str, int]


def marks(data: Any) -> dict[str, int]:
    """How many secrets each rule has taken out of plain data, by their marks."""
    counts: Counter[str] = Counter()

    def count(text: str) -> str:
        if _MARK_START in text:
            counts.update(_MARK.findall(text))
        return text

    _walk(data, count)
    return dict(sorted(counts.items()))


def without_digits(text: str) -> str:
    """The text as it would be with any other key."""
    return _MARK.sub(r"[REDACTED:\1]", text) if _MARK_START in text else text


def _walk(value: Any, change: Callable[[str], str], kept: Container[str] = ()) -> Any:
    """Plain data (as JSON knows it) with every string changed but keys, and the values of the keys that are kept."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: item if key in kept else _walk(item, change, kept) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_walk(item, change, kept) for item in value]
    return value


class _Find(NamedTuple):
    """A secret: where it lies in the original, the place of its rule in the order of preference, the secret itself."""

    start: int
    end: int
    preference: int
    secret: str


class _View:
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


def _needles(rules: Sequence[Rule], is_token: bool) -> list[tuple[str, int]]:
    """The needles of one sort of rules, each with the place of its rule."""
    return [(needle, at) for at, rule in enumerate(rules) if rule.is_token is is_token for needle in rule.needles]


def _escapes(text: str) -> list[Span]:
    return [match.span() for match in ESCAPE.finditer(text)] if "\x1b" in text or "\x9b" in text else []


def _wraps(text: str) -> list[Span]:
    """The line breaks, with the frame and indentation around them, that a terminal may have put inside a token."""
    cuts = []
    start = 0
    newline = text.find("\n")
    while newline >= 0:
        following = text.find("\n", newline + 1)
        body = text[start:newline].rstrip(_FRAME)
        lead = text[newline + 1 : following if following >= 0 else len(text)]
        rest = lead.lstrip(_FRAME)
        if len(body) >= _NARROWEST_TERMINAL and rest and _is_one_token(body, rest):
            cuts.append((start + len(body), newline + 1 + len(lead) - len(rest)))
        start, newline = newline + 1, following
    return cuts


def _is_one_token(body: str, rest: str) -> bool:
    """Whether the end of one line and the start of the next could be one secret; two plain words are too short."""
    if body[-1] not in _TOKEN_CHARS or rest[0] not in _TOKEN_CHARS:
        return False
    return len(body.rsplit(None, 1)[-1]) + len(rest.split(None, 1)[0]) >= _SHORTEST_WRAPPED


def _exact_rule(values: Iterable[str]) -> Rule:
    """A rule for known values, also as they stand in a URL or a JSON string; the longest comes first."""
    forms = {form for value in values for form in (value, quote(value, safe=""), json.dumps(value)[1:-1])}
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    compiled = re.compile("|".join(map(re.escape, ordered)))

    def find(text: str) -> Iterator[Span]:
        return (match.span() for match in compiled.finditer(text))

    return Rule("known-value", compiled.pattern, tuple(form.lower() for form in ordered), find)


class Redactor:
    """Takes secrets out of text. Safe to share between threads.

    key: secret bytes for the marks (see redaction_key). values: exact secrets; passing_values: further ones, such as a
    session's token, that change without anything being another. rules: asked before the built-in ones. allow: exact
    texts that are no secrets. Raises ValueError for a value shorter than SHORTEST_VALUE.
    """

    def __init__(
        self,
        key: bytes,
        *,
        values: Sequence[str] = (),
        passing_values: Sequence[str] = (),
        rules: Sequence[Rule] = (),
        allow: Iterable[str] = (),
    ) -> None:
        known = [*values, *passing_values]
        if any(len(value) < SHORTEST_VALUE for value in known):
            raise ValueError(f"A value to redact has fewer than {SHORTEST_VALUE} characters; leave it out.")
        self._key = key
        self._allow = frozenset(allow)
        self._rules = ((_exact_rule(known),) if known else ()) + tuple(rules) + RULES
        self._lasting = [(rule.name, rule.pattern) for rule in (_exact_rule(values), *rules, *RULES)]
        self._token_needles, self._other_needles = _needles(self._rules, True), _needles(self._rules, False)
        self._reach = max(SHORTEST_TOKEN, *(len(needle) for rule in self._rules for needle in rule.needles))
        # Most strings of a task are short ones that all tasks have.
        self._redact_short = lru_cache(4096)(self._redact)

    @property
    def fingerprint(self) -> str:
        """Tells two keys apart and says nothing about them."""
        return self._hash(b"fingerprint of the redaction key")[:16]

    @property
    def configuration(self) -> str:
        """Changes with the key, the rules, the values and what is allowed; says nothing about them either."""
        return self._hash(json.dumps([self._lasting, sorted(self._allow)]).encode("utf-8"))[:16]

    def digest(self, data: bytes) -> str:
        """A checksum of unredacted bytes that cannot be used to guess the secrets in them."""
        return f"hmac-sha256:{self._hash(data)}"

    def redact(self, text: str) -> Redacted:
        """The text with a mark in place of each secret."""
        return self._redact_short(text) if len(text) < _SHORT else self._redact(text)

    def _redact(self, text: str) -> Redacted:
        finds = self._finds(text)
        if not finds:
            return Redacted(text, {})
        counts: Counter[str] = Counter()
        pieces, at = [], 0
        for find in finds:
            name = self._rules[find.preference].name
            counts[name] += 1
            pieces += [text[at : find.start], self._mark(name, find.secret)]
            at = find.end
        return Redacted("".join([*pieces, text[at:]]), dict(sorted(counts.items())))

    def redact_data(self, data: Any, kept: Container[str] = ()) -> Any:
        """Plain data (as JSON knows it) with every string value redacted; keys stay, and the values of those `kept`."""
        return _walk(data, lambda text: self.redact(text).text, kept)

    def _hash(self, data: bytes) -> str:
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()

    def _mark(self, name: str, secret: str) -> str:
        return f"[REDACTED:{name}:{self._hash(secret.encode('utf-8', 'surrogatepass'))[:8]}]"

    def _finds(self, text: str) -> list[_Find]:
        """What to take out, in order and without overlap."""
        seen = _View(text, _escapes(text))
        asked = self._asked(seen.text)
        found = [
            _Find(*seen.span(start, end), preference, seen.text[start:end])
            for preference, start, end in self._matches(seen.text, asked)
        ]
        wraps = _wraps(seen.text)
        if wraps:
            joined = _View(seen.text, wraps)
            for preference, start, end in self._matches(joined.text, asked | self._asked_around(joined)):
                end = self._without_next_word(joined, preference, start, end)
                if bisect_right(joined.seams, start) < bisect_right(joined.seams, end - 1):  # it lies across a break
                    span = seen.span(*joined.span(start, end))
                    found.append(_Find(*span, preference, joined.text[start:end]))
        return list(_merge(_outside_marks(found, text)))

    def _asked(self, text: str) -> set[int]:
        """The rules that have a needle in the text."""
        words = " ".join([word for word in text.split() if len(word) >= SHORTEST_TOKEN])
        return self._with_needle(words, text)

    def _asked_around(self, joined: _View) -> set[int]:
        """Those that have one about the seams, where a needle can be that was not in the text before it was joined."""
        reach = self._reach
        about = "\n".join(joined.text[max(0, seam - reach) : seam + reach] for seam in joined.seams)
        return self._with_needle(about, about)

    def _with_needle(self, words: str, text: str) -> set[int]:
        words, text = words.lower(), text.lower()
        asked = {at for needle, at in self._other_needles if needle in text}
        if words:
            asked.update([at for needle, at in self._token_needles if needle in words])
        return asked

    def _matches(self, text: str, asked: set[int]) -> Iterator[tuple[int, int, int]]:
        for preference in sorted(asked):
            for start, end in self._rules[preference].find(text):
                if end > start and text[start:end] not in self._allow:
                    yield preference, start, end

    def _without_next_word(self, joined: _View, preference: int, start: int, end: int) -> int:
        """The end of a secret that was complete when its line ended, and only seemed to go on in the next line."""
        seam = joined.seams[bisect_right(joined.seams, end - 1) - 1] if joined.seams else 0
        word = _WORD.match(joined.text, seam)
        if not start < seam < end or word is None or word.end() < end:
            return end
        before = max(0, start - 128)
        head = self._rules[preference].find(joined.text[before:seam])
        return seam if (start - before, seam - before) in head else end


def _outside_marks(found: list[_Find], text: str) -> list[_Find]:
    """Without those that begin or end inside a mark: its name and digits look like an assignment."""
    if not found or _MARK_START not in text:
        return found
    spans = [match.span() for match in _MARK.finditer(text)]
    starts = [start for start, _end in spans]

    def inside(position: int) -> bool:
        at = bisect_right(starts, position) - 1
        return at >= 0 and position < spans[at][1]

    return [find for find in found if not inside(find.start) and not inside(find.end - 1)]


def _merge(found: Iterable[_Find]) -> Iterator[_Find]:
    """Join what overlaps; the preferred rule, then the longest secret, gives the name and the mark."""
    group: list[_Find] = []
    end = -1
    for find in sorted(found):
        if group and find.start >= end:
            yield _joined(group, end)
            group = []
        group.append(find)
        end = max(end, find.end) if len(group) > 1 else find.end
    if group:
        yield _joined(group, end)


def _joined(group: list[_Find], end: int) -> _Find:
    best = min(group, key=lambda find: (find.preference, -len(find.secret)))
    return _Find(group[0].start, end, best.preference, best.secret)
