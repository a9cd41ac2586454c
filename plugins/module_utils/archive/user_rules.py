# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that a user adds to the redaction, from a YAML file.

A user's pattern meets text that an attacker can choose, and Python's regular expressions cannot be stopped once they
run. So a pattern is taken only if the number of ways in which it can match at one place is small and known beforehand.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..coder.errors import CoderError, invalid
from ..coder.transport import missing_library
from .redact import SHORTEST_VALUE
from .rules import Rule, pattern_rule

try:
    from re import _constants as _op  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
except ImportError:  # Python before 3.11
    import sre_constants as _op
    import sre_parse as _parser

_MOST_WAYS = 64
_LONGEST = 4096
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_KEYS = ("rules", "values", "allow")


class UserRules(NamedTuple):
    """What a file adds: rules, exact secrets, and exact texts that are no secrets."""

    rules: tuple[Rule, ...] = ()
    values: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


def load(path: str) -> UserRules:
    """Read a rules file. Raises CoderError (`io`, `invalid`, `library`) that names the file and what is wrong in it."""
    try:
        import yaml
    except ImportError as error:
        raise missing_library("yaml", error) from None
    try:
        with open(path, encoding="utf-8") as file:
            data = yaml.safe_load(file) or {}
    except OSError as error:
        raise CoderError(f"the redaction rules {path} could not be read: {error.strerror}", "io") from error
    except (yaml.YAMLError, ValueError) as error:
        raise invalid(f"the redaction rules {path} are no valid YAML") from error
    if not isinstance(data, dict) or set(data) - set(_KEYS):
        raise invalid(f"the redaction rules {path} must be a mapping", "Valid keys: rules, values, allow.")
    return UserRules(
        tuple(_rule(item, path) for item in _list(data, "rules", path)),
        tuple(_text(item, "values", path) for item in _list(data, "values", path)),
        tuple(_text(item, "allow", path) for item in _list(data, "allow", path)),
    )


def _list(data: dict[str, Any], key: str, path: str) -> list[Any]:
    value = data.get(key) or []
    if not isinstance(value, list):
        raise invalid(f"{key} in the redaction rules {path} must be a list")
    return value


def _text(item: Any, key: str, path: str) -> str:
    if not isinstance(item, str) or len(item) < SHORTEST_VALUE:
        raise invalid(f"{key} in the redaction rules {path} must hold strings of at least {SHORTEST_VALUE} characters")
    return item


def _rule(item: Any, path: str) -> Rule:
    if not isinstance(item, dict) or set(item) != {"name", "pattern"} or {type(v) for v in item.values()} != {str}:
        raise invalid(f"each of the rules in {path} must have a name and a pattern, both strings")
    name, pattern = item["name"], item["pattern"]
    if not _NAME.match(name):
        raise invalid(f"the name of a rule in {path} is {name!r}", "Use up to 40 of a-z, 0-9 and -.")
    problem = _problem(pattern)
    if problem:
        raise invalid(f"the pattern of the rule {name} in {path} {problem}")
    return pattern_rule(name, pattern, "")


def _problem(pattern: str) -> str | None:
    """Why a pattern cannot be taken, as the end of a sentence."""
    try:
        parsed = _parser.parse(pattern)
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    shortest, longest = parsed.getwidth()
    if shortest < SHORTEST_VALUE:
        return f"can match fewer than {SHORTEST_VALUE} characters"
    if longest > _LONGEST:
        return f"can match more than {_LONGEST} characters; give every repeat an upper bound, such as {{20,200}}"
    items = list(parsed)
    if items and items[-1][0] is _op.MAX_REPEAT and _ways(items[-1][1][2]) == 1:
        items.pop()  # nothing follows it that could fail, so it is never tried again
    if _ways(items) > _MOST_WAYS:
        return f"can match in more than {_MOST_WAYS} ways, which hostile text could abuse; bound its repeats closer"
    return None


def _ways(items: Any) -> float:
    """In how many ways a sequence can match at one place, at most."""
    total: float = 1
    for operator, argument in items:
        if operator in (_op.MAX_REPEAT, _op.MIN_REPEAT):
            least, most, content = argument
            inner = _ways(content)
            total *= (most - least + 1) * (inner ** min(int(most), 64) if inner > 1 else 1)
        elif operator is _op.BRANCH:
            total *= sum(_ways(branch) for branch in argument[1])
        elif operator is _op.SUBPATTERN:
            total *= _ways(argument[-1])
        elif operator in (_op.ASSERT, _op.ASSERT_NOT):
            total *= _ways(argument[1])
        elif operator not in (_op.LITERAL, _op.NOT_LITERAL, _op.ANY, _op.IN, _op.AT):
            return float("inf")  # a back-reference, or what later versions of Python add
    return total
