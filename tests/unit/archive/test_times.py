# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.report import page
from ansible_collections.coder.tasks.plugins.module_utils.archive.times import instant, span, utc

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2, 1, 3), datetime(9998, 1, 1), timezones=st.just(timezone.utc))


@given(moments, offsets)
def test_a_moment_is_the_same_in_every_zone(moment: datetime, zone: timezone) -> None:
    assert instant(moment.astimezone(zone).isoformat()) == moment
    assert instant(utc(moment.astimezone(zone).isoformat())) == moment


@given(st.lists(st.tuples(moments, offsets), min_size=1))
def test_first_and_last_are_moments_not_texts(given_times: list[tuple[datetime, timezone]]) -> None:
    texts = [moment.astimezone(zone).isoformat() for moment, zone in given_times]
    first, last = span([None, "", "0001-01-01T00:00:00Z", *texts])
    assert (instant(first), instant(last)) == (min(m for m, _zone in given_times), max(m for m, _zone in given_times))


@given(st.text() | st.none() | st.integers() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"))
def test_nothing_raises(text: object) -> None:
    found = utc(text)
    assert found is None or found.endswith("Z")


@pytest.mark.parametrize(("text", "expected"), [
    ("2026-11-26T19:00:01+09:00", "2026-11-26 10:00:01"),
    ("2026-06-01T12:00:00.123456789+02:00", "2026-06-01 10:00:00"),
    ("2026-06-01t12:00:00z", "2026-06-01 12:00:00"),
    ("2026-06-01T00:30:00-0100", "2026-06-01 01:30:00"),
    ("0001-01-01T00:00:00Z", ""), ("0001-01-01T01:00:00+01:00", ""), ("9999-12-31T23:59:59-01:00", ""),
    ("2026-02-30T00:00:00Z", ""), ("yesterday", ""), ("2026-06-01", ""), ("", ""), (None, ""),
])  # fmt: skip
def test_pages_show_utc_and_no_time_that_is_none(text: str | None, expected: str) -> None:
    assert page.clock(text) == expected
    assert page.day(text) == expected[:10]
