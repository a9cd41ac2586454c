# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server's build version, as ``/api/v2/buildinfo`` has it. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple


class Version(NamedTuple):
    """A build version such as `v2.34.0+dca8178f8` or `v2.28.0-devel+82945cfb1`."""

    text: str
    numbers: tuple[int, int, int]
    development: bool


def parse_version(text: str) -> Version:
    """An unreadable version counts as 0.0.0 and in development: then nothing is concluded from it."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)(.*)", text)
    if not found:
        return Version(text, (0, 0, 0), True)
    major, minor, patch, rest = found.groups()
    return Version(text, (int(major), int(minor), int(patch)), "devel" in rest)
