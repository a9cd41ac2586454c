# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is the old one or the new one, whatever fails, and nothing else is left beside it."""

from __future__ import annotations

import errno
import os
import runpy
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import documents
import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import files
from ansible_collections.coder.tasks.plugins.module_utils.archive.redaction_key import key_path, redaction_key
from ansible_collections.coder.tasks.plugins.module_utils.snapshot import atomic
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.spool import Capture, Spool

Put = Callable[[str, str, Callable[[str], object]], None]
EITHER = pytest.mark.parametrize("put", [atomic.replace, atomic.create])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def names(path: Path) -> list[str]:
    return sorted(os.listdir(path))


def writing(data: bytes) -> Callable[[str], None]:
    return lambda draft: atomic.write_new(draft, data)


def test_it_replaces_what_is_there(tmp_path: Path) -> None:
    for data in (b"one", b"another", b""):
        atomic.replace(str(tmp_path / "file"), str(tmp_path / ".draft"), writing(data))
        assert (tmp_path / "file").read_bytes() == data
        assert names(tmp_path) == ["file"]


def test_the_first_one_wins(tmp_path: Path) -> None:
    for data in (b"one", b"another"):
        atomic.create(str(tmp_path / "file"), str(tmp_path / ".draft"), writing(data))
    assert (tmp_path / "file").read_bytes() == b"one"
    assert names(tmp_path) == ["file"]


def test_of_many_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def put(number: int) -> bytes:
        atomic.create(str(path), f"{path}.{number}", writing(bytes([number]) * 9))
        return path.read_bytes()

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(put, range(64)))
    assert seen == {path.read_bytes()} and len(path.read_bytes()) == 9
    assert names(tmp_path) == ["file"]


@EITHER
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), ValueError("x"), SystemExit(1)])
def test_a_draft_that_fails_leaves_what_was_there(tmp_path: Path, put: Put, failure: BaseException) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def half(draft: str) -> None:
        atomic.write_new(draft, b"ne")
        raise failure

    with pytest.raises(type(failure)):
        put(str(tmp_path / "file"), str(tmp_path / ".draft"), half)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@EITHER
def test_a_place_that_cannot_be_taken_leaves_nothing(tmp_path: Path, put: Put) -> None:
    with pytest.raises(FileNotFoundError):
        put(str(tmp_path / "missing" / "file"), str(tmp_path / ".draft"), writing(b"x"))
    assert names(tmp_path) == []


def test_a_folder_in_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic.replace(str(tmp_path / "file"), str(tmp_path / ".draft"), writing(b"x"))
    assert names(tmp_path) == ["file"]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"theirs")
    (tmp_path / "file").symlink_to("other")
    atomic.replace(str(tmp_path / "file"), str(tmp_path / ".draft"), writing(b"ours"))
    assert (tmp_path / "other").read_bytes() == b"theirs"
    assert (tmp_path / "file").read_bytes() == b"ours" and not (tmp_path / "file").is_symlink()


def test_both_names_are_in_the_folder_that_is_held(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    atomic.replace("file", ".draft", lambda draft: atomic.write_new(draft, b"x", folder), folder)
    assert names(tmp_path) == ["elsewhere", "file"] and names(tmp_path / "elsewhere") == []
    with pytest.raises(IsADirectoryError):
        atomic.replace("elsewhere", ".draft", lambda draft: atomic.write_new(draft, b"x", folder), folder)
    assert names(tmp_path) == ["elsewhere", "file"]


def test_what_is_written_is_private_and_whole(tmp_path: Path) -> None:
    path, data = tmp_path / "file", bytes(range(256)) * 4096
    before = os.umask(0)
    try:
        atomic.write_new(str(path), data)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == data
    atomic.write_new(str(path), b"shorter")
    assert path.read_bytes() == b"shorter"


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"theirs")
    (tmp_path / "file").symlink_to("other")
    with pytest.raises(OSError, match="file"):
        atomic.write_new(str(tmp_path / "file"), b"ours")
    assert (tmp_path / "other").read_bytes() == b"theirs"


def test_exclusive_refuses_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        atomic.write_new(str(tmp_path / "file"), b"ours", exclusive=True)
    assert (tmp_path / "file").read_bytes() == b"theirs"


def test_an_error_names_the_file() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        atomic.write_new("/dev/full", b"x")
    assert caught.value.filename == "/dev/full"
    with pytest.raises(OSError, match="missing") as caught:
        atomic.sync("/nowhere/missing")
    assert caught.value.filename == "/nowhere/missing"


# Who uses it, and what each keeps of its own: the name of its draft, and whether it waits for the disk.


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the operating system, in order."""
    seen: list[str] = []
    fsync, replace, link = os.fsync, os.replace, os.link

    def synced(descriptor: int) -> None:
        seen.append("sync")
        fsync(descriptor)

    def placed(put: Callable[..., None]) -> Callable[..., None]:
        def call(draft: str, path: str, **folders: int) -> None:
            seen.append(f"{put.__name__} {os.path.basename(draft)}")
            put(draft, path, **folders)

        return call

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", placed(replace))
    monkeypatch.setattr(os, "link", placed(link))
    return seen


def test_a_file_of_an_archive_is_on_the_disk_before_it_is_in_its_place(tmp_path: Path, calls: list[str]) -> None:
    files.replace(str(tmp_path / "manifest.jsonl"), b"x")
    assert calls == ["sync", "replace .new-manifest.jsonl"]
    assert names(tmp_path) == ["manifest.jsonl"]


def test_a_cursor_is_on_the_disk_before_it_is_in_its_place(tmp_path: Path, calls: list[str]) -> None:
    source = runpy.run_path(str(documents.ROOT / "extensions/eda/plugins/event_source/task_changes.py"))
    source["Cursor"](str(tmp_path / "cursor"), "server").write({"id": {"name": "one"}})
    assert calls == ["sync", "replace cursor.new"]
    assert names(tmp_path) == ["cursor"] and stat.S_IMODE((tmp_path / "cursor").stat().st_mode) == 0o600


def test_a_key_is_on_the_disk_before_it_is_in_its_place(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    redaction_key(None)
    first, second = calls
    assert first == "sync" and second.startswith(f"link redaction.key.{os.getpid()}.")
    assert names(Path(key_path()).parent) == ["redaction.key"]


def test_a_capture_does_not_wait_for_the_disk(tmp_path: Path, calls: list[str]) -> None:
    """What it guards against is a kill; a stop has no time for a slow disk."""
    capture = Capture("task", 1.0, "messages", 0, b'{"messages":[]}')
    path = Spool({"HOME": str(tmp_path)}).put(capture)
    assert calls == ["replace .task.json.tmp"]
    assert names(Path(path).parent) == ["task.json"]
