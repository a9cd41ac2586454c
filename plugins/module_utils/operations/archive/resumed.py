# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remember which tasks were resumed to be read, in case the run is killed before it has paused them again."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Callable

from ...archive import files

RESUMED = ".resumed"


class Resumed:
    """The tasks that run for this one's sake; in a file of the archive while there are any."""

    def __init__(self, path: str) -> None:
        self._path = os.path.join(path, RESUMED)
        self._labels: set[str] = set()
        self._lock = threading.Lock()

    def warn_of_others(self, warn: Callable[[str], None]) -> None:
        """Tell once what an earlier run left behind; whether somebody works there by now, only a person knows."""
        with files.io_errors("read what an earlier run resumed"), suppress(FileNotFoundError):
            labels = files.read(self._path).decode("utf-8", "replace").split()
            warn(
                f"An earlier run was ended while it had resumed {', '.join(labels)}. Pause what nobody works in."
            )
            os.unlink(self._path)

    @contextmanager
    def noted(self, label: str) -> Iterator[None]:
        """While a task is resumed."""
        self._change({label}, set())
        try:
            yield
        finally:
            self._change(set(), {label})

    def _change(self, added: set[str], removed: set[str]) -> None:
        with self._lock, files.io_errors("note which tasks are resumed"):
            self._labels = (self._labels | added) - removed
            if self._labels:
                files.replace(self._path, "".join(f"{each}\n" for each in sorted(self._labels)).encode("utf-8"))
            else:
                with suppress(FileNotFoundError):
                    os.unlink(self._path)
