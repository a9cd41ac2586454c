# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks as a person reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from calling import call
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.operations.how_far import how_far
from ansible_collections.coder.tasks.plugins.module_utils.operations.task_table import rows
from emulator import Emulator

NOW = 1_795_000_000.0


def task(**more: Any) -> dict[str, Any]:
    fields = {"name": "fix-login", "owner_name": "alice", "template_name": "ai", "status": "active"}
    return {**fields, "current_state": None, "updated_at": "2026-11-18T11:00:00.5Z", **more}


def test_one_line_per_task_in_columns() -> None:
    idle = {"state": "idle", "message": "Waiting for input"}
    table = rows([task(current_state=idle), task(name="x", status="error", reason="boom")], with_owner=True, now=NOW)
    assert [row.text for row in table] == [
        "OWNER  NAME       TEMPLATE  STATUS  STATE  CHANGED    WHAT",
        "alice  fix-login  ai        active  idle   6 min ago  Waiting for input",
        "alice  x          ai        error   -      6 min ago  boom",
    ]
    assert [row.tone for row in table] == ["plain", "good", "bad"]
    assert [row.text for row in rows([], with_owner=False, now=NOW)] == ["No task."]


@given(st.lists(st.text(), min_size=1, max_size=4), st.text())
def test_no_text_of_others_leaves_its_line(names: list[str], words: str) -> None:
    tasks = [task(name=name, template_name=words, reason=words) for name in names]
    table = rows(tasks, with_owner=False, now=NOW)
    assert len(table) == len(names) + 1
    assert all(row.text.isprintable() for row in table)


@pytest.mark.parametrize("when", [None, "", "yesterday", "2026-13-40T00:00:00Z"])
def test_a_time_that_is_none_is_a_dash(when: str | None) -> None:
    (_head, row) = rows([task(updated_at=when)], with_owner=False, now=NOW)
    assert row.text.split() == ["fix-login", "ai", "active", "-", "-"]


def test_it_is_returned_and_shown(emulator: Callable[..., Emulator]) -> None:
    server = emulator()
    server.create_task("fine")
    server.create_task("broken", state="error")
    made = call("task_info", server, table=True, fields=["brief"])
    assert len(made["table"]) == 3 and "boom: the disk is full" in "".join(made["table"])
    assert [sorted(found) for found in made["tasks"]] == [
        ["current_state", "name", "owner_name", *(["reason"] if found["name"] == "broken" else []), "status",
         "template_name", "updated_at", "url"]
        for found in made["tasks"]
    ]  # fmt: skip
    assert "table" not in call("task_info", server).result


def test_how_far() -> None:
    assert how_far(0, 300, 0, 12) == "0 done of 300, 0 failed, 12 s so far"
    assert how_far(100, 300, 2, 50) == "100 done of 300, 2 failed, about 1 min 40 s left"
    assert how_far(300, 300, 2, 150) == "300 done of 300, 2 failed, after 2 min 30 s"
