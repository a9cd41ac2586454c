# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves behind: nothing of its own, and everything else as it was."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from live.deployment import RUN_LABEL, Deployment

# Seconds between two looks at whether all is gone: what was asked for right before an interruption may come late.
BETWEEN_LOOKS = 2.0
COMMAND = "ansible localhost -m coder.tasks.{module} -a 'name={name} state={state}'"

Facts = dict[str, tuple[Any, ...]]


def say(*lines: object) -> None:
    """Print; and go on where nobody reads it any more, because the terminal is closed, say."""
    with contextlib.suppress(OSError):
        print(*lines, sep="\n", flush=True)


def remove(deployment: Deployment, interrupted: bool) -> list[str]:
    """Delete the tasks and workspaces, and archive the chats, that carry the prefix.

    :param interrupted: whether a request may still be under way.
    :returns: what is left, each as the command that removes it.
    """
    ends = time.monotonic() + deployment.settings.removal
    left: list[str] = []
    problems: set[str] = set()
    kinds = (
        (deployment.tasks, _tasks, "task", "absent"),
        (deployment.chats, _chats, "chat", "archived"),
        (deployment.workspaces, _workspaces, "workspace", "absent"),
    )
    for known, remove_once, module, state in kinds:
        if not known:
            continue
        remaining = set(known)
        looks = 2 if interrupted else 1
        while remaining and time.monotonic() < ends:
            try:
                remaining = remove_once(deployment, max(1.0, ends - time.monotonic()))
            except Exception as error:
                if str(error) not in problems:
                    say(f"The removal goes on: {error}")
                problems.add(str(error))
            if not remaining and (looks := looks - 1):
                remaining = set(known)
            if remaining:
                time.sleep(BETWEEN_LOOKS)
        left += [COMMAND.format(module=module, name=name, state=state) for name in sorted(remaining)]
    return left


def _tasks(deployment: Deployment, limit: float) -> set[str]:
    """Delete what there is now. :returns: the names of what is there afterwards."""
    ours = {"select": deployment.only_ours}
    found = _read(deployment, "task", **ours)
    if not found:
        return set()
    absent = [{"name": task["id"], "state": "absent"} for task in found]
    result = deployment.call("fleet", tasks=absent, wait_timeout=f"{limit:.0f}s")
    left = {task["name"] for task in _read(deployment, "task", **ours)}
    if left and result.get("failed"):
        raise RuntimeError(result["msg"])
    return left


def _chats(deployment: Deployment, limit: float) -> set[str]:
    """Archive what there is now. :returns: the names of what is there afterwards."""
    ours = {"labels": {RUN_LABEL: deployment.prefix}}
    results = [
        deployment.call("chat", id=chat["id"], state="archived", wait_timeout=f"{limit:.0f}s")
        for chat in _read(deployment, "chat", **ours)
    ]
    left = {chat["name"] for chat in _read(deployment, "chat", **ours)}
    problems = [result["msg"] for result in results if result.get("failed")]
    if left and problems:
        raise RuntimeError(" ".join(problems))
    return left


def _workspaces(deployment: Deployment, limit: float) -> set[str]:
    """Delete what there is now. :returns: the names of what could not be deleted."""
    left = set()
    for name in sorted(deployment.workspaces):
        result = deployment.call("workspace", name=name, state="absent", wait_timeout=f"{limit:.0f}s")
        if result.get("failed"):
            say(f"The removal goes on: {result['msg']}")
            left.add(name)
    return left


def _read(deployment: Deployment, kind: str, **options: Any) -> list[dict[str, Any]]:
    """Tasks or chats. :raises RuntimeError: they cannot be read."""
    result = deployment.call(f"{kind}_info", **options)
    if result.get("failed"):
        raise RuntimeError(result["msg"])
    found: list[dict[str, Any]] = result[f"{kind}s"]
    return found


class Bystanders:
    """The user's tasks and chats that are not ours: what a slip of the collection could have reached."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._before = self._look()

    def differences(self) -> list[str]:
        """What has happened to them since, each in a sentence."""
        after = self._look()
        told = []
        for key, facts in self._before.items():
            if key not in after:
                told.append(f"{key} was there before, and is not now.")
            elif after[key] != facts:
                told.append(f"{key} is not what it was: {facts} became {after[key]}.")
        return told

    def __len__(self) -> int:
        return len(self._before)

    def _look(self) -> Facts:
        """What an agent that works does not change of it by itself."""
        seen: Facts = {}
        readers: dict[str, Callable[[dict[str, Any]], tuple[Any, ...]]] = {
            "task": lambda task: (task["initial_prompt"], "paused" if task["status"] == "paused" else "not paused"),
            "chat": lambda chat: (chat["labels"], "archived" if chat["archived"] else "not archived"),
        }
        for kind, facts in readers.items():
            if self._deployment.lacks(f"{kind}s"):
                continue
            ours = self._deployment.prefix
            for item in _read(self._deployment, kind):
                if not str(item["name"]).startswith(f"{ours}-") and item.get("labels", {}).get(RUN_LABEL) != ours:
                    seen[f"{kind} {item['name'] or item.get('title')} ({item['id']})"] = facts(item)
        return seen
