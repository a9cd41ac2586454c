# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.durations import in_words, seconds, with_unit
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), (90, 90), (0.5, 0.5), ("1.5", 1.5), ("10m", 600), ("1h30m", 5400), ("2w", 1_209_600), (" 5s ", 5),
     ("0", 0), ("1.5h", 5400), ("1d12h", 129_600)],
)  # fmt: skip
def test_what_parses(text: str | float, expected: float) -> None:
    assert seconds(text, "wait_timeout") == expected


@pytest.mark.parametrize(
    "text", ["", "m", "ten", "-5", "1e3", "nan", "inf", "10 m", "5min", "1h 30m", "½h", "\u0663s", "10M"]
)
def test_what_does_not_says_so(text: str) -> None:
    with pytest.raises(CoderError, match=r"'wait_timeout' is not a duration\. Give numbers with the units") as caught:
        seconds(text, "wait_timeout")
    assert caught.value.kind == "invalid"


@given(st.text())
def test_any_text_is_a_duration_or_a_sentence(text: str) -> None:
    try:
        assert seconds(text, "wait_timeout") >= 0
    except CoderError as error:
        assert error.kind == "invalid"


@given(st.integers(0, 10**7), st.sampled_from("smhd"))
def test_a_unit_counts(number: int, unit: str) -> None:
    expected = number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    try:
        assert with_unit(f"{number}{unit}", "older_than") == expected
    except CoderError:
        assert expected > 10**8


@pytest.mark.parametrize(
    ("length", "words"), [(0.25, "0.25 s"), (45, "45 s"), (60, "1 min"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_in_words(length: float, words: str) -> None:
    assert in_words(length) == words
