# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of the redaction is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Callable, NamedTuple

Span = tuple[int, int]
Find = Callable[[str], Iterator[Span]]

SHORTEST_TOKEN = 15
"""Characters. In words shorter than that, which are most, no provider's token needs to be looked for."""


class Rule(NamedTuple):
    """A kind of secret.

    :param needles: in lower case; the rule is asked only where one of them occurs.
    :param find: yields where the secrets lie.
    :param is_token: it lies in a run of at least SHORTEST_TOKEN characters without white space, so nothing else is
        looked at.
    """

    name: str
    pattern: str
    needles: tuple[str, ...]
    find: Find
    is_token: bool = False


def pattern_rule(
    name: str,
    pattern: str,
    *needles: str,
    accept: Callable[[re.Match[str]], bool] | None = None,
    is_token: bool = False,
) -> Rule:
    """A rule by regular expression; the secret is the group `secret`, or else the whole match."""
    compiled = re.compile(pattern)
    group = "secret" if "secret" in compiled.groupindex else 0

    def find(text: str) -> Iterator[Span]:
        for match in compiled.finditer(text):
            if accept is None or accept(match):
                yield match.span(group)

    return Rule(name, pattern, tuple(needle.lower() for needle in needles), find, is_token)


def word_rule(
    name: str,
    words: tuple[str, ...],
    pattern: str,
    accept: Callable[[re.Match[str]], bool] | None = None,
) -> Rule:
    """A rule whose pattern begins with one of these words (lower case), whatever their case in the text.

    Only where such a word stands is the pattern tried, which costs a fraction of searching for a pattern without case.
    """
    compiled = re.compile(pattern, re.IGNORECASE)

    def find(text: str) -> Iterator[Span]:
        lowered = lower(text)
        for start in occurrences(lowered, words) if len(lowered) == len(text) else range(len(text)):
            match = compiled.match(text, start)
            if match and (accept is None or accept(match)):
                yield match.span("secret")

    return Rule(name, pattern, words, find)


@lru_cache(4)
def lower(text: str) -> str:
    """In lower case. Many rules ask, about the same text in turn."""
    return text.lower()


def occurrences(text: str, words: tuple[str, ...]) -> list[int]:
    """Where any of the words stands, in order."""
    found = []
    for word in words:
        at = text.find(word)
        while at >= 0:
            found.append(at)
            at = text.find(word, at + len(word))
    return sorted(found)
