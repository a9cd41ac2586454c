# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is the old one or the new one, whatever fails, and nothing else is left beside it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import atomic

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
    """/dev/full takes no byte, and a pseudo file cannot be synced everywhere."""
    with pytest.raises(OSError, match="No space left") as caught:
        atomic.write_new("/dev/full", b"x")
    assert caught.value.filename == "/dev/full"
    with pytest.raises(OSError, match="missing") as caught:
        atomic.sync("/nowhere/missing")
    assert caught.value.filename == "/nowhere/missing"
