# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the prompts that workspace builds were made with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..coder.client import CoderClient
from ..coder.errors import CoderError, attempting, invalid
from ..coder.names import is_uuid
from .connection import connection_spec
from .context import Context
from .selection import warning_of

# The build parameter that carried a task's prompt until 2.29.
PROMPT_PARAMETER = "AI Prompt"

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"prompts": []}


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    options = {"build_ids": {"type": "list", "elements": "str", "required": True}}
    return {"argument_spec": dict(connection_spec(), **options), "supports_check_mode": True}


def run(context: Context) -> dict[str, Any]:
    """Result: ``prompts``, one entry a build that has one, and ``missing`` ids."""
    asked = list(dict.fromkeys(item.strip().lower() for item in context.params["build_ids"]))
    for build_id in asked:
        if not is_uuid(build_id):
            raise invalid(f"{build_id!r} in 'build_ids' is not a UUID", "Give ids of workspace builds.")
    with attempting("read the prompts"):
        found = _prompts(context, asked) if asked else []
    known = {prompt["build_id"] for prompt in found}
    return {"changed": False, "prompts": found, "missing": [item for item in asked if item not in known]}


def _prompts(context: Context, build_ids: list[str]) -> list[dict[str, str]]:
    client = context.session
    if client.dialect.prompts == "endpoint":
        given = client.prompts(build_ids)
        return [_entry(item, given[item], "endpoint") for item in build_ids if item in given]
    if client.dialect.prompts == "build_parameters":
        entries = [_from_parameters(client, item) for item in build_ids]
    else:
        entries = [None] * len(build_ids)
    if None in entries:
        by_workspace = {task["workspace_id"]: task for task in client.list_tasks(malformed=warning_of(context))}
        entries = [entry or _from_task(client, item, by_workspace) for entry, item in zip(entries, build_ids)]
    return [entry for entry in entries if entry]


def _from_parameters(client: CoderClient, build_id: str) -> dict[str, str] | None:
    with _unknown_is_none():
        parameters = client.build_parameters(build_id)
        if PROMPT_PARAMETER in parameters:
            return _entry(build_id, parameters[PROMPT_PARAMETER], "build_parameter")
    return None


def _from_task(
    client: CoderClient, build_id: str, by_workspace: dict[str, dict[str, Any]]
) -> dict[str, str] | None:
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


def _entry(build_id: str, prompt: str, source: str) -> dict[str, str]:
    return {"build_id": build_id, "prompt": prompt, "source": source}
