# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the secrets out of text before it is written, best effort.

Each secret becomes a mark, `[REDACTED:<rule>:<8 hex digits>]`. The digits are a keyed hash (HMAC-SHA-256): the same
secret has the same mark everywhere, and without the key nobody can try guesses against it. What is redacted already
stays as it is when it is redacted again.

A terminal breaks a long secret over two lines and colours it, an editor hides characters in it, so rules are asked
about several views of a text: as it stands, without what is not seen, and with its wrapped lines joined again.
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
from operator import add
from typing import Any, Callable, NamedTuple
from urllib.parse import quote

from .rule import SHORTEST_TOKEN, Rule, Span, lower
from .rules import REVISION, RULES
from .scanner import Scanner
from .views import Plain, View, Whole, around_long_words, escapes, line_marks, other_lines, unseen, wraps

SHORTEST_VALUE = 4
"""Exact values below this length are refused: they would shred ordinary text."""

_SHORT = 100
_MOST_ROUNDS = 8
_MARK_START = "[REDACTED:"
_MARK = re.compile(r"\[REDACTED:([a-z0-9][a-z0-9-]{0,39}):[0-9a-f]{8}\]")
# What was taken for the end of a value is the name of the next one.
_ASSIGNED = re.compile(r"[ \t]{0,4}:?=(?!=)[ \t]")
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


def only_marks(text: str) -> str:
    """The marks of a text, without what stands around them."""
    return "".join(match[0] for match in _MARK.finditer(text))


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


class _Needles:
    """The needles of one sort of rules, each with the places of its rules."""

    def __init__(self, rules: Sequence[Rule], is_token: bool) -> None:
        places: dict[str, list[int]] = {}
        for at, rule in enumerate(rules):
            if rule.is_token is is_token:
                for needle in rule.needles:
                    places.setdefault(needle, []).append(at)
        self._all = list(places.items())
        self._short = [pair for pair in self._all if len(pair[0]) < 2]
        self._by_start: dict[str, list[tuple[str, list[int]]]] = {}
        for pair in self._all:
            self._by_start.setdefault(pair[0][:2], []).append(pair)

    def worth_asking(self, text: str) -> list[tuple[str, list[int]]]:
        """The needles to look for in a text: all, or of a short one those whose first two characters occur in it."""
        if len(text) > len(self._all):
            return self._all
        starts = set(map(add, text, text[1:])).intersection(self._by_start)
        return [*self._short, *(pair for start in starts for pair in self._by_start[start])]


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

    The same text gives the same result, always; what is redacted stays as it is when it is redacted again.

    :param key: secret bytes for the marks (see redaction_key).
    :param values: exact secrets.
    :param passing_values: further ones, such as a session's token, that change without anything being another.
    :param rules: asked before the built-in ones.
    :param allow: exact texts that are no secrets.
    :param scanner: asked beside the rules.
    :raises ValueError: a value is shorter than SHORTEST_VALUE.
    """

    def __init__(
        self,
        key: bytes,
        *,
        values: Sequence[str] = (),
        passing_values: Sequence[str] = (),
        rules: Sequence[Rule] = (),
        allow: Iterable[str] = (),
        scanner: Scanner | None = None,
    ) -> None:
        known = [*values, *passing_values]
        if any(len(value) < SHORTEST_VALUE for value in known):
            raise ValueError(f"A value to redact has fewer than {SHORTEST_VALUE} characters; leave it out.")
        self._key = key
        self._allow = frozenset(allow)
        self._rules = ((_exact_rule(known),) if known else ()) + tuple(rules) + RULES
        self._scanner = scanner
        self._names = [*(rule.name for rule in self._rules), scanner.name if scanner else ""]
        self._lasting = [
            REVISION, scanner.identity if scanner else None,
            *((rule.name, rule.pattern) for rule in (_exact_rule(values), *rules, *RULES)),
        ]  # fmt: skip
        self._token_needles, self._other_needles = _Needles(self._rules, True), _Needles(self._rules, False)
        # Most strings of a task are short ones that all tasks have.
        self._redact_short = lru_cache(4096)(self._redact)

    @property
    def fingerprint(self) -> str:
        """A digest that tells two keys apart and says nothing about them."""
        return self._hash(b"fingerprint of the redaction key")[:16]

    @property
    def scanner(self) -> dict[str, Any] | None:
        """Name, version and number of rules of the scanner that is asked, too."""
        asked = self._scanner
        return {"name": asked.name, "version": asked.version, "rules": asked.rules} if asked else None

    @property
    def configuration(self) -> str:
        """Changes with the key, the rules, the scanner, the values and what is allowed; gives none of them away."""
        return self._hash(json.dumps([self._lasting, sorted(self._allow)]).encode("utf-8"))[:16]

    def digest(self, data: bytes) -> str:
        """A checksum of unredacted bytes that cannot be used to guess the secrets in them."""
        return f"hmac-sha256:{self._hash(data)}"

    def redact(self, text: str) -> Redacted:
        """The text with a mark in place of each secret."""
        return self._redact_short(text) if len(text) < _SHORT else self._redact(text)

    def _redact(self, text: str) -> Redacted:
        """Redact until nothing more is found, because where a secret is gone another one may begin."""
        finds = self._finds(text)
        if not finds:
            return Redacted(text, {})
        counts: Counter[str] = Counter()
        for _round in range(_MOST_ROUNDS):
            pieces, at = [], 0
            for find in finds:
                name = self._names[find.preference]
                counts[name] += 1
                pieces += [text[at : find.start], self._mark(name, find.secret)]
                at = find.end
            text = "".join([*pieces, text[at:]])
            finds = self._finds(text)
            if not finds:
                break
        return Redacted(text, dict(sorted(counts.items())))

    def redact_data(self, data: Any, kept: Container[str] = ()) -> Any:
        """Plain data (as JSON knows it) with every string value redacted; keys stay, and the values of those `kept`."""
        return _walk(data, lambda text: self.redact(text).text, kept)

    def _hash(self, data: bytes) -> str:
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()

    def _mark(self, name: str, secret: str) -> str:
        return f"[REDACTED:{name}:{self._hash(secret.encode('utf-8', 'surrogatepass'))[:8]}]"

    def _finds(self, text: str) -> list[_Find]:
        """What to take out, in order and without overlap: of the text, and of it with its escapes as characters."""
        found, plain = self._finds_in(text), Plain(text)
        if plain.seams:
            found += _placed(self._finds_in(plain.text), plain)
        return list(_merge(_outside_marks(found, text)))

    def _finds_in(self, text: str) -> list[_Find]:
        """What there is to find: as it stands, as it is seen, and with its lines joined."""
        cuts = unseen(text)
        seen = View(text, cuts) if cuts else Whole(text)
        found = self._found(seen)
        if cuts:
            found += self._found_in_unseen(text, escapes(text, cuts), found)
        marks = line_marks(seen.text)
        if marks:
            found += _apart(_placed(self._found(View(seen.text, marks)), seen), found)
        breaks = wraps(seen.text)
        if breaks:
            found += self._found_across(breaks, seen)
            firm = wraps(seen.text, at_spaces=False)
            if firm and firm != breaks:
                found += self._found_across(firm, seen)
        return found

    def _found(self, view: View) -> list[_Find]:
        return [
            _Find(*view.span(start, end), preference, view.text[start:end])
            for preference, start, end in self._matches(view.text)
        ]

    def _found_in_unseen(self, text: str, sequences: list[Span], found: list[_Find]) -> list[_Find]:
        """What stands in the address of a link, or was kept apart by what is not seen.

        Then, in the text as it is, what a terminal would swallow a part of. There, a sequence's last letter can be
        taken for a secret's first one.
        """
        more = self._found(View(text, sequences))
        if sequences:
            more += _apart(self._found(Whole(text)), found + more)
        return more

    def _found_across(self, breaks: list[Span], seen: View) -> list[_Find]:
        """What lies across line breaks, in the lines that go on in the next one."""
        joined = View(seen.text, breaks)
        lines = View(joined.text, other_lines(joined))
        found = []
        for preference, start, end in self._matches(lines.text):
            start, end = lines.span(start, end)
            end = self._without_next_word(joined, preference, start, end)
            if joined.crosses(start, end) and not _ASSIGNED.match(joined.text, end):
                span = seen.span(*joined.span(start, end))
                found.append(_Find(*span, preference, joined.text[start:end]))
        return found

    def _matches(self, text: str) -> Iterator[tuple[int, int, int]]:
        """The place of a rule in the order of preference, and where it finds something."""
        for preference, start, end in self._raw_matches(text):
            if end > start and text[start:end] not in self._allow:
                yield preference, start, end

    def _raw_matches(self, text: str) -> Iterator[tuple[int, int, int]]:
        words = " ".join(dict.fromkeys([word for word in text.split() if len(word) >= SHORTEST_TOKEN]))
        tokens = [at for at in self._with_needle(words, self._token_needles) if any(self._rules[at].find(words))]
        if tokens:  # only now it matters where the words stood
            view = View(text, around_long_words(text))
            for preference in tokens:
                for start, end in self._rules[preference].find(view.text):
                    if end > start:
                        yield (preference, *view.span(start, end))
        for preference in self._with_needle(text, self._other_needles):
            for start, end in self._rules[preference].find(text):
                yield preference, start, end
        if self._scanner:
            for start, end in self._scanner.find(text):
                yield len(self._rules), start, end

    @staticmethod
    def _with_needle(text: str, needles: _Needles) -> list[int]:
        """The rules that have a needle in the text."""
        if not text:
            return []
        text = lower(text)
        return sorted({at for needle, places in needles.worth_asking(text) if needle in text for at in places})

    def _without_next_word(self, joined: View, preference: int, start: int, end: int) -> int:
        """The end of a secret that was complete when its line ended, and only seemed to go on in the next line."""
        seam = joined.seams[bisect_right(joined.seams, end - 1) - 1] if joined.seams else 0
        word = _WORD.match(joined.text, seam)
        if not start < seam < end or word is None or word.end() < end:
            return end
        before = max(0, start - 128)
        if preference == len(self._rules):
            return end
        head = self._rules[preference].find(joined.text[before:seam])
        return seam if (start - before, seam - before) in head else end


def _placed(finds: list[_Find], view: View) -> list[_Find]:
    """What was found in a view, where it lies in the view's original."""
    return [find._replace(start=start, end=end) for find in finds for start, end in [view.span(find.start, find.end)]]


def _apart(finds: list[_Find], others: list[_Find]) -> list[_Find]:
    """Those that overlap none of the others."""
    starts: list[int] = []
    ends: list[int] = []
    for other in sorted(others):
        if ends and other.start < ends[-1]:
            ends[-1] = max(ends[-1], other.end)
        else:
            starts.append(other.start)
            ends.append(other.end)
    last = [(find, bisect_right(starts, find.end - 1) - 1) for find in finds]
    return [find for find, at in last if at < 0 or ends[at] <= find.start]


def _outside_marks(found: list[_Find], text: str) -> list[_Find]:
    """Without those that begin or end inside a mark, whose name and digits look like an assignment.

    Of those with a mark in the middle, what is around it and long enough to be one.
    """
    if not found or _MARK_START not in text:
        return found
    marked = [match.span() for match in _MARK.finditer(text)]
    starts = [start for start, _end in marked]
    return [piece for find in found for piece in _pieces(find, marked, starts, text)]


def _pieces(find: _Find, marked: list[Span], starts: list[int], text: str) -> Iterator[_Find]:
    first = bisect_right(starts, find.start) - 1
    inside = marked[max(first, 0) : bisect_right(starts, find.end - 1)]
    inside = [span for span in inside if span[1] > find.start]
    if not inside:
        yield find
    elif find.start < inside[0][0] and find.end > inside[-1][1]:
        at = find.start
        for start, end in [*inside, (find.end, find.end)]:
            if len("".join(text[at:start].split())) >= SHORTEST_TOKEN:
                yield _Find(at, start, find.preference, text[at:start])
            at = end


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
