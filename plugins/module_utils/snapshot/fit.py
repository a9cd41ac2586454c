# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repair the messages of a conversation and fit the newest of them into a number of bytes.

Pure: no input or output, no clock. The budget is counted in bytes of the encoded body, because there the server stops
reading its JSON (http.MaxBytesReader), and the work is linear in the size of the input.
"""

from __future__ import annotations

import json
import re
from collections import namedtuple
from json.encoder import encode_basestring

from .marks import CUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MAX_MESSAGES = 10
MAX_BYTES = 65536
# More messages do not fit into MAX_BYTES, however short they are.
MOST_MESSAGES = 1000

# A message of more characters is shortened before anything else is done with it: work and memory stay bounded.
_LONG = 1024 * 1024

Fitted = namedtuple("Fitted", "messages body total dropped cut repaired oversize earlier", defaults=(0, 0))
Fitted.__doc__ = """What was kept, and what was not.

:param messages: list of {id, content, role or type, time}, oldest first.
:param body: the same as JSON, {"messages": [...]}: bytes, compact, UTF-8, at most max_bytes long.
:param total: how many messages there were.
:param dropped: how many of them, the oldest, were left out whole.
:param cut: how many characters were left out at the beginning of the first message kept; 0 when it is whole.
:param repaired: how many of the kept messages had a field that the server refuses, changes or cannot read back.
:param oversize: how many bytes the body would have with the first message that did not fit whole; 0: none was left out
    for its bytes.
:param earlier: how many of the kept messages are from before the agent was started anew, in front of a mark.
"""

# AgentAPI's own shape, and the one of Coder's task logs: the key, and its words for the two speakers.
_SHAPES = {
    "agentapi": ("role", {"user": "user", "agent": "agent"}),
    "coder": ("type", {"user": "input", "agent": "output"}),
}
SHAPES = tuple(sorted(_SHAPES))

_ROLES = {"user": "user", "input": "user", "human": "user", "agent": "agent", "output": "agent", "assistant": "agent"}
_ID_LIMIT = 2**63
_DIGITS = re.compile(r"-?\d{1,19}", re.ASCII)

# Go's zero time is what an absent time becomes on the server; one that cannot be mended becomes the same.
_ZERO_TIME = "0001-01-01T00:00:00Z"
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_MARK = CUT + ", {} characters left out...]\n\n"
_MARKED = re.compile(re.escape(CUT) + r", (\d{1,19}) characters left out\.\.\.\]\n\n")


def fit(
    messages: Iterable[Any],
    max_messages: int = MAX_MESSAGES,
    max_bytes: int = MAX_BYTES,
    partial: bool = False,
    shape: str = "agentapi",
    keep_padding: bool = False,
) -> Fitted:
    """Keep the newest messages that fit into max_bytes of encoded body.

    :param messages: oldest first; AgentAPI's shape (role: user, agent), Coder's (type: input, output), or that of
        AgentAPI's events and state file (message instead of content).
    :param max_messages: at most so many; 0: as many as fit.
    :param partial: keep the tail of the first message that does not fit whole, too; of the newest message at least the
        tail is kept anyway.
    :param shape: of the result: agentapi or coder.
    :param keep_padding: leave the spaces at line ends in, with which a terminal pads what the agent said.
    :raises ValueError: limits that nothing can keep.
    """
    room = max_bytes - len(_body([]))
    if max_messages < 0:
        raise ValueError(f"max_messages is {max_messages}: give 0 (as many as fit) or more.")
    if room < 0:
        raise ValueError(f"max_bytes is {max_bytes}: an empty list of messages already takes {len(_body([]))}.")
    if shape not in _SHAPES:
        raise ValueError(f"shape is {shape!r}: choose one of {', '.join(SHAPES)}.")
    source = list(messages)
    kept: list[dict[str, Any]] = []
    parts: list[bytes] = []
    cut = repaired = oversize = 0
    for index in range(len(source) - 1, max(-1, len(source) - 1 - (max_messages or len(source))), -1):
        short = shortened(source[index], max(_LONG, 16 * max_bytes))
        message, sound = _repair(short, index, shape, keep_padding)
        comma = 1 if kept else 0
        part = _encode(message)
        if comma + len(part) > room:
            oversize = max_bytes - room + comma + len(part)
            content = message["content"]
            tail_room = room - comma - len(part) + _size(content)
            if tail_room < 0 or (kept and not partial):
                break
            left_out, text = unmarked(content)
            message["content"], cut = _tail(text, tail_room, left_out)
            if kept and cut == left_out + len(text):
                cut = 0
                break
            part = _encode(message)
        kept.append(message)
        parts.append(part)
        repaired += not sound
        room -= comma + len(part)
        if cut:
            break
    kept.reverse()
    parts.reverse()
    return Fitted(kept, _body(parts), len(source), len(source) - len(kept), cut, repaired, oversize)


def behind_mark(text: str, left_out: int) -> str:
    """The end of a text whose first characters were left out, as fit itself writes it."""
    return _MARK.format(left_out) + text


def strip_padding(text: str) -> str:
    """Without the spaces at line ends, with which AgentAPI pads terminal text to 80 columns."""
    return "\n".join([line.rstrip(" ") for line in text.split("\n")]) if " \n" in text or text[-1:] == " " else text


def _body(parts: list[bytes]) -> bytes:
    return b'{"messages":[' + b",".join(parts) + b"]}"


def _encode(message: dict[str, Any]) -> bytes:
    # Compact, with only the escapes that JSON demands: the smallest form there is.
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _size(text: str) -> int:
    """Bytes that the text takes inside a JSON string."""
    return len(encode_basestring(text).encode()) - 2


def unmarked(text: str) -> tuple[int, str]:
    """How many characters a mark says were left out before, and the text behind it."""
    match = _MARKED.match(text)
    return (int(match.group(1)), text[match.end() :]) if match else (0, text)


def shortened(message: Any, limit: int) -> Any:
    """The message with the last characters of its text, behind a mark, if it has more than so many."""
    for key in ("content", "message") if isinstance(message, dict) else ():
        text = message.get(key)
        if isinstance(text, str) and len(text) > limit:
            left_out, text = unmarked(text)
            return {**message, key: behind_mark(text[-limit:], left_out + len(text) - limit)}
    return message


def _tail(text: str, room: int, left_out: int = 0) -> tuple[str, int]:
    """The end of the text, behind a mark, in at most room encoded bytes; and how many characters are missing.

    :param left_out: how many were missing before.
    """
    start = len(text)
    while True:
        mark = _MARK.format(left_out + start)
        if 2 * _size(mark) > room:
            mark = ""
        # A later start makes the number in the mark shorter, never longer: this ends after a few rounds.
        earlier = _start(text, room - _size(mark))
        if earlier == start or not mark:
            return mark + text[earlier:], left_out + earlier
        start = earlier


def _start(text: str, room: int) -> int:
    """Where the longest end of the text begins that takes at most room encoded bytes.

    Sizes add up over code points, so each halving measures only what is still undecided: linear in all.
    """
    low, high = max(0, len(text) - room), len(text)
    while low < high:
        middle = (low + high) // 2
        size = _size(text[middle:high])
        if size <= room:
            room -= size
            high = middle
        else:
            low = middle + 1
    return high


def _repair(message: Any, index: int, shape: str, keep_padding: bool) -> tuple[dict[str, Any], bool]:
    """The message's four fields as the server takes them and reads them back; and whether they were so before.

    As measured on a server: a role outside the two makes every later read of the log fail; U+0000 is refused by the
    database.
    """
    key, words = _SHAPES[shape]
    if not isinstance(message, dict):
        message = {"content": message}
    given_id = message.get("id")
    given_content = message.get("content", message.get("message"))
    given_role = message.get("role", message.get("type"))
    given_time = message.get("time")
    role = _ROLES.get(given_role.lower(), "agent") if isinstance(given_role, str) else "agent"
    content = _mend_text(given_content)
    fields = {"id": _mend_id(given_id, index), "content": content, key: words[role], "time": _mend_time(given_time)}
    sound = (
        fields["id"] is given_id
        and content is given_content
        and given_role in ("user", "agent", "input", "output")
        and fields["time"] == given_time
    )
    if role == "agent" and not keep_padding:
        fields["content"] = strip_padding(content)
    return fields, sound


def _mend_id(given: Any, index: int) -> int:
    if isinstance(given, int) and not isinstance(given, bool) and -_ID_LIMIT <= given < _ID_LIMIT:
        return given
    if isinstance(given, float) and given.is_integer() and abs(given) < _ID_LIMIT:
        return int(given)
    if isinstance(given, str) and _DIGITS.fullmatch(given) and -_ID_LIMIT <= int(given) < _ID_LIMIT:
        return int(given)
    return index


def _mend_text(given: Any) -> str:
    if given is None:
        return ""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Joins the halves of a pair and replaces a half that stands alone.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _mend_time(given: Any) -> str:
    """RFC 3339 as Go reads it: upper-case T and Z, a zone, nothing out of range."""
    if hasattr(given, "isoformat"):
        # YAML makes a datetime of a timestamp without quotes.
        given = given.isoformat()
    match = _TIME.fullmatch(given) if isinstance(given, str) else None
    if not match:
        return _ZERO_TIME
    zone = (match.group(8) or "Z").upper()
    if not (_is_date(*map(int, match.group(1, 2, 3))) and _is_time(*map(int, match.group(4, 5, 6))) and _is_zone(zone)):
        return _ZERO_TIME
    return f"{given[:10]}T{given[11:19]}{match.group(7) or ''}{zone}"


def _is_date(year: int, month: int, day: int) -> bool:
    """Whether the calendar has this day. Not datetime.date, which knows no year 0, as Go does."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1] + leap


def _is_time(hour: int, minute: int, second: int = 0) -> bool:
    return hour < 24 and minute < 60 and second < 60


def _is_zone(zone: str) -> bool:
    return zone == "Z" or _is_time(int(zone[1:3]), int(zone[4:]))
