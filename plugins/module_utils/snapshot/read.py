# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the conversation: from /messages, and where AgentAPI is locked or gone from what else has it.

A POST /message in flight holds AgentAPI's lock: /messages and /status wait for it, up to 16 s in a terminal and for a
whole turn in acp. /events takes no lock and begins with a replay of every message.
"""

from __future__ import annotations

from collections import namedtuple

from .deadline import Deadline
from .files import parse_json, read_regular
from .wire import MAX_BODY, WireError, open_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MESSAGES_SECONDS = 2.0
EVENTS_SECONDS = 1.5
STATUS_SECONDS = 1.0
# What is left of the deadline for the rest when all other time is spent on reading.
REST_SECONDS = 1.2

Conversation = namedtuple("Conversation", "messages source ready")
Conversation.__doc__ = """What AgentAPI says.

messages -- list, as it came
source   -- messages or events
ready    -- False while the agent has not shown its first prompt. Until then AgentAPI has one message with little or no
            content, whatever was said before, and a signal makes it overwrite its state file with that.
"""


class ReadError(Exception):
    """There is no conversation to be had there; the text says what was seen. `refused`: nothing listens."""

    def __init__(self, text: str, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


def read_agentapi(base: str, deadline: Deadline, has_other: Callable[[], bool] = lambda: True) -> Conversation:
    """The conversation from /messages, or from /events when that cannot answer now. Raises ReadError.

    has_other -- whether the conversation is to be had elsewhere; where it is not, a slow AgentAPI is worth the time
    """
    try:
        messages = _get_messages(base, deadline)
    except WireError as error:
        if error.refused:
            raise ReadError("may not be running", refused=True) from error
        seconds = EVENTS_SECONDS if has_other() else max(EVENTS_SECONDS, deadline.left() - REST_SECONDS)
        try:
            messages, status = replay_events(base, deadline.within(seconds))
        except (WireError, ReadError):
            raise ReadError(str(error)) from error
        return Conversation(messages, "events", is_ready(messages, status))
    ready = not _is_greeting(messages) or is_ready(messages, _get_status(base, deadline.within(STATUS_SECONDS)))
    return Conversation(messages, "messages", ready)


def is_ready(messages: list[Any], status: str | None) -> bool:
    """Whether these messages are the conversation, not what AgentAPI shows before the agent's first prompt."""
    return not _is_greeting(messages) or (status != "running" and bool(_content(messages[0]).strip(" ")))


def replay_events(base: str, deadline: Deadline) -> tuple[list[Any], str | None]:
    """Messages and status from the beginning of /events. Raises WireError, ReadError."""
    with open_request("GET", f"{base}/events", deadline) as answer:
        check_event_stream(answer)
        parser, log, status = EventParser(), EventLog(), None
        for chunk in answer.chunks():
            for kind, data in parser.feed(chunk):
                log.add(kind, data)
                if kind == "status_change":
                    # The replay ends with the status.
                    status = data.get("status")
                    return log.messages(), status if isinstance(status, str) else None
    raise WireError("the event stream ended before the conversation was complete")


def check_event_stream(answer: Any) -> None:
    """Raises ReadError when the answer is no event stream."""
    if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/event-stream"):
        raise ReadError(f"/events answered HTTP {answer.status}: {answer.excerpt(200)}")


def read_state_file(path: str) -> tuple[list[Any], float]:
    """Messages of AgentAPI's state file, and the time of its last change. Raises ReadError."""
    try:
        data, changed = read_regular(path, MAX_BODY)
        state = parse_json(data)
    except (OSError, ValueError) as error:
        raise ReadError(f"the state file {path} cannot be read: {error}") from error
    messages = state.get("messages") if isinstance(state, dict) else None
    if not isinstance(messages, list) or not messages:
        raise ReadError(f"the state file {path} holds no messages")
    return messages, changed


class EventLog:
    """The messages that a stream of events tells of; an update replaces what had the same id."""

    def __init__(self) -> None:
        self._messages: dict[str, Any] = {}

    def add(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "message_update":
            self._messages[repr(data.get("id"))] = data

    def messages(self) -> list[Any]:
        return list(self._messages.values())

    def keep_newest(self, count: int) -> None:
        """Forget all but the newest messages."""
        for key in list(self._messages)[:-count]:
            del self._messages[key]


class EventParser:
    """Server-sent events from a stream of bytes (WHATWG HTML, 9.2.6), as far as AgentAPI uses them.

    Raises WireError for an event that does not end.
    """

    def __init__(self) -> None:
        self._kind = ""
        self._data: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[tuple[str, dict[str, Any]]]:
        """The events that end in this chunk and have a JSON object as data."""
        events = []
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            event = self._line(b"".join([*self._parts, line]).rstrip(b"\r"))
            self._parts = []
            if event is not None:
                events.append(event)
        self._parts.append(rest)
        self._size += len(chunk)
        if self._size > MAX_BODY:
            raise WireError("an event does not end")
        return events

    def _line(self, line: bytes) -> tuple[str, dict[str, Any]] | None:
        if line:
            field, _colon, value = line.partition(b":")
            if field == b"event":
                self._kind = value.strip().decode("utf-8", "replace")
            elif field == b"data":
                self._data.append(value)
            return None
        kind, data = self._kind, b"\n".join(self._data)
        self._kind, self._data, self._size = "", [], 0
        try:
            value = parse_json(data)
        except ValueError:
            return None
        return (kind, value) if isinstance(value, dict) else None


def _get_messages(base: str, deadline: Deadline) -> list[Any]:
    """Raises WireError for what may be better in the event stream, ReadError for a wrong server."""
    with open_request("GET", f"{base}/messages", deadline.within(MESSAGES_SECONDS)) as answer:
        # The lock is behind us: a long conversation may take its time, but not what the fallbacks need.
        answer.deadline = deadline.within(deadline.left() / 2)
        if answer.status >= 500:
            raise WireError(f"HTTP {answer.status}: {answer.excerpt()}")
        if answer.status != 200:
            raise ReadError(f"HTTP {answer.status}: {answer.excerpt()}")
        data = answer.read()
    try:
        value = parse_json(data)
    except ValueError as error:
        seen = "HTML" if data.lstrip()[:1] == b"<" else repr(data[:60].decode("utf-8", "replace"))
        raise ReadError(f"wrong server: /messages answered {seen}, which is not JSON") from error
    messages = value.get("messages") if isinstance(value, dict) else None
    if isinstance(messages, list):
        return messages
    if not isinstance(value, dict):
        seen = f"a JSON {_type(value)}"
    elif "messages" in value:
        seen = f"messages as a JSON {_type(messages)}"
    else:
        seen = f"a JSON object without messages (keys: {', '.join(map(repr, list(value)[:8])) or 'none'})"
    raise ReadError(f"wrong server: /messages answered {seen}")


def _get_status(base: str, deadline: Deadline) -> str | None:
    """The agent's status; None when it cannot be had."""
    try:
        with open_request("GET", f"{base}/status", deadline) as answer:
            value = parse_json(answer.read(65536)) if answer.status == 200 else None
    except (WireError, ValueError):
        return None
    status = value.get("status") if isinstance(value, dict) else None
    return status if isinstance(status, str) else None


def _is_greeting(messages: list[Any]) -> bool:
    """One message, not of the user: all that AgentAPI has before the agent is ready, and also just after."""
    message = messages[0] if len(messages) == 1 else None
    return isinstance(message, dict) and message.get("role", message.get("type")) not in ("user", "input")


def _content(message: dict[str, Any]) -> str:
    content = message.get("content", message.get("message"))
    return content if isinstance(content, str) else ""


def _type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")
