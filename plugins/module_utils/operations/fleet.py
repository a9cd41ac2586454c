# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a declared list of tasks into its state: one list to begin with, then every task at once."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from ..coder import names
from ..coder.errors import CoderError, as_coder_error, invalid
from ..coder.listed import Halted
from ..coder.tasks.listed import ListedClient
from ..coder.tasks.models import Task
from .connection import ConnectionParams, connection_spec
from .context import Context, Journal
from .spec import Option, Spec, defaults
from .task import (
    Declared,
    Ensure,
    TaskOptions,
    check_options,
    diff_of,
    goal_of,
    input_file_option,
    task_options,
)
from .text_file import text_option
from .together import bring_all, check_limits, own_context, some_failed, summarize
from .waiting import WaitingParams, waiting_spec

AFTER_INTERRUPT = "What was begun goes on at the server; the same call does only what is missing."


class Given(TaskOptions):
    """One item of the declaration, as it was written."""

    input_file: str | None


class FleetParams(ConnectionParams, WaitingParams):
    """The options of this operation."""

    tasks: list[Given]
    owner: str
    concurrency: int
    max_failures: int | None
    purge: bool
    purge_prefix: str | None


class Item(NamedTuple):
    """One item of the declaration. ``name`` may be a UUID."""

    owner: str
    name: str
    declared: Declared


def spec() -> Spec:
    """The operation's options."""
    item = {**task_options(), **input_file_option()}
    item["name"] = {"type": "str", "required": True}
    item["owner"] = {"type": "str"}
    tasks: Option = {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": item,
        "mutually_exclusive": [["input", "input_file"]],
    }
    return {
        "argument_spec": dict(
            connection_spec(),
            tasks=tasks,
            owner={"type": "str", "default": "me"},
            concurrency={"type": "int", "default": 16},
            max_failures={"type": "int"},
            purge={"type": "bool", "default": False},
            purge_prefix={"type": "str"},
            **waiting_spec(["ready", "idle", "complete"]),
        ),
        "required_if": [["purge", True, ["purge_prefix"]]],
        "supports_check_mode": True,
    }


def run(context: Context[FleetParams]) -> dict[str, Any]:
    """Result: ``tasks``, one entry for each declared or purged one in this order, and ``summary``.

    :raises CoderError: the declaration is wrong, the tasks could not be listed, or some failed; then its ``result``
        holds the same two.
    """
    _check(context.params)
    items = _declared(context.params)
    if not items:
        return _result([], context)
    client = _client(context, items)
    members = _members(context, client, items)
    bring_all(context, client, members, context.params["max_failures"])
    result = _result(members, context)
    if any(member.error for member in members):
        raise some_failed(members, "tasks", result)
    return result


# The declaration


def _check(params: FleetParams) -> None:
    check_limits(params["concurrency"], params["max_failures"])
    if params["purge"] and not params["purge_prefix"]:
        raise invalid(
            "purge=true with an empty 'purge_prefix' would delete every task that is not declared",
            "Give the beginning of the names that this list alone manages.",
        )
    if params["purge"] and not params["tasks"]:
        raise invalid(
            f"purge=true with an empty list would delete every task that begins with {params['purge_prefix']!r}",
            "Declare at least one task; to delete all, declare each with state=absent.",
        )


def _declared(params: FleetParams) -> list[Item]:
    """:raises CoderError: naming every item that is wrong."""
    items = []
    problems = []
    for number, given in enumerate(params["tasks"], 1):
        try:
            items.append(_item(params, given))
        except CoderError as error:
            problems.append(f"item {number} ({given['name']}): {error.message}")
    if problems:
        raise invalid(f"the declaration of the fleet is wrong: {' '.join(problems)}", "Nothing was changed.")
    return items


def _item(params: FleetParams, given: Given) -> Item:
    reference = given["name"] or ""
    # The fleet's owner is of those items that name none themselves.
    owner, name = names.split_reference(reference, given["owner"] or ("me" if "/" in reference else params["owner"]))
    runs = given["state"] in ("present", "active")
    waits = {"wait": params["wait"], "wait_for": params["wait_for"] if runs else None}
    declared = cast(Declared, {**given, **waits, "name": name, "owner": owner, "input": text_option(given, "input")})
    check_options(declared)
    return Item(owner, name, declared)


class Member:
    """One task of the fleet, and what became of it."""

    def __init__(
        self,
        context: Context[FleetParams],
        client: ListedClient,
        item: Declared,
        before: Task | None,
        purged: bool = False,
        unsure: bool = False,
    ) -> None:
        """:param unsure: whether a task that the list does not show may be there nevertheless."""
        self.label = f"{item['owner']}/{item['name']}"
        self.error: CoderError | None = None
        self.attempted = False
        self._item = item
        self._before = before
        self._after = before
        self._purged = purged
        self._unsure = unsure and before is None
        self._journal = Journal(context.journal)
        self._warnings: list[str] = []
        self._waited = 0.0
        self._ensure = Ensure(own_context(context, client, self._journal, self._warnings), item, goal_of(item))

    def bring(self) -> bool:
        """Into the declared state; a failure is kept, not raised. :returns: whether it did not fail."""
        self.attempted = True
        try:
            if self._unsure:
                self._before = self._after = self._ensure.find()
            outcome = self._ensure.apply(self._before)
        except Halted as error:
            # Between the steps of a change it is a failure, before the first one nothing was tried.
            self.attempted = self._ensure.changed or self._journal.wrote
            self.error = error if self.attempted else None
        except Exception as caught:  # noqa: BLE001  (whatever one task meets, the others go on and all is told)
            self.error = as_coder_error(caught)
            self._after = cast("Task | None", self.error.result.get("task", self._before))
            self._waited = self.error.result.get("waited", 0.0)
        else:
            self._after = outcome["task"]
            self._waited = outcome["waited"]
        return self.error is None

    @property
    def changed(self) -> bool:
        """Whether it was changed, or would be; a member that failed may have been as far as its first write."""
        return self._ensure.changed or (self.error is not None and self._journal.wrote)

    @property
    def warnings(self) -> list[str]:
        return self._warnings

    @property
    def action(self) -> str | None:
        """What was done, or would be in check mode."""
        if not self.changed:
            return None
        if self._before is None:
            return "create"
        if self._item["state"] == "absent":
            return "delete"
        if self._ensure.created_by:
            return "recreate"
        if self._item["state"] == "paused":
            return "pause"
        return "resume" if self._after and self._after["initial_prompt"] == self._before["initial_prompt"] else "update"

    def diff(self) -> dict[str, Any]:
        """Before and after, under headers that name the task."""
        both = diff_of(self._before, self._after, self.changed)
        return {**both, "before_header": self.label, "after_header": self.label}

    def result(self, with_diff: bool) -> dict[str, Any]:
        """The entry under ``tasks``."""
        entry = {
            "name": self._item["name"],
            "owner": self._item["owner"],
            "state": self._item["state"],
            "purged": self._purged,
            "attempted": self.attempted,
            "changed": self.changed,
            "action": self.action,
            "task": self._after,
            "created_by": self._ensure.created_by,
            "waited": self._waited,
            "failed": self.error is not None,
            "msg": self.error.message if self.error else None,
            "failure": self.error.failure() if self.error else None,
            "diagnosis": self.error.result.get("diagnosis") if self.error else None,
        }
        if with_diff:
            entry["diff"] = diff_of(self._before, self._after, self.changed)
        return entry


def _client(context: Context[FleetParams], items: list[Item]) -> ListedClient:
    """It lists the tasks of one owner, or of all where several are meant: one list in any case."""
    owners = {item.owner for item in items}
    if context.params["purge"]:
        owners.add(context.params["owner"])
    # Whose a task is that is named by its UUID, only the list can tell.
    by_id = any(names.is_uuid(item.name) for item in items)
    owner = owners.pop() if len(owners) == 1 and not by_id else None
    server = context.session.server
    return ListedClient(server, owner, context.clock, context.poll_interval, context.params["concurrency"])


def _members(context: Context[FleetParams], client: ListedClient, items: list[Item]) -> list[Member]:
    """The declared tasks and those to purge, each with what the list shows of it."""
    listing = client.all_tasks()
    listed = listing.by_id.values()
    by_reference = dict(listing.by_id)
    by_reference.update({_reference(task["owner_name"], task["name"]): task for task in listed})
    members = []
    declared: dict[str, int] = {}
    for number, item in enumerate(items, 1):
        given = context.params["tasks"][number - 1]
        if given["owner"]:
            client.owner_and_name(given["name"] or "", client.username(given["owner"]))
        username = client.username(item.owner)
        found = by_reference.get(item.name if names.is_uuid(item.name) else _reference(username, item.name))
        identity = found["id"] if found else _reference(username, item.name)
        if identity in declared:
            raise invalid(
                f"the items {declared[identity]} and {number} of the fleet are the same task, {item.owner}/{item.name}",
                "Declare each task once. Nothing was changed.",
            )
        declared[identity] = number
        own: Declared = {**item.declared, "owner": username}
        members.append(Member(context, client, own, found, unsure=bool(listing.malformed)))
    if context.params["purge"]:
        owner = client.username(context.params["owner"]).lower()
        prefix = (context.params["purge_prefix"] or "").lower()
        for task in listed:
            mine = task["owner_name"].lower() == owner and task["name"].lower().startswith(prefix)
            if mine and task["id"] not in declared:
                members.append(Member(context, client, _to_purge(context.params, task), task, purged=True))
        if listing.malformed:
            labels = ", ".join(repr(problem.label) for problem in listing.malformed)
            context.warn(f"The server's list shows tasks that cannot be read, and 'purge' leaves them alone: {labels}.")
    return members


def _reference(owner: str, name: str) -> str:
    """Coder does not tell names apart by case."""
    return f"{owner.lower()}/{name.lower()}"


def _to_purge(params: FleetParams, task: Task) -> Declared:
    unset = defaults(task_options())
    named = {"name": task["name"], "owner": task["owner_name"], "state": "absent"}
    return cast(Declared, {**unset, **named, "wait": params["wait"], "wait_for": None})


def _result(members: list[Member], context: Context[FleetParams]) -> dict[str, Any]:
    changed = [member for member in members if member.changed]
    result: dict[str, Any] = {
        "changed": bool(changed),
        "tasks": [member.result(context.diff) for member in members],
        "summary": summarize(members),
    }
    if context.diff:
        result["diff"] = [member.diff() for member in changed]
    return result
