# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give the agent behind an AgentAPI server input, once, and read what it answers."""

from __future__ import annotations

from typing import Any

from ..agentapi import DEFAULT_URL, AgentApi, Look
from ..coder.errors import AnswerLost, CoderError, attempting, invalid
from .context import Context

# AgentAPI may type for 17 s before a message stands in the conversation (measured on 0.12.1 and 0.11.8).
LOOK_FOR_MESSAGE = 20.0


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    return {
        "argument_spec": {
            "agentapi_url": {"type": "str", "default": DEFAULT_URL},
            "timeout": {"type": "float", "default": 60.0},
            "input": {"type": "str", "required": True},
            "wait_for": {"type": "str", "choices": ["none", "accepted", "reply"], "default": "reply"},
            "wait_timeout": {"type": "float", "default": 600.0},
            "stable_idle": {"type": "float", "default": 2.0},
        },
        "supports_check_mode": True,
    }


def run(context: Context) -> dict[str, Any]:
    """Result: ``delivered``, ``reply`` and ``waited``."""
    if not context.params["input"].strip():
        raise invalid("the input is empty", "Agents refuse blank input.")
    with attempting("send to AgentAPI"):
        return _Send(context).run()


class _Send:
    """One input on its way: wait, send, look for it, read the answer."""

    def __init__(self, context: Context) -> None:
        params = context.params
        self._context = context
        self._clock = context.clock
        self._server = AgentApi(params["agentapi_url"], params["timeout"])
        self._text: str = params["input"]
        self._goal: str = params["wait_for"]
        self._started = self._clock.monotonic()
        # Highest message id before ours; what comes later is ours and the answer.
        self._last_id = -1

    def run(self) -> dict[str, Any]:
        look = self._server.look()
        if self._context.check_mode:
            return self._result([])
        if self._goal != "none":
            look = self._wait_until_stable(look)
        self._last_id = max((message["id"] for message in look.messages), default=-1)
        self._deliver()
        try:
            return self._result(self._wait_for_reply() if self._goal == "reply" else [])
        except CoderError as error:
            error.result["changed"] = True
            raise

    def _result(self, reply: list[dict[str, Any]], delivered: str = "yes") -> dict[str, Any]:
        return {"changed": True, "delivered": delivered, "reply": reply, "waited": round(self._waited(), 1)}

    def _waited(self) -> float:
        return self._clock.monotonic() - self._started

    def _is_late(self) -> bool:
        return self._waited() >= self._context.params["wait_timeout"]

    def _failed(self, error: CoderError, delivered: str, reply: list[dict[str, Any]] | None = None) -> CoderError:
        error.result = {"delivered": delivered, "reply": reply or [], "waited": round(self._waited(), 1)}
        return error

    def _wait_until_stable(self, look: Look) -> Look:
        """Wait until the agent has been stable for ``stable_idle`` without a break."""
        since, seen = self._clock.monotonic(), look.messages
        while True:
            now = self._clock.monotonic()
            if look.status != "stable" or not look.ready or look.messages != seen:
                since, seen = now, look.messages
            elif now - since >= self._context.params["stable_idle"]:
                return look
            if self._is_late():
                error = CoderError(
                    "the agent was not stable within %d s; its status is %s" % (self._waited(), look.status),
                    "wait_timeout",
                    hint="Nothing was sent.",
                )
                raise self._failed(error, "no")
            self._clock.sleep(self._context.poll_interval)
            look = self._server.look()

    def _deliver(self) -> None:
        """Send until it is accepted. Never twice: once an answer is lost, only the messages can tell."""
        while True:
            try:
                return self._server.send(self._text)
            except AnswerLost as lost:
                return self._find_our_message(lost)
            except CoderError as error:
                if error.kind != "busy" or self._goal == "none" or self._is_late():
                    raise self._failed(error, "no") from None
            self._clock.sleep(self._context.poll_interval)

    def _find_our_message(self, lost: AnswerLost) -> None:
        """The answer was lost: the input was delivered if it stands in the conversation.

        :raises AnswerLost: it does not, or cannot be read; ``delivered: unknown``.
        """
        # An answer that says that it was typed comes when nothing more will be recorded.
        ends = self._clock.monotonic() + (LOOK_FOR_MESSAGE if lost.status is None else 0.0)
        while True:
            try:
                if self._own_position(self._server.look().messages) is not None:
                    return
            except CoderError as error:
                lost.detail = error.message
            if self._clock.monotonic() >= ends:
                break
            self._clock.sleep(self._context.poll_interval)
        lost.hint = "Whether the agent got the input cannot be known, so it is not sent again; read its messages first."
        raise self._failed(lost, "unknown")

    def _own_position(self, messages: list[dict[str, Any]]) -> int | None:
        """Where our message stands. A terminal may have re-wrapped it, so spaces do not count."""
        for index, message in enumerate(messages):
            is_new_input = message["type"] == "input" and message["id"] > self._last_id
            if is_new_input and message["content"].split() == self._text.split():
                return index
        return None

    def _wait_for_reply(self) -> list[dict[str, Any]]:
        """The agent's messages after ours, once it is stable and they have not changed for ``stable_idle``."""
        reply: list[dict[str, Any]] = []
        since = self._clock.monotonic()
        while True:
            look = self._server.look()
            position = self._own_position(look.messages)
            after = look.messages[position + 1 :] if position is not None else []
            latest = [message for message in after if message["type"] == "output"]
            now = self._clock.monotonic()
            if latest != reply or look.status != "stable":
                reply, since = latest, now
            answered = any(message["content"].strip() for message in reply)
            if answered and now - since >= self._context.params["stable_idle"]:
                return reply
            if self._is_late():
                error = CoderError(
                    "the input was delivered, but no finished reply came within %d s" % self._waited(),
                    "wait_timeout",
                    hint="Do not send it again: read the reply later with coder.tasks.agentapi_info.",
                )
                raise self._failed(error, "yes", reply)
            self._clock.sleep(self._context.poll_interval)
