# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of other versions: read by all, upgraded by collecting only."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call

from ansible_collections.coder.tasks.plugins.module_utils.archive.wholeness import CLASSES
from emulator import Emulator

Servers = Callable[..., Emulator]
FIRST = Path(__file__).parents[2] / "archives" / "format-1"
KEY = "a key for these tests only"


def archive(server: Emulator, path: Path, state: str = "present", **options: Any) -> Call:
    return call("archive", server, **{"path": str(path), "redaction_key": KEY, "state": state, **options})


def manifest(path: Path) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in map(json.loads, (path / "manifest.jsonl").read_text().splitlines())}


def tree(path: Path) -> dict[str, bytes]:
    ignored = (".lock", "index.sqlite")
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*")
            if file.is_file() and file.name not in ignored}  # fmt: skip


@pytest.fixture
def server(emulator: Servers) -> Emulator:
    """A server that has two of the three tasks, as they were when the archive was written."""
    server = emulator(auto_snapshot=False)
    time = "2026-06-01T12:00:00Z"
    for name in ("live", "paused"):
        task = server.create_task(name, state="paused" if name == "paused" else "active")
        del server.state.tasks[task.id]
        task.id = manifest(FIRST)[name]["id"]
        server.state.tasks[task.id] = task
    server.state.task("live").api.set_messages([{"id": 0, "role": "user", "content": "other words", "time": time}])
    return server


@pytest.fixture
def old(tmp_path: Path) -> Path:
    shutil.copytree(FIRST, tmp_path / "archive")
    return tmp_path / "archive"


@pytest.mark.parametrize("state", ["verified", "evacuated"])
def test_an_older_archive_is_read_and_left_as_it_is(server: Emulator, old: Path, state: str) -> None:
    before = tree(old)
    server.create_task("new")
    made = archive(server, old, state, accept=list(CLASSES))
    assert made["verification"]["unprovable"] == 2 and made["verification"]["reasons"]["unsealed"] == 2
    assert made["verification"]["files"]["intact"] and made["verification"]["seal"] == "absent"
    assert made.kind == "invalid" and "collect again" in made.msg
    assert tree(old) == before and len(server.state.visible_tasks()) == 3


def test_collecting_upgrades_all_of_it(server: Emulator, old: Path) -> None:
    done = archive(server, old)
    assert not done.failed and done["changed"]
    entries = manifest(old)
    assert {name: entry["format"] for name, entry in entries.items()} == {"live": 2, "paused": 2, "silent": 2}
    assert json.loads((old / "archive.json").read_text())["format"] == 2
    assert entries["live"]["earlier"] == 1 and entries["live"]["redacted"] is False
    lives = (old / "tasks" / entries["live"]["folder"] / "conversation.jsonl").read_text()
    assert lives.index("hello") < lives.index("other words")
    check = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    subprocess.run(check, cwd=old, check=True, timeout=60)
    proof = archive(server, old, "verified")
    assert proof["verification"]["seal"] == "intact" and proof["verification"]["files"]["intact"]
    again = archive(server, old)
    assert not again["changed"], "once"


def test_a_newer_archive_is_refused(server: Emulator, old: Path) -> None:
    (old / "archive.json").write_text('{"format": 99}')
    for state in ("present", "verified", "evacuated"):
        made = archive(server, old, state)
        assert made.kind == "invalid" and "format 99" in made.msg and "Update the collection" in made.msg
