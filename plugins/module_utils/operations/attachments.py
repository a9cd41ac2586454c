# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of this machine that go with a message: read before anything is sent, uploaded before it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from ..coder.chats.backend import ChatsBackend
from ..coder.chats.uploads import FILE_BYTES, Upload
from ..coder.errors import CoderError, attempting, invalid
from .spec import Options


def files_option() -> Options:
    """The option that names the files of a message."""
    return {"files": {"type": "list", "elements": "path"}}


def check_files(paths: Iterable[str] | None) -> None:
    """Before anything is sent. :raises CoderError: kind invalid, or io: the first that cannot be attached, and why."""
    for path in paths or ():
        with _opened(path):
            pass


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if not path.strip():
        raise invalid("'files' holds an empty path", "Name a file, or leave it out.")
    try:
        # Not opened before it is known what it is: a pipe would be waited for.
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            what = "a folder" if stat.S_ISDIR(about.st_mode) else "no regular file"
            raise CoderError(f"{path} in 'files' is {what}", "io", hint="Name a file.")
        if about.st_size > FILE_BYTES:
            raise invalid(
                f"the file {path} in 'files' has {about.st_size:,} bytes, and Coder takes {FILE_BYTES:,}",
                "Attach a part of it, or put it into the workspace and name it.",
            )
        with open(path, "rb") as stream:
            yield stream
    except (OSError, ValueError) as error:
        raise CoderError(
            f"the file {path} in 'files' could not be read: {getattr(error, 'strerror', None) or error}", "io",
            hint="Name files that can be read where the module runs.",
        ) from None


class Attachments:
    """The files of one message. ``uploaded``: those that are on the server, as the result tells them.

    :param paths: of the files.
    """

    def __init__(self, paths: list[str] | None) -> None:
        self._paths = paths or []
        self.uploaded: list[dict[str, Any]] = []

    def missing_in(self, files: list[dict[str, Any]]) -> list[str]:
        """Names of those that a chat does not carry, by what it tells of its files."""
        known = {file.get("name") for file in files}
        return [name for name in map(os.path.basename, self._paths) if name not in known]

    def upload(self, chats: ChatsBackend, organization_id: str) -> list[str]:
        """Send them, once. :returns: their ids. :raises CoderError: naming the file."""
        for path in self._paths[len(self.uploaded) :]:
            with attempting(f"upload the file {path}"):
                with _opened(path) as stream:
                    file = Upload(os.path.basename(path), stream.read())
                with self.told_of():
                    self.uploaded.append({"path": path, "id": chats.upload(organization_id, file)})
        return [each["id"] for each in self.uploaded]

    @contextmanager
    def told_of(self) -> Iterator[None]:
        """Around what comes after an upload: its error says what is left on the server."""
        try:
            yield
        except CoderError as error:
            if not self.uploaded:
                raise
            left = "What was uploaded before stays on the server, see 'uploaded' in the result."
            raise error.but(hint=f"{error.hint} {left}" if error.hint else left) from None
