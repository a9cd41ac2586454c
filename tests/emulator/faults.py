# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a server injects into its answers, chosen by rules."""

from __future__ import annotations

import random
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

KINDS = {
    "latency": "answer, but later: after `seconds`",
    "status": "answer `status` with `body` and `headers` instead of handling the request",
    "reset": "close the connection before the request is handled",
    "lost": "handle the request, then close the connection without an answer",
    "gateway": "handle the request, then answer `status` (default 504) with `body`, or with the page of a gateway",
    "truncate": "handle the request, then close the connection in the middle of the body",
    "drip": "handle the request, then send the body in small pieces over `seconds`",
    "login": "answer 200 with a login page",
    "redirect": "answer `status` (default 302) to `location`",
    "garbage": "answer 200 with JSON that is none",
}
# What a network and the gateways in it do on a bad day.
BAD_DAY: list[dict[str, Any]] = [
    {"kind": "reset"},
    {"kind": "lost"},
    {"kind": "truncate"},
    {"kind": "drip", "seconds": 0.1},
    {"kind": "status", "status": 429, "body": '{"message":"Slow down."}', "headers": {"Retry-After": "0"}},
    {"kind": "status", "status": 500, "body": '{"message":"Internal error."}'},
    {"kind": "status", "status": 502, "body": "<html>Bad gateway</html>"},
    {"kind": "status", "status": 503, "body": ""},
    {"kind": "gateway"},
]
# A request that the server handled, and an answer that is not its own.
LOST_ANSWERS: list[dict[str, Any]] = [
    {"kind": "lost"}, {"kind": "truncate"}, *({"kind": "gateway", "status": status} for status in (200, 500, 504)),
    {"kind": "gateway", "status": 200, "body": "{}"},
]  # fmt: skip
GATEWAY_PAGE = b"<html><head><title>Gateway Time-out</title></head></html>"
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Password</form></body></html>"


@dataclass
class Rule:
    """A fault and the requests that it meets. Times are real seconds.

    count: how many requests it meets, None for all; skip: how many it lets pass first.
    """

    kind: str
    method: str | None = None
    path: str = ""
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seconds: float = 0.5
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    location: str = ""
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; one of: {', '.join(KINDS)}")
        re.compile(self.path)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """The rules of a server; the first that meets a request is applied."""

    def __init__(self, seed: int = 0) -> None:
        self.rules: list[Rule] = []
        self._random = random.Random(seed)

    def add(self, kind: str, **options: Any) -> Rule:
        """Add a rule. Raises ValueError for an unknown kind or option."""
        known = {option.name for option in fields(Rule)}
        unknown = sorted(set(options) - known)
        if unknown:
            raise ValueError(f"unknown fault options {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        rule = Rule(kind, **options)
        self.rules.append(rule)
        return rule

    def meet_all(self, share: float) -> None:
        """Have this share of all requests meet a fault of :data:`BAD_DAY`, each kind as often."""
        for fault in BAD_DAY:
            self.add(path="/api/", count=None, probability=share / len(BAD_DAY), **fault)

    def clear(self) -> None:
        self.rules.clear()

    def pick(self, method: str, path: str) -> Rule | None:
        """The rule that meets this request; counts it."""
        for rule in self.rules:
            if rule.method not in (None, method) or not re.search(rule.path, path) or rule.count == 0:
                continue
            if rule.skip:
                rule.skip -= 1
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            if rule.count is not None:
                rule.count -= 1
            rule.hits += 1
            return rule
        return None
