# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chats of an emulated server, as tests of the writing half look at them."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.coder.tasks.plugins.module_utils.coder.backend import Backend
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.backend import ChatsBackend
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.models import Chat
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.new import NewChat
from ansible_collections.coder.tasks.plugins.module_utils.coder.connection import Connection
from ansible_collections.coder.tasks.plugins.module_utils.coder.server import Server
from ansible_collections.coder.tasks.plugins.module_utils.coder.waiter import Waiter, WaitOptions
from emulator import CHAT_DIALECTS, Emulator
from emulator.chats import Chat as Kept
from emulator.chats_parts import text_of

EVERY = list(CHAT_DIALECTS)
NAME = "coder.tasks/name"
# A tool call of the model that begins a sub-agent with a turn of so many recorded seconds.
SPAWN = '[[tool spawn_agent {{"type":"general","title":"sub","prompt":"look [[wait {0}]]"}}]]'


def chats_of(server: Emulator, user: str = "alice", **options: Any) -> ChatsBackend:
    """A backend of this user, in a session of its own; options of its connection, such as ``retries=0``."""
    return ChatsBackend(Server.connect(Connection(server.url, server.tokens[user], **options), time))


def as_backend(chats: ChatsBackend) -> Backend[Chat]:
    """What operations see: the type checker holds it against the protocol."""
    backend: Backend[Chat] = chats
    return backend


def waiter(timeout: float = 20.0, wait: bool = True) -> Waiter:
    return Waiter(time, WaitOptions(timeout, 0.0, 0.01, wait=wait), lambda _text: None)


def new_chat(server: Emulator, prompt: str = "Say hello", name: str | None = "fix", **more: Any) -> NewChat:
    return NewChat(server.state.organization["id"], prompt, name, **more)


def kept(server: Emulator) -> list[Kept]:
    """Every root chat that the server has, archived or not, the oldest first."""
    assert server.state.chats is not None
    return list(server.state.chats.roots())


def named(server: Emulator, name: str) -> list[Kept]:
    """Those of a name that are not archived."""
    return [chat for chat in kept(server) if chat.labels.get(NAME) == name and not chat.archived]


def said(chat: Kept) -> list[str]:
    """What its owner said, the oldest first."""
    return [text_of(message.content) for message in chat.messages if message.role == "user"]


def posts(server: Emulator, what: str) -> int:
    """How many POST requests there were on paths that end so."""
    return len(server.journal.matching("POST", f"{what}$"))


def allow(server: Emulator, user: str = "bob") -> Emulator:
    """Let somebody who is no owner have chats."""
    server.state.user(user).agents_access = True
    return server


def path_of_chats(server: Emulator) -> str:
    """Where the server has its chats, as the client finds them: under the newest prefix."""
    assert server.chat_dialect is not None
    return f"{server.chat_dialect.prefixes[0]}/chats"
