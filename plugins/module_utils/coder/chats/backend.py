# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chats as the operations see them: the backend of :mod:`..backend`, and what only chats have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

from ..answers import Malformed
from ..backend import Ailment, Log, Sent
from ..errors import CoderError, RouteNotFound, invalid
from ..names import is_uuid
from ..server import Server
from ..waiter import Verdict, Waiter
from . import health, wait
from .accounts import Told, accounts_of
from .choices import find_mcp_servers, find_model, find_workspace, provider_of
from .client import ChatLog, ChatsClient
from .dialect import FEATURES
from .lifecycle import ChatLifecycle, Created, Discarded
from .messages import plain
from .model_list import ChatModel
from .models import HELD_LABEL, NAME_LABEL, Chat, age
from .new import NewChat, undeletable
from .refusals import wants_no_results
from .uploads import Upload

# Kinds of errors that say that one of several ways is closed, and nothing else.
_CLOSED = ("forbidden", "not_found")


class ChatsBackend:
    """The chats of one server, seen with one user's token.

    :param server: a client of the server; one of chats, if it is to be asked by that one.
    """

    noun = "chat"

    def __init__(self, server: Server) -> None:
        self._client = server if isinstance(server, ChatsClient) else ChatsClient(server.transport, sharing=server)

    # What this server can

    @property
    def version(self) -> str:
        """See :attr:`Backend.version`."""
        return self._client.version.text

    @property
    def features(self) -> frozenset[str]:
        """See :attr:`Backend.features`; a server that was never asked for what a chat costs may tell it."""
        return frozenset(FEATURES) - self._client.missing

    def presence(self) -> str:
        """Which form of the API the server has: none, experimental or v2."""
        try:
            return self._client.dialect.form
        except CoderError as error:
            if error.kind != "unsupported":
                raise
            return "none"

    def abilities(self) -> dict[str, bool | None]:
        """Whether the server has each feature; None for what only shows when it is used."""
        sure, missing = self._client.dialect.sure, self._client.missing
        return {name: name in sure or (False if name in missing else None) for name in FEATURES}

    def retention(self) -> dict[str, int | None]:
        """``retention_days`` of an archived chat, and ``auto_archive_days``; 0 is never, None where it is not told."""
        client = self._client
        return {"retention_days": client.retention_days(), "auto_archive_days": client.auto_archive_days()}

    def limits(self) -> dict[str, int | None]:
        """See :meth:`.client.ChatsClient.limits`."""
        return self._client.limits()

    def models(self, organization: str) -> list[ChatModel]:
        """The models of an organization, by its name or UUID. :raises CoderError: kind not_found, no such one."""
        return self._client.models(self._client.organization(organization)["id"])

    def require(self, feature: str) -> None:
        """See :meth:`Backend.require`."""
        if feature not in self.features:
            raise self._client.lacks(feature)

    def now(self) -> float:
        """See :meth:`Backend.now`."""
        return self._client.now()

    # Looking

    def find(self, reference: str, owner: str = "me") -> Chat | None:
        """See :meth:`Backend.find`: a UUID, or the name in the label of one's own chat, the oldest of several.

        One that is archived is found only where no other has the name.
        """
        if is_uuid(reference):
            return self._client.chat(reference)
        if owner != "me":
            raise invalid(
                f"the chat {reference!r} of {owner!r} cannot be found by its name: a list shows one's own chats only",
                "Give its UUID.",
            )
        named = self.named(reference)
        return named[0] if named else None

    def named(self, name: str) -> list[Chat]:
        """One's own chats that have a name: those that are not archived first, of these the oldest first."""
        labels = {NAME_LABEL: name}
        for archived in (False, True):
            chats = self._client.list_chats(labels, archived)
            if chats:
                return sorted(chats, key=age)
        return []

    def bound_to(self, workspace_id: str) -> list[Chat]:
        """The chats in a workspace that are not archived: all of one's own, and the newest one of anybody's.

        :raises CoderError: kind unsupported, the server has no chats.
        """
        chats = [chat for chat in self._client.list_chats({}, False) if chat["workspace_id"] == workspace_id]
        newest = self._client.newest_in(workspace_id)
        other = self._client.chat(newest) if newest and newest not in [chat["id"] for chat in chats] else None
        return [*chats, other] if other else chats

    def get(self, reference: str, owner: str = "me") -> Chat:
        """See :meth:`Backend.get`."""
        chat = self.find(reference, owner)
        if chat is None:
            raise CoderError(
                f"there is no chat {reference!r}, or this token may not see it", "not_found",
                hint="List your chats with coder.tasks.chat_info.",
            )
        return chat

    def labelled(self, labels: dict[str, str], archived: bool, told: Callable[[Malformed], None]) -> list[Chat]:
        """One's own chats that have all of these labels. :param told: of each that cannot be read."""
        return self._client.list_chats(labels, archived, told)

    def refresh(self, item: Chat) -> Chat | None:
        """See :meth:`Watched.refresh`."""
        return self._client.chat(item["id"])

    def log(self, item: Chat) -> Log:
        """See :meth:`Backend.log`. A chat's messages are in the database, so they are all there, whatever runs."""
        return Log(plain(self.messages(item).messages), "live", complete=not item["busy"])

    def messages(self, item: Chat, since_id: int | None = None) -> ChatLog:
        """Messages with their parts. :param since_id: only those after this one; their queue is not told then.

        :raises CoderError: kind not_found, it is gone.
        """
        if since_id:
            return self._client.messages_since(item["id"], since_id)
        return self._client.messages(item["id"])

    def queue(self, item: Chat) -> list[dict[str, Any]]:
        """The messages that wait for their turn, of ``id``, ``text`` and ``created_at``."""
        return self._client.queue(item["id"])

    def file(self, file_id: str) -> bytes:
        """A file that a message carries, as it was uploaded. :raises CoderError: kind not_found, it is gone."""
        return self._client.file(file_id)

    def word_of_gone_file(self, item: Chat, refusal: CoderError) -> str | None:
        """What the server says of a file that a chat refers to and that is gone for good: no token gets it any more.

        A server says the same of a file that a token may not see. So it is gone only where this token sees all that
        belongs to the chat, which its owner and a site owner do, and still sees the chat itself.

        :param refusal: what the server answered to a request for the file.
        :returns: None where it may be there.
        """
        if refusal.kind != "not_found" or isinstance(refusal, RouteNotFound):
            return None
        sees_all = item["owner_id"] == self._client.user()["id"] or self._client.is_site_owner
        return refusal.server_message if sees_all and self._client.chat(item["id"]) is not None else None

    def cost(self, item: Chat) -> dict[str, Any]:
        """``total_cost_micros``, ``request_count`` and ``unpriced_request_count`` of a chat with its sub-agents.

        Zero with requests that are not priced means unknown, not free. :raises CoderError: kind unsupported.
        """
        self.require("cost")
        return self._client.cost(item["id"])

    def accounts(self) -> Iterator[Told]:
        """What the server has added up of its chats, see :mod:`.accounts`; one reading per account.

        :raises CoderError: kind unsupported, the server has no chats.
        """
        return accounts_of(self._client)

    def purge_after(self, item: Chat) -> str | None:
        """When the server may delete a chat: its last change and the retention.

        :returns: None where it never does, or may not be asked.
        """
        if not item["archived"]:
            return None
        days = self._client.retention_days()
        try:
            changed = datetime.fromisoformat(f"{item['updated_at'][:19]}+00:00")
            return f"{changed + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" if days else None
        except (ValueError, OverflowError):
            return None

    def hold(self, item: Chat) -> bool:
        """Keep an archived chat for another term of the retention: a label says when that was done last.

        Each chat of a family ages by itself, so this is about this one alone.

        :returns: whether it did; False where it is gone, or not archived any more.
        """
        now = self._client.chat(item["id"])
        if now is None or not now["archived"]:
            return False
        moment = datetime.fromtimestamp(self.now(), timezone.utc)
        self._client.change(now["id"], "labels", {**now["labels"], HELD_LABEL: f"{moment:%Y-%m-%dT%H:%M:%SZ}"})
        return True

    def name(self, item: Chat) -> str:
        """See :meth:`Watched.name`: its name, else its title."""
        return item["name"] or item["title"]

    def label(self, item: Chat) -> str:
        """Owner and name, as a person would name it."""
        return f"{item['owner_username']}/{self.name(item)}"

    def describe(self, item: Chat) -> str:
        """See :meth:`Watched.describe`."""
        return health.describe(item)

    def ailment(self, item: Chat) -> Ailment | None:
        """See :meth:`Watched.ailment`."""
        return health.ailment(item)

    def health(self, item: Chat) -> Ailment | None:
        """See :meth:`Backend.health`: a chat itself tells all."""
        return health.ailment(item)

    def with_reason(self, item: Chat) -> Chat:
        """See :meth:`Watched.with_reason`."""
        found = self.health(item)
        return {**item, "reason": found.reason} if found else item

    def diagnose(self, item: Chat) -> dict[str, Any]:
        """See :meth:`Watched.diagnose`: a :class:`.health.ChatDiagnosis`."""
        newest: str | None = None
        queued: int | None = None
        provider: dict[str, Any] | None = None
        with suppress(CoderError):
            log = self.messages(item)
            queued = len(log.queue)
            newest = log.messages[-1]["created_at"] if log.messages else None
        with suppress(CoderError):
            provider = provider_of(self._client, item["model_id"], item["organization_id"])
        return dict(health.diagnosis(item, queued, health.seconds_since(newest, self.now()), provider))

    # Writing

    def pause(self, item: Chat, waiter: Waiter) -> bool:
        """See :meth:`Backend.pause`: interrupt it and its sub-agents."""
        return self.stop(item, waiter, [])

    def resume(self, item: Chat, waiter: Waiter) -> bool:
        """See :meth:`Backend.resume`: bring an archived one back. What makes a chat run is a message."""
        return item["archived"] and ChatLifecycle(self._client, waiter).unarchive(item)

    def delete(self, item: Chat, waiter: Waiter) -> bool:
        """See :meth:`Backend.delete`. :raises CoderError: always, kind unsupported."""
        raise undeletable()

    def send(self, item: Chat, text: str) -> Sent:
        """See :meth:`Backend.send`; while a turn runs the message waits in the queue."""
        return self._client.send(item["id"], text)

    def send_with(self, item: Chat, text: str, file_ids: Collection[str], interrupt: bool = False) -> Sent:
        """Like :meth:`send`, with files.

        :param file_ids: as :meth:`upload` gave them. :param interrupt: whether a turn that runs is stopped for it.
        """
        return self._client.send(item["id"], text, interrupt, file_ids)

    def upload(self, organization_id: str, file: Upload) -> str:
        """See :meth:`.client.ChatsClient.upload`."""
        return self._client.upload(organization_id, file)

    # Waiting

    def judge(self, item: Chat, goal: str) -> Verdict:
        """See :meth:`Watched.judge`; the goals are those of :data:`.wait.PREDICATES`."""
        messages = self.messages(item).messages if wait.needs_messages(item, goal) else None
        return wait.judge(wait.Look(item, messages), goal)

    def in_words(self, goal: str) -> str:
        """See :meth:`Watched.in_words`."""
        return wait.in_words(goal)

    # What only chats have

    def create(self, new: NewChat, waiter: Waiter) -> Created:
        """See :meth:`.lifecycle.ChatLifecycle.create`."""
        return ChatLifecycle(self._client, waiter).create(new)

    def only_one(self, name: str, waiter: Waiter) -> Chat | None:
        """One's own chat of a name, an archived one where no other has it; None for none.

        :raises CoderError: kind conflict, several have it, naming them.
        """
        found = ChatLifecycle(self._client, waiter).only_one(lambda: self.named(name))
        return self._client.chat(found["id"]) if found else None

    def tell(self, item: Chat, text: str, waiter: Waiter, file_ids: Collection[str] = ()) -> None:
        """Say something, once, also where the answer is lost. :raises AnswerLost: that does not show."""
        before = self.messages(item)
        known = [message["id"] for message in before.messages] + [queued["id"] for queued in before.queue]
        ChatLifecycle(self._client, waiter).tell(item, text, known, file_ids)

    def stop(self, item: Chat, waiter: Waiter, discarded: Discarded) -> bool:
        """See :meth:`.lifecycle.ChatLifecycle.stop`."""
        return ChatLifecycle(self._client, waiter).stop(item, discarded)

    def archive(self, item: Chat, waiter: Waiter, discarded: Discarded) -> bool:
        """See :meth:`.lifecycle.ChatLifecycle.archive`."""
        return ChatLifecycle(self._client, waiter).archive(item, discarded)

    def archive_at_rest(self, item: Chat, waiter: Waiter) -> bool:
        """See :meth:`.lifecycle.ChatLifecycle.archive_at_rest`."""
        return ChatLifecycle(self._client, waiter).archive_at_rest(item)

    def edit(self, item: Chat, text: str, waiter: Waiter, file_ids: Collection[str] = ()) -> int:
        """See :meth:`.lifecycle.ChatLifecycle.edit`."""
        return ChatLifecycle(self._client, waiter).edit(item, text, file_ids)

    def first_prompt(self, item: Chat, waiter: Waiter, seconds: float = 0.0) -> str | None:
        """See :meth:`.lifecycle.ChatLifecycle.first_prompt`."""
        return ChatLifecycle(self._client, waiter).first_prompt(item, seconds)

    def merge_labels(self, item: Chat, labels: dict[str, str], waiter: Waiter) -> Chat:
        """See :meth:`.lifecycle.ChatLifecycle.merge_labels`."""
        return ChatLifecycle(self._client, waiter).merge_labels(item, labels)

    def change(self, item: Chat, field: str, value: str) -> None:
        """Set one of ``title``, ``workspace_id`` and ``plan_mode``."""
        self._client.change(item["id"], field, value)

    def give_results(self, item: Chat, results: list[dict[str, Any]]) -> bool:
        """Answer the tool calls that it waits for, each as ``tool_call_id``, ``output`` and ``is_error``.

        :returns: whether they were taken; False where it waits for none, or not any more.
        :raises AnswerLost: they may have been taken.
        """
        try:
            self._client.give_results(item["id"], results)
        except CoderError as error:
            if not wants_no_results(error):
                raise
            return False
        return True

    def organization_id(self, name: str) -> str:
        """:param name: or UUID, ``default``. :raises CoderError: kind not_found, naming those that can be seen."""
        return self._client.organization(name)["id"]

    def user_id(self, name: str) -> str:
        """:param name: or UUID, ``me``. :raises CoderError: kind not_found."""
        return self._client.user(name)["id"]

    def model_id(self, model: str, organization_id: str) -> str:
        """See :func:`.choices.find_model`."""
        return find_model(self._client, model, organization_id)

    def mcp_server_ids(self, references: Collection[str], organization_id: str) -> list[str]:
        """See :func:`.choices.find_mcp_servers`."""
        return find_mcp_servers(self._client, references, organization_id)

    def workspace_id(self, workspace: str) -> str:
        """See :func:`.choices.find_workspace`."""
        return find_workspace(self._client, workspace)

    # Everybody's

    def logged(self) -> list[str]:
        """The id of every root chat that the audit log names, also of users who are suspended or deleted.

        :raises CoderError: kind forbidden, only a site owner may read it.
        """
        try:
            return self._client.logged_chats()
        except CoderError as error:
            if error.kind not in _CLOSED:
                raise
            raise error.but(
                kind="forbidden", reason="this token may not read the audit log, which alone names everybody's chats",
                hint="Use the token of a site owner, or give the ids of the chats.",
            ) from None

    def by_id(self, chat_id: str) -> Chat | None:
        """One chat of whomever; None where it is gone or this token may not see it."""
        return self._client.chat(chat_id)
