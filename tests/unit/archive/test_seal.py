# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seal of an archive, by itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.seal import Seal

KEY = b"a key for the tests only"
VALUE = {"b": 1, "a": ["ä", None]}
SEALED = "hmac-sha256:a8520bbf473e0fb9f6010cbc1d41f144ae16c993d9f50d157026551cc2e5792d"
DATA = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.none(), max_size=3)


def test_what_any_version_sealed_every_version_knows() -> None:
    """Else an archive would be called changed, or written with another key, after an upgrade."""
    seal = Seal(KEY)
    assert (seal.fingerprint, seal.of(VALUE)) == ("0d31e06a34d08285", SEALED)
    assert seal.fits(SEALED, {"a": ["ä", None], "b": 1}), "the order of keys does not count"


@given(DATA, DATA, st.binary(min_size=1, max_size=40))
def test_a_seal_fits_one_value_under_one_key(value: dict[str, Any], other: dict[str, Any], key: bytes) -> None:
    seal = Seal(KEY)
    assert seal.fits(seal.of(value), value)
    assert seal.fits(seal.of(value), other) is (value == other)
    assert Seal(key).fits(seal.of(value), value) is (key == KEY)
    assert Seal(key).fingerprint != seal.fingerprint or key == KEY
    for wrong in (None, 5, "", "hmac-sha256:", seal.of(value)[:-1], "\ud800"):
        assert not seal.fits(wrong, value)
