# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import search
from ansible_collections.coder.tasks.plugins.module_utils.archive.record import Record
from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive

from . import samples
from .samples import message, record

DOCUMENT = Path(__file__).parents[3] / "docs" / "archive-queries.md"
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), flags=re.S)


def save(path: Path, *records: Record) -> None:
    with Archive(str(path), None) as archive:
        for each in records:
            archive.save(each)
        archive.finish()


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path / "index.sqlite")) as database:
        return database.execute(query).fetchall()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    save(
        tmp_path,
        record(1, [message(0, "Why does the login fail?", "input"), message(1, "The login failed: a cookie.")]),
        record(2, [message(1, "Nothing to see")], source="snapshot"),
        record(4, [], source="none", error_kind="conflict"),
        record(3, [message(0, samples.HOSTILE + "\ud800\0漢字")]),
    )
    return tmp_path


def test_the_documents_queries(archive: Path) -> None:
    assert len(QUERIES) == 3
    found, lossy, usage = (ask(archive, query) for query in QUERIES)
    assert sorted(row[:3] for row in found) == [("bob", "task-1", 0), ("bob", "task-1", 1)]
    assert all("[login]" in row[3] for row in found)
    assert lossy == [("alice", "task-4", "none", "conflict", 0), ("carol", "task-2", "snapshot", None, 1)]
    assert usage[0] == ("codex", 2, 2, "2026-06-01T12:00:01Z")


def test_any_text_is_taken(archive: Path) -> None:
    content = ask(archive, "SELECT content FROM messages JOIN tasks ON task_id = tasks.id WHERE name = 'task-3'")
    assert "漢字" in content[0][0]


def test_numbers_of_any_size_are_taken(tmp_path: Path) -> None:
    save(tmp_path, record(1, [message(1 << 70, "far out")]))
    assert ask(tmp_path, "SELECT content FROM messages WHERE number > 1e21") == [("far out",)]


def test_it_is_private_and_made_again_when_the_manifest_changed(archive: Path) -> None:
    database = archive / "index.sqlite"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    made = database.stat().st_mtime_ns
    save(archive)
    assert database.stat().st_mtime_ns == made
    save(archive, record(1, [message(1, "other words")]))
    for word, found in (("other", 1), ("cookie", 1), ("anew", 0)):  # of both lives, and nothing of the seam
        query = f"SELECT count(*) FROM messages_fts WHERE messages_fts MATCH '{word}'"
        assert ask(archive, query) == [(found,)], word
    database.write_bytes(b"broken")
    save(archive)
    assert ask(archive, "SELECT count(*) FROM tasks") == [(4,)]
    database.unlink()
    save(archive)
    assert database.exists()
    assert not list(archive.glob(".new-*"))


@pytest.mark.parametrize(("name", "value"), [
    ("HAVE_SQLITE", False), ("_SCHEMA", search._SCHEMA.replace("USING fts5", "USING fts99")),
])  # fmt: skip
def test_a_python_that_cannot_make_one_leaves_none_that_is_out_of_date(
    archive: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(search, name, value)
    database = archive / "index.sqlite"
    with Archive(str(archive), None) as unchanged:
        assert unchanged.finish() and database.exists()
    with Archive(str(archive), None) as changed:
        changed.save(record(1, [message(1, "other words")]))
        assert not changed.finish() and not database.exists()
    assert not list(archive.glob(".new-*"))
