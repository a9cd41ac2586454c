# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that ship with the collection, in order of preference.

Every pattern is written so that hostile text costs linear time: it begins with a literal or a bounded run, nothing that
repeats contains another repeat without a bound, and no two neighbouring repeats can match the same character without a
small bound.
"""

from __future__ import annotations

from collections.abc import Iterator

from .judge import is_example
from .private_keys import PRIVATE_KEY
from .rule import SHORTEST_TOKEN, Rule, Span, pattern_rule
from .surroundings import SURROUNDINGS
from .tokens import TOKENS, base64_rule

__all__ = ["REVISION", "RULES", "SHORTEST_TOKEN", "Rule", "pattern_rule"]

REVISION = 3
"""Raised with every change of what is found, because a rule's pattern does not show what its code does."""


def _but_examples(rule: Rule) -> Rule:
    """The same rule, blind to the example keys of documents."""

    def find(text: str) -> Iterator[Span]:
        return ((start, end) for start, end in rule.find(text) if not is_example(text[start:end]))

    return rule._replace(find=find)


# Where two rules cover the same characters, the first one names the secret.
RULES: tuple[Rule, ...] = (
    PRIVATE_KEY,
    *map(_but_examples, TOKENS),
    base64_rule((PRIVATE_KEY, *map(_but_examples, TOKENS))),
    *SURROUNDINGS,
)
