# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside a workspace, behind the one interface that the rest of the emulator knows."""

from __future__ import annotations

from typing import Any, Protocol

from emulator.agentapi import AgentApi, Behaviour
from emulator.clock import Clock

_KEPT_BY_THE_HOOK = 10


class Runtime(Protocol):
    """The inside of one workspace, from start to stop and start again."""

    def start(self, ready: float) -> AgentApi:
        """Start what a start build brings up; its AgentAPI answers from the moment `ready`."""

    def stop(self) -> list[dict[str, Any]] | None:
        """Run the stop scripts; gives the messages of the snapshot that they post, None when they post none."""


class VirtualRuntime:
    """A workspace in memory: an in-process AgentAPI, and a shutdown hook that always succeeds while it answers."""

    def __init__(self, clock: Clock, behaviour: Behaviour) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._api: AgentApi | None = None

    def start(self, ready: float) -> AgentApi:
        self._api = AgentApi(self._clock, self._behaviour, ready)
        return self._api

    def stop(self) -> list[dict[str, Any]] | None:
        if self._api is None or self._api.behaviour.mode != "up":
            return None
        return [vars(message).copy() for message in self._api.conversation()[-_KEPT_BY_THE_HOOK:]] or None
