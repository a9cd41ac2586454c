# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks an archive is about, and which part of them is this machine's."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable, TypedDict

from ...archive.shards import in_shard
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
    is_in_shard = shard_of(params["shard"])
    is_old = chosen_by_age(params["older_than"], context.session.tasks.now)
    tasks, missing = choose(context, malformed)
    chosen = [
        task
        for task in tasks
        if is_in_shard(task["id"])
        and params["template"] in (None, task["template_name"], task["template_id"])
        and is_old(task["updated_at"])
    ]
    return chosen, missing


def chosen_by_age(older_than: str | None, now: Callable[[], float]) -> Callable[[Any], bool]:
    """Whether something that was last changed at a time is old enough.

    :param now: the server's time.
    :raises CoderError: kind invalid, ``older_than`` is no duration.
    """
    if older_than is None:
        return lambda changed: True
    before = _date(now() - durations.with_unit(older_than, "older_than", _OLDEST))
    return lambda changed: _time(changed) < before


def shard_of(given: Shard | None) -> Callable[[str], bool]:
    """Whether the thing with an id is of a shard. :raises CoderError: kind invalid, there is no such shard."""
    index, count = _shard(given)
    return lambda item_id: in_shard(item_id, index, count)


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
