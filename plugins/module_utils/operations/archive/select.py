# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks an archive is about, and which part of them is this machine's."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, TypedDict

from ...coder import durations
from ...coder.answers import Malformed
from ...coder.errors import invalid
from ...coder.tasks.models import Task
from ..context import Context
from ..selection import SelectionParams, choose, selection_spec
from ..spec import Options

# A hundred years, in seconds: no date is so far back that it could not be reckoned.
_OLDEST = timedelta(days=36525).total_seconds()


class Shard(TypedDict):
    """One machine's part of the tasks, ``index`` counted from 1."""

    index: int
    count: int


class ArchiveSelectionParams(SelectionParams):
    """The options of choosing tasks for an archive."""

    template: str | None
    older_than: str | None
    shard: Shard | None


def archive_selection_spec() -> Options:
    """Argument spec of choosing tasks for an archive."""
    shard: Options = {"index": {"type": "int", "required": True}, "count": {"type": "int", "required": True}}
    return {
        **selection_spec(),
        "template": {"type": "str"},
        "older_than": {"type": "str"},
        "shard": {"type": "dict", "options": shard},
    }


def select_tasks(
    context: Context[ArchiveSelectionParams], malformed: Callable[[Malformed], None]
) -> tuple[list[Task], list[str]]:
    """The chosen tasks of this shard, and of the names that were given those that no task has.

    :param malformed: told of each task of the server's list that cannot be read, whichever shard it belongs to.
    :raises CoderError: an option cannot be right, or the server refuses.
    """
    params = context.params
    index, count = _shard(params["shard"])
    age = durations.with_unit(params["older_than"], "older_than", _OLDEST) if params["older_than"] is not None else None
    before = None if age is None else _date(context.session.tasks.now() - age)
    tasks, missing = choose(context, malformed)
    chosen = [
        task
        for task in tasks
        if in_shard(task["id"], index, count)
        and params["template"] in (None, task["template_name"], task["template_id"])
        and (before is None or _time(task["updated_at"]) < before)
    ]
    return chosen, missing


def in_shard(task_id: str, index: int, count: int) -> bool:
    """Whether a task belongs to a shard, counted from 1; each belongs to one, on every machine the same."""
    return int(hashlib.sha256(task_id.encode()).hexdigest(), 16) % count == index - 1


def _shard(given: Shard | None) -> tuple[int, int]:
    index, count = (given["index"], given["count"]) if given else (1, 1)
    if not 1 <= index <= count:
        raise invalid(f"there is no shard {index} of {count}", f"Give an index from 1 to {max(count, 1)}.")
    return index, count


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _time(text: Any) -> datetime:
    """A time of the server's, in whole seconds; one that cannot be read is now, so that the task is not old."""
    try:
        return datetime.fromisoformat(str(text)[:19] + "+00:00")
    except ValueError:
        return datetime.max.replace(tzinfo=timezone.utc)
