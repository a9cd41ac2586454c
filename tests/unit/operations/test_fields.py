# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``fields`` of every module that returns what it found: all of it, the few for a person, or those named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import documents
import pytest
from calling import call, operation_of

from emulator import Emulator

# What each module returns one entry per thing as.
FOUND = {
    "archive_info": "tasks",
    "chat_info": "chats",
    "chat_messages_info": "conversations",
    "chat_model_info": "models",
    "task_info": "tasks",
    "task_logs_info": "logs",
    "task_prompts_info": "prompts",
    "template_info": "templates",
}
# One thing, not many; and what runs where no person looks.
WITHOUT = {"agentapi_info", "server_info"}
ADDED = {"reason", "queue", "cost"}  # in what is not well, or where they are asked for

every_module = pytest.mark.parametrize("module", FOUND)


@pytest.fixture
def server(emulator: Callable[..., Emulator]) -> Emulator:
    """A server with tasks, one of which is not well, and a chat."""
    started = emulator(chats="chats-2.35")
    started.create_task("one")
    started.create_task("two", state="error")
    started.create_chat("Fix the login")
    return started


@pytest.fixture
def options(server: Emulator, module: str, tmp_path: Path) -> dict[str, Any]:
    """Options with which a module finds something."""
    if module == "archive_info":
        given = {"path": str(tmp_path / "archive"), "redaction_key": "a key for these tests only", "name": ["one"]}
        assert not call("archive", server, **given).failed
        return given
    return {"task_prompts_info": {"build_ids": [server.state.task("one").workspace.latest.id]}}.get(module, {})


def found(module: str, server: Emulator, **options: Any) -> list[dict[str, Any]]:
    made = call(module, server, **options)
    assert not made.failed, made.msg
    assert made[FOUND[module]], "a test of nothing"
    return list(made[FOUND[module]])


def test_every_module_that_returns_many_things_is_here() -> None:
    assert {name for name in documents.module_names() if name.endswith("_info")} - WITHOUT == set(FOUND)


@every_module
def test_full_is_every_field_and_the_default(server: Emulator, module: str, options: dict[str, Any]) -> None:
    whole = found(module, server, **options)
    assert found(module, server, fields=["full"], **options) == whole
    for entry in whole:
        assert set(entry) | ADDED == set(operation_of(module).FIELDS) | ADDED


@every_module
def test_brief_and_names_are_less_of_the_same(server: Emulator, module: str, options: dict[str, Any]) -> None:
    whole, brief = found(module, server, **options), operation_of(module).BRIEF
    last = operation_of(module).FIELDS[-1]
    for fields, wanted in ((["brief"], {*brief}), ([last], {last}), (["brief", last], {*brief, last})):
        picked = found(module, server, fields=fields, **options)
        assert [set(entry) for entry in picked] == [wanted & set(entry) for entry in whole]
        assert all(few.items() <= entry.items() for few, entry in zip(picked, whole))


@every_module
@pytest.mark.parametrize(("fields", "words"), [(["briet"], "Did you mean 'brief'?"), ([], "'fields' is empty")])
def test_a_field_that_is_none_is_told_before_anything_is_asked(
    server: Emulator, module: str, options: dict[str, Any], fields: list[str], words: str
) -> None:
    made = call(module, server, fields=fields, **options)
    assert made.kind == "invalid" and words in made.msg and made.requests == []


def test_what_is_not_wanted_of_a_template_is_not_asked_for(emulator: Callable[..., Emulator]) -> None:
    server = emulator()
    brief = call("template_info", server, fields=["brief"])
    presets = call("template_info", server, fields=["name", "presets"])
    assert len(brief.requests) == 1
    assert len(presets.requests) == 1 + len(presets["templates"])
    assert len(call("template_info", server).requests) == 1 + 2 * len(presets["templates"])
