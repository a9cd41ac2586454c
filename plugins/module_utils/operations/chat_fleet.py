# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring many chats into their state: those of a list that is declared, or all that there are, which is to stop them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, cast

from ..coder.chats.listed import ListedChats
from ..coder.chats.models import Chat, family
from ..coder.chats.wait import at_work
from ..coder.errors import CoderError, as_coder_error, invalid
from ..coder.listed import Halted
from ..coder.waiter import WaitOptions
from .chat import (
    ChatOptions,
    EnsureChat,
    chat_options,
    check_options,
    diff_of,
    goal_of,
    prompt_file_option,
)
from .chat_selection import DEPLOYMENT, OWN, ChatSelectionParams, chat_selection_spec, choose_chats
from .connection import ConnectionParams, connection_spec
from .context import Context, Journal
from .spec import Option, Spec, defaults
from .text_file import text_option
from .together import bring_all, check_limits, own_context, some_failed, summarize
from .waiting import waiting_spec

# Requests per second while chats of others are waited for: no list shows them, so each is asked for alone, and a server
# takes 512 requests per minute.
LOOKS_PER_SECOND = 4
AFTER_INTERRUPT = "What was begun goes on at the server; the same call does only what is missing."


class Given(ChatOptions):
    """One item of the declaration, as it was written."""

    prompt_file: str | None


class ChatFleetParams(ConnectionParams):
    """The options of this operation."""

    chats: list[Given] | None
    scope: str | None
    labels: dict[str, Any] | None
    select: str | None
    state: str
    concurrency: int
    max_failures: int | None
    wait: bool
    wait_for: str | None
    wait_timeout: float


class Item(NamedTuple):
    """One chat and how it is to be. ``before``: the chat, where it was chosen from what there is."""

    declared: ChatOptions
    before: Chat | None = None


def spec() -> Spec:
    """The operation's options."""
    chats: Option = {
        "type": "list",
        "elements": "dict",
        "options": {**chat_options(), **prompt_file_option()},
        "mutually_exclusive": [["prompt", "prompt_file"], ["name", "id"]],
        "required_one_of": [["name", "id"]],
    }
    options = connection_spec()
    options.update(
        chats=chats,
        scope={"type": "str", "choices": [OWN, DEPLOYMENT]},
        labels={"type": "dict"},
        select={"type": "str"},
        state={"type": "str", "choices": ["idle", "archived"], "default": "idle"},
        concurrency={"type": "int", "default": 16},
        max_failures={"type": "int"},
        **waiting_spec(["ready", "idle", "replied"]),
    )
    del options["stable_idle"]
    return {
        "argument_spec": options,
        "mutually_exclusive": [["chats", "scope"], ["chats", "labels"], ["chats", "select"]],
        "required_one_of": [["chats", "scope"]],
        "supports_check_mode": True,
    }


def run(context: Context[ChatFleetParams]) -> dict[str, Any]:
    """Result: ``chats``, one entry for each declared or chosen one in this order, and ``summary``.

    :raises CoderError: the declaration is wrong, the chats could not be listed, or some failed; then its ``result``
        holds the same two.
    """
    params = context.params
    check_limits(params["concurrency"], params["max_failures"])
    items = _chosen(context) if params["chats"] is None else _declared(params, params["chats"])
    server = context.session.server
    client = ListedChats(server, context.clock, context.poll_interval, params["concurrency"])
    members = [Member(context, client, item, _interval(context, items)) for item in items]
    if members:
        bring_all(context, client, members, params["max_failures"])
    result = _result(members, context)
    if any(member.error for member in members):
        raise some_failed(members, "chats", result)
    return result


def _declared(params: ChatFleetParams, given: list[Given]) -> list[Item]:
    """:raises CoderError: naming every item that is wrong."""
    items: list[Item] = []
    problems = []
    seen: dict[str, int] = {}
    for number, each in enumerate(given, 1):
        reference = each["name"] or (each["id"] or "").lower()
        try:
            declared = cast(ChatOptions, {**each, "prompt": text_option(each, "prompt")})
            check_options(declared)
            goal_of(declared["state"], params["wait_for"] if declared["state"] == "present" else None)
            if reference in seen:
                raise invalid(f"it is the same chat as item {seen[reference]}", "Declare each chat once.")
        except CoderError as error:
            problems.append(f"item {number} ({reference}): {error.message}")
        else:
            seen[reference] = number
            items.append(Item(declared))
    if problems:
        raise invalid(f"the declaration of the chats is wrong: {' '.join(problems)}", "Nothing was changed.")
    return items


def _chosen(context: Context[ChatFleetParams]) -> list[Item]:
    """Every chat of the scope that is not archived. :raises CoderError: they cannot be listed."""
    params = context.params
    if params["wait_for"] not in (None, "idle"):
        raise invalid(f"wait_for={params['wait_for']} does not go with 'scope'", "Leave it out.")
    # What this operation has of the options of a selection counts; the connection's stay as they are.
    choice = {**defaults(chat_selection_spec()), **params, "scope": params["scope"] or OWN}
    selection = replace(cast("Context[Any]", context), params=cast(ChatSelectionParams, choice))
    unset = defaults(chat_options())
    return [
        Item(cast(ChatOptions, {**unset, "id": chat["id"], "state": params["state"]}), chat)
        for chat in choose_chats(selection).chats
    ]


def _interval(context: Context[ChatFleetParams], items: list[Item]) -> float:
    """Seconds between two looks of one member."""
    working = sum(bool(item.before and at_work(item.before)) for item in items)
    if context.params["scope"] != DEPLOYMENT:
        return context.poll_interval
    return max(context.poll_interval, working / LOOKS_PER_SECOND)


class Member:
    """One chat of the fleet, and what became of it, as a :class:`.together.Member`."""

    def __init__(self, context: Context[ChatFleetParams], client: ListedChats, item: Item, interval: float) -> None:
        declared, self._before = item
        self.error: CoderError | None = None
        self.attempted = False
        self._declared = declared
        self._is_chosen = item.before is not None
        self._after = self._before
        self._journal = Journal(context.journal)
        self.warnings: list[str] = []
        self._waited = 0.0
        self._discarded: list[dict[str, Any]] = []
        self._diagnosis: dict[str, Any] | None = None
        own = own_context(context, client, self._journal, self.warnings)
        params = context.params
        goal = goal_of(declared["state"], params["wait_for"] if declared["state"] == "present" else None)
        options = WaitOptions(params["wait_timeout"], 0.0, interval, wait=params["wait"])
        self._ensure = EnsureChat(own, declared, goal if params["wait"] else None, options)

    @property
    def label(self) -> str:
        """The name, else what is known of it."""
        seen = self._after or self._before
        return self._declared["name"] or (seen and (seen["name"] or seen["title"])) or str(self._declared["id"])

    def bring(self) -> bool:
        """See :meth:`.together.Member.bring`."""
        self.attempted = True
        try:
            if not self._is_chosen:
                self._before = self._after = self._ensure.find()
            outcome = self._ensure.apply(self._before)
        except Halted as error:
            # Between the steps of a change it is a failure, before the first one nothing was tried.
            self.attempted = self._ensure.changed or self._journal.wrote
            self.error = error if self.attempted else None
        except Exception as caught:  # noqa: BLE001  (whatever one chat meets, the others go on and all is told)
            self.error = as_coder_error(caught)
            outcome = {"chat": self._before, "waited": 0.0, "discarded": [], **self.error.result}
            self._diagnosis = self.error.result.get("diagnosis")
            self._keep(outcome)
        else:
            self._keep(outcome)
        return self.error is None

    def _keep(self, outcome: dict[str, Any]) -> None:
        self._after, self._waited, self._discarded = outcome["chat"], outcome["waited"], outcome["discarded"]

    @property
    def changed(self) -> bool:
        """Whether it was changed, or would be; a member that failed may have been as far as its first write."""
        return self._ensure.changed or (self.error is not None and self._journal.wrote)

    @property
    def action(self) -> str | None:
        """What was done, or would be in check mode."""
        if not self.changed:
            return None
        if self._before is None:
            return "create"
        return {"idle": "stop", "archived": "archive"}.get(self._declared["state"], "change")

    def diff(self) -> dict[str, Any]:
        """Before and after, under headers that name the chat."""
        both = diff_of(self._before, self._after, self.changed)
        return {**both, "before_header": self.label, "after_header": self.label}

    def result(self, with_diff: bool) -> dict[str, Any]:
        """The entry under ``chats``."""
        entry = {
            "name": self._declared["name"] or (self._before["name"] if self._before else None),
            "id": self._after["id"] if self._after else self._declared["id"],
            "state": self._declared["state"],
            "attempted": self.attempted,
            "changed": self.changed,
            "action": self.action,
            "stopped": self._stopped(),
            "chat": self._after and {"purge_after": None, **self._after},
            "created_by": self._ensure.created_by,
            "discarded": self._discarded,
            "waited": self._waited,
            "failed": self.error is not None,
            "msg": self.error.message if self.error else None,
            "failure": self.error.failure() if self.error else None,
            "diagnosis": self._diagnosis,
        }
        if with_diff:
            entry["diff"] = diff_of(self._before, self._after, self.changed)
        return entry

    def _stopped(self) -> list[str]:
        """Ids of the chat and its sub-agents that worked before and do not now."""
        if self._before is None or self._after is None or self._declared["state"] == "present":
            return []
        still = {member["id"] for member in at_work(self._after)}
        known = {member["id"] for member in family(self._after)}
        return [member["id"] for member in at_work(self._before) if member["id"] in known - still]


def _result(members: list[Member], context: Context[ChatFleetParams]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": any(member.changed for member in members),
        "chats": [member.result(context.diff) for member in members],
        "summary": summarize(members),
    }
    if context.diff:
        result["diff"] = [member.diff() for member in members if member.changed]
    return result
