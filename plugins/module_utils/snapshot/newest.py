# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest messages of a conversation of any length, in bounded memory."""

from __future__ import annotations

from .fit import MOST_MESSAGES, shortened
from .lives import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# More do not fit into a snapshot either.
_KEEP_CHARACTERS = 8 * 1024 * 1024
# Of each message, and how many are kept whatever their size: the user's words among them tell what goes on.
_LONGEST = 1024 * 1024
_KEEP_ANYWAY = 12


class Newest:
    """Messages in their order; one with an id that is there already takes its place.

    :param keep: how many messages to keep at most; 0: all of them, as they are.
    """

    def __init__(self, keep: int = MOST_MESSAGES) -> None:
        self._keep = keep
        self._messages: dict[Any, Any] = {}
        self._characters = 0
        self.total = 0

    def add(self, message: Any, key: Any = None) -> None:
        """Add a message at the end, or in place of the one with the same key.

        :param key: None: it has none, and is another one than all before.
        """
        if key is None or key not in self._messages:
            self.total += 1
        if self._keep:
            message = shortened(message, _LONGEST)
        if key is not None and key in self._messages:
            self._characters -= len(text_of(self._messages[key]))
        self._messages[self.total if key is None else key] = message
        self._characters += len(text_of(message))
        self._drop_oldest()

    def extend(self, messages: list[Any]) -> None:
        """Add messages at the end, of which those that would not be kept cost nothing."""
        wanted = messages[-self._keep :]
        if self._keep:
            wanted = [shortened(message, _LONGEST) for message in wanted]
        self.total += len(messages)
        self._messages.update(zip(range(self.total - len(wanted) + 1, self.total + 1), wanted))
        self._characters += sum(len(text_of(message)) for message in wanted)
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        if not self._keep or not self._is_full():
            return
        # In one pass: a dict looks for its first key past all that were before it.
        for key in list(self._messages):
            self._characters -= len(text_of(self._messages.pop(key)))
            if not self._is_full():
                return

    def messages(self) -> list[Any]:
        """What is kept, oldest first."""
        return list(self._messages.values())

    def _is_full(self) -> bool:
        count = len(self._messages)
        return count > self._keep or (self._characters > _KEEP_CHARACTERS and count > _KEEP_ANYWAY)
