# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as the collector hands them to the archive."""

from __future__ import annotations

import random
import uuid
from typing import Any

from ansible_collections.coder.tasks.plugins.module_utils.archive.record import Entry, Message, Record, Task, entry
from ansible_collections.coder.tasks.plugins.module_utils.archive.wholeness import is_complete, lacks

KEY = b"a key for the tests only"
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7 * 7 }}{% raw %}"
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\u202egpj.exe</pre></details>\n```\n# heading\n~~~~\n=1+1\x00\x9b1m"
    "|cell|[link](javascript:alert(1))"
)


def message(number: int, content: str, kind: str = "output") -> Message:
    time = f"2026-06-01T12:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"id": number, "content": content, "type": kind, "time": time}


def task(number: int = 1, **changes: Any) -> Task:
    owner = ("alice", "bob", "carol", "dave")[number % 4]
    made: Task = {
        "id": str(uuid.UUID(int=number, version=4)),
        "name": f"task-{number}",
        "display_name": f"Fix the login page {number}",
        "owner_id": str(uuid.UUID(int=number % 4, version=4)),
        "owner_name": owner,
        "organization_id": str(uuid.UUID(int=99, version=4)),
        "template_id": str(uuid.UUID(int=number % 3, version=4)),
        "template_name": ("claude", "codex", "goose")[number % 3],
        "status": ("active", "paused", "error", "active", "paused")[number % 5],
        "workspace_build_number": 1,
        "initial_prompt": "Please fix the login page.",
        "current_state": {"timestamp": "2026-06-01T12:00:00Z", "state": "idle", "message": "Done", "uri": ""},
        "created_at": f"2026-{3 + number % 3:02}-{1 + number % 28:02}T08:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
        "url": f"https://coder.example.com/tasks/{owner}/{number}",
    }
    made.update(changes)
    return made


def record(number: int = 1, messages: list[Message] | None = None, task_changes: dict[str, Any] | None = None,
           **changes: Any) -> Record:
    made: dict[str, Any] = {
        "task": task(number, **(task_changes or {})),
        "messages": [message(0, "Please fix the login page.", "input"), message(1, "I will look at it.")]
        if messages is None else messages,
        "source": "live",
        "snapshot_at": None,
        "error_kind": None,
        "versions": {"coder": "2.34.0", "agentapi": None, "collection": "1.0.0"},
    }
    made.update(changes)
    return made  # type: ignore[return-value]


def entry_of(given: Record, **changes: Any) -> Entry:
    """The manifest's line about a record that is not stored."""
    classes = lacks(given["source"], given["messages"], restarted=False, redacted=False)
    stored = {
        "life": 1, "lacks": classes, "complete": is_complete(classes, given["messages"]), "truncated": "cut" in classes,
        "earlier": 0, "redacted": False, "redactions": {}, "files": {}, "bytes": 0,
    }  # fmt: skip
    return {**entry(given, "folder"), **stored, **changes}


def fleet(count: int, seed: int = 1) -> list[Record]:
    """Many tasks of every kind."""
    rng = random.Random(seed)
    words = "the login page fails when the session cookie expires and the test for it is slow"
    records = []
    for number in range(count):
        log = [
            message(at, " ".join(rng.choices(words.split(), k=rng.randint(3, 60))), "output" if at % 2 else "input")
            for at in range(rng.randint(0, 12))
        ]
        source = "none" if not log else rng.choice(["live", "live", "snapshot"])
        records.append(record(
            number, log, source=source,
            snapshot_at="2026-06-01T13:00:00Z" if source == "snapshot" else None,
            error_kind="conflict" if source == "none" and rng.random() < 0.5 else None,
        ))
    return records
