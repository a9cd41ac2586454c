# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shards of one deployment: which conversation is in which, and whether some folders are all of them. Pure.

Each shard is an archive of its own, filled by a machine of its own. They make one whole only where each conversation
is in exactly one, so that nothing is missing that nobody would miss.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime

# Folders that a sentence names.
_TOLD = 5


def in_shard(item_id: str, index: int, count: int) -> bool:
    """Whether a thing belongs to a shard, counted from 1; each belongs to one, on every machine the same.

    :param item_id: of a task, or of the chat that a family began with.
    """
    return int(hashlib.sha256(item_id.encode()).hexdigest(), 16) % count == index - 1


@dataclass(frozen=True)
class Shard:
    """A folder that may be a part of the whole.

    :param folder: its name.
    :param index: counted from 1. :param count: how many shards the whole has.
    :param server: whose conversations they are.
    :param key: fingerprint of the key that redacts and seals.
    :param chosen: what was asked for, in words: the scope, the source and the options that choose.
    :param begun: when its last run began, by the server's clock. :param ended: None where it did not end.
    :param ids: of its conversations.
    """

    folder: str
    index: int
    count: int
    server: str
    key: str
    chosen: str
    begun: datetime
    ended: datetime | None
    ids: frozenset[str]


def objections(shards: list[Shard], stale_after: float) -> list[str]:
    """Why these are not the whole of one deployment, in sentences; none where they are.

    :param stale_after: so many seconds may lie between the beginnings of their last runs.
    """
    if not shards:
        return ["There is no shard in it."]
    differ = _differ(shards)
    if differ:  # then they are no parts of one whole, and what is missing of which is no question
        return differ
    return [*_overlapping(shards), *_missing(shards), *_not_ended(shards), *_stale(shards, stale_after)]


def _differ(shards: list[Shard]) -> list[str]:
    """What all shards of one whole have alike."""
    alike: tuple[tuple[str, Callable[[Shard], Hashable]], ...] = (
        ("number of shards", lambda shard: shard.count),
        ("server", lambda shard: shard.server),
        ("key", lambda shard: shard.key),
        ("choice", lambda shard: shard.chosen),
    )
    found = []
    for name, value_of in alike:
        folders = defaultdict(list)
        for shard in _ordered(shards):
            folders[value_of(shard)].append(shard.folder)
        if len(folders) > 1:
            told = "; ".join(f"{value} in {_names(where)}" for value, where in folders.items())
            found.append(f"They differ in their {name}: {told}.")
    return found


def _overlapping(shards: list[Shard]) -> list[str]:
    found = []
    folders = defaultdict(list)
    for shard in shards:
        folders[shard.index].append(shard.folder)
    for index, where in sorted(folders.items()):
        if len(where) > 1:
            found.append(f"Shard {index} is there more than once, so that they overlap: {_names(where)}.")
    lies: dict[str, str] = {}
    twice = []
    for shard in shards:
        twice += [(item_id, lies[item_id], shard.folder) for item_id in sorted(shard.ids) if item_id in lies]
        lies.update(dict.fromkeys(shard.ids, shard.folder))
    if twice:
        item_id, one, other = twice[0]
        found.append(f"{len(twice)} conversations are in two shards, such as {item_id} in {one} and {other}.")
    return found


def _missing(shards: list[Shard]) -> list[str]:
    count, there = shards[0].count, {shard.index for shard in shards}
    return [f"Shard {index} of {count} is missing." for index in range(1, count + 1) if index not in there]


def _not_ended(shards: list[Shard]) -> list[str]:
    return [
        f"The last run of {_name(shard)} began at {shard.begun:%Y-%m-%d %H:%M} UTC and has not ended."
        for shard in _ordered(shards)
        if shard.ended is None
    ]


def _stale(shards: list[Shard], stale_after: float) -> list[str]:
    newest = max(shard.begun for shard in shards)
    return [
        f"The {_name(shard)} is stale: its last run began at {shard.begun:%Y-%m-%d %H:%M} UTC, and the newest one at "
        f"{newest:%Y-%m-%d %H:%M} UTC."
        for shard in _ordered(shards)
        if shard.ended is not None and (newest - shard.begun).total_seconds() > stale_after
    ]


def _ordered(shards: Iterable[Shard]) -> list[Shard]:
    return sorted(shards, key=lambda shard: (shard.index, shard.folder))


def _name(shard: Shard) -> str:
    return f"shard {shard.index} of {shard.count} ({shard.folder})"


def _names(folders: list[str]) -> str:
    more = f" and {len(folders) - _TOLD} more" if len(folders) > _TOLD else ""
    return f"{', '.join(sorted(folders)[:_TOLD])}{more}"
