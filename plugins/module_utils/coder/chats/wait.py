# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as reached of a chat, and what will never come: one pure function per goal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, NamedTuple

from ..errors import CoderError
from ..waiter import TRANSITIONAL, Passing, Verdict
from .health import ailment
from .messages import ChatMessage
from .models import BUSY, Chat, family


class Look(NamedTuple):
    """A chat at one moment; ``messages`` as they were read after it, None where the goal does not ask for them."""

    chat: Chat
    messages: Sequence[ChatMessage] | None = None


def is_at_work(chat: Chat) -> bool:
    """Whether this one chat has a turn that is not over: it may also wait for the result of a tool."""
    return chat["status"] in (*BUSY, "requires_action")


def at_work(chat: Chat) -> list[Chat]:
    """Those of a chat and its sub-agents that have a turn under way: a chat may rest while its sub-agents work."""
    return [member for member in family(chat) if is_at_work(member)]


def in_words(goal: str) -> str:
    """A goal as it stands in a sentence."""
    return {"replied": "done with an answer", "ready": "ready for a message"}.get(goal, goal)


def needs_messages(chat: Chat, goal: str) -> bool:
    """Whether only the messages can tell: a turn that is over need not have left an answer."""
    return goal == "replied" and not is_at_work(chat) and chat["status"] != "error"


def judge(look: Look, goal: str) -> Verdict:
    """How the chat stands to the goal. :raises CoderError: it will not get there."""
    unknown = [member for member in family(look.chat) if member["status"] == "unknown"]
    if unknown:
        # Newer servers may have statuses for what is passed through.
        return Verdict(False, passing=(Passing("unknown", TRANSITIONAL, "its status is one that is not known"),))
    return PREDICATES[goal](look)


# Goals


def _ready(look: Look) -> Verdict:
    if look.chat["archived"]:
        raise CoderError("it is archived", "conflict", hint="Set unarchive=true to bring it back.")
    return Verdict(True)


def _idle(look: Look) -> Verdict:
    return Verdict(not at_work(look.chat))


def _replied(look: Look) -> Verdict:
    """By the ids of messages: a turn may be over before the first look, and an old one's end is no answer."""
    status = look.chat["status"]
    if status == "requires_action":
        raise CoderError(
            "it will not answer before it has the results of its tool calls", "conflict",
            hint="Give them with 'tool_results' of coder.tasks.chat_send.",
        )  # fmt: skip
    if status == "error":
        found = ailment(look.chat)
        raise CoderError(found.reason if found else "its last turn failed", "conflict", hint=found and found.hint)
    if is_at_work(look.chat):
        return Verdict(False)
    if not answer(look.messages or ()):
        raise CoderError("its last turn ended without any text", "conflict", hint="Look at its messages, or ask again.")
    return Verdict(True)


PREDICATES: dict[str, Callable[[Look], Verdict]] = {"ready": _ready, "idle": _idle, "replied": _replied}


# Messages


def answer(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """What the model said with words after the newest message of a person."""
    asked = max((message["id"] for message in messages if message["input"]), default=0)
    return [m for m in messages if m["role"] == "assistant" and m["id"] > asked and m["text"].strip()]


def first_prompt(messages: Sequence[ChatMessage]) -> ChatMessage | None:
    """The message that a chat began with; None while there is none."""
    return next((message for message in messages if message["input"]), None)
