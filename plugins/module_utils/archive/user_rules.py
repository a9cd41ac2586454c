# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that a user adds to the redaction, from a YAML file.

A pattern is trusted as a playbook is: how long it takes is not judged here. A match of fewer than SHORTEST_VALUE
characters is not taken for a secret, because a slip such as `a*` would shred every text.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..coder.errors import CoderError, invalid, missing_library
from .redact import SHORTEST_VALUE
from .rules import Rule, pattern_rule

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_KEYS = ("rules", "values", "allow")


class UserRules(NamedTuple):
    """What a file adds: rules, exact secrets, and exact texts that are no secrets."""

    rules: tuple[Rule, ...] = ()
    values: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


def load(path: str) -> UserRules:
    """Read a rules file.

    :raises CoderError: `io`, `invalid` or `library`; it names the file and what is wrong in it.
    """
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
        raise invalid(f"the redaction rules {path} are not valid YAML") from error
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
    try:
        return pattern_rule(name, pattern, "", accept=_is_long_enough)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"the pattern of the rule {name} in {path} is not a regular expression: {error}") from error


def _is_long_enough(match: re.Match[str]) -> bool:
    start, end = match.span("secret" if "secret" in match.re.groupindex else 0)
    return end - start >= SHORTEST_VALUE
