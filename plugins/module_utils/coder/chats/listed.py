# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many who watch their chat see it in one list, so that waiting costs one request per look and not one per chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from ..answers import Malformed, refuse
from ..clock import Clock
from ..listed import BoundedServer, Listing, Poll
from ..server import Server
from .client import ChatsClient
from .models import Chat


class ListedChats(BoundedServer, ChatsClient):
    """A client for many threads, which sees one's own chats in lists of all. Those of others are asked for alone.

    :param interval: seconds between two requests for the same list; less where all who are under way wait for it.
    :param concurrency: most requests at once, whatever the number of threads.
    """

    def __init__(self, client: Server, clock: Clock, interval: float, concurrency: int) -> None:
        super().__init__(client, concurrency)
        self._lists = {
            False: Poll(lambda: self._list_all(False), self.crowd, clock, interval),
            True: Poll(lambda: self._list_all(True), self.crowd, clock, interval),
        }

    def _list_all(self, archived: bool) -> Listing[Chat]:
        malformed: list[Malformed] = []
        return Listing({chat["id"]: chat for chat in super().list_chats({}, archived, malformed.append)}, malformed)

    def list_chats(
        self, labels: Mapping[str, str], archived: bool, told: Callable[[Malformed], None] = refuse
    ) -> list[Chat]:
        """See :meth:`ChatsClient.list_chats`."""
        listing = self._lists[archived].answer()
        if listing.malformed:
            # Which labels those have cannot be told, and they concern nobody who asks for others.
            return super().list_chats(labels, archived, told)
        return [chat for chat in listing.by_id.values() if labels.items() <= chat["labels"].items()]

    def chat(self, chat_id: str) -> Chat | None:
        """See :meth:`ChatsClient.chat`; a list does not tell whether it waits for a free slot."""
        found = self._lists[False].answer().by_id.get(chat_id)
        return found or super().chat(chat_id)
