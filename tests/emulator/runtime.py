# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside a workspace, behind the one interface that the rest of the emulator knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from emulator.agentapi import AgentApi, Behaviour
from emulator.clock import Clock

if TYPE_CHECKING:
    from emulator.builds import Agent, Build, Workspace

_KEPT_BY_THE_HOOK = 10


class Runtime(Protocol):
    """The inside of one workspace, from start to stop and start again."""

    def start(self, workspace: Workspace, agent: Agent) -> AgentApi:
        """Bring up what a start build brings, when its job is done."""

    def stop(self, workspace: Workspace, build: Build) -> None:
        """Bring all down in the job of a build, after the stop scripts; it may move the end of the job."""

    def posted_at_stop(self) -> list[dict[str, Any]] | None:
        """The messages of the snapshot that a stop now posts without a process that does it; None: it posts none."""

    def kill(self) -> None:
        """End everything at once; no script runs."""

    def settle(self) -> None:
        """Wait until what the builds so far ask for is done."""

    def close(self) -> None:
        """Leave nothing behind."""


class VirtualRuntime:
    """A workspace in memory: an in-process AgentAPI, and a shutdown hook that always succeeds while it answers."""

    def __init__(self, clock: Clock, behaviour: Behaviour) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._api: AgentApi | None = None

    def start(self, workspace: Workspace, agent: Agent) -> AgentApi:
        self._api = AgentApi(self._clock, self._behaviour, agent.since() + agent.walk.ready)
        return self._api

    def stop(self, workspace: Workspace, build: Build) -> None:
        pass

    def posted_at_stop(self) -> list[dict[str, Any]] | None:
        if self._api is None or self._api.behaviour.mode != "up":
            return None
        return [vars(message).copy() for message in self._api.conversation()[-_KEPT_BY_THE_HOOK:]] or None

    def kill(self) -> None:
        pass

    def settle(self) -> None:
        pass

    def close(self) -> None:
        pass
