# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give the agent behind an AgentAPI server input, once, and read what it answers."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..agentapi import DEFAULT_URL, AgentApi, Look
from ..coder.errors import CoderError, invalid
from .context import Context
from .exchange import LOOK_FOR_MESSAGE, Exchange, Messages, RestingParams, ScreenAgent
from .spec import Spec


class AgentapiMessageParams(RestingParams):
    """The options of this operation."""

    agentapi_url: str
    timeout: float
    input: str


def spec() -> Spec:
    """The operation's options."""
    return {
        "argument_spec": {
            "agentapi_url": {"type": "str", "default": DEFAULT_URL},
            "timeout": {"type": "duration", "default": "1m"},
            "input": {"type": "str", "required": True},
            "wait_for": {"type": "str", "choices": ["none", "accepted", "reply"], "default": "reply"},
            "wait_timeout": {"type": "duration", "default": "10m"},
            "stable_idle": {"type": "duration", "default": "2s"},
        },
        "supports_check_mode": True,
    }


def run(context: Context[AgentapiMessageParams]) -> dict[str, Any]:
    """Result: ``delivered``, ``reply``, ``note`` and ``waited``; in check mode ``would_send``, too."""
    return Exchange(context, DirectAgent(context), LOOK_FOR_MESSAGE).run()


class DirectAgent(ScreenAgent):
    """The agent behind an AgentAPI server, as an :class:`.exchange.Agent`."""

    name = "AgentAPI"
    reader = "coder.tasks.agentapi_info"

    def __init__(self, context: Context[AgentapiMessageParams]) -> None:
        super().__init__(context.params["stable_idle"])
        self._context = context
        self._clock = context.clock
        self._stable = False

    @cached_property
    def _server(self) -> AgentApi:
        params = self._context.params
        return AgentApi(params["agentapi_url"], params["timeout"], self._context.journal.note)

    def input(self) -> str:
        text = self._context.params["input"]
        if not text.strip():
            raise invalid("the input is empty", "Agents refuse blank input.")
        return text

    def check(self) -> None:
        self._server.look()

    def prepare(self) -> Messages:
        look = self._server.look()
        return look.messages if self._context.params["wait_for"] == "none" else self._stable_look(look).messages

    def send(self, text: str) -> None:
        self._server.send(text)

    def before_next_try(self) -> None:
        self._context.progress("AgentAPI is busy")

    def read(self) -> tuple[Messages | None, bool]:
        look = self._server.look()
        self._stable = look.status == "stable"
        return look.messages, not self._stable

    def rests(self) -> bool:
        return self._stable

    def last_look(self) -> None:
        """There is nothing in the result that it would change."""

    def state(self) -> str:
        return f"its status is {'stable' if self._stable else 'not stable'}"

    def facts(self, failed: bool) -> dict[str, Any]:
        return {}

    def _stable_look(self, look: Look) -> Look:
        """Wait until the agent has been stable for ``stable_idle`` without a break."""
        started = since = self._clock.monotonic()
        seen = look.messages
        while True:
            now = self._clock.monotonic()
            if look.status != "stable" or not look.ready or look.messages != seen:
                since, seen = now, look.messages
            elif now - since >= self._context.params["stable_idle"]:
                return look
            if now - started >= self._context.params["wait_timeout"]:
                raise CoderError(
                    f"the agent was not stable within {now - started:.0f} s; its status is {look.status}",
                    "wait_timeout", hint="Nothing was sent.",
                )
            self._clock.sleep(self._context.poll_interval)
            look = self._server.look()
