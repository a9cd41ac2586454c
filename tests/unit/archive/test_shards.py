# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When shards are one whole, by drawn divisions and drawn faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.shards import Shard, in_shard, objections

STALE = 3600.0
NOON = datetime(2026, 11, 27, 12)


@st.composite
def wholes(draw: st.DrawFn) -> list[Shard]:
    """Shards as runs of one round leave them, in any order."""
    count = draw(st.integers(1, 6))
    ids = draw(st.sets(st.uuids().map(str), max_size=20))
    begun = [NOON + timedelta(seconds=draw(st.integers(0, int(STALE)))) for _number in range(count)]
    shards = [
        Shard(
            f"folder-{index}", index, count, "https://coder.example.com", "key", "source=tasks", begun[index - 1],
            begun[index - 1] + timedelta(hours=5), frozenset(each for each in ids if in_shard(each, index, count)),
        )
        for index in range(1, count + 1)
    ]  # fmt: skip
    return draw(st.permutations(shards))


@given(wholes())
def test_a_whole_has_no_objection_and_every_conversation_once(shards: list[Shard]) -> None:
    assert objections(shards, STALE) == []


@given(wholes(), st.data())
def test_whatever_is_missing_is_named_and_nothing_else(shards: list[Shard], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(shards), min_size=1, max_size=len(shards)))
    left = [shard for shard in shards if shard not in lost]
    wanted = sorted(f"Shard {shard.index} of {shard.count} is missing." for shard in lost)
    assert sorted(objections(left, STALE)) == (wanted if left else ["There is no shard in it."])


@given(wholes(), st.data())
def test_a_second_folder_of_a_shard_overlaps(shards: list[Shard], data: st.DataObject) -> None:
    twin = replace(data.draw(st.sampled_from(shards)), folder="twin")
    found = objections([*shards, twin], STALE)
    assert found[0] == f"Shard {twin.index} is there more than once, so that they overlap: folder-{twin.index}, twin."
    assert len(found) == (2 if twin.ids else 1)


@given(wholes(), st.uuids().map(str), st.data())
def test_a_conversation_in_two_shards_overlaps(shards: list[Shard], item: str, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(range(len(shards))), max_size=2))
    mixed = [replace(shard, ids=shard.ids | ({item} if at in chosen else set())) for at, shard in enumerate(shards)]
    assert [item in reason for reason in objections(mixed, STALE)] == [True] * (len(chosen) == 2)


@given(wholes(), st.floats(1, 10**6), st.data())
def test_a_shard_is_stale_where_it_is_older_than_the_newest_by_more_than_allowed(
    shards: list[Shard], seconds: float, data: st.DataObject
) -> None:
    at = data.draw(st.sampled_from(range(len(shards))))
    aged = list(shards)
    aged[at] = replace(shards[at], begun=shards[at].begun - timedelta(seconds=seconds))
    newest = max(shard.begun for shard in aged)
    stale = {shard.folder for shard in aged if (newest - shard.begun).total_seconds() > STALE}
    found = objections(aged, STALE)
    named = {shard.folder for shard in aged if any(f"({shard.folder})" in reason for reason in found)}
    assert named == stale and len(found) == len(stale)


@given(wholes(), st.data())
def test_a_run_that_has_not_ended_is_named(shards: list[Shard], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(range(len(shards))))
    running = [replace(shard, ended=None) if number == at else shard for number, shard in enumerate(shards)]
    (found,) = objections(running, STALE)
    assert f"({shards[at].folder})" in found and "has not ended" in found


@given(wholes(), st.sampled_from(["count", "server", "key", "chosen"]))
def test_what_differs_is_no_whole(shards: list[Shard], field: str) -> None:
    other = 7 if field == "count" else "other"
    (found,) = objections([*shards[1:], replace(shards[0], folder="odd", **{field: other}), shards[0]], STALE)
    assert found.startswith("They differ in their ") and f"{other} in odd" in found
