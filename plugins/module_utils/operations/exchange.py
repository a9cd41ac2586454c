# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One input to an agent and what it answers: send it once, find it where the answer was lost, wait for the reply.

Knows neither Coder nor AgentAPI: an :class:`Agent` speaks to them.
"""

from __future__ import annotations

from typing import Any, Callable, Protocol, TypedDict, TypeVar

from ..coder.backend import Message
from ..coder.errors import AnswerLost, CoderError, NotReady, as_coder_error, attempting
from .context import Context

# AgentAPI may type for 17 s before a message stands in the conversation (measured on 0.12.1 and 0.11.8).
LOOK_FOR_MESSAGE = 20.0
# How often in a row a conversation may fail to be read while its reply is awaited; each read has its own retries.
MOST_FAILURES = 5
PASSING = ("server", "network", "timeout", "unavailable", "protocol", "rate_limited")
# How many times longer an empty message must rest than one with words: an agent that thinks without a sign has one too.
EMPTY_RESTS = 3
EMPTY_NOTE = (
    "The agent's message is empty. AgentAPI takes for the message what is new on the screen, so an agent that gives "
    "an answer that stands there already leaves an empty one."
)

Messages = list[Message]


class ExchangeParams(TypedDict):
    """The options that an exchange reads. ``wait_for``: none, accepted or reply."""

    wait_for: str
    wait_timeout: float


class RestingParams(TypedDict):
    """The same, and how long an agent rests that does not tell when it is done."""

    wait_for: str
    wait_timeout: float
    stable_idle: float


Answer = TypeVar("Answer")


class Agent(Protocol):
    """Whoever the input is for. Messages are ``{id, content, type, time}``, oldest first, as in Coder's logs."""

    # As in "send to <name>"; and the module that reads its conversation.
    name: str
    reader: str

    @property
    def note(self) -> str:
        """Why its reply has no words, where it has none."""

    def input(self) -> str:
        """What to send. :raises CoderError: it cannot be right."""

    def check(self) -> None:
        """All that check mode can see. :raises CoderError: nothing could be sent."""

    def prepare(self) -> Messages:
        """Wait until the agent can be given input, as ``wait_for`` wants. :returns: the conversation so far."""

    def send(self, text: str) -> None:
        """:raises NotReady: it reached nobody, and may later. :raises AnswerLost: it may have reached the agent."""

    def before_next_try(self) -> None:
        """After :class:`NotReady` and a pause, before the same text is sent again."""

    def read(self) -> tuple[Messages | None, bool]:
        """The conversation, None while it cannot be read, and whether the agent is seen to work.

        :raises CoderError: it cannot be read, or the agent will never answer.
        """

    def is_taken(self, messages: Messages, text: str, last_id: int) -> bool:
        """Whether it has an input whose answer was lost.

        :param messages: as it gave them just now. :param last_id: highest id of a message before that input.
        """

    def reply_in(self, messages: Messages, text: str, last_id: int) -> Messages:
        """What answers the input in these messages; nothing where it does not stand there. Parameters as above."""

    def is_whole(self, reply: Messages, rested: float, late: bool) -> bool:
        """Whether this may be all.

        :param rested: seconds in which the reply has not changed, and the agent was not seen to work.
        :param late: whether the time to wait is over.
        """

    def rests(self) -> bool:
        """Whether the agent is done, asked last and once the reply is whole.

        :raises CoderError: the agent will never answer.
        """

    def last_look(self) -> None:
        """After all else: bring :meth:`facts` up to date, if that can be done; nothing depends on it."""

    def state(self) -> str:
        """The agent's state as seen last, in words."""

    def facts(self, failed: bool) -> dict[str, Any]:
        """What the result holds of the agent. :param failed: whether a person will have to look into it."""


class Exchange:
    """One input on its way. ``delivered`` tells at each moment what is known of it: no, unknown or yes.

    :param look_for_message: seconds in which a message whose answer was lost may still come to show.
    """

    def __init__(self, context: Context[ExchangeParams], agent: Agent, look_for_message: float) -> None:
        params = context.params
        self._context = context
        self._clock = context.clock
        self._agent = agent
        self._goal: str = params["wait_for"]
        self._timeout: float = params["wait_timeout"]
        self._look_for_message = look_for_message
        self._started = self._clock.monotonic()
        self._text = ""
        # Highest message id before ours; what comes later is ours and the answer.
        self._last_id = -1
        self.delivered = "no"
        self._reply: Messages = []
        self._note: str | None = None

    def run(self) -> dict[str, Any]:
        """The result: ``delivered``, ``reply``, ``note``, ``waited`` and the agent's facts.

        :raises CoderError: with the same in its ``result``, whatever happened.
        """
        try:
            with attempting(f"send to {self._agent.name}"):
                self._text = self._agent.input()
                if self._context.check_mode:
                    self._agent.check()
                    return dict(self._result(failed=False), changed=True, would_send=self._text)
                self._last_id = _newest(self._agent.prepare())
                self._deliver()
            self.delivered = "yes"
            if self._goal == "reply":
                with attempting(f"read the reply of {self._agent.name}"):
                    self._wait_for_reply()
            self._agent.last_look()
        except Exception as caught:  # noqa: BLE001  (whatever it is, whether the agent was told must be known)
            raise self._failed(as_coder_error(caught)) from None
        return dict(self._result(failed=False), changed=True)

    def _result(self, failed: bool) -> dict[str, Any]:
        return {
            "delivered": self.delivered,
            "reply": self._reply,
            "note": self._note,
            "waited": round(self._waited(), 1),
            **self._agent.facts(failed),
        }

    def _failed(self, error: CoderError) -> CoderError:
        # What was found out where it failed is nearer than what is known here.
        result = {**self._result(failed=error.kind != "invalid"), **error.result}
        if self.delivered != "yes":
            return error.but(result=result)
        told = f"The input was delivered. Do not send it again: read the reply later with {self._agent.reader}."
        return error.but(result=result, hint=f"{error.hint} {told}" if error.hint else told)

    def _waited(self) -> float:
        return self._clock.monotonic() - self._started

    def _is_late(self) -> bool:
        return self._waited() >= self._timeout

    # Sending

    def _deliver(self) -> None:
        """Send until it is accepted. Never twice: once an answer is lost, only the conversation can tell."""
        while True:
            try:
                # Until it is answered nobody knows.
                self.delivered = "unknown"
                return self._agent.send(self._text)
            except AnswerLost as lost:
                return self._find_our_message(lost)
            except NotReady:
                self.delivered = "no"
                if self._goal == "none" or self._is_late():
                    raise
            except CoderError:
                self.delivered = "no"
                raise
            self._clock.sleep(self._context.poll_interval)
            self._agent.before_next_try()

    def _find_our_message(self, lost: AnswerLost) -> None:
        """The input was delivered if it stands in the conversation.

        :raises AnswerLost: it does not, or that cannot be read.
        """
        ends = self._clock.monotonic() + (self._look_for_message if lost.may_still_show else 0.0)
        detail = lost.detail
        while True:
            try:
                messages, _works = self._agent.read()
                if self._agent.is_taken(messages or [], self._text, self._last_id):
                    return
            except Exception as caught:  # noqa: BLE001  (that it was lost is what has to be told)
                detail = detail or as_coder_error(caught).message
            if self._clock.monotonic() >= ends:
                break
            self._clock.sleep(self._context.poll_interval)
        hint = "Whether the agent got the input cannot be known, so it is not sent again; read its messages first."
        raise lost.but(detail=detail, hint=hint)

    # The reply

    def _wait_for_reply(self) -> None:
        """Until the agent's messages after ours are whole and it does not work."""
        since = self._clock.monotonic()
        failures: list[CoderError] = []
        while True:
            unread: tuple[Messages | None, bool] = (None, False)
            messages, works = self._bearing(failures, self._agent.read, unread)
            latest = self._reply
            if messages is not None:
                latest = self._agent.reply_in(messages, self._text, self._last_id)
            now = self._clock.monotonic()
            if latest != self._reply or works:
                self._reply, since = latest, now
            if messages is not None and not works and self._agent.is_whole(latest, now - since, self._is_late()):
                if self._bearing(failures, self._agent.rests, False):
                    self._note = None if has_words(latest) else self._agent.note
                    return
                since = now
            if self._is_late():
                raise self._no_reply(failures)
            self._clock.sleep(self._context.poll_interval)

    @staticmethod
    def _bearing(failures: list[CoderError], ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        """A look fails now and then in a long wait: only many failures in a row end it."""
        try:
            answer = ask()
        except CoderError as error:
            failures.append(error)
            if error.kind not in PASSING or len(failures) >= MOST_FAILURES:
                raise
            return otherwise
        failures.clear()
        return answer

    def _no_reply(self, failures: list[CoderError]) -> CoderError:
        self._agent.last_look()
        reason = f"the agent has not finished a reply within {self._timeout:g} s; {self._agent.state()}"
        if failures:
            reason += f"; the last look failed: {failures[-1].reason}"
        return CoderError(reason, "wait_timeout", hint="Raise 'wait_timeout' if it only needs more time.")


class ScreenAgent:
    """What agents behind an AgentAPI have in common: their conversation is read from a terminal.

    Nothing there tells when a turn is over, nor which message is ours.
    """

    note = EMPTY_NOTE

    def __init__(self, stable_idle: float) -> None:
        self._stable_idle = stable_idle

    def is_taken(self, messages: Messages, text: str, last_id: int) -> bool:
        """See :meth:`Agent.is_taken`."""
        return _position(messages, text, last_id, exactly=True) is not None

    def reply_in(self, messages: Messages, text: str, last_id: int) -> Messages:
        """See :meth:`Agent.reply_in`."""
        position = _position(messages, text, last_id)
        if position is None:
            return []
        return [message for message in messages[position + 1 :] if message["type"] == "output"]

    def is_whole(self, reply: Messages, rested: float, late: bool) -> bool:
        """See :meth:`Agent.is_whole`: it has not changed for long enough."""
        times = 1 if has_words(reply) or late else EMPTY_RESTS
        return bool(reply) and rested >= times * self._stable_idle


def has_words(reply: Messages) -> bool:
    """Whether any of the messages says anything."""
    return any((message["content"] or "").strip() for message in reply)


def _position(messages: Messages, text: str, last_id: int, exactly: bool = False) -> int | None:
    """Where our message stands. A terminal may have re-wrapped it, so spaces do not count."""
    inputs = [
        index for index, message in enumerate(messages) if message["type"] == "input" and _number(message) > last_id
    ]
    for index in inputs:
        if (messages[index]["content"] or "").split() == text.split():
            return index
    return inputs[0] if inputs and not exactly else None


def _number(message: Message) -> int:
    return message["id"] if isinstance(message["id"], int) else -1


def _newest(messages: Messages) -> int:
    return max(map(_number, messages), default=-1)
