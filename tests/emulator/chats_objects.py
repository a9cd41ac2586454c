# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is about chats: providers and their models, chats with messages, queues and files, the audit log."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.chats_parts import file_part, text_part, tool_call, tool_result

if TYPE_CHECKING:
    from emulator.chats import Chats
    from emulator.chats_turns import Turn
    from emulator.world import User

BUSY = ("pending", "running", "interrupting", "requires_action")


@dataclass
class Provider:
    """An AI provider. dead: it refuses connections; key_failed: its key was refused since the last change."""

    id: str
    type: str
    name: str
    base_url: str
    display_name: str = ""
    enabled: bool = True
    keys: list[dict[str, str]] = field(default_factory=list)
    created: float = 0.0
    updated: float = 0.0
    key_failed: bool = False

    @property
    def dead(self) -> bool:
        return ":9/" in self.base_url


@dataclass
class Model:
    """A model that chats may use; its id is what a create calls model_config_id."""

    id: str
    provider: Provider
    model: str
    display_name: str = ""
    enabled: bool = True
    default: bool = False
    context_limit: int = 100_000
    compression_threshold: int = 70
    config: dict[str, Any] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0


@dataclass
class File:
    id: str
    owner: User
    name: str
    media_type: str
    content: bytes
    created: float


@dataclass(slots=True)
class Message:
    """One message. content: parts with the keys that are set; the views add the empty ones."""

    id: int
    role: str
    content: list[dict[str, Any]]
    created: float
    model_id: str
    author: str = ""  # the id of the user who wrote it
    usage: dict[str, int] | None = None
    queued_id: int = 0  # what it was called while it waited in the queue


@dataclass
class Queued:
    id: int
    content: list[dict[str, Any]]
    created: float
    model_id: str


@dataclass
class Chat:
    """One chat, root or sub-agent. Times are moments of the world's clock."""

    id: str
    world: Chats
    owner: User
    model_id: str
    title: str
    created: float
    updated: float
    status: str = "waiting"
    parent: Chat | None = None
    children: list[Chat] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    queue: list[Queued] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    readers: dict[str, str] = field(default_factory=dict)  # role by user id
    last_error: dict[str, Any] | None = None
    last_turn_summary: str | None = None
    reasoning_effort: str = ""
    plan_mode: str = ""
    client_type: str = "api"
    system_prompt: str = ""
    archived: bool = False
    pin_order: int = 0
    workspace_id: str = ""
    build_id: str = ""
    agent_id: str = ""
    mcp_server_ids: list[str] = field(default_factory=list)
    dynamic_tools: list[str] = field(default_factory=list)
    last_read: int = 0  # the id of the newest message that its owner saw on the stream
    requests: int = 0  # to the model, what the cost counts
    tokens: int = 0
    spent: int = 0  # micros
    context_agent: str = ""  # the agent whose context was given to the model
    compacted: int = 0  # the id of the newest message that a compaction summarised
    invalid: bool = False  # its state is one that cannot be; read, not measured
    turn: Turn | None = None

    @property
    def root(self) -> Chat:
        return self.parent.root if self.parent else self

    def family(self) -> list[Chat]:
        """The chat and all its sub-agents."""
        return [self, *(chat for child in self.children for chat in child.family())]

    @property
    def busy(self) -> bool:
        return self.status in BUSY

    @property
    def unread(self) -> bool:
        return any(message.role == "assistant" for message in self.messages[-3:] if message.id > self.last_read)

    # What tests write into it

    def add(self, role: str, content: list[dict[str, Any]], **more: Any) -> Message:
        """Append a message; parts may leave out every empty key."""
        at = more.pop("at", None)
        message = Message(
            self.world.next_message_id(), role, content, self.world.now() if at is None else at, self.model_id, **more
        )
        self.messages.append(message)
        return message

    def say(self, question: str, answer: str = "", **more: Any) -> Message:
        """Append what the owner asked and, unless it is empty, what the model answered.

        :returns: the newest of them.
        """
        message = self.add("user", [text_part(question)], author=self.owner.id, **more)
        if answer:
            self.requests += 1
            message = self.add("assistant", [text_part(answer)], usage=self.world.usage(self.model_id), **more)
        return message

    def call_tool(self, name: str, arguments: Any, result: Any, *, is_error: bool = False, **more: Any) -> Message:
        """Append a tool call of the model and the tool's result.

        :returns: the result's message.
        """
        call = f"call_c-{uuid.uuid4().hex[:12]}"
        self.add("assistant", [tool_call(call, name, arguments)], usage=self.world.usage(self.model_id), **more)
        return self.add("tool", [tool_result(call, name, result, is_error=is_error)], **more)

    def attach(self, *files: File) -> Message:
        """Append a message of the owner with files.

        :returns: the message.
        """
        self.files += [file for file in files if file not in self.files]
        return self.add("user", [file_part(file) for file in files], author=self.owner.id)

    def fail(self, message: str = "The chat request failed unexpectedly.", kind: str = "generic") -> None:
        """Let the last turn have failed."""
        self.status = "error"
        self.last_error = {"message": message, "kind": kind, "retryable": False}


@dataclass
class AuditEntry:
    time: float
    user: User
    chat_id: str
    action: str
    diff: dict[str, Any]
    status_code: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


def title_of(text: str) -> str:
    """The first title of a chat: its first six words, at most 80 characters."""
    words = re.split(r"\s+", text.strip())
    if not text.strip():
        return "New Chat"
    return f"{' '.join(words[:6])}{'…' if len(words) > 6 else ''}"[:80]


def created_diff(chat: Chat) -> dict[str, Any]:
    """What the audit log tells of a new chat."""
    return {
        "group_acl": {"new": {}, "secret": False},
        "id": {"old": "", "new": chat.id, "secret": False},
        "labels": {"new": chat.labels, "secret": False},
        "mcp_server_ids": {"new": chat.mcp_server_ids, "secret": False},
        "owner_id": {"old": "", "new": chat.owner.id, "secret": False},
        "title": {"old": "", "new": "", "secret": True},
        "user_acl": {"new": {}, "secret": False},
    }
