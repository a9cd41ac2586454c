# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of a task as the operations get them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import plain


class Text(str):
    """Like a tagged string."""


class Vault(Sequence[str]):
    """Like an inline vault before ansible-core 2.19: a sequence of characters, decrypted by str()."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: Any) -> Any:
        return "secret"[index]

    def __str__(self) -> str:
        return "secret"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (1.5, 1.5),
        (Text("x"), "x"),
        ({Text("key"): [Text("x"), (1, None)]}, {"key": ["x", [1, None]]}),
        ({"token": Vault()}, {"token": "secret"}),
        (datetime.date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_only_types_of_json_are_left(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert json.dumps(plain(value)) == json.dumps(expected)
    assert type(plain(value)) is type(expected)
