# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chats of an emulated server: what they are, and how tests make them without the API.

    with Emulator(chats="chats-2.38") as server:
        chat = server.create_chat("Say hello", owner="bob", labels={"team": "infra"})  # idle, no model was run
        chat.say("Please look", "Done: see the file.")  # a question and its answer
        chat.call_tool("execute", {"command": "ls"}, {"output": "a.txt"})
        chat.attach(server.state.chats.create_file(chat.owner, "notes.txt", b"hello"))
        child = server.create_chat("Look there", parent=chat)
        server.state.chats.age(chat, days=40)  # everything of it was so long ago
        server.state.chats.purge()  # what the retention job would delete now

What runs (turns of the model, retries, waits for capacity) is in :mod:`emulator.chats_turns`.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.chats_dialects import ChatDialect
from emulator.chats_objects import AuditEntry, Chat, File, Model, Provider, Queued, created_diff, title_of
from emulator.chats_turns import Turns
from emulator.clock import Clock

if TYPE_CHECKING:
    from emulator.world import User, World

DAY = 86_400.0  # seconds


class Chats:
    """Everything about chats on one server.

    walk: directives of :mod:`emulator.chats_model` that are added to every prompt.
    slow_unit: seconds that a unit of [[slow ...]] lasts; titles: whether the model makes a title for each new chat;
    ai_gateway: whether it is on, without which newer versions begin no turn; usage_limit: micros per user.
    """

    def __init__(self, world: World, dialect: ChatDialect, fixture: dict[str, Any]) -> None:
        self.world = world
        self.dialect = dialect
        self.clock: Clock = world.clock
        self.walk = ""
        self.slow_unit = 1.0
        self.titles = True
        self.ai_gateway = True
        self.retention_days = 30
        self.auto_archive_days = 0
        self.workspace_ttl_ms = 0
        self.usage_limit: int | None = None
        self.usage_limit_set = 0.0
        self.usage_period = "month"
        self.template_allowlist: list[str] = []
        self.chats: dict[str, Chat] = {}
        self.files: dict[str, File] = {}
        self.providers: dict[str, Provider] = {}
        self.models: dict[str, Model] = {}
        self.gone_models: set[str] = set()  # a deleted one is still known: rows refer to it
        self.mcp_servers: list[dict[str, Any]] = []
        self.audit: list[AuditEntry] = []
        self.turns = Turns(self)
        self._message_ids = itertools.count(1)
        self._queue_ids = itertools.count(1)
        if world.settings.chat_models:
            for provider in fixture.get("providers", []):
                self._fixed_provider(provider)

    def _fixed_provider(self, fixture: dict[str, Any]) -> None:
        fixture = dict(fixture)
        models, keys = fixture.pop("models", []), fixture.pop("keys", 1)
        provider = self.create_provider(keys=[f"key-{number}" for number in range(keys)], **fixture)
        for model in models:
            self.create_model(provider, **model)

    def now(self) -> float:
        """The moment of what happens now, in world time: of the event that is carried out, else the clock's."""
        return self.clock.now() if self.turns.moment is None else self.turns.moment

    # Numbers

    def next_message_id(self) -> int:
        return next(self._message_ids)

    def next_queue_id(self) -> int:
        return next(self._queue_ids)

    # Making things

    def create_provider(self, type: str, name: str, base_url: str, keys: list[str], display_name: str = "") -> Provider:
        """Add an AI provider with its keys."""
        now = self.now()
        known = [{"id": str(uuid.uuid4()), "masked": f"{key[:4]}...{key[-4:]}"} for key in keys]
        provider = Provider(
            str(uuid.uuid4()), type, name, base_url, display_name or name, keys=known, created=now, updated=now
        )
        self.providers[provider.id] = provider
        return provider

    def create_model(self, provider: Provider, model: str, **more: Any) -> Model:
        """Add a model; the first one becomes the default."""
        now = self.now()
        made = Model(str(uuid.uuid4()), provider, model, created=now, updated=now, **more)
        made.default = made.default or not self.models
        for other in self.models.values() if made.default else ():
            other.default = False
        self.models[made.id] = made
        return made

    def create_mcp_server(self, slug: str, display_name: str = "", *, enabled: bool = True) -> str:
        """Add an MCP server that chats may use. Read, not measured: recorded servers had none.

        :returns: its id.
        """
        made = {"id": str(uuid.uuid4()), "organization_id": self.world.organization["id"], "slug": slug}
        self.mcp_servers.append({**made, "display_name": display_name or slug, "enabled": enabled})
        return str(made["id"])

    def default_model(self) -> Model | None:
        return next((model for model in self.models.values() if model.default), None)

    def usage(self, model_id: str) -> dict[str, int]:
        """What each answer of the stand-in model counts."""
        model = self.models.get(model_id)
        counted = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        if model is not None and model.provider.type == "anthropic":
            counted = {"input_tokens": 100, "output_tokens": 11, "total_tokens": 111}
            counted |= {"cache_creation_tokens": 3, "cache_read_tokens": 7}
        return {**counted, "context_limit": model.context_limit if model else 100_000}

    def create_chat(
        self,
        prompt: str = "Do the thing",
        *,
        owner: str | User = "alice",
        answer: str = "Done.",
        parent: Chat | None = None,
        audited: bool = True,
        **more: Any,
    ) -> Chat:
        """Make an idle chat without running a model.

        :param prompt: what its owner asked; empty for a chat without messages.
        :param answer: what the model answered; empty for none.
        :param parent: the chat whose sub-agent it is.
        :param audited: whether the audit log tells of it; a sub-agent's is never there.
        :param more: any field of :class:`Chat`.
        :raises ValueError: when there is no model.
        """
        user = self.world.user(owner) if isinstance(owner, str) else owner
        model = more.pop("model_id", "") or getattr(self.default_model(), "id", "")
        if not model:
            raise ValueError("no model is configured: create one first, or leave chat_models on")
        chat = self.insert(user, model, more.pop("title", "") or title_of(prompt), parent=parent, audited=audited)
        if prompt:
            chat.say(prompt, answer)
            chat.last_turn_summary = None if parent else "Finished latest turn"
        for key, value in more.items():
            if not hasattr(chat, key):
                raise ValueError(f"a chat has no field {key!r}")
            setattr(chat, key, value)
        return chat

    def insert(
        self, owner: User, model_id: str, title: str, *, parent: Chat | None = None, audited: bool = True
    ) -> Chat:
        """A new chat without messages; two numbers go to its hidden system prompt."""
        now = self.now()
        chat = Chat(str(uuid.uuid4()), self, owner, model_id, title, now, now, parent=parent)
        self.next_message_id()
        self.next_message_id()
        self.chats[chat.id] = chat
        if parent is not None:
            parent.children.append(chat)
        elif audited:
            self.audit.append(AuditEntry(now, owner, chat.id, "create", created_diff(chat), 201))
        return chat

    def create_file(self, owner: User, name: str, content: bytes, media_type: str = "text/plain") -> File:
        """Store an uploaded file."""
        file = File(str(uuid.uuid4()), owner, name, media_type, content, self.now())
        self.files[file.id] = file
        return file

    def record_write(self, user: User, chat: Chat, field_name: str, old: Any, new: Any) -> None:
        """Tell the audit log of a change of a root chat."""
        if chat.parent is None:
            diff = {field_name: {"old": old, "new": new, "secret": False}}
            self.audit.append(AuditEntry(self.now(), user, chat.id, "write", diff, 204))

    def new_queued(self, content: list[dict[str, Any]], model_id: str) -> Queued:
        """An entry for a queue."""
        return Queued(self.next_queue_id(), content, self.now(), model_id)

    # Looking things up

    def advance(self) -> None:
        """Let happen what is due; every request does so first."""
        self.turns.advance()

    def all(self) -> list[Chat]:
        """Every chat, also sub-agents; a test may make another one meanwhile."""
        return list(self.chats.values())

    def roots(self) -> Iterator[Chat]:
        return (chat for chat in self.all() if chat.parent is None)

    def may_use(self, user: User) -> bool:
        """Whether a user may have chats of his own."""
        return user.owner or user.agents_access or (not self.dialect.role and not user.service_account)

    def may_see(self, user: User, chat: Chat) -> bool:
        if user.owner or user.id in chat.root.readers:
            return True
        return chat.owner is user and self.may_use(user)

    def may_change(self, user: User, chat: Chat) -> bool:
        return user.owner or (chat.owner is user and self.may_use(user))

    # What the server does to old chats by itself

    def age(self, chat: Chat, days: float) -> None:
        """Move a family and its messages into the past."""
        shift = days * DAY / self.clock.factor
        for member in chat.family():
            member.created -= shift
            member.updated -= shift
            for message in member.messages:
                message.created -= shift

    def purge(self, *, in_days: float = 0.0) -> list[str]:
        """Delete what the retention job deletes: archived chats that were not touched for retention_days.

        :param in_days: pretend that so many days have passed.
        :returns: the ids of the deleted chats.
        """
        if not self.retention_days:
            return []
        old = [
            chat
            for chat in self.all()
            if chat.archived and self._days_since(chat.updated) + in_days > self.retention_days
        ]
        for chat in old:
            self.delete(chat)
        return [chat.id for chat in old]

    def delete(self, chat: Chat) -> None:
        """Remove a chat with its messages and queue; its sub-agents lose their parent."""
        del self.chats[chat.id]
        if chat.parent is not None:
            chat.parent.children.remove(chat)
        for child in chat.children:
            child.parent = None
        chat.turn = None
        for file in chat.files:
            if not any(file in other.files for other in self.all()):
                self.files.pop(file.id, None)

    def archive_old(self, *, in_days: float = 0.0) -> list[str]:
        """Archive what the auto-archive job archives.

        That is each root that is not pinned and not busy, when the newest message of its family is older than
        auto_archive_days.

        :param in_days: pretend that so many days have passed.
        :returns: the ids of the roots.
        """
        if not self.auto_archive_days:
            return []
        old = [
            chat
            for chat in self.roots()
            if not chat.archived
            and not chat.pin_order
            and not any(member.busy for member in chat.family())
            and self._days_since(_newest(chat)) + in_days > self.auto_archive_days
        ]
        for chat in old:
            self.set_archived(chat, True)
        return [chat.id for chat in old]

    def set_archived(self, chat: Chat, archived: bool) -> None:
        """Archive or unarchive a family: it ages from now on."""
        for member in chat.family():
            member.archived = archived
            member.updated = self.now()
            if archived:
                member.pin_order = 0

    def _days_since(self, moment: float) -> float:
        return (self.now() - moment) * self.clock.factor / DAY


def _newest(chat: Chat) -> float:
    return max((message.created for member in chat.family() for message in member.messages), default=chat.created)
