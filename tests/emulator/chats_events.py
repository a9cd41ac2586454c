# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the WebSockets of chats tell: to whoever listens to one chat's stream, or watches all of an owner's chats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.chats_model import Failure
    from emulator.chats_objects import Chat, Message
    from emulator.chats_turns import Turn
    from emulator.chats_views import ChatViews


class Listener:
    """One connection; what is in pending was not sent yet. chat_id: empty for a watcher."""

    def __init__(self, views: ChatViews, owner_id: str = "", chat_id: str = "") -> None:
        self.views = views
        self.owner_id = owner_id
        self.chat_id = chat_id
        self.pending: list[dict[str, Any]] = []
        self.closed = False

    def reset(self, chat: Chat) -> None:
        """Tell that what was shown of an answer is void, where the version does."""
        if self.views.dialect.preview_reset:
            self.pending.append(event(chat, "preview_reset"))

    def take(self) -> list[dict[str, Any]]:
        taken, self.pending = self.pending, []
        return taken


class Events:
    """Tells listeners; without any it costs nothing."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def hang_up(self) -> None:
        """Close every connection, as a server does that is restarted: what happens meanwhile is told to nobody."""
        for listener in self.listeners:
            listener.closed = True

    def message(self, chat: Chat, message: Message) -> None:
        for listener in self._of(chat):
            listener.pending.append(event(chat, "message", listener.views.message(chat, message)))
            if message.role != "user":
                listener.reset(chat)

    def part(self, chat: Chat, turn: Turn, part: dict[str, Any]) -> None:
        for listener in self._of(chat):
            listener.pending.append(streamed(listener.views, chat, turn, part, len(turn.parts)))

    def reset(self, chat: Chat) -> None:
        for listener in self._of(chat):
            listener.reset(chat)

    def queue(self, chat: Chat) -> None:
        for listener in self._of(chat):
            queued = [listener.views.queued(chat, entry) for entry in chat.queue]
            listener.pending.append({"type": "queue_update", "chat_id": chat.id, "queued_messages": queued})

    def status(self, chat: Chat) -> None:
        for listener in self._of(chat):
            listener.pending.append(event(chat, "status", {"status": chat.status}))
            if chat.status == "error":
                listener.pending.append(event(chat, "error", chat.last_error))
        self.watch("status_change", chat)

    def retry(self, chat: Chat, turn: Turn, failure: Failure, delay: float) -> None:
        for listener in self._of(chat):
            told = {
                "attempt": turn.attempt,
                "delay_ms": round(delay * 1000),
                "error": failure.message,
                "kind": failure.kind,
                "provider": failure.provider,
                "status_code": failure.status,
                "retrying_at": listener.views.time(chat.world.now() + delay),
            }
            listener.pending.append(event(chat, "retry", told))

    def action_required(self, chat: Chat, calls: list[tuple[str, str]], arguments: Any) -> None:
        for listener in self._of(chat):
            told = [{"tool_call_id": call, "tool_name": name, "args": json.dumps(arguments)} for call, name in calls]
            listener.pending.append(event(chat, "action_required", {"tool_calls": told}))
        self.watch("action_required", chat)

    def watch(self, kind: str, chat: Chat) -> None:
        """Tell the watchers of a chat's owner."""
        for listener in self.listeners:
            if not listener.chat_id and listener.owner_id == chat.owner.id:
                listener.pending.append({"kind": kind, "chat": listener.views.chat(chat)})

    def _of(self, chat: Chat) -> list[Listener]:
        return [listener for listener in self.listeners if listener.chat_id == chat.id] if self.listeners else []


def event(chat: Chat, kind: str, value: Any = None) -> dict[str, Any]:
    """One event of a stream; most carry their value under their own name."""
    return {"type": kind, "chat_id": chat.id, **({} if value is None else {kind: value})}


def streamed(views: ChatViews, chat: Chat, turn: Turn, part: dict[str, Any], number: int) -> dict[str, Any]:
    """A chunk of an answer; number: which of this attempt, from 1."""
    told = {
        "role": "assistant",
        "part": views.part(part),
        "history_version": turn.number,
        "generation_attempt": turn.attempt,
        "seq": number,
    }
    return event(chat, "message_part", told)
