# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server has added up is kept as long as a later answer does not say as much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError


def save(path: Path, *answers: Any, key: bytes | None = None) -> list[str]:
    outcomes = []
    for answer in answers:
        with Archive(str(path), None, key=key) as archive:
            outcomes.append(archive.save_account("cost", answer))
            archive.finish()
            assert archive.verify_files().ok
    return outcomes


def held(path: Path) -> list[Any]:
    """The earlier answer and the newest one."""
    return [json.loads(file.read_text())["answer"] for file in sorted((path / "accounts").iterdir())]


@pytest.mark.parametrize(("before", "now", "says_less"), [
    ({"limits": {"day": 1}}, {"limits": None}, True), ({"limits": {"day": 1}}, {"limits": {"day": 2}}, False),
    ({"limits": {"day": 2}}, {"limits": {"day": 1}}, True), ({"limits": {"day": 2}}, {"limits": {"day": "-"}}, True),
    ({"limits": None}, {"limits": {"day": 1}}, False), ({"limit": "low"}, {"limit": None}, True),
    ({"users": ["a"]}, {"users": None}, True), ({"users": []}, {"users": None}, False),
    ({"users": ["a"]}, {"users": ["b", "a"]}, False), ({"users": ["a", "b"]}, {"users": ["b"]}, True),
    ([{"id": "a", "cost": 1}, {"id": "b", "cost": 2}], [{"id": "b", "cost": 2}, {"id": "a", "cost": 3}], False),
    ([{"id": "a", "cost": 1}], [{"id": "b", "cost": 1}], True), ([{"id": "a", "cost": 2}], [{"id": "a"}], True),
])  # fmt: skip
def test_an_answer_stays_beside_one_that_says_less(tmp_path: Path, before: Any, now: Any, says_less: bool) -> None:
    assert save(tmp_path, before, now, now) == ["created", "changed", "unchanged"]
    assert held(tmp_path) == ([before, now] if says_less else [now])


def test_another_time_that_was_asked_about_is_no_other_answer(tmp_path: Path) -> None:
    ago, now = ({"start_date": day, "end_date": day, "cost": 1} for day in ("2026-01-01", "2026-02-01"))
    assert save(tmp_path, ago, now) == ["created", "unchanged"] and held(tmp_path) == [ago]


@pytest.mark.parametrize("key", [None, b"a key for these tests only"])
@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sealed_by": null}'])
def test_what_is_no_answer_is_left_as_it_is(tmp_path: Path, key: bytes | None, text: str) -> None:
    save(tmp_path, {"cost": 1}, key=key)
    (tmp_path / "accounts" / "cost.json").write_text(text)
    with pytest.raises(CoderError, match=r"cost\.json is damaged, or somebody without the archive's key") as error:
        save(tmp_path, {"cost": 2}, key=key)
    assert error.value.kind == "conflict" and (tmp_path / "accounts" / "cost.json").read_text() == text
