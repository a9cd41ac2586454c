# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AgentAPI server, spoken to directly. Standard library only."""

from __future__ import annotations

import json
from typing import Any, Callable, NamedTuple

from .coder.backend import Message
from .coder.errors import AnswerLost, CoderError, NotReady
from .snapshot.deadline import Deadline
from .snapshot.fit import fit
from .snapshot.foreign import parse_json
from .snapshot.read import STATUS_SECONDS, ReadError, is_ready, read_agentapi, replay_events
from .snapshot.wire import Answer, Url, WireError, open_request

DEFAULT_URL = "http://localhost:3284"
# One message is capped by AgentAPI's screen and its requests by 1 MiB; no conversation is so large.
_UNBOUNDED = 2**40
_BUSY = "can only be sent when the agent is waiting for user input"
# AgentAPI typed the input and gave up waiting for the agent: the keystrokes are in the terminal, but on no record.
_TYPED = "failed to wait for processing to start"


class Look(NamedTuple):
    """What an AgentAPI shows at one moment.

    :param status: stable or running.
    :param messages: of the whole conversation, ``{id, content, type, time}``.
    :param source: messages or events.
    :param ready: False while the agent has not shown its first prompt.
    :param agent_type: None where the server is too old to say, or where only its events could be read.
    :param transport: as `agent_type`.
    """

    status: str | None
    messages: list[Message]
    source: str
    ready: bool
    agent_type: str | None
    transport: str | None


class AgentApi:
    """One AgentAPI server.

    :param url: base URL.
    :param timeout: longest time in seconds for one answer.
    :param note_write: told of each request that gave the agent input, or may have.
    """

    def __init__(self, url: str, timeout: float, note_write: Callable[[str], None] = lambda what: None) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._note_write = note_write
        try:
            Url(self.url)
        except WireError as error:
            raise CoderError(
                str(error), "invalid", hint=f"Give 'agentapi_url' as in {DEFAULT_URL}."
            ) from None

    def look(self) -> Look:
        """Status and messages, from the event stream while AgentAPI holds its lock.

        :raises CoderError: nothing that answers like AgentAPI is there.
        """
        deadline = Deadline(self._timeout)
        try:
            try:
                facts = self._get("/status", deadline.within(STATUS_SECONDS))
            except WireError as error:
                if not error.timeout:
                    raise
                messages, status = replay_events(self.url, deadline)
                return Look(status, as_log(messages), "events", is_ready(messages, status), None, None)
            conversation = read_agentapi(self.url, deadline)
        except (WireError, ReadError) as error:
            raise self._unreadable(error) from None
        return Look(
            _text(facts, "status"),
            as_log(conversation.messages),
            conversation.source,
            conversation.ready,
            _text(facts, "agent_type"),
            _text(facts, "transport"),
        )

    def version(self) -> str | None:
        """The version that the server's own description names; None where it has none."""
        try:
            info = self._get("/openapi.json", Deadline(self._timeout)).get("info")
        except (WireError, ReadError):
            return None
        version = info.get("version") if isinstance(info, dict) else None
        return version if isinstance(version, str) else None

    def send(self, text: str) -> None:
        """Have the agent given the text, as if a user typed it.

        :raises AnswerLost: the agent may have got it.
        :raises NotReady: it has not, but would later.
        :raises CoderError: it has not.
        """
        try:
            self._post(text)
        except AnswerLost:
            self._note_write("POST /message")
            raise
        self._note_write("POST /message")

    def _post(self, text: str) -> None:
        body = json.dumps({"content": text, "type": "user"}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with open_request("POST", self.url + "/message", Deadline(self._timeout), headers, body) as answer:
                status, seen = answer.status, answer.read(1024 * 1024)
        except WireError as error:
            if error.refused:
                raise self._unreadable(error) from None
            kind = "timeout" if error.timeout else "network"
            raise AnswerLost(str(error), kind, method="POST", path="/message") from None
        if status != 200:
            raise _refusal(status, seen)

    def _get(self, path: str, deadline: Deadline) -> dict[str, Any]:
        with open_request("GET", self.url + path, deadline) as answer:
            return _object(answer, path)

    def _unreadable(self, error: Exception) -> CoderError:
        refused, timeout = getattr(error, "refused", False), getattr(error, "timeout", False)
        kind = "timeout" if timeout else "network" if isinstance(error, WireError) or refused else "protocol"
        return CoderError(
            f"AgentAPI at {self.url}: {error}", kind,
            hint="Check that AgentAPI runs there, and that it allows the URL's host (AGENTAPI_ALLOWED_HOSTS).",
        )


def _text(facts: dict[str, Any], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None


def as_log(messages: list[Any]) -> list[Message]:
    """Messages in the shape of Coder's log, ``{id, content, type, time}``, without the terminal's padding."""
    log: Any = fit(messages, max_messages=0, max_bytes=_UNBOUNDED, shape="coder").messages
    shaped: list[Message] = log
    return shaped


def _object(answer: Answer, path: str) -> dict[str, Any]:
    """:raises ReadError: the answer is not AgentAPI's."""
    if answer.status != 200:
        raise ReadError(f"{path} answered HTTP {answer.status}: {answer.excerpt(200)}")
    try:
        value = parse_json(answer.read())
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ReadError(f"wrong server: {path} answered no JSON object")
    return value


def _refusal(status: int, body: bytes) -> CoderError:
    text = _words(body)
    details: dict[str, Any] = {"status": status, "method": "POST", "path": "/message"}
    if _BUSY in text:
        return NotReady("the agent is working and takes no input now", "busy", **details)
    if _TYPED in text:
        reason = "AgentAPI typed the input, but the agent did not begin to work"
        return AnswerLost(reason, "timeout", **details).but(may_still_show=False)
    reason = f"AgentAPI answered HTTP {status}: {text}"
    return CoderError(reason, "server" if status >= 500 else "invalid", **details)


def _words(body: bytes) -> str:
    """What an error of AgentAPI (RFC 9457) or of something in front of it says, in one line."""
    try:
        problem = parse_json(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return " ".join(body.decode("utf-8", "replace").split())[:500]
    errors = problem.get("errors")
    parts = [item.get("message") for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    return "; ".join(str(part) for part in [problem.get("detail"), *parts] if part)[:500]
