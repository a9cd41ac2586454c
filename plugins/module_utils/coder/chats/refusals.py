# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server's refusals of requests about chats mean: its own words are known here and nowhere else."""

from __future__ import annotations

from ..errors import CoderError, NotReady

QUEUE_FULL = "Message queue is full."
_ALREADY_SO = ("Chat is already archived.", "Chat is already not archived.")
_NOT_OWNER = "Only the chat owner may send messages."
_USAGE_LIMIT = "Chat usage limit exceeded."


def is_chat_answer(message: str) -> bool:
    """Whether a 429 or a 5xx is Coder's word about the chat, which asking again at once does not change."""
    lowered = message.lower()
    return message == QUEUE_FULL or "ai gateway" in lowered or "hook" in lowered


def is_bad_label(error: CoderError) -> bool:
    """Whether a create was refused because of a label, and not because it has no message."""
    return error.status == 400 and error.server_message == "Invalid labels."


def is_not_interruptible(error: CoderError) -> bool:
    """Whether an interrupt was refused because nothing runs, or it is about to stop."""
    return error.status == 409 and error.server_message == "Chat is not in an interruptible state."


def is_active(error: CoderError) -> bool:
    """Whether an archive was refused because a turn runs, in the chat or in one of its sub-agents."""
    return error.status == 409 and error.server_message.startswith("Cannot archive an active chat.")


def is_already_so(error: CoderError) -> bool:
    """Whether a chat that is archived was to be archived, or one that is not was to be brought back."""
    return error.status == 400 and error.server_message in _ALREADY_SO


def is_gone(error: CoderError) -> bool:
    """Whether there is no such chat, or this token may not see it."""
    return error.status == 404


def is_not_queued(error: CoderError) -> bool:
    """Whether a message waits no longer: its turn has begun, or somebody took it out."""
    no_queue = error.status == 409 and error.server_message.startswith("Chat has no queued messages")
    return no_queue or (error.status == 404 and error.server_message == "Queued message not found.")


def is_no_message(error: CoderError) -> bool:
    """Whether a message that was to be edited is not there: an edit gives it another id."""
    return error.status == 404 and error.server_message == "Chat message not found."


def wants_no_results(error: CoderError) -> bool:
    """Whether results of tools were refused because the chat waits for none, or not any more."""
    return error.status == 409 and error.server_message == "Chat is not waiting for tool results."


def explain_send(error: CoderError) -> CoderError:
    """A refused message, of the class that says whether it reached the chat, or can be sent again."""
    if error.server_message == QUEUE_FULL:
        return error.as_a(
            NotReady, kind="busy", hint="Its queue is full: wait until messages were answered, or take some out."
        )
    if error.server_message == _NOT_OWNER:
        return error.but(hint="Use a token of the chat's owner: a site owner may read and stop it, not speak in it.")
    return explain_write(error)


def explain_write(error: CoderError) -> CoderError:
    """A refused create or message, with what to do about it."""
    if error.server_message == _USAGE_LIMIT:
        return error.but(hint="Raise the user's limit, or wait until its period is over.")
    if "ai gateway" in error.server_message.lower():
        return error.but(hint="The administrator has to switch the AI Gateway on; this server's chats need it.")
    if error.status == 413:
        return error.but(kind="invalid")
    return error
