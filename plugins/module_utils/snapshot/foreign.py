# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what somebody else has written: files that may be anything, JSON with odd bytes."""

from __future__ import annotations

import json
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_regular(path: str, limit: int, dir_fd: int | None = None, follow_links: bool = True) -> tuple[bytes, float]:
    """Read a small regular file. Never waits, as opening a pipe would.

    :param limit: how many bytes it may have at most.
    :returns: its content, and when it was changed, in seconds since the epoch.
    :raises OSError: it is not there, not a regular file, or longer.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags, dir_fd=dir_fd)
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(f"{path} is not a regular file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"{path} is longer than {limit} bytes")
    return data, facts.st_mtime


def parse_json(data: bytes) -> Any:
    """The JSON value, however odd its bytes: invalid UTF-8 becomes U+FFFD, raw control bytes pass.

    :raises ValueError: it is not JSON, or nested too deeply.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    try:
        return json.loads(data.decode("utf-8", "replace"), strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
