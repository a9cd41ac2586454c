# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running emulator: a server on a loopback port in a background thread, and the handle that tests hold."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
import yaml

from emulator.agentapi import Behaviour
from emulator.app import Application
from emulator.builds import Build
from emulator.chats_dialects import CHAT_DIALECTS, ChatDialect
from emulator.chats_objects import Chat
from emulator.clock import Clock
from emulator.dialects import DIALECTS, Dialect
from emulator.faults import Faults
from emulator.journal import Entry, Journal
from emulator.processes import Scripts
from emulator.world import Settings, Task, World

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten milliseconds less for each server
DEFAULT_FIXTURES = Path(__file__).with_name("fixtures.yml")
_BEHAVIOUR = {option.name for option in fields(Behaviour)}
_SCRIPTS = {option.name for option in fields(Scripts)}
_SETTINGS = {option.name for option in fields(Settings)} - {"behaviour", "scripts"}


class _Server(uvicorn.Server):
    """Uvicorn's server, but it stops at once, whoever still waits for an answer."""

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(0.005)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()


class Emulator:
    """An emulated Coder server.

    dialect: a name in DIALECTS; chats: a name in CHAT_DIALECTS, for a server that has chats too (the dialect then
    defaults to the one of that version, and its version is told); time_factor: real seconds a recorded second lasts;
    clock_skew: real seconds that the server's clock is ahead, in its Date header and in all times that it tells;
    fixtures: another fixture file; clock: another clock; port: 0 for a free one; options: fields of Settings, of
    agentapi.Behaviour and of processes.Scripts.
    """

    def __init__(
        self,
        dialect: str = "",
        *,
        chats: str = "",
        time_factor: float = 1.0,
        clock_skew: float = 0.0,
        fixtures: str | Path | None = None,
        clock: Clock | None = None,
        port: int = 0,
        **options: Any,
    ) -> None:
        known_options = _BEHAVIOUR | _SETTINGS | _SCRIPTS
        unknown = sorted(set(options) - known_options)
        if unknown:
            raise ValueError(
                f"unknown emulator options {', '.join(unknown)}; known: {', '.join(sorted(known_options))}"
            )
        if chats and chats not in CHAT_DIALECTS:
            raise ValueError(f"unknown chats dialect {chats!r}; one of: {', '.join(CHAT_DIALECTS)}")
        self.chat_dialect: ChatDialect | None = CHAT_DIALECTS[chats] if chats else None
        dialect = dialect or (self.chat_dialect.tasks if self.chat_dialect else "2.34")
        if dialect not in DIALECTS:
            raise ValueError(f"unknown dialect {dialect!r}; one of: {', '.join(DIALECTS)}")
        self.dialect: Dialect = DIALECTS[dialect]
        if self.chat_dialect:
            self.dialect = _beside(self.dialect, self.chat_dialect)
        self._fixtures = yaml.load(Path(fixtures or DEFAULT_FIXTURES).read_text(), Loader=_LOADER)
        self._clock = clock or Clock(time_factor, clock_skew)
        self._options = options
        self._port = port
        self._app = Application(self._world())
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def _world(self) -> World:
        def chosen(names: set[str]) -> dict[str, Any]:
            return {key: value for key, value in self._options.items() if key in names}

        behaviour, scripts = Behaviour(**chosen(_BEHAVIOUR)), Scripts(**chosen(_SCRIPTS))
        settings = Settings(behaviour=behaviour, scripts=scripts, **chosen(_SETTINGS))
        return World(self.dialect, self._clock, self._fixtures, settings, self.chat_dialect)

    # Running

    def start(self) -> Emulator:
        """Listen and serve; returns when requests are answered."""
        # Naming the protocol lets asyncio switch Nagle's algorithm off: 40 ms less for each request.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(512)
        self._port = listener.getsockname()[1]
        self.state.url = self.url
        config = uvicorn.Config(
            self._app, log_config=None, log_level="critical", access_log=False, lifespan="off", proxy_headers=False,
            ws="websockets-sansio" if self.chat_dialect else "none", server_header=False, date_header=False,
        )  # fmt: skip
        self._server = server = _Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), name="emulator", daemon=True
        )
        self._thread.start()
        while not server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the emulator did not start")
            time.sleep(0.001)
        return self

    def stop(self) -> None:
        """Stop serving; connections that still wait are closed, and processes of workspaces killed."""
        self.state.close()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(timeout=5)
            self._server = self._thread = None

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Begin again: no tasks, no faults, an empty journal."""
        self.state.close()
        self._app.use(self._world())
        self.state.url = self.url
        self.journal.clear()
        self.faults.clear()

    # What tests look at

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        """The session token of the first user: alice, who is an owner."""
        return self.state.users[0].token

    @property
    def tokens(self) -> dict[str, str]:
        return {user.username: user.token for user in self.state.users}

    @property
    def state(self) -> World:
        return self._app.world

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def journal(self) -> Journal:
        return self._app.journal

    @property
    def writes(self) -> list[Entry]:
        return self.journal.writes

    @property
    def faults(self) -> Faults:
        return self._app.faults

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs, as environment variables."""
        return {"CODER_URL": self.url, "CODER_SESSION_TOKEN": self.token}

    def create_task(
        self,
        name: str,
        *,
        owner: str = "alice",
        template: str = "ai",
        preset: str | None = None,
        input: str = "Do the thing",
        state: str = "active",
    ) -> Task:
        """Make a task without the API. state: new (its build begins now), active, paused, or error."""
        if state not in ("new", "active", "paused", "error"):
            raise ValueError(f"unknown state {state!r}; one of: new, active, paused, error")
        world = self.state
        version = world.template(template).active_version
        chosen = next((p for p in version.presets if p.name == preset), None)
        task = world.create_task(world.user(owner), version, name=name, prompt=input, preset=chosen)
        if state == "new":
            return task
        build = task.workspace.latest
        if state == "error":
            build.outcome, build.error = "failed", "terraform apply: exit status 1"
        _finish(world, task, build)
        if state == "paused":
            _finish(world, task, world.build(task.workspace, "stop", task.owner))
        return task

    def create_chat(self, prompt: str = "Do the thing", **options: Any) -> Chat:
        """Make an idle chat without the API and without a model; options: see Chats.create_chat.

        :raises ValueError: when the server has no chats.
        """
        if self.state.chats is None:
            raise ValueError(f"this server has no chats: start it with one of {', '.join(CHAT_DIALECTS)} as chats=")
        return self.state.chats.create_chat(prompt, **options)


def _beside(dialect: Dialect, chats: ChatDialect) -> Dialect:
    """The task dialect of a server whose chats are of another version: that one it tells."""
    extra = dict(dialect.extra)
    if chats.organization_models:
        extra["template"] = {**extra.get("template", {}), "agents_allowed": True}
    return replace(dialect, version=chats.version or dialect.version, extra=extra)


def _finish(world: World, task: Task, build: Build) -> None:
    """Move a build into the past, so that all that follows from it has happened."""
    task.workspace.runtime.settle()
    now, walk = world.clock.now(), world.dialect.walk
    shift = max(0.0, build.completed + walk.app_healthy + walk.ready - now)
    build.created -= shift
    build.started -= shift
    build.completed -= shift
    agent = task.workspace.agents.get(build.number)
    if agent is not None:
        agent.api.begin(build.completed + walk.ready)
    for snapshot in task.snapshots:
        snapshot.time = min(snapshot.time, now)
    for report in task.workspace.reports:
        report.time = min(report.time, now)
