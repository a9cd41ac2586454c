# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a log is the whole conversation, as far as the log and its task show that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...snapshot.marks import is_cut
from ..backend import Message
from .models import Task


def life(task: Mapping[str, Any], source: str) -> int | None:
    """Which life of a task's agent a log is of: the number of the build that started it; None where that is unknown.

    A snapshot is of the life before the stop: one build back where the task is paused, two where it is starting anew.
    """
    number = task.get("workspace_build_number")
    if not isinstance(number, int) or number < 1:
        return None
    if source != "snapshot":
        return number
    return number - (1 if task.get("status") == "paused" else 2)


def completeness(messages: list[Message], source: str, task: Task) -> bool | Literal["unknown"]:
    """True, False or ``unknown``: whether this is the whole conversation.

    Ids count from 0, so messages that begin with 0 and leave no gap are all there are; a snapshot that begins later
    has lost its head. An agent that was started more than once may have forgotten what was said before.

    :param source: live, snapshot or none.
    """
    if source == "none" or any(is_cut(message["content"]) for message in messages):
        return False
    ids = [message["id"] for message in messages]
    number = life(task, source)
    if ids and ids == list(range(len(ids))) and number is not None and number <= 1:
        return True
    return False if source == "snapshot" and ids and ids[0] > 0 else "unknown"
