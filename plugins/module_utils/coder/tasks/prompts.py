# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prompts that workspace builds were made with, wherever the server keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, TypedDict

from ..answers import Malformed
from ..errors import CoderError
from .client import TasksClient
from .models import Task

# The build parameter that carried a task's prompt until 2.29.
PROMPT_PARAMETER = "AI Prompt"


class Prompt(TypedDict):
    """A build's prompt. ``source``: endpoint, build_parameter or task."""

    build_id: str
    prompt: str
    source: str


def prompts_of(client: TasksClient, build_ids: list[str], told: Callable[[Malformed], None]) -> list[Prompt]:
    """The prompts of these builds, in their order; those that have none are left out.

    :param told: of each task of the server's list that cannot be read.
    """
    if client.dialect.prompts == "endpoint":
        given = client.prompts(build_ids)
        return [_entry(build_id, given[build_id], "endpoint") for build_id in build_ids if build_id in given]
    entries: list[Prompt | None] = [None] * len(build_ids)
    if client.dialect.prompts == "build_parameters":
        entries = [_from_parameters(client, build_id) for build_id in build_ids]
    if None in entries:
        by_workspace = {task["workspace_id"]: task for task in client.list_tasks(told=told)}
        entries = [entry or _from_task(client, each, by_workspace) for entry, each in zip(entries, build_ids)]
    return [entry for entry in entries if entry]


def _from_parameters(client: TasksClient, build_id: str) -> Prompt | None:
    with _unknown_is_none():
        parameters = client.build_parameters(build_id)
        if PROMPT_PARAMETER in parameters:
            return _entry(build_id, parameters[PROMPT_PARAMETER], "build_parameter")
    return None


def _from_task(client: TasksClient, build_id: str, by_workspace: dict[str, Task]) -> Prompt | None:
    """From 2.30 on a prompt belongs to the task, the same for all its builds."""
    with _unknown_is_none():
        task = by_workspace.get(client.build(build_id)["workspace_id"])
        if task:
            return _entry(build_id, task["initial_prompt"], "task")
    return None


@contextmanager
def _unknown_is_none() -> Iterator[None]:
    try:
        yield
    except CoderError as error:
        if error.kind != "not_found":
            raise


def _entry(build_id: str, prompt: str, source: str) -> Prompt:
    return {"build_id": build_id, "prompt": prompt, "source": source}
