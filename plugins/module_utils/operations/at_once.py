# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same question about many things, so many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


def at_once(work: Callable[[Given], Found], items: Iterable[Given], threads: int) -> list[Found]:
    """What the work gives for each item, in their order; the first exception that it raises ends all.

    :param threads: most of them that are under way at a time; below 2 none beside this one.
    """
    given = list(items)
    if min(threads, len(given)) < 2:
        return [work(item) for item in given]
    with ThreadPoolExecutor(min(threads, len(given))) as pool:
        return list(pool.map(work, given))
