# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive's folder, held open: what is read is read from there and from nowhere else.

A file counts only as a regular file below the folder that was opened: no link, and no other file system. Whether the
folder still lies at its path is asked again before anything is done that relies on it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from ..coder.errors import CoderError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotRegular(OSError):
    """What stands at a file's place is not a regular file of this folder."""


class HeldFolder:
    """The folder at `path`, whose `tasks` has a folder per task.

    :param reference: name of a file at the top, on whose file system all files have to be.
    :raises OSError: one of the two folders is not there.
    """

    def __init__(self, path: str, tasks: str, reference: str) -> None:
        self._path, self._tasks = path, os.path.join(path, tasks)
        self._top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._folders = os.open(tasks, _FOLDER, dir_fd=self._top)
        except OSError:
            os.close(self._top)
            raise
        self._device = os.fstat(self._top).st_dev
        # On an overlay, folders and files of one file system are told to be on two devices.
        self._file_device = self._device
        with suppress(OSError):
            self._file_device = os.stat(reference, dir_fd=self._top, follow_symlinks=False).st_dev

    def close(self) -> None:
        os.close(self._folders)
        os.close(self._top)

    def check(self) -> None:
        """See that the folders that were opened still lie at their paths.

        :raises CoderError: `io` if another folder, or none, lies there by now.
        """
        for descriptor, path in ((self._top, self._path), (self._folders, self._tasks)):
            with suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    continue
            raise CoderError(
                f"the folder {path} is no longer the one that was opened", "io",
                hint="Nothing more is deleted. See what became of the archive, then run it again.",
            )

    def read(self, folder: str, names: Iterable[str]) -> dict[str, bytes]:
        """The files of a task's folder that can be read, by name."""
        with suppress(OSError), self._opened(folder) as place:
            return self._read_all(names, place)
        return {}

    def read_top(self, names: Iterable[str]) -> dict[str, bytes]:
        """The files beside the tasks' folders that can be read, by name."""
        return self._read_all(names, self._top)

    def _read_all(self, names: Iterable[str], place: int) -> dict[str, bytes]:
        found = {}
        for name in names:
            with suppress(OSError):
                found[name] = self._read(name, place)
        return found

    @contextmanager
    def _opened(self, folder: str) -> Iterator[int]:
        _check_name(folder)
        descriptor = os.open(folder, _FOLDER, dir_fd=self._folders)
        try:
            if os.fstat(descriptor).st_dev != self._device:
                raise NotRegular(errno.EXDEV, "lies on another file system", folder)
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self, name: str, place: int) -> bytes:
        _check_name(name)
        with open(os.open(name, _FILE, dir_fd=place), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_dev not in (self._device, self._file_device):
                raise NotRegular(errno.EINVAL, "is not a regular file of this archive", name)
            return file.read()


def _check_name(name: str) -> None:
    """A manifest that somebody has changed may name what lies elsewhere."""
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise NotRegular(errno.EINVAL, "is not the name of a file", name)
