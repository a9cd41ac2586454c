# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing counts as old enough to be deleted unless its time can be read and says so."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.operations.archive.select import chosen_by_age, shard_of

NOW = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "soon", None, 7, "2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", {}])
def test_a_time_that_cannot_be_read_is_not_old(text: Any) -> None:
    assert not chosen_by_age("0s", NOW.timestamp)(text)
    assert chosen_by_age(None, NOW.timestamp)(text), "nobody asked for an age"


@given(st.integers(-100_000, 100_000), st.integers(0, 100_000))
def test_what_is_older_than_that_is_old(age: int, limit: int) -> None:
    changed = f"{NOW - timedelta(seconds=age):%Y-%m-%dT%H:%M:%S}.999Z"
    assert chosen_by_age(f"{limit}s", NOW.timestamp)(changed) is (age > limit)


@given(st.uuids(), st.integers(1, 9))
def test_each_thing_is_of_one_shard(item: Any, count: int) -> None:
    shards: list[Any] = [{"index": index, "count": count} for index in range(1, count + 1)]
    assert sum(shard_of(shard)(str(item)) for shard in shards) == 1
