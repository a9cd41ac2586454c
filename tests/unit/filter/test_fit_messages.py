# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as Ansible loads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coder.tasks.plugins.filter.fit_messages import FilterModule

MESSAGES: list[dict[str, Any]] = [
    {"id": 0, "content": "hello   \nthere", "type": "output", "time": "2026-06-01T12:00:00Z"},
    {"id": 1, "content": "x" * 200, "type": "input", "time": "2026-06-01T12:00:00Z"},
]


fit_messages = FilterModule().filters()["fit_messages"]


def test_messages_that_fit_come_back_in_coder_s_shape_without_padding() -> None:
    assert fit_messages(MESSAGES) == [{**MESSAGES[0], "content": "hello\nthere"}, MESSAGES[1]]


def test_limits_and_shape() -> None:
    result = fit_messages(MESSAGES, 150, shape="agentapi")
    assert len(json.dumps({"messages": result}, separators=(",", ":"))) <= 150
    assert [item["role"] for item in result] == ["user"]
    assert result[0]["content"].endswith("xxx")
    assert [item["id"] for item in fit_messages(MESSAGES, max_messages=1)] == [1]


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        (5, {}, "expected a list of messages, got int"),
        (MESSAGES, {"max_bytes": 3}, "already takes 15"),
        (MESSAGES, {"shape": "x"}, "choose one of agentapi, coder"),
    ],
)
def test_a_misuse_is_an_error_that_says_what_to_do(given: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        fit_messages(given, **options)
