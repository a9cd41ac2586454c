# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workspace builds and the workspaces they make, their state computed from the time, never stored."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.agentapi import AgentApi
from emulator.clock import Clock
from emulator.dialects import Dialect, Walk
from emulator.runtime import Runtime

if TYPE_CHECKING:
    from emulator.world import Task, Template, User, Version

PROMPT_LIMIT = 131_053  # bytes; a longer one does not fit into terraform's environment
NEVER = float("inf")

_WORKSPACE_STATUS = {
    "start": ("starting", "running"),
    "stop": ("stopping", "stopped"),
    "delete": ("deleting", "deleted"),
}


# As terraform writes it: the words of the command that failed stand in the log and nowhere else.
FAILURE_LOG = (
    "terraform_data.run (local-exec): boom: the disk is full",
    "Error: local-exec provisioner error",
    "Error running command './start': exit status 1.",
)


@dataclass
class Build:
    """One build. started and completed are moments in world time; NEVER while held in the queue."""

    id: str
    number: int
    transition: str
    initiator: User
    version: Version
    created: float
    started: float
    completed: float
    reason: str = "initiator"
    outcome: str = "succeeded"
    error: str = ""
    # What a failed build wrote into its log; its error alone does not say it.
    output: list[str] = field(default_factory=lambda: list(FAILURE_LOG))
    preset_id: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    canceled: float = NEVER
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def job_status(self, now: float) -> str:
        if now >= self.canceled:
            return "canceled" if now >= self.completed else "canceling"
        if now < self.started:
            return "pending"
        return "running" if now < self.completed else self.outcome

    def is_active(self, now: float) -> bool:
        return self.job_status(now) in ("pending", "running", "canceling")

    def succeeded(self, now: float) -> bool:
        return self.job_status(now) == "succeeded"

    def status(self, now: float) -> str:
        """The workspace status that this build gives."""
        job = self.job_status(now)
        active, done = _WORKSPACE_STATUS[self.transition]
        return {"running": active, "succeeded": done}.get(job, job)


@dataclass
class Agent:
    """The agent of one start build: it exists once the job is done, then connects, starts and gets ready."""

    build: Build
    walk: Walk
    clock: Clock
    api: AgentApi = field(init=False)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    dead_since: float = NEVER
    lifecycle_override: str | None = None

    def since(self) -> float:
        return self.build.completed

    def is_dead(self) -> bool:
        return self.clock.now() >= self.dead_since

    def is_connected(self) -> bool:
        return self.clock.now() >= self.since() + self.walk.connected

    def lifecycle(self) -> str:
        age = self.clock.now() - self.since()
        if self.lifecycle_override is not None:
            return self.lifecycle_override
        if age < self.walk.started:
            return "created"
        return "starting" if age < self.walk.ready else "ready"

    def health(self, dialect: Dialect) -> dict[str, Any]:
        if self.is_dead():
            return {"healthy": False, "reason": "agent has lost connection"}
        if not self.is_connected() and not dialect.connecting_is_healthy:
            return {"healthy": False, "reason": "agent has not yet connected"}
        return {"healthy": True}

    def app_health(self) -> str:
        healthy = self.api.healthy()
        if self.clock.now() - self.since() < self.walk.app_healthy or healthy is None:
            return "initializing"
        # Once the agent is gone nobody reports any more: the last health stays.
        return "healthy" if self.is_dead() or healthy else "unhealthy"


@dataclass
class Report:
    """What an agent said about itself through app-status."""

    time: float
    state: str
    message: str
    uri: str


@dataclass
class Workspace:
    """A workspace with its builds, newest last."""

    id: str
    name: str
    owner: User
    template: Template
    version: Version
    created: float
    clock: Clock
    dialect: Dialect
    runtime: Runtime
    task: Task | None = None
    builds: list[Build] = field(default_factory=list)
    agents: dict[int, Agent] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    app_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    command_app_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def latest(self) -> Build:
        return self.builds[-1]

    def status(self) -> str:
        return self.latest.status(self.clock.now())

    def is_deleted(self) -> bool:
        return self.status() == "deleted"

    def agent(self) -> Agent | None:
        """The agent that the newest build made, once it did."""
        build = self.latest
        made = build.transition == "start" and build.succeeded(self.clock.now())
        return self.agents.get(build.number) if made else None

    def agent_of_token(self, token: str) -> Agent | None:
        """The agent that may speak with this token now."""
        agent = next((agent for agent in self.agents.values() if agent.token == token), None)
        if agent is None or not agent.build.succeeded(self.clock.now()):
            return None
        stopping = (
            self.dialect.agent_token_during_stop
            and self.latest.transition == "stop"
            and self.latest.number == agent.build.number + 1
            and self.latest.job_status(self.clock.now()) in ("pending", "running")
        )
        return agent if agent.build is self.latest or stopping else None

    def last_report(self) -> Report | None:
        now = self.clock.now()
        return max((report for report in self.reports if report.time <= now), key=lambda r: r.time, default=None)

    def has_app(self) -> bool:
        """Whether the newest build has told its sidebar app (era S)."""
        return self.latest.transition != "delete" and self.latest.succeeded(self.clock.now())

    def build(
        self,
        transition: str,
        initiator: User,
        *,
        queued_until: float | None = None,
        failure: str = "",
        reason: str = "initiator",
        preset_id: str | None = None,
        parameters: dict[str, str] | None = None,
    ) -> Build:
        """Begin a build; queued_until is when a provisioner is free (default: at once), failure the job's error."""
        now, walk = self.clock.now(), self.dialect.walk
        duration, error = self._duration(transition)
        error = failure or error
        previous = self.builds[-1] if self.builds else None
        running = self.agent() if previous else None
        started = max(now + walk.queued, queued_until or 0.0)
        build = Build(
            id=str(uuid.uuid4()),
            number=len(self.builds) + 1,
            transition=transition,
            initiator=initiator,
            version=self.version,
            created=now,
            started=started,
            completed=started + duration,
            reason=reason,
            outcome="failed" if error else "succeeded",
            error=error,
            preset_id=preset_id if previous is None else previous.preset_id,
            parameters={**(previous.parameters if previous else {}), **(parameters or {})},
        )
        self.builds.append(build)
        if running is not None:
            self.runtime.stop(self, build)
        if transition == "start" and not error and started < NEVER:
            self._add_agent(build)
        return build

    def _add_agent(self, build: Build) -> None:
        agent = self.agents[build.number] = Agent(build, self.dialect.walk, self.clock)
        agent.api = self.runtime.start(self, agent)

    def _duration(self, transition: str) -> tuple[float, str]:
        walk = self.dialect.walk
        if transition == "start":
            prompt = self.task.prompt if self.task else ""
            if len(prompt.encode()) > PROMPT_LIMIT:
                return walk.oversized, "terraform plan: fork/exec /usr/local/bin/terraform: argument list too long"
            if self.template.fails:
                return walk.failure, "terraform apply: exit status 1"
            return walk.start, ""
        agent = self.agent() if self.builds else None
        idle = agent is None or agent.is_dead()
        return {
            "stop": walk.stop_idle if idle else walk.stop,
            "delete": walk.delete_idle if idle else walk.delete,
        }[transition], ""

    def reschedule(self, build: Build, started: float) -> None:
        """Let a build start at another moment."""
        duration, _error = self._duration(build.transition)
        build.started, build.completed = started, started + duration
        if build.transition == "start" and not build.error:
            self._add_agent(build)


def name_suffix() -> str:
    return f"{random.randrange(16**4):04x}"
