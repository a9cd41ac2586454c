# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source: what changes while it watches is told. It runs as ansible-rulebook runs it, by its path."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from live.case import case
from live.deployment import RUN_LABEL, Deployment
from playbooks import ROOT

SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "task_changes.py"


class Watching:
    """The source in a thread, from its first look on. ``events``: what it has told."""

    def __init__(self, deployment: Deployment, **options: Any) -> None:
        settings = deployment.settings
        self.events: list[dict[str, Any]] = []
        self._deployment = deployment
        self._cursor = deployment.folder / "cursor"
        self._options = {"url": settings.url, "token": settings.token, "interval": 1, "cursor_file": str(self._cursor)}
        self._options |= options
        self._stop = threading.Event()
        self._ended: str = ""
        self._thread = threading.Thread(target=self._run, daemon=True)

    async def put(self, event: dict[str, Any]) -> None:
        """As a queue takes it."""
        self.events.append(event)

    def __enter__(self) -> Watching:
        self._thread.start()
        # The file is written with the first look.
        self.wait(lambda: Path(self._cursor).exists(), "its first look")
        return self

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Until something is so; fails when the source has ended, or the time of the case."""
        while not ready():
            assert not self._ended, f"The event source has ended: {self._ended}"
            assert self._deployment.left > 1, f"The event source did not come to {what}"
            time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except Exception as error:
            self._ended = str(error)

    async def _watch(self) -> None:
        source = asyncio.create_task(runpy.run_path(str(SOURCE))["main"](self, self._options))
        while not self._stop.is_set() and not source.done():
            await asyncio.sleep(0.05)
        source.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await source


def tells(watching: Watching, kind: str, name: str, event_type: str, after: str | None) -> bool:
    """Whether it has told that something of this name became something else."""
    ours = [event for event in watching.events if event[kind]["name"] == name]
    return any((event["type"], event["after"]) == (event_type, after) for event in ours)


@case("An event tells that a task was paused", "tasks")
def paused(deployment: Deployment) -> None:
    deployment.have("two")
    name = deployment.name("two")
    with Watching(deployment) as watching:
        deployment.have("two", paused=True)
        watching.wait(
            lambda: tells(watching, "task", name, "status_changed", "paused"), "tell that the task was paused"
        )


@case("An event tells that a chat was archived", "chats", "model")
def archived(deployment: Deployment) -> None:
    deployment.have_chat("watched")
    name = deployment.chat_name("watched")
    with Watching(deployment, source="chats", labels={RUN_LABEL: deployment.prefix}) as watching:
        result = deployment.call("chat", name=name, state="archived")
        assert not result.get("failed"), f"The chat could not be archived: {result['msg']}"
        watching.wait(lambda: tells(watching, "chat", name, "archived", None), "tell that the chat was archived")
