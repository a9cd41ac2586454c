# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of a chat's messages: reading, sending, editing, the queue, results of tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.answers import Answer, ApiError, empty, json_answer
from emulator.chats_dialects import ChatDialect
from emulator.chats_parts import text_of
from emulator.chats_requests import (
    changeable_chat,
    check_no_nul,
    check_plan_mode,
    check_usage,
    decode,
    input_parts,
    model_of,
    reasoning_effort,
    refused_transition,
    require_gateway,
    shown_chat,
)  # fmt: skip
from emulator.chats_views import ChatViews
from emulator.paging import number
from emulator.request import Request
from emulator.router import Group

if TYPE_CHECKING:
    from emulator.chats_objects import Chat

_SEND = {
    "content": "[]codersdk.ChatInputPart",
    "model_config_id": "uuid.UUID",
    "busy_behavior": "string",
    "plan_mode": "string",
    "reasoning_effort": "string",
}
_EDIT = {"content": "[]codersdk.ChatInputPart"}
DEFAULT_LIMIT = 50
QUEUE_LIMIT = 20


def add_routes(chat: Group, dialect: ChatDialect) -> None:
    """Add the routes below one chat."""
    chat.route("GET", "messages", _messages)
    chat.route("POST", "messages", _send)
    chat.route("PATCH", "messages/{message}", _edit)
    chat.route("GET", "prompts", _prompts)
    chat.route("DELETE", "queue/{queued}", _delete_queued)
    chat.route("POST", "queue/{queued}/promote", _promote)
    chat.route("POST", "tool-results", _tool_results)


def take_files(request: Request, chat: Chat, content: list[dict[str, Any]]) -> None:
    """Count the files of a message among the chat's."""
    for part in content:
        file = request.chats.files.get(part.get("file_id") or "")
        if file is not None and file not in chat.files:
            chat.files.append(file)


# Reading


async def _messages(request: Request) -> Answer:
    chat = shown_chat(request)
    before, after = number(request, "before_id", 64), number(request, "after_id", 64)
    limit = number(request, "limit") if "limit" in request.query else DEFAULT_LIMIT
    if not 1 <= limit <= 200:
        raise ApiError(400, "Invalid limit parameter (1-200).")
    if before and after >= before:
        raise ApiError(400, "after_id must be less than before_id.")
    found = [message for message in chat.messages if message.id > after and (not before or message.id < before)]
    if before or not after:
        found.reverse()
    views = ChatViews(request.chats)
    queue = [] if before or after else chat.queue
    return json_answer(
        200,
        {
            "messages": [views.message(chat, message) for message in found[:limit]],
            "queued_messages": [views.queued(chat, entry) for entry in queue],
            "has_more": len(found) > limit,
        },
    )


async def _prompts(request: Request) -> Answer:
    limit = number(request, "limit")
    if limit > 2000:
        raise ApiError(400, "Invalid limit parameter (0-2000).")
    told = [
        {"id": message.id, "text": text_of(message.content)}
        for message in reversed(shown_chat(request).messages)
        if message.role == "user" and text_of(message.content)
    ]
    return json_answer(200, {"prompts": told[: limit or None]})


# Sending


async def _send(request: Request) -> Answer:
    chat, chats = changeable_chat(request), request.chats
    if request.caller is not chat.owner:
        raise ApiError(403, "Only the chat owner may send messages.")
    body = decode(request, "codersdk.CreateChatMessageRequest", _SEND)
    if chat.archived:
        raise ApiError(400, "Cannot send messages to an archived chat.")
    require_gateway(request)
    behaviour = body.get("busy_behavior", "queue")
    if behaviour not in ("queue", "interrupt"):
        raise ApiError(400, "Invalid busy_behavior value.", 'Must be "queue" or "interrupt".')
    check_plan_mode(body)
    content = input_parts(request, body, chat.owner)
    effort = reasoning_effort(request, body)
    model = model_of(request, body, current=chat.model_id)
    check_usage(request, chat.owner)
    check_no_nul("Failed to create chat message.", content)
    if "plan_mode" in body:
        chat.plan_mode = body["plan_mode"]
    chat.reasoning_effort = effort or chat.reasoning_effort
    take_files(request, chat, content)
    if chat.busy or chat.queue:
        return _queue(request, chat, content, model, interrupt=behaviour == "interrupt")
    chat.model_id = model
    message = ChatViews(chats).message(chat, chats.turns.ask(chat, content, chat.owner.id))
    more = {"messages": [message]} if chats.dialect.messages_in_answers else {}
    return json_answer(200, {"message": message, **more, "queued": False})


def _queue(request: Request, chat: Chat, content: list[dict[str, Any]], model: str, *, interrupt: bool) -> Answer:
    """Let the message wait; in an idle chat the head of the queue begins a turn at once."""
    chats, views = request.chats, ChatViews(request.chats)
    if len(chat.queue) >= QUEUE_LIMIT:
        raise ApiError(429, "Message queue is full.", f"Maximum {QUEUE_LIMIT} messages can be queued.")
    entry = chats.turns.enqueue(chat, content, model)
    queued = views.queued(chat, entry)
    more: dict[str, Any] = {}
    if not chat.busy:
        head = chats.turns.next_queued(chat)
        if chats.dialect.messages_in_answers:
            more = {"messages": [views.message(chat, head)]}
    elif interrupt and chat.status == "running":
        chats.turns.interrupt(chat)
    return json_answer(200, {**more, "queued_message": queued, "queued": True})


async def _edit(request: Request) -> Answer:
    """Replace a message of the user: it gets a new id, and all that came after it is gone."""
    chat, chats = changeable_chat(request), request.chats
    text = request.params["message"]
    if not text.isdigit() or not int(text):
        raise ApiError(400, "Invalid chat message ID.", "Message ID must be a positive integer.")
    if request.caller is not chat.owner:
        raise ApiError(403, "Only the chat owner may edit messages.")
    body = decode(request, "codersdk.EditChatMessageRequest", _EDIT)
    if chat.archived:
        raise ApiError(400, "Cannot edit messages in an archived chat.")
    require_gateway(request)
    content = input_parts(request, body, chat.owner)
    place = next((index for index, message in enumerate(chat.messages) if message.id == int(text)), None)
    if place is None:
        raise ApiError(404, "Chat message not found.", "Message does not belong to this chat.")
    if chat.messages[place].role != "user":
        raise ApiError(400, "Only user messages can be edited.")
    check_usage(request, chat.owner)
    deleted = [message.id for message in chat.messages[place:]]
    del chat.messages[place:]
    take_files(request, chat, content)
    message = ChatViews(chats).message(chat, chats.turns.ask(chat, content, chat.owner.id))
    more = {"messages": [message], "deleted_message_ids": deleted} if chats.dialect.messages_in_answers else {}
    return json_answer(200, {"message": message, **more})


# The queue


def _queued_id(request: Request) -> int:
    text = request.params["queued"]
    try:
        return int(text)
    except ValueError:
        detail = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise ApiError(400, "Invalid queued message ID.", detail) from None


async def _delete_queued(request: Request) -> Answer:
    chat, identity = changeable_chat(request), _queued_id(request)
    if not chat.queue:
        raise _no_queue(chat, "delete", "DeleteQueuedMessage")
    entry = next((entry for entry in chat.queue if entry.id == identity), None)
    if entry is None:
        raise ApiError(404, "Queued message not found.")
    chat.queue.remove(entry)
    request.chats.turns.events.queue(chat)
    return empty(204)


async def _promote(request: Request) -> Answer:
    """Move a message to the head of the queue, and stop the turn that it waits for."""
    chat, identity, turns = changeable_chat(request), _queued_id(request), request.chats.turns
    if not chat.queue:
        raise _no_queue(chat, "promote", "PromoteQueuedMessage")
    entry = next((entry for entry in chat.queue if entry.id == identity), None)
    if entry is None:
        raise ApiError(404, "Queued message not found.")
    chat.queue.remove(entry)
    chat.queue.insert(0, entry)
    if not chat.busy:
        turns.next_queued(chat)
    elif chat.status in ("running", "requires_action"):
        turns.interrupt(chat)
    return json_answer(202, {"message": "Queued message promotion accepted."})


def _no_queue(chat: Chat, verb: str, transition: str) -> ApiError:
    return refused_transition(chat, transition, f"Chat has no queued messages to {verb}.")


# Tools of the client


async def _tool_results(request: Request) -> Answer:
    chat = changeable_chat(request)
    body = decode(request, "codersdk.SubmitToolResultsRequest", {"results": "[]codersdk.ToolResult"})
    if chat.archived:
        raise ApiError(400, "Cannot submit tool results to an archived chat.")
    given = {result.get("tool_call_id"): result for result in body.get("results", []) if isinstance(result, dict)}
    if not given:
        raise ApiError(400, "At least one tool result is required.")
    if chat.status != "requires_action" or chat.turn is None:
        detail = f'chat status is "{chat.status}", expected "requires_action"'
        raise ApiError(409, "Chat is not waiting for tool results.", detail)
    missing = next((call for call, _name in chat.turn.calls if call not in given), None)
    if missing is not None:
        raise ApiError(400, "Missing tool result.", f'Missing result for tool call "{missing}".')
    results = [(given[call].get("output"), bool(given[call].get("is_error"))) for call, _name in chat.turn.calls]
    request.chats.turns.give_results(chat, results, chat.owner.id)
    return empty(204)
