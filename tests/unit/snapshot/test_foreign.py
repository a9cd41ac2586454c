# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of others is read however odd its bytes are."""

from __future__ import annotations

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.foreign import parse_json


@pytest.mark.parametrize(("data", "value"), [
    (b'\xef\xbb\xbf{"a": 1}', {"a": 1}), (b'"a\nb\x01"', "a\nb\x01"), (b'"\xff"', "\ufffd"),
])  # fmt: skip
def test_odd_json_is_read(data: bytes, value: object) -> None:
    assert parse_json(data) == value


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"{", b"[" * 200_000])
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(data)
