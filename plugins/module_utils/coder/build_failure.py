# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a workspace's build failed: its error, and the end of its log."""

from __future__ import annotations

from typing import Any

from .models import Build
from .server import Server

# The end of a build's log that is told: lines, and characters of them.
_LINES = 6
_CHARACTERS = 600
# Of no use to who asks what went wrong.
_QUIET = ("trace", "debug")


def build_failure(server: Server, build: Build, whose: str = " of its workspace") -> str:
    """``the build of its workspace failed: <its error>; its log ends: <lines>``, as far as there is any of it.

    :param build: as :func:`.models.build_from` gives it.
    :param whose: follows the word build; empty where a workspace speaks of itself.
    :raises CoderError: the log cannot be read.
    """
    how = "failed" if build["status"] in (None, "failed") else f"was {build['status']}"
    which = "build" if build["transition"] in (None, "start") else f"{build['transition']} build"
    text = f"the {which}{whose} {how}"
    error = one_line(build["error"] or "")
    if error:
        text += f": {error}"
    end = log_end(server.build_log(build["id"]), error) if build["id"] else ""
    return f"{text}; its log ends: {end}" if end else text


def log_end(rows: list[dict[str, Any]], known: str = "") -> str:
    """The last lines of a build's log on one line, without those that are in ``known`` or came before."""
    lines: list[str] = []
    for row in rows:
        line = one_line(str(row.get("output") or ""))
        if line and row.get("log_level") not in _QUIET and line not in known and line not in lines:
            lines.append(line)
    text = " / ".join(lines[-_LINES:])
    return text if len(text) <= _CHARACTERS else f"[...] {text[-_CHARACTERS:]}"


def one_line(text: str) -> str:
    """Text of others in one line of what can be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
