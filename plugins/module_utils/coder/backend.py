# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation may ask of a server about its tasks, or about its chats: the one seam below the operations.

Below it lies all that knows HTTP, versions, workspaces and the server's sentences; above it nothing does. Every method
raises :class:`CoderError`: of the kinds ``auth``, ``forbidden``, ``rate_limited``, ``server``, ``network``, ``tls``,
``timeout``, ``protocol`` and ``unsupported`` (this server has no such things at all) any may. What a caller acts on
beside these stands with each method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypedDict, TypeVar

from .errors import CoderError

if TYPE_CHECKING:
    from .waiter import Verdict, Waiter

# A task or a chat, as the backend's models give it.
Item = TypeVar("Item")


class Message(TypedDict):
    """One message of a log. ``type`` is input or output, ``time`` as the server wrote it, or empty."""

    id: int
    content: str
    type: str
    time: str


class Log(NamedTuple):
    """A conversation as the server gave it, oldest message first.

    ``source`` is live, snapshot or none; ``reason`` says why there is none. ``refused`` tells a server that refused,
    because of a state, from one that says itself that there is none. ``complete`` is whether these are all messages
    that there ever were, as far as they show it themselves.
    """

    messages: list[Message]
    source: str
    complete: bool | Literal["unknown"] = False
    snapshot_at: str | None = None
    reason: str | None = None
    refused: bool = False


class Sent(NamedTuple):
    """An input that the server took. ``id``: of the message that it became, where the server tells it.

    ``queued_id``: of its place in the queue, where it waits for its turn and is no message yet.
    """

    id: int | None = None
    queued_id: int | None = None


class Choice(NamedTuple):
    """What a list of tasks is asked for; None is no condition. ``owner`` is a username, a UUID or ``me``."""

    owner: str | None = None
    organization: str | None = None
    status: str | None = None


EVERYTHING = Choice()


class Ailment(NamedTuple):
    """What is wrong with an item, without a full stop, and a sentence with what to do."""

    reason: str
    hint: str


class Feature(NamedTuple):
    """Something that not every server can. ``lacks`` follows "this server"; ``needs`` is a sentence with what to do."""

    lacks: str
    needs: str


# Ends the hint of each error about what a server has not.
SERVER_INFO = "coder.tasks.server_info tells what this server has."


def lacking(version: str, feature: Feature) -> CoderError:
    """The one error for what a server cannot. :param version: of the server, as it says it."""
    hint = f"{feature.needs} {SERVER_INFO}"
    return CoderError(f"this server ({version}) {feature.lacks}", "unsupported", hint=hint)


class Watched(Protocol[Item]):
    """What can be waited for: how to look at an item, and what to say of it."""

    # As the thing is called in a sentence and in results: task, chat, workspace.
    noun: str

    def refresh(self, item: Item) -> Item | None:
        """The same item as it is now; None once it is gone."""

    def name(self, item: Item) -> str:
        """Its name alone."""

    def describe(self, item: Item) -> str:
        """Its state in words. Makes no request."""

    def ailment(self, item: Item) -> Ailment | None:
        """What the item itself shows to be wrong; None for one that is well. Makes no request, never raises."""

    def with_reason(self, item: Item) -> Item:
        """The item; with a ``reason`` that tells its health, if it is not well. Never raises."""

    def diagnose(self, item: Item) -> dict[str, Any]:
        """What a person would look at next, for the result of a failure. Never raises."""

    def judge(self, item: Item, goal: str) -> Verdict:
        """How an item stands to a goal, now. :raises CoderError: it cannot be told."""

    def in_words(self, goal: str) -> str:
        """A goal as it stands in a sentence."""


class Backend(Watched[Item], Protocol[Item]):
    """Tasks or chats of one server, seen with one user's token."""

    # What this server can

    @property
    def version(self) -> str:
        """The server's build version, as it says it."""

    @property
    def features(self) -> frozenset[str]:
        """Names of what this server can, of those in the backend's table of features."""

    def require(self, feature: str) -> None:
        """:raises CoderError: kind unsupported, this server lacks the feature."""

    def now(self) -> float:
        """The server's time in seconds of the epoch, as its last answer told it."""

    # Looking

    def find(self, reference: str, owner: str = "me") -> Item | None:
        """One item, None where there is none or this token may not see it.

        :param reference: a name, ``owner/name`` or a UUID.
        :raises CoderError: kind invalid, the reference can be none or contradicts the owner; not_found, no such owner.
        """

    def get(self, reference: str, owner: str = "me") -> Item:
        """Like :meth:`find`. :raises CoderError: kind not_found, there is none."""

    def log(self, item: Item) -> Log:
        """Its conversation. A state that has no log is a :class:`Log`, too, with source none.

        :raises CoderError: kind unavailable, what holds the conversation cannot be reached; not_found, it is gone.
        """

    def health(self, item: Item) -> Ailment | None:
        """Like :meth:`Watched.ailment`, and where that can be asked for, with the cause. Never raises."""

    # Writing. Each is safe to repeat: a lost answer, a conflict and a race are resolved by reading again.

    def pause(self, item: Item, waiter: Waiter) -> bool:
        """Have it rest. :returns: whether this call did it; False where it rested, or was about to.

        :raises CoderError: kind conflict or wait_timeout, what runs on it did not end; not_found, it is gone.
        """

    def resume(self, item: Item, waiter: Waiter) -> bool:
        """Have it run. :returns: whether this call did it. :raises CoderError: as :meth:`pause`."""

    def delete(self, item: Item, waiter: Waiter) -> bool:
        """Begin its removal. :returns: whether this call did it; False where somebody else was faster.

        :raises CoderError: as :meth:`pause`, but for not_found.
        """

    def send(self, item: Item, text: str) -> Sent:
        """Give its agent input, once.

        :raises NotReady: nothing reached the agent, and the same request may succeed later.
        :raises AnswerLost: the input may or may not have reached the agent.
        :raises CoderError: nothing reached the agent; kind unavailable when it is out of reach.
        """
