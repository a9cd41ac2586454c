# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the conversation: from /messages, and where AgentAPI is locked or gone from what else has it.

A POST /message in flight holds AgentAPI's lock: /messages and /status wait for it, up to 16 s in a terminal and for a
whole turn in acp. /events takes no lock and begins with a replay of every message.
"""

from __future__ import annotations

import json
import re
from collections import namedtuple

from .deadline import Deadline
from .foreign import parse_json, read_regular
from .lives import is_user, text_of
from .wire import MAX_BODY, WireError, open_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .newest import Newest

MESSAGES_SECONDS = 2.0
EVENTS_SECONDS = 1.5
STATUS_SECONDS = 1.0
# What is left of the deadline for the rest when all other time is spent on reading.
REST_SECONDS = 1.2
# A longer answer is read message by message, if it looks as AgentAPI writes it.
_WHOLE = 1024 * 1024
# More bytes than this wait for the end of their message with its text shortened.
_LONG = 4 * 1024 * 1024
_HEAD = re.compile(rb'\s*\{(?:\s*"\$schema"\s*:\s*"[^"\\]*"\s*,)?\s*"messages"\s*:\s*\[')
_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = re.compile(r"[\s,]*")

Conversation = namedtuple("Conversation", "messages source ready total")
Conversation.__doc__ = """What AgentAPI says.

:param messages: list, as it came; with `keep` the newest at most.
:param source: messages or events.
:param ready: False while the agent has not shown its first prompt. Until then AgentAPI has one message with little or
    no content, whatever was said before, and a signal makes it overwrite its state file with that.
:param total: how many messages there are.
"""


class ReadError(Exception):
    """There is no conversation to be had there; the text says what was seen.

    :param refused: nothing listens.
    :param part: the messages that had arrived when the reading ended.
    """

    def __init__(self, text: str, refused: bool = False, part: list[Any] | None = None) -> None:
        super().__init__(text)
        self.refused = refused
        self.part = part or []


def read_agentapi(
    base: str, deadline: Deadline, has_other: Callable[[], bool] = lambda: True, keep: int = 0
) -> Conversation:
    """The conversation from /messages, or from /events when that does not give it.

    :param has_other: whether the conversation is to be had elsewhere; where it is not, a slow AgentAPI is worth the
        time.
    :param keep: how many of the newest messages are wanted, in bounded memory; 0: all.
    :raises ReadError: neither gives it.
    """
    part: list[Any] = []
    try:
        messages, total = _get_messages(base, deadline, keep, part)
    except (WireError, ReadError) as error:
        if getattr(error, "refused", False):
            raise ReadError("may not be running", refused=True) from error
        # A server that answers, but not so, is not worth waiting for.
        patient = isinstance(error, WireError) and not has_other()
        seconds = max(EVENTS_SECONDS, deadline.left() - REST_SECONDS) if patient else EVENTS_SECONDS
        try:
            log, status = _replay(base, deadline.within(seconds), keep, part)
        except (WireError, ReadError):
            raise ReadError(str(error), part=part) from error
        return Conversation(log.messages(), "events", is_ready(log.messages(), status), log.total)
    ready = not is_greeting(messages) or is_ready(messages, _get_status(base, deadline.within(STATUS_SECONDS)))
    return Conversation(messages, "messages", ready, total)


def is_ready(messages: list[Any], status: str | None) -> bool:
    """Whether these messages are the conversation, not what AgentAPI shows before the agent's first prompt.

    :param status: None: not known, which is no reason to believe a lone greeting.
    """
    return not is_greeting(messages) or (status not in (None, "running") and has_text(messages))


def is_greeting(messages: list[Any]) -> bool:
    """One message, not of the user: all that AgentAPI has before the agent is ready, and also just after."""
    return len(messages) == 1 and isinstance(messages[0], dict) and not is_user(messages[0])


def has_text(messages: list[Any]) -> bool:
    """Whether there is anything but spaces in the first message."""
    return bool(messages) and bool(text_of(messages[0]).strip(" "))


def replay_events(base: str, deadline: Deadline) -> tuple[list[Any], str | None]:
    """Messages and status from the beginning of /events.

    :raises WireError: there is no complete answer.
    :raises ReadError: it is not an event stream.
    """
    log, status = _replay(base, deadline, 0, [])
    return log.messages(), status


def check_event_stream(answer: Any) -> None:
    """See that an answer is an event stream.

    :raises ReadError: it is not.
    """
    if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/event-stream"):
        raise ReadError(f"/events answered HTTP {answer.status}: {answer.excerpt(200)}")


def read_state_file(path: str) -> tuple[list[Any], float]:
    """Messages of AgentAPI's state file, and when it was changed last, in seconds since the epoch.

    :raises ReadError: it cannot be read, or holds no messages.
    """
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
    """The messages that a stream of events tells of; an update replaces what had the same id.

    :param keep: how many of the newest to keep; 0: all.
    """

    def __init__(self, keep: int = 0) -> None:
        from .newest import Newest

        self.newest = Newest(keep)

    def add(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "message_update":
            self.newest.add(data, repr(data.get("id")))

    def messages(self) -> list[Any]:
        return self.newest.messages()


class EventParser:
    """Server-sent events from a stream of bytes (WHATWG HTML, 9.2.6), as far as AgentAPI uses them."""

    def __init__(self) -> None:
        self._kind = ""
        self._data: list[bytes] = []
        self._rest = bytearray()
        self._size = 0

    def feed(self, chunk: bytes) -> list[tuple[str, dict[str, Any]]]:
        """The events that end in this chunk and have a JSON object as data.

        :raises WireError: an event does not end.
        """
        events = []
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            if self._rest:
                self._rest += line
                line, self._rest = bytes(self._rest), bytearray()
            event = self._line(line.rstrip(b"\r"))
            if event is not None:
                events.append(event)
        self._rest += rest
        _shorten(self._rest)
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


def _get_messages(base: str, deadline: Deadline, keep: int, part: list[Any]) -> tuple[list[Any], int]:
    """Messages and how many there are.

    :param part: gets what had arrived where the answer ends early.
    :raises WireError: the event stream may do better.
    :raises ReadError: it is a wrong server.
    """
    with open_request("GET", f"{base}/messages", deadline.within(MESSAGES_SECONDS)) as answer:
        # AgentAPI has its lock: a long conversation may take its time, but not what the fallbacks need.
        answer.deadline = deadline.within(deadline.left() / 2)
        if answer.status >= 500:
            raise WireError(f"HTTP {answer.status}: {answer.excerpt()}")
        if answer.status != 200:
            raise ReadError(f"HTTP {answer.status}: {answer.excerpt()}")
        chunks = answer.chunks()
        data = bytearray()
        most = _WHOLE
        try:
            for chunk in chunks:
                data += chunk
                if len(data) <= most:
                    continue
                if most == MAX_BODY:
                    raise WireError(f"the answer is longer than {MAX_BODY} bytes")
                if match := _HEAD.match(data):
                    del data[: match.end()]
                    return _read_on(data, chunks, keep, part)
                most = MAX_BODY
            messages = _messages_of(bytes(data))
        except (WireError, ReadError):
            if not part:
                part.extend(_beginning(data))
            raise
    return messages, len(messages)


def _read_on(data: bytearray, chunks: Iterator[bytes], keep: int, part: list[Any]) -> tuple[list[Any], int]:
    """The messages of a long answer, of which some has arrived, the newest kept; and how many there are.

    :raises WireError: it is not complete, or a message does not end.
    """
    from .newest import Newest

    newest = Newest(keep)
    enough = 0
    try:
        while not _take_messages(data, newest):
            enough = 2 * len(data)
            while len(data) <= enough:
                chunk = next(chunks, None)
                if chunk is None:
                    if _take_messages(data, newest):
                        break
                    raise WireError("the connection was closed before the answer was complete")
                data += chunk
                if len(data) > MAX_BODY:
                    raise WireError("a message does not end")
            if keep:
                _shorten(data)
    except WireError:
        part.extend(newest.messages())
        raise
    return newest.messages(), newest.total


def _take_messages(data: bytearray, newest: Newest) -> bool:
    """Move all whole messages from the beginning of an array to the others.

    :returns: whether the array has ended.
    :raises WireError: it is nested too deeply.
    """
    # Every byte must come back that is not used: what is not UTF-8 is mended later.
    text = data.decode("utf-8", "surrogateescape")
    messages, at = _all_at_once(text)
    while True:
        start = _BETWEEN.match(text, at).end()  # type: ignore[union-attr] # it matches anything
        if text[start : start + 1] == "]":
            newest.extend(messages)
            return True
        try:
            message, at = _DECODER.raw_decode(text, start)
        except ValueError:
            break
        except RecursionError:
            raise WireError("the answer is nested too deeply") from None
        messages.append(message)
    newest.extend(messages)
    data[:] = text[start:].encode("utf-8", "surrogateescape")
    return False


def _all_at_once(text: str) -> tuple[list[Any], int]:
    """The messages at the beginning of an array as it usually looks, and where they end; else none.

    A look for each message costs as much as its JSON. What looks like the end of one may stand in its text, or further
    down in it: then what comes before is no JSON.
    """
    end = text.rfind('},{"') + 1
    try:
        return (_DECODER.decode(f"[{text[:end]}]"), end) if end else ([], 0)
    except (ValueError, RecursionError):
        return [], 0


def _replay(base: str, deadline: Deadline, keep: int, part: list[Any]) -> tuple[Newest, str | None]:
    """As `replay_events`.

    :param part: gets the messages that had arrived where it fails, unless something is in it already.
    """
    log = EventLog(keep)
    try:
        with open_request("GET", f"{base}/events", deadline) as answer:
            check_event_stream(answer)
            parser = EventParser()
            for chunk in answer.chunks():
                for kind, data in parser.feed(chunk):
                    log.add(kind, data)
                    if kind == "status_change":
                        # The replay ends with the status.
                        status = data.get("status")
                        return log.newest, status if isinstance(status, str) else None
        raise WireError("the event stream ended before the conversation was complete")
    except WireError:
        if not part:
            part.extend(log.messages())
        raise


def _beginning(data: bytearray) -> list[Any]:
    """The whole messages of an answer that broke off."""
    from .newest import Newest

    match, newest = _HEAD.match(data), Newest()
    if not match:
        return []
    del data[: match.end()]
    try:
        _take_messages(data, newest)
    except WireError:
        return []
    return newest.messages()


def _shorten(data: bytearray) -> None:
    if len(data) > _LONG:
        from .clip import clip

        clip(data)


def _messages_of(data: bytes) -> list[Any]:
    """The messages in a whole answer.

    :raises WireError: it begins well, and is broken off.
    :raises ReadError: it is from a wrong server.
    """
    try:
        value = parse_json(data)
    except ValueError as error:
        if _HEAD.match(data):
            raise WireError(f"the answer is broken off, or not JSON: {error}") from error
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


def _type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")
