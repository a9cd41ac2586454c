# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""index.sqlite: all conversations in one database with a full-text index, for `sqlite3` and Datasette.

It is derived: rebuilt beside its place and renamed, whenever the manifest is not the one it was made from.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Any

from ..snapshot import atomic
from . import conversation, files, manifest
from .kinds import kind_of
from .record import Saved

try:
    import sqlite3
except ImportError:  # some builds of Python come without it
    HAVE_SQLITE = False
else:
    HAVE_SQLITE = True

DATABASE = "index.sqlite"

_SCHEMA = """
CREATE TABLE about (manifest_sha256 TEXT NOT NULL);
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, name TEXT, display_name TEXT, owner TEXT, template TEXT, status TEXT, prompt TEXT,
    source TEXT, complete INTEGER, truncated INTEGER, redacted INTEGER, error_kind TEXT,
    message_count INTEGER, first_time TEXT, last_time TEXT, created_at TEXT, url TEXT, folder TEXT, kind TEXT
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, task_id TEXT NOT NULL REFERENCES tasks (id),
    number INTEGER, type TEXT, time TEXT, content TEXT
);
CREATE VIRTUAL TABLE messages_fts USING fts5 (content, content='messages', content_rowid='id', tokenize='unicode61');
"""
_INDEXES = """
CREATE INDEX messages_task ON messages (task_id, number);
INSERT INTO messages_fts (messages_fts) VALUES ('rebuild');
"""
_SAME_NAME = ("id", "name", "display_name", "owner", "template", "status", "source", "complete", "truncated",
              "redacted", "error_kind", "first_time", "last_time", "created_at", "url", "folder")


def refresh(path: str, saved: Iterable[Saved]) -> bool:
    """Bring the database up to the archive's manifest.

    :returns: whether there is one; a Python without SQLite or its FTS5 cannot make one.
    """
    with files.io_errors("write the search index"):
        place, origin = os.path.join(path, DATABASE), os.path.join(path, manifest.MANIFEST)
        if HAVE_SQLITE:
            version = files.sha256(files.read(origin))
            if _version(place) == version or _replace(place, version, saved):
                return True
        elif os.path.exists(place) and os.path.getmtime(place) >= os.path.getmtime(origin):
            return True
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place)  # one that another Python made from an older manifest would mislead
    return False


def _replace(place: str, version: str, saved: Iterable[Saved]) -> bool:
    """Put a new database in place.

    :returns: False if SQLite has no FTS5.
    """

    def fill(draft: str) -> None:
        files.write_new(draft, b"")
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as database:
            _build(database, version, saved)

    try:
        atomic.replace(place, files.draft_of(place), fill)
    except sqlite3.Error as error:
        if "no such module: fts" in str(error):
            return False
        raise OSError(0, str(error), place) from error
    return True


def _version(place: str) -> str | None:
    """The checksum of the manifest that a database was made from."""
    if not os.path.exists(place):
        return None
    try:
        with contextlib.closing(sqlite3.connect(place)) as database:
            return str(database.execute("SELECT manifest_sha256 FROM about").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return None


def _build(database: sqlite3.Connection, version: str, saved: Iterable[Saved]) -> None:
    database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")
    database.execute("BEGIN")
    database.execute("INSERT INTO about VALUES (?)", (version,))
    for entry, task, messages in saved:
        row = {name: entry[name] for name in _SAME_NAME}
        row.update(prompt=task.get("initial_prompt"), message_count=entry["messages"], kind=kind_of(entry).name)
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO tasks ({columns}) VALUES ({marks})", [_value(item) for item in row.values()])
        database.executemany(
            "INSERT INTO messages (task_id, number, type, time, content) VALUES (?, ?, ?, ?, ?)",
            ([_value(item) for item in (entry["id"], message.get("id"), message.get("type"), message.get("time"),
                                        message.get("content"))]
             for message in messages if not conversation.is_seam(message)),
        )
    database.execute("COMMIT")
    database.executescript(_INDEXES)


def _value(value: Any) -> Any:
    """A value as SQLite can hold it."""
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return str(value)
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
