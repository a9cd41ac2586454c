# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file as a server of chats takes it. Pure functions."""

from __future__ import annotations

import re
from mimetypes import MimeTypes
from typing import NamedTuple
from urllib.parse import quote

# Most bytes of a file that a server takes (measured on 2.35: a larger one is refused with this number).
FILE_BYTES = 10 * 1024 * 1024
# What a server takes by its type; of all else it looks whether it is text.
_TYPES = (
    "application/json", "application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/csv",
    "text/markdown", "text/plain",
)  # fmt: skip
_UNKNOWN = "application/octet-stream"
# Without the tables of this machine, so that a name means the same everywhere.
_KNOWN = MimeTypes()
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._ -]+")


class Upload(NamedTuple):
    """A file on its way. ``name``: without folders."""

    name: str
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """What its request says of it: the type, and the name (RFC 6266)."""
        name = f'filename="{self.name}"'
        if not _PLAIN_NAME.fullmatch(self.name):
            name = f"filename*=UTF-8''{quote(self.name, safe='', errors='replace')}"
        return {"Content-Type": media_type(self.name), "Content-Disposition": f"attachment; {name}"}


def media_type(name: str) -> str:
    """The type of a file by its name, one of those that a server takes."""
    kind, encoding = _KNOWN.guess_type(name, strict=False)
    return kind if kind in _TYPES and not encoding else _UNKNOWN
