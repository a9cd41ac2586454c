# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a chat that is not well: pure functions, held for every status and every error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import health
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.models import ERROR_KINDS, STATUSES, chat_from

ERRORS = st.none() | st.fixed_dictionaries(
    {}, optional={"message": st.text(), "detail": st.text(), "kind": st.sampled_from([*ERROR_KINDS, "new", ""])}
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def chat(status: str, error: Any = None, waits: bool = False, children: tuple[str, ...] = ()) -> Any:
    data = {"id": "x", "title": "t", "owner_id": "o", "organization_id": "g", "created_at": "", "updated_at": ""}
    of_children = [{**data, "status": child, "archived": False} for child in children]
    more = {"last_error": error, "queued_for_capacity": waits, "children": of_children}
    return chat_from({**data, "status": status, "archived": False, **more}, "", single=True)


@given(st.sampled_from([*STATUSES, "one of a newer server"]), ERRORS, st.booleans())
def test_what_is_not_well_is_told_in_one_line_with_what_to_do(status: str, error: Any, waits: bool) -> None:
    found = health.ailment(chat(status, error, waits))
    expected = {"error": "its last turn failed"}.get(status) or ("it waits for other chats" if waits else None)
    if expected is None and status not in STATUSES[:-1]:
        expected = "Coder gives it a status that is not known"
    assert (found is None) == (expected is None)
    if found and expected:
        assert found.reason.startswith(expected) and found.reason.isprintable()
        assert found.hint.isprintable() and found.hint.endswith(".")


@given(st.sampled_from(ERROR_KINDS), st.text() | st.just(" \n"), st.text() | st.just("\0"))
def test_an_error_is_told_with_its_kind_and_all_its_words(kind: str, message: str, detail: str) -> None:
    found = health.ailment(chat("error", {"kind": kind, "message": message, "detail": detail}))
    assert found is not None and f"failed ({kind}): " in found.reason
    printed = [" ".join("".join(c if c.isprintable() else " " for c in text).split()) for text in (message, detail)]
    assert all(text.rstrip(".") in found.reason for text in printed)
    assert ("no reason given" in found.reason) == (not any(printed))


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_how_long_ago_something_was_is_never_less_than_nothing(moment: float, now: float) -> None:
    text = f"{EPOCH + timedelta(seconds=moment):%Y-%m-%dT%H:%M:%S}.123456Z"
    seconds = health.seconds_since(text, now)
    assert seconds is not None and abs(seconds - max(0.0, now - int(moment))) <= 1.1


@given(st.none() | st.text() | st.sampled_from(["2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", "-", "\0" * 19]))
def test_what_is_no_time_was_nobody_knows_when(text: str | None) -> None:
    seconds = health.seconds_since(text, 0.0)
    assert seconds is None or seconds >= 0
    assert seconds is None or (text or "")[:1].isdigit()


@given(st.sampled_from(STATUSES), st.lists(st.sampled_from(STATUSES), max_size=3), st.booleans())
def test_the_state_in_words_counts_those_at_work(status: str, children: list[str], waits: bool) -> None:
    seen = chat(status, waits=waits, children=tuple(children))
    busy = sum(child["busy"] for child in seen["children"])
    words = health.describe(seen)
    assert words.startswith(status.replace("_", " ")) and ("free slot" in words) == waits
    assert (f"with {busy} sub-agents at work" in words) == bool(busy)
