# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AgentAPI of a virtual workspace: what Coder reaches through a task's app.

It greets, echoes what it is sent and can be made to misbehave. All times are in world seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.clock import Clock, go_time


@dataclass
class Message:
    id: int
    role: str
    content: str
    time: str


class AppError(Exception):
    """AgentAPI answered with an error, or could not be reached. Carries the text that Coder shows."""


@dataclass
class Behaviour:
    """How the AgentAPI of one workspace behaves; change it at any time.

    mode: up, down (connection refused), slow (six seconds a call), or frozen (never answers).
    delay: how long each call takes; busy_time: how long the agent works on a message.
    status: answered instead of the true one; status_error: the body of a 500 to GET /status;
    reject: the error that every message is refused with.
    screen_difference: take for a message what is new on the screen, as AgentAPI 0.12.1 does around a terminal: it
    begins with the first line that did not stand there before, so an answer given a second time is empty.
    """

    greeting: str = "Hello, I am the stand-in agent."
    busy_time: float = 0.0
    pad_columns: int = 0
    delay: float = 0.0
    mode: str = "up"
    status: str | None = None
    status_error: str | None = None
    reject: str | None = None
    screen_difference: bool = False
    reply: Callable[[str], str] = field(default=lambda text: f"echo: {text}")


# Coder's health checks: the app is unhealthy after so long down, slow or frozen, healthy after so long up again.
_NOTICED = {"down": 3.5, "frozen": 5.8, "slow": 5.8, "up": 1.7}
SLOW = 6.0  # seconds a call takes


class AgentApi:
    """One AgentAPI process: it starts with a fresh conversation."""

    blocking = False  # whether its answers have to be waited for

    def __init__(self, clock: Clock, behaviour: Behaviour, started: float) -> None:
        self._clock = clock
        self.behaviour = replace(behaviour, mode="up")
        self.port = random.randint(20000, 29999)
        self.busy_until = 0.0
        self._was_healthy = True
        self.begin(started)

    # State, by hand

    def begin(self, moment: float) -> None:
        """Begin at another moment, with the greeting."""
        self._mode_since = moment
        self._messages: list[tuple[float, Message]] = []
        self._lines_shown: set[str] = set(self.behaviour.greeting.split("\n"))
        self._say("agent", self._screen(self.behaviour.greeting), moment)

    def set_mode(self, mode: str) -> None:
        """Go up, down, slow or frozen now."""
        if mode not in _NOTICED:
            raise ValueError(f"unknown AgentAPI mode {mode!r}; one of: {', '.join(_NOTICED)}")
        self._was_healthy = bool(self.healthy())
        self.behaviour.mode = mode
        self._mode_since = self._clock.now()

    def work(self, seconds: float) -> None:
        """Be busy for so long from now."""
        self.busy_until = self._clock.now() + seconds

    def set_messages(self, messages: list[dict[str, Any]]) -> None:
        """Replace the conversation; each message has a content and maybe id, role (agent) and time (now)."""
        now = self._clock.now()
        self._messages = [
            (
                now,
                Message(
                    id=message.get("id", index),
                    role=message.get("role", "agent"),
                    content=message["content"],
                    time=message.get("time", go_time(self._clock.wall(now))),
                ),
            )
            for index, message in enumerate(messages)
        ]

    # What Coder asks

    def healthy(self) -> bool | None:
        """Whether Coder's health check of the app passes by now; None: it was not reached yet."""
        good = self.behaviour.mode == "up"
        noticed = self._clock.now() - self._mode_since >= _NOTICED[self.behaviour.mode]
        return good if noticed else self._was_healthy

    def delay(self) -> float:
        """How long a call takes."""
        return max(self.behaviour.delay, SLOW if self.behaviour.mode == "slow" else 0.0)

    def is_running(self) -> bool:
        return self._clock.now() < self.busy_until

    def status(self) -> str:
        """GET /status: running or stable. Raises AppError."""
        self._reach("status")
        if self.behaviour.status_error is not None:
            raise AppError(f"failed to get status: {self.behaviour.status_error}\n")
        return self.behaviour.status or ("running" if self.is_running() else "stable")

    def messages(self) -> list[Message]:
        """GET /messages. Raises AppError."""
        self._reach("messages")
        return self.conversation()

    def conversation(self) -> list[Message]:
        """The messages so far, whether or not the server can be reached."""
        now = self._clock.now()
        return [message for moment, message in self._messages if moment <= now]

    def post(self, content: str) -> None:
        """POST /message, type user. Raises AppError."""
        self._reach("message")
        if self.behaviour.reject is not None:
            raise AppError(self._problem(self.behaviour.reject))
        if not content.strip(" \t\r\n"):
            raise AppError(self._problem("message must not be empty"))
        now = self._clock.now()
        self._say("user", content, now)
        self.busy_until = now + self.behaviour.busy_time
        self._say("agent", self._screen(self._new_on_screen(content, self.behaviour.reply(content))), self.busy_until)

    def _reach(self, route: str) -> None:
        if self.behaviour.mode == "down":
            url = f"http://localhost:{self.port}/{route}"
            address = f"[fd7a:115c:a1e0:4048:9a39:1623:2eed:e886]:{self.port}"
            raise AppError(f'Get "{url}": connect tcp {address}: connection was refused')

    def _problem(self, reason: str) -> str:
        return (
            f'failed to post message: {{"$schema":"http://localhost:{self.port}/schemas/ErrorModel.json",'
            '"title":"Internal Server Error","status":500,"detail":"unexpected error occurred",'
            f'"errors":[{{"message":"failed to send message: {reason}"}}]}}\n'
        )

    def _say(self, role: str, content: str, moment: float) -> None:
        message = Message(len(self._messages), role, content, go_time(self._clock.wall(moment)))
        self._messages.append((moment, message))

    def _new_on_screen(self, typed: str, reply: str) -> str:
        """The reply as AgentAPI finds it: the terminal shows what was typed, then the reply."""
        shown, lines = self._lines_shown, reply.split("\n")
        self._lines_shown = {*shown, *typed.split("\n"), *lines}
        if not self.behaviour.screen_difference or not shown.issuperset(typed.split("\n")):
            return reply
        first = next((index for index, line in enumerate(lines) if line not in shown), len(lines))
        return "\n".join(lines[first:])

    def _screen(self, text: str) -> str:
        columns = self.behaviour.pad_columns
        return "\n".join(line.ljust(columns) for line in text.split("\n")) if columns else text
