# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a conversation goes on from the one that was saved before, and how both are kept when it does not.

AgentAPI that comes back without its state, or with an older one, begins anew: its conversation is a new life, and what
the agent said in the one before stands nowhere but in what was saved. Coder keeps one snapshot and cannot be asked for
it with the agent's token, so the hook keeps what it saved last, and posts the end of the old life, a mark,
and the new one. Pure: no input or output, no clock.
"""

from __future__ import annotations

import re
from binascii import crc32

from . import fit
from .marks import NEW_LIFE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# So many messages of the user are remembered: AgentAPI takes the last one back when a turn fails.
_REMEMBERED = 5
# Of the bytes, what the end of the old life keeps at least: beside words of the user, and beside an agent's greeting.
_SHARE, _SHARE_BESIDE_GREETING = 1 / 8, 3 / 4
_LEAST = 512
_OPENING = b'{"messages":['
# Bytes of a body without messages. Two bodies become one that is so much shorter, and a comma longer.
_EMPTY = len(_OPENING) + 2
_SECONDS = re.compile(r".{17}(\d\d(?:\.\d+)?)")


def is_user(message: Any) -> bool:
    """Whether the user said this."""
    return isinstance(message, dict) and message.get("role", message.get("type")) in ("user", "input")


def text_of(message: Any) -> str:
    """The content of a message in any of its shapes; empty when it is no text."""
    content = message.get("content", message.get("message")) if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""


def user_keys(messages: list[Any]) -> list[list[Any]]:
    """What tells the newest messages of the user apart from others, oldest first.

    :returns: of each message its id, length, checksum and second.
    """
    keys: list[list[Any]] = []
    for message in reversed(messages):
        if is_user(message):
            keys.append(_key(message))
            if len(keys) == _REMEMBERED:
                break
    return keys[::-1]


def earlier(body: list[dict[str, Any]], users: list[list[Any]], messages: list[Any]) -> list[dict[str, Any]]:
    """Of what was saved, the messages from before the life that these messages tell of.

    :param body: the messages that were saved, from one life or more.
    :param users: the user_keys of the last life in it.
    """
    seam = max((at for at, message in enumerate(body) if message["content"] == NEW_LIFE), default=-1)
    return body[: max(0, seam)] if _goes_on(body[seam + 1 :], users, messages) else body


def fit_behind(
    old: list[dict[str, Any]], messages: list[Any], max_messages: int, max_bytes: int, partial: bool
) -> fit.Fitted:
    """Fit the messages of a new life, the newest first, and the end of the old one in front of them.

    The old life goes as the new one fills the snapshot with messages, and not before: it has a share of the bytes, and
    an agent that has only greeted takes nothing but one message's place.
    """
    new = fit.fit(messages, max_messages, max_bytes, partial)
    has_user = any(map(is_user, messages))
    places = max_messages - len(new.messages) if max_messages else len(old)
    places = places if has_user else max(1, places)
    if not old or not new.messages or places <= 0:
        return new
    first = new.messages[0]
    mark = {"id": old[-1]["id"] + 1, "content": NEW_LIFE, "role": "agent", "time": first["time"]}
    share = max(_LEAST, int(max_bytes * (_SHARE if has_user else _SHARE_BESIDE_GREETING)))
    least = fit.fit([*old, mark], places + 1, min(share, max_bytes), True)
    beside = fit.fit(messages, max_messages, max(_EMPTY, max_bytes - len(least.body) + _EMPTY - 1), partial)
    tail = fit.fit([*old, mark], places + 1, max(_EMPTY, max_bytes - len(beside.body) + _EMPTY - 1), True)
    if len(tail.messages) < 2 or tail.messages[-1]["content"] != NEW_LIFE or not beside.messages:
        # There is no room for both.
        return new
    body = tail.body[:-2] + b"," + beside.body[len(_OPENING) :]
    return beside._replace(messages=tail.messages + beside.messages, body=body, earlier=len(tail.messages) - 1)


def _key(message: dict[str, Any]) -> list[Any]:
    text = text_of(message)
    # Zones differ by whole minutes, so that from the seconds on the same moment reads the same everywhere.
    match = _SECONDS.match(str(message.get("time")))
    checksum = crc32(text.encode("utf-8", "surrogatepass"))
    return [str(message.get("id")), len(text), checksum, match.group(1) if match else ""]


def _is_same(one: list[Any], other: list[Any]) -> bool:
    return one[:3] == other[:3] and (one[3] == other[3] or not one[3] or not other[3])


def _goes_on(saved: list[dict[str, Any]], users: list[list[Any]], messages: list[Any]) -> bool:
    """Whether the messages are of the same life as the saved ones, none of whose words would be lost with them."""
    if not users:
        return _has_as_much(saved, messages)
    ids = {key[0] for key in users}
    found = [_key(message) for message in messages if is_user(message) and str(message.get("id")) in ids]
    if any(_is_same(users[-1], key) for key in found):
        return True
    # AgentAPI takes back a message whose turn fails, and goes on behind its id. Who has lost it uses the id again.
    knows_others = any(_is_same(key, other) for key in users[:-1] for other in found)
    return knows_others and _is_skipped(users[-1][0], [_id(message) for message in messages])


def _is_skipped(number: str, ids: list[Any]) -> bool:
    later = [each for each in ids if isinstance(each, int) and number.isdigit() and each > int(number)]
    return bool(later) and number not in map(str, ids)


def _has_as_much(saved: list[dict[str, Any]], messages: list[Any]) -> bool:
    """Whether a screen on which only the agent wrote is there still: it is redrawn and grows, but keeps its id."""
    if not saved:
        return True
    now = next((message for message in messages if str(_id(message)) == str(saved[-1]["id"])), None)
    return now is not None and 2 * len(text_of(now).strip()) >= len(saved[-1]["content"].strip())


def _id(message: Any) -> Any:
    return message.get("id") if isinstance(message, dict) else None
