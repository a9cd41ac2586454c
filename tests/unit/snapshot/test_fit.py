# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of fit: what the contract accepts, never too long, the newest text, as much of it as there is room for."""

from __future__ import annotations

import json
import time
from datetime import date, datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.snapshot.servers import decode_as_the_server

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.fit import fit, strip_padding

NOW = "2026-06-01T12:00:00.123456Z"
MARK = "[...content truncated, "

# Characters of every encoded width, and those that JSON escapes.
ALPHABET = st.sampled_from(
    ["a", " ", "\n", '"', "\\", "\x1b", "\x00", "é", "漢", "😀", "\ud83d", "\ude00", "\u2028", "\x7f"]
)
TEXT = st.text(ALPHABET, max_size=60) | st.text(max_size=30)
LONG = st.builds(lambda text, times: text * times, TEXT, st.integers(1, 100))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROLES = st.sampled_from(["user", "agent"])
GOOD = st.fixed_dictionaries(
    {"id": st.integers(-(2**63), 2**63 - 1), "content": TEXT | LONG, "role": ROLES, "time": st.just(NOW)}
)
TIMES = st.sampled_from(["", "2026-06-01T12:00:00", "2026-06-01 12:00:00Z", "2026-13-01T00:00:00Z", 5, None])
HOSTILE = (
    st.fixed_dictionaries({}, optional={"id": JSON, "content": JSON, "role": JSON, "time": JSON | TIMES, "x": JSON})
    | JSON
)


def message(content: str, number: int = 0, role: str = "agent") -> dict[str, Any]:
    return {"id": number, "content": content, "role": role, "time": NOW}


@settings(max_examples=100)
@given(st.lists(GOOD | HOSTILE, max_size=8), st.integers(0, 9), st.integers(15, 3000), st.booleans())
def test_any_messages_become_a_body_that_the_server_accepts_and_reads_back(
    messages: list[Any], max_messages: int, max_bytes: int, partial: bool
) -> None:
    fitted = fit(messages, max_messages, max_bytes, partial)
    assert len(fitted.body) <= max_bytes
    assert decode_as_the_server(fitted.body) == fitted.messages == json.loads(fitted.body)["messages"]
    assert fitted.total == len(messages) == fitted.dropped + len(fitted.messages)
    assert not max_messages or len(fitted.messages) <= max_messages


@settings(max_examples=100)
@given(st.lists(GOOD, min_size=1, max_size=6), st.integers(120, 3000), st.booleans())
def test_the_newest_text_is_kept_and_no_room_is_wasted(messages: list[Any], max_bytes: int, partial: bool) -> None:
    whole = fit(messages, 0, 10**9).messages
    fitted = fit(messages, 0, max_bytes, partial)
    kept = fitted.messages
    assert kept, "the tail of the newest message always fits into so many bytes"
    assert kept[1:] == whole[len(whole) - len(kept) + 1 :]
    first, first_whole = kept[0], whole[-len(kept)]
    assert {**first, "content": None} == {**first_whole, "content": None}
    spare = max_bytes - len(fitted.body)
    if fitted.cut:
        tail = first_whole["content"][fitted.cut :]
        assert first["content"].endswith(tail)
        assert first["content"] in (tail, f"{MARK}{fitted.cut} characters left out...]\n\n{tail}")
        assert partial or len(kept) == 1
        # One more code point would not fit: none takes more than the six bytes of \u001b.
        assert spare < 6 + 1
    else:
        assert first == first_whole
        if fitted.dropped:
            left_out = dict(whole[-len(kept) - 1], content="" if partial else whole[-len(kept) - 1]["content"])
            needed = len(json.dumps(left_out, ensure_ascii=False, separators=(",", ":")).encode()) + 1
            assert spare < needed + 6 * partial


@given(st.lists(GOOD, max_size=6), st.integers(0, 6))
def test_messages_that_fit_are_unchanged_to_the_digit(messages: list[Any], max_messages: int) -> None:
    clean = [
        {**item, "content": strip_padding(item["content"].replace("\0", "").encode(errors="ignore").decode())}
        for item in messages
    ]
    fitted = fit(clean, max_messages, 10**9)
    assert fitted.messages == (clean[-max_messages:] if max_messages else clean)
    assert fitted.repaired == fitted.cut == 0


@given(st.lists(GOOD, max_size=6), st.integers(15, 3000), st.booleans())
def test_fitting_again_changes_nothing(messages: list[Any], max_bytes: int, partial: bool) -> None:
    once = fit(messages, 0, max_bytes, partial)
    twice = fit(once.messages, 0, max_bytes, partial)
    assert twice.body == once.body
    assert twice.repaired == twice.dropped == twice.cut == 0


@pytest.mark.parametrize("unit", ["a", "漢", "😀", '"', "\\", "\x1b", "\n", " ", "\ud83d", "a \n", "\0"])
def test_work_is_linear_whatever_the_characters(unit: str) -> None:
    def seconds(length: int) -> float:
        messages = [message(unit * length + "x"), message("y" * 10)]
        best = 9.0
        for _round in range(3):
            start = time.process_time()
            fit(messages, 10, 65536, partial=True)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(200_000) < 0.5 + 12 * seconds(25_000)


def test_the_contract_s_limit_is_reached_exactly() -> None:
    room = 65536 - len(fit([message("")]).body)
    assert len(fit([message("x" * room)]).body) == 65536
    assert fit([message("x" * room)]).cut == 0
    assert fit([message("x" * (room + 1))]).cut > 0


def test_shapes_are_understood_and_chosen() -> None:
    coder = [
        {"id": 0, "content": "in", "type": "input", "time": NOW},
        {"id": 1, "content": "out", "type": "output", "time": NOW},
    ]
    events = [
        {"id": 0, "message": "in", "role": "user", "time": NOW},
        {"id": 1, "message": "out", "role": "agent", "time": NOW},
    ]
    agentapi = [message("in", 0, "user"), message("out", 1)]
    for given_messages in (coder, events, agentapi):
        assert fit(given_messages).messages == agentapi
        assert fit(given_messages, shape="coder").messages == coder
        assert fit(given_messages).repaired == 0


@pytest.mark.parametrize(
    ("field", "given_value", "expected"),
    [
        ("id", "7", 7),
        ("id", 7.0, 7),
        ("id", 1.5, 0),
        ("id", True, 0),
        ("id", 2**63, 0),
        ("id", None, 0),
        ("id", "9" * 5000, 0),
        ("content", None, ""),
        ("content", ["a"], '["a"]'),
        ("content", "a\0b", "a�b"),
        ("content", "a\ud83d b", "a� b"),
        ("content", "\ud83d\ude00", "😀"),
        ("role", "Agent", "agent"),
        ("role", "system", "agent"),
        ("role", "human", "user"),
        ("role", None, "agent"),
        ("time", None, "0001-01-01T00:00:00Z"),
        ("time", "", "0001-01-01T00:00:00Z"),
        ("time", 5, "0001-01-01T00:00:00Z"),
        ("time", datetime(2026, 6, 1, 12, 0, 0, 500000), "2026-06-01T12:00:00.500000Z"),
        ("time", datetime(2026, 6, 1, 12, tzinfo=timezone.utc), "2026-06-01T12:00:00+00:00"),
        ("time", date(2026, 6, 1), "0001-01-01T00:00:00Z"),
        ("time", "2026-02-29T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("time", "2026-06-01T12:00:60Z", "0001-01-01T00:00:00Z"),
        ("time", "2026-06-01T12:00:00+24:00", "0001-01-01T00:00:00Z"),
        ("time", "2026-06-01T12:00:00", "2026-06-01T12:00:00Z"),
        ("time", "2026-06-01t12:00:00.5z", "2026-06-01T12:00:00.5Z"),
        ("time", "2026-06-01 12:00:00+02:00", "2026-06-01T12:00:00+02:00"),
    ],
)
def test_what_the_server_refuses_is_repaired_and_counted(field: str, given_value: Any, expected: Any) -> None:
    fitted = fit([{**message("text"), field: given_value}])
    assert fitted.messages == [{**message("text"), field: expected}]
    assert fitted.repaired == 1


@pytest.mark.parametrize(
    "good", ["2024-02-29T23:59:59Z", "2026-06-01T12:00:00.1234567891Z", "2026-06-01T12:00:00-23:59"]
)
def test_good_times_are_left_alone(good: str) -> None:
    assert fit([{**message("x"), "time": good}]).messages[0]["time"] == good


def test_terminal_padding_is_stripped_from_what_the_agent_said() -> None:
    padded = "red   blue   \n  indented     \n\ttab\t\n      \nend  "
    assert fit([message(padded)]).messages[0]["content"] == "red   blue\n  indented\n\ttab\t\n\nend"
    assert fit([message(padded, role="user")]).messages[0]["content"] == padded


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_messages": -1}, "give 0"),
        ({"max_bytes": 14}, "already takes 15"),
        ({"shape": "chat"}, "choose one of agentapi, coder"),
    ],
)
def test_limits_that_nothing_can_keep_are_errors(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fit([], **options)


def test_the_boundary_message_is_cut_only_when_asked() -> None:
    messages = [message("a" * 33_000, 0), message("b" * 33_000, 1)]
    assert [item["id"] for item in fit(messages).messages] == [1]
    both = fit(messages, partial=True)
    assert [item["id"] for item in both.messages] == [0, 1]
    assert both.messages[1] == messages[1]
    assert len(both.body) >= 65536 - 6


def test_a_message_that_is_cut_keeps_some_of_its_text() -> None:
    """What has room for its frame only, or for half a character, would be a message that says nothing."""
    least = len(fit([message("b", 1)]).body)
    frame = len(fit([message("", 0), message("b", 1)]).body) - least
    for spare in range(frame + 12):
        fitted = fit([message("漢字" * 50, 0), message("b", 1)], max_bytes=least + spare, partial=True)
        assert fitted.messages[-1] == message("b", 1) and all(item["content"] for item in fitted.messages), spare
        assert len(fitted.messages) == (2 if spare >= frame + len("字".encode()) else 1)
