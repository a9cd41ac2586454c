# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of every request that a server was asked."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

_QUERY_TOKEN = re.compile(r"((?:coder_session_token|access_token)=)[^&]*")


@dataclass
class Entry:
    """One request. status is 0 while, or when, there is no answer; time is in world seconds."""

    time: float
    method: str
    path: str
    query: str
    user: str
    body: Any
    status: int = 0
    seconds: float = 0.0
    fault: str = ""

    def is_write(self) -> bool:
        """Whether it may change something. The question what a token may do is a POST, and changes nothing."""
        return self.method not in ("GET", "HEAD", "OPTIONS") and not self.path.endswith("/authcheck")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Journal(list[Entry]):
    """Entries in the order in which the requests came. Tokens are masked."""

    def record(self, time: float, method: str, path: str, query: str, user: str, body: bytes) -> Entry:
        entry = Entry(time, method, path, _QUERY_TOKEN.sub(r"\1<masked>", query), user, _readable(body))
        self.append(entry)
        return entry

    @property
    def writes(self) -> list[Entry]:
        return [entry for entry in self if entry.is_write()]

    def matching(self, method: str | None = None, path: str = "") -> list[Entry]:
        """Entries by method and regular expression on the path."""
        return [entry for entry in self if method in (None, entry.method) and re.search(path, entry.path)]


def _readable(body: bytes) -> Any:
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
