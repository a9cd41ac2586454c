# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a chat is not well, and what a person would look at next. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from ..backend import Ailment
from .models import Chat, ChatError

_HINTS = {
    "auth": "The provider's key is wrong or was revoked: give it a good one. Until its settings are saved anew, every "
    "later chat of that provider fails, too.",
    "missing_key": "Give the provider a key.",
    "provider_disabled": "Enable the provider, or choose another model.",
    "usage_limit": "The limit on what may be spent is reached: raise it, or wait until the period is over.",
    "config": "Correct the model's or the provider's settings.",
    "content_filter": "The provider refused what was said: say it otherwise.",
    "rate_limit": "The provider wants fewer requests: try again later.",
    "overloaded": "The provider is overloaded: try again later.",
    "timeout": "The provider did not answer: look whether it can be reached, and try again.",
    "stream_silence_timeout": "The provider fell silent in the middle: try again.",
    "startup_timeout": "The provider did not begin to answer: try again.",
}
_RETRY = "Send another message to try again."


class ChatDiagnosis(TypedDict):
    """What a person would look at next. What could not be asked for is null.

    ``queued``: how many messages wait for their turn. ``last_message_age``: seconds. ``provider``: of the model that
    answered last, as ``provider``, ``available`` and ``reason``.
    """

    status: str
    error: ChatError | None
    queued_for_capacity: bool | None
    busy_children: list[str]
    queued: int | None
    last_message_age: float | None
    provider: dict[str, Any] | None


def ailment(chat: Chat) -> Ailment | None:
    """What a chat shows to be wrong; None for one that is well."""
    error = chat["last_error"]
    if chat["status"] == "error":
        if error is None:
            return Ailment("its last turn failed: no reason given", _RETRY)
        message, detail = _one_line(error["message"]), _one_line(error["detail"])
        words = message or detail or "no reason given"
        more = f" ({detail})" if detail not in ("", words) else ""
        hint = _HINTS.get(error["kind"], _RETRY)
        return Ailment(f"its last turn failed ({error['kind']}): {words.rstrip('.')}{more}", hint)
    if chat["queued_for_capacity"]:
        hint = "Wait, or interrupt chats that are not needed: without a licence only a few may run in a deployment."
        return Ailment("it waits for other chats of the deployment to end before its turn begins", hint)
    if chat["status"] == "unknown":
        return Ailment("Coder gives it a status that is not known", "Look at it in the dashboard.")
    return None


def describe(chat: Chat) -> str:
    """The state in words."""
    words = "archived" if chat["archived"] else chat["status"].replace("_", " ")
    if chat["queued_for_capacity"]:
        words += ", waiting for a free slot"
    busy = [child for child in chat["children"] if child["busy"]]
    return f"{words}, with {len(busy)} sub-agents at work" if busy else words


def seconds_since(time: str | None, now: float) -> float | None:
    """How long ago something was, by the server's clock; None where that cannot be told."""
    try:
        moment = datetime.fromisoformat(f"{(time or '')[:19]}+00:00").timestamp()
    except ValueError:
        return None
    return max(0.0, round(now - moment, 1))


def diagnosis(
    chat: Chat, queued: int | None, last_message_age: float | None, provider: dict[str, Any] | None
) -> ChatDiagnosis:
    """What the chat itself shows, and what was asked for beside it."""
    return {
        "status": chat["status"],
        "error": chat["last_error"],
        "queued_for_capacity": chat["queued_for_capacity"],
        "busy_children": [child["id"] for child in chat["children"] if child["busy"]],
        "queued": queued,
        "last_message_age": last_message_age,
        "provider": provider,
    }


def _one_line(text: str) -> str:
    """Text of others in one line of what can be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
