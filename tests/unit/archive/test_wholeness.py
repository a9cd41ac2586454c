# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an agent may have forgotten what was said before it was started anew."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive.wholeness import is_restarted


def said(*contents: str) -> list[dict[str, Any]]:
    kinds = ("output", "input")
    return [{"id": at, "type": kinds[at % 2], "content": text, "time": None} for at, text in enumerate(contents)]


def saved(life: int | None, *lacks: str) -> Any:
    return {"life": life, "lacks": list(lacks)}


@pytest.mark.parametrize(("saved_in", "life", "restarted"), [
    (2, 2, False), (1, 2, True), (2, 3, True), (None, 2, True), (2, None, True), (None, None, True),
])  # fmt: skip
def test_a_greeting_with_other_words_is_the_same_one_in_the_same_life_only(
    saved_in: int | None, life: int | None, restarted: bool
) -> None:
    before, now = said("Welcome"), said("Welcome back", "go on", "done")
    assert is_restarted(saved(saved_in), before, "live", now, life) is restarted


def test_nothing_is_forgotten_where_there_was_one_start() -> None:
    assert not is_restarted(None, None, "live", said("x"), 1) and not is_restarted(None, None, "live", said("x"), 0)
    assert is_restarted(None, None, "live", said("x"), 2), "nothing shows that this was all"
    assert is_restarted(None, None, "live", said("x"), None)


def test_what_was_forgotten_once_stays_forgotten() -> None:
    log = said("Welcome", "do", "done")
    assert not is_restarted(saved(2), log, "live", log, 2)
    assert is_restarted(saved(2, "restarted"), log, "live", log, 2)


@pytest.mark.parametrize(("source", "restarted"), [("snapshot", False), ("live", True)])
def test_the_end_of_a_log_goes_on_where_it_is_a_snapshot(source: str, restarted: bool) -> None:
    log = said("Welcome", "do", "done", "and that", "done, too")
    assert is_restarted(saved(2), log, source, log[2:], 3) is restarted
