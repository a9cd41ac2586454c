# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of chats keeps its form and loses its secrets, wherever they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.chat_redaction import redacted_messages
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor, marks
from ansible_collections.coder.tasks.plugins.module_utils.archive.rules import pattern_rule

TOKEN = "gh" + "p_" + "a1B2" * 9
OF_A_MESSAGE = ("id", "chat_id", "created_by", "model_config_id", "created_at", "role", "queued_message_id", "usage")
OF_A_PART = (
    "type", "tool_call_id", "file_id", "media_type", "mcp_server_config_id", "context_file_agent_id", "created_at",
    "completed_at",
)  # fmt: skip
redactor = Redactor(b"a key for the tests only")
keys = st.sampled_from((*OF_A_MESSAGE, *OF_A_PART, "content", "text", "args", "result", "token", TOKEN))
leaves = st.sampled_from([TOKEN, f"export GH={TOKEN}", "a word", "", 7, 0.5, True, None])
data = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=12
)
messages = st.dictionaries(keys.filter(lambda key: key != TOKEN), data, max_size=6)


@given(st.lists(messages, max_size=3))
def test_a_token_stays_nowhere_but_in_ids_and_states(given_messages: list[dict[str, Any]]) -> None:
    redacted = redacted_messages(given_messages, redactor)
    for before, after in zip(given_messages, redacted, strict=True):
        assert [*after] == [*before]
        for key in after:
            if key in OF_A_MESSAGE:
                assert after[key] == before[key]
            elif key == "content" and isinstance(after[key], list):
                rest = [_without_structure(old, new) for old, new in zip(before[key], after[key], strict=True)]
                assert TOKEN not in json.dumps(rest)
            else:
                assert TOKEN not in json.dumps(after[key])


@given(data)
def test_data_without_a_secret_stays_as_it_is(value: Any) -> None:
    harmless = json.loads(json.dumps(value).replace(TOKEN, "nothing"))
    message = {"content": harmless, "args": harmless}
    assert redacted_messages([message], redactor) == [message]
    assert redacted_messages([{"content": value}], None) == [{"content": value}]


@pytest.mark.parametrize("pattern", [
    '"password": "[^"]+"', '"password": "', '[^{]{18,}', r'\{.*\}', "password", 'aB3dE6gH9jK2"', "x-aB3dE6",
])  # fmt: skip
def test_no_rule_of_a_user_keeps_a_secret_from_being_found(pattern: str) -> None:
    """Also one that takes the name or the quotes beside a value. What is redacted stays as it is."""
    own = Redactor(b"a key for the tests only", rules=[pattern_rule("own", pattern, "")])
    given_ = {"id": 1, "content": [{"type": "tool-call", "args": {"password": "x-aB3dE6gH9jK2"}}]}
    once = redacted_messages([given_], own)
    assert marks(once) and "aB3dE6gH9jK2" not in json.dumps(once)
    assert redacted_messages(once, own) == once


def _without_structure(before: Any, after: Any) -> Any:
    if not isinstance(after, dict):
        return after
    assert all(after[key] == before[key] for key in before if key in OF_A_PART)
    return {key: value for key, value in after.items() if key not in OF_A_PART}


def test_the_ids_and_states_of_a_part_stay_and_nothing_else_of_it() -> None:
    """Without the id of its call, a tool's answer would belong to none."""
    said = {**dict.fromkeys(OF_A_PART, TOKEN), "text": TOKEN, "args": {"type": TOKEN}}
    (message,) = redacted_messages([{"content": [said, TOKEN], "parts": [said]}], redactor)
    part, words = message["content"]
    assert {key for key, value in part.items() if value == TOKEN} == set(OF_A_PART)
    assert TOKEN not in str([part["text"], part["args"], words, message["parts"]])
