# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that change a chat's life, each safe to repeat and sure about what it did.

A server makes two chats of one request that is sent twice, so a lost answer, a refusal and a race with somebody else
are resolved by reading again. What one call has created it alone may stop or archive; it knows that by a label.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any, Callable, NamedTuple

from ..errors import AnswerLost, CoderError
from ..waiter import Waiter
from .client import ChatsClient
from .models import NAME_LABEL, Chat, age
from .new import CALL_LABEL, NewChat, unlike_owner
from .refusals import is_active, is_already_so, is_gone, is_no_message, is_not_interruptible, is_not_queued
from .wait import at_work, first_prompt

# Seconds in which a chat whose answer was lost may come to show, or one of several of a name to be archived.
LOOK_FOR_CHAT = 10.0
# A write whose answer was lost is sent again at most so often, each time only after a look.
LOST_ANSWERS = 3

_REPEATED = ("server", "network", "timeout", "protocol")

THIS_CALL = "this_call"
SOMEONE_ELSE = "someone_else"


class Created(NamedTuple):
    """A chat that was asked for. ``by``: who made it, ``this_call`` or ``someone_else`` who was faster."""

    chat: Chat
    by: str


# Messages that were taken out of queues: each as it was told, with its ``chat_id``. Filled as that happens, so that a
# failure has those before it.
Discarded = list[dict[str, Any]]


class ChatLifecycle:
    """Create, stop, archive and bring back, with the waiting that a safe write needs."""

    def __init__(self, client: ChatsClient, waiter: Waiter) -> None:
        self._client = client
        self._waiter = waiter

    # Create

    def create(self, new: NewChat) -> Created:
        """Create the chat, or find the one that somebody else created meanwhile under the same name.

        Where servers can, a named chat is made empty first: one that is not to stay costs nothing then.

        :raises AnswerLost: it may have been created, or told its prompt, and that does not show. An empty chat of this
            call that could not be told its prompt is in the error's ``result``.
        :raises CoderError: as the server refuses; kind unsupported, it makes no chats for others.
        """
        labels = {**new.all_labels, CALL_LABEL: secrets.token_hex(8)}
        # Only its owner may speak in a chat, and only a named one can meet another.
        is_empty = bool(new.name) and not new.owner_id and self._client.makes_empty_chats(new.organization_id)
        chat = self._begin(new, labels, is_empty)
        if new.owner_id and chat["owner_id"] != new.owner_id:
            self._discard(chat)
            raise unlike_owner(new.owner_id)
        older = self._older(chat, new.name) if new.name else None
        if older is not None:
            self._discard(chat)
            return Created(older, SOMEONE_ELSE)
        if is_empty:
            self._tell_first(chat, new)
            chat = self._look_again(chat)
        return Created(chat, THIS_CALL)

    def _begin(self, new: NewChat, labels: dict[str, str], is_empty: bool) -> Chat:
        try:
            return self._client.create_chat(new, labels, is_empty)
        except AnswerLost as lost:
            return self._find_ours(labels[CALL_LABEL], lost)

    def _find_ours(self, call: str, lost: AnswerLost) -> Chat:
        """The chat that a request made whose answer was lost. :raises AnswerLost: it does not show."""
        ends = self._waiter.clock.monotonic() + (LOOK_FOR_CHAT if lost.may_still_show else 0.0)
        while True:
            found = self._client.list_chats({CALL_LABEL: call}, archived=False)
            if found:
                return found[0]
            if self._waiter.clock.monotonic() >= ends:
                hint = "Whether it was created cannot be known, so it is not created again; the same call looks first."
                raise lost.but(hint=hint)
            self._waiter.clock.sleep(self._waiter.options.interval)

    def _older(self, chat: Chat, name: str) -> Chat | None:
        """The one of that name that stays, if it is not this one: the oldest."""
        named = self._client.list_chats({NAME_LABEL: name}, archived=False)
        oldest = min([*named, chat], key=age)
        return None if oldest["id"] == chat["id"] else oldest

    def _discard(self, chat: Chat) -> None:
        """Stop and archive what this call has created. :raises CoderError: naming what is left behind."""
        try:
            self.archive(chat, [])
        except CoderError as error:
            reason = f"the chat {chat['id']}, which this call created and which must not stay, could not be archived"
            raise error.but(reason=f"{reason}: {error.reason}", hint="Archive it by its id.") from None

    def _tell_first(self, chat: Chat, new: NewChat) -> None:
        """Send the first message of an empty chat of ours. Where that fails the chat stays: the same call tells it."""
        try:
            self.tell(chat, new.prompt, (), new.file_ids)
        except CoderError as error:
            error.result.setdefault("chat", chat)
            raise

    def tell(self, chat: Chat, text: str, known: Collection[int], file_ids: Collection[str] = ()) -> None:
        """Say something, once.

        :param known: ids of the messages and queued ones before; what is new may be ours.
        :param file_ids: of files that were uploaded, and go with it.
        :raises AnswerLost: it may have been said, and does not show.
        """
        try:
            self._client.send(chat["id"], text, file_ids=file_ids)
        except AnswerLost as lost:
            if not self._shows(chat, text, known, LOOK_FOR_CHAT if lost.may_still_show else 0.0):
                raise lost.but(
                    hint=f"Whether the chat {chat['id']} got the message cannot be known; the same call looks first."
                ) from None

    def _shows(self, chat: Chat, text: str, known: Collection[int], seconds: float) -> bool:
        ends = self._waiter.clock.monotonic() + seconds
        while True:
            log = self._client.messages(chat["id"])
            said = [*((m["id"], m["text"]) for m in log.messages if m["input"])]
            said += [(queued["id"], queued["text"]) for queued in log.queue]
            if any(number not in known and words.split() == text.split() for number, words in said):
                return True
            if self._waiter.clock.monotonic() >= ends:
                return False
            self._waiter.clock.sleep(self._waiter.options.interval)

    def first_prompt(self, chat: Chat, seconds: float) -> str | None:
        """What a chat began with. :param seconds: how long it may be awaited; None if there is none by then."""
        ends = self._waiter.clock.monotonic() + seconds
        while True:
            first = first_prompt(self._client.messages(chat["id"]).messages)
            if first is not None:
                return first["text"]
            if self._waiter.clock.monotonic() >= ends:
                return None
            self._waiter.clock.sleep(self._waiter.options.interval)

    def only_one(self, look: Callable[[], list[Chat]]) -> Chat | None:
        """The chat of a name, None for none. Several are borne for a moment: whoever lost a race archives his own.

        :param look: gives all of that name. :raises CoderError: kind conflict, several remain.
        """
        ends = self._waiter.clock.monotonic() + LOOK_FOR_CHAT
        while True:
            named = look()
            if len(named) < 2 or named[0]["archived"]:
                return named[0] if named else None
            if self._waiter.clock.monotonic() >= ends:
                ids = ", ".join(chat["id"] for chat in named)
                raise CoderError(
                    f"{len(named)} chats have this name, the oldest first: {ids}", "conflict",
                    hint="Archive those that are not meant, each by its 'id'.",
                )  # fmt: skip
            self._waiter.clock.sleep(self._waiter.options.interval)

    # Stop

    def stop(self, chat: Chat, discarded: Discarded) -> bool:
        """Interrupt the chat and every sub-agent of it that works, until none does; without waiting, once.

        An interrupt stops one chat only, and the next message of a queue begins another turn, so queues are emptied.

        :param discarded: gets the messages that are taken out of queues.
        :returns: whether this call interrupted anything, or took a message out.
        :raises CoderError: kind wait_timeout, something did not stop; not_found, it is gone.
        """
        changed, failures, before = False, 0, len(discarded)
        while True:
            members = at_work(chat)
            for member in members:
                self._empty_queue(member, discarded)
            for member in members:
                if member["status"] == "interrupting":
                    continue
                try:
                    changed = self._interrupt(member) or changed
                except CoderError as error:
                    # Harmless to repeat, and the next look tells whether it did anything.
                    failures += 1
                    if error.kind not in _REPEATED or failures > LOST_ANSWERS or not self._waiter.options.wait:
                        raise
                    changed = changed or isinstance(error, AnswerLost)
            if not members or not self._waiter.options.wait:
                return changed or len(discarded) > before
            chat = self._look_again(chat)
            if at_work(chat):
                self._wait_a_moment(chat)

    def _interrupt(self, member: Chat) -> bool:
        try:
            self._client.interrupt(member["id"])
        except CoderError as error:
            if is_not_interruptible(error) or is_gone(error):
                return False
            raise
        return True

    def _empty_queue(self, member: Chat, discarded: Discarded) -> None:
        for queued in self._client.queue(member["id"]):
            try:
                self._client.delete_queued(member["id"], queued["id"])
            except CoderError as error:
                if not is_not_queued(error):
                    raise
                # A DELETE whose answer was lost is sent again by the transport: what is gone then, went by us.
                if (error.attempts or 1) == 1:
                    continue
            discarded.append({**queued, "chat_id": member["id"]})

    # Archive

    def archive(self, chat: Chat, discarded: Discarded) -> bool:
        """Stop the family and archive it. :returns: whether this call archived it. The rest is as of :meth:`stop`."""
        while True:
            self.stop(chat, discarded)
            try:
                return self._set_archived(chat, True)
            except CoderError as error:
                if not is_active(error):
                    raise
                refusal = error
            # A sub-agent began meanwhile, or the interrupt has not come to its end.
            if not self._waiter.options.wait:
                raise refusal.but(hint="A turn still ends; with wait=true the module waits for that.")
            if not self._waiter.left():
                hint = "A turn still ends; raise 'wait_timeout' if it only needs more time."
                raise refusal.but(kind="wait_timeout", hint=hint)
            self._waiter.pause()
            chat = self._look_again(chat)

    def archive_at_rest(self, chat: Chat) -> bool:
        """Archive a family in which nothing runs; nothing is stopped for it. :returns: whether this call archived it.

        :raises CoderError: kind conflict, a turn is under way, or has begun meanwhile.
        """
        # Servers of 2.34 would stop it themselves, and say nothing.
        working = at_work(self._look_again(chat))
        if working:
            busy = ", ".join(f"{member['id']} ({member['status']})" for member in working)
            raise CoderError(
                f"there is at work: {busy}", "conflict", hint="Stop it with state=idle, and save what it said."
            )
        try:
            return self._set_archived(chat, True)
        except CoderError as error:
            hint = "A turn has begun meanwhile: stop it with state=idle, and save what it said."
            raise error.but(kind="conflict", hint=hint) if is_active(error) else error from None

    def unarchive(self, chat: Chat) -> bool:
        """Bring a family back. :returns: whether this call did it."""
        return self._set_archived(chat, False)

    def _set_archived(self, chat: Chat, archived: bool) -> bool:
        try:
            self._client.change(chat["id"], "archived", archived)
        except CoderError as error:
            if is_already_so(error):
                # A PATCH whose answer was lost is sent again by the transport: what is so then, was made so by us.
                return (error.attempts or 1) > 1
            if isinstance(error, AnswerLost) and self._look_again(chat)["archived"] == archived:
                return True
            raise
        return True

    # Change

    def merge_labels(self, chat: Chat, labels: dict[str, str]) -> Chat:
        """Set some labels and keep the others.

        A server replaces them all, and two writers at once lose some, so what became of it is looked at.

        :returns: the chat as it then is. :raises CoderError: kind conflict, somebody else sets them, too.
        """
        for _time in range(LOST_ANSWERS):
            chat = self._look_again(chat)
            wanted = {**chat["labels"], **labels}
            if wanted == chat["labels"]:
                return chat
            self._client.change(chat["id"], "labels", wanted)
        chat = self._look_again(chat)
        if not labels.items() <= chat["labels"].items():
            raise CoderError(f"somebody else sets the labels of the chat {chat['id']}, too", "conflict")
        return chat

    def edit(self, chat: Chat, text: str, file_ids: Collection[str] = ()) -> int:
        """Say the first message otherwise, which cuts all that followed. :returns: its new id.

        :raises CoderError: kind conflict, it has no message, or somebody else edited it.
        """
        first = first_prompt(self._client.messages(chat["id"]).messages)
        if first is None:
            raise CoderError("it has no message yet", "conflict", hint="Send one with coder.tasks.chat_send.")
        try:
            return self._client.edit(chat["id"], first["id"], text, file_ids)
        except CoderError as error:
            # Repeated after a lost answer, an edit meets an id that is gone.
            if not isinstance(error, AnswerLost) and not is_no_message(error):
                raise
            now = first_prompt(self._client.messages(chat["id"]).messages)
            if now is not None and now["id"] != first["id"] and now["text"].split() == text.split():
                return now["id"]
            raise error.but(kind="conflict") if is_no_message(error) else error from None

    # Looking

    def _look_again(self, chat: Chat) -> Chat:
        now = self._client.chat(chat["id"])
        if now is None:
            raise CoderError(f"the chat {chat['id']} is gone, or not to be seen any more", "not_found")
        return now

    def _wait_a_moment(self, chat: Chat) -> None:
        """:raises CoderError: no time is left."""
        if not self._waiter.may_wait():
            busy = ", ".join(f"{member['id']} ({member['status']})" for member in at_work(chat))
            raise CoderError(
                f"it was interrupted, and after {round(self._waiter.waited())} s there is still at work: {busy}",
                "wait_timeout", hint="Raise 'wait_timeout', or look at it in the dashboard.",
                result={"chat": chat, "waited": round(self._waiter.waited(), 1)},
            )  # fmt: skip
        self._waiter.pause()
