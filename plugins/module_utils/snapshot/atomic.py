# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a file in its place in one step: whoever looks sees the old one or the new one, and never a part of it.

A file is first written as a draft beside its place, on the same file system, and then renamed or linked (POSIX makes
either in one step).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def replace(path: str, draft: str, fill: Callable[[str], object], dir_fd: int | None = None) -> None:
    """Put a file in its place, or in the place of the one that is there; a link at its place is replaced itself.

    :param draft: where `fill`, which is called with it, writes the file; removed when anything fails.
    :param dir_fd: a folder that both paths are relative to.
    :raises OSError: as raised by `fill` or by the rename; what was there before is still there.
    """
    try:
        fill(draft)
        os.replace(draft, path, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except BaseException:
        _remove(draft, dir_fd)
        raise


def create(path: str, draft: str, fill: Callable[[str], object]) -> None:
    """Put a file in its place unless one is there: of several processes that try, the first one wins.

    :param draft: as for `replace`; a name that no other process uses.
    :raises OSError: as raised by `fill` or by the link.
    """
    try:
        fill(draft)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        _remove(draft)


def write_new(path: str, data: bytes, dir_fd: int | None = None, exclusive: bool = False) -> None:
    """Write a file that only its owner can read, where nobody looks yet; follows no link, and waits for no disk.

    :param exclusive: refuse a file that is there already, instead of emptying it.
    :raises OSError: with the path as its `filename`.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_EXCL if exclusive else os.O_TRUNC)
    descriptor = os.open(path, flags, 0o600, dir_fd=dir_fd)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError as error:
        error.filename = path  # which a call that knows only the descriptor does not tell
        raise
    finally:
        os.close(descriptor)


def sync(path: str) -> None:
    """Have a file, or the names in a folder, on the disk and not only in memory.

    :raises OSError: with the path as its `filename`.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(descriptor)


def _remove(draft: str, dir_fd: int | None = None) -> None:
    try:
        os.unlink(draft, dir_fd=dir_fd)
    except OSError:
        return  # it was not made, or the file system has become read-only
