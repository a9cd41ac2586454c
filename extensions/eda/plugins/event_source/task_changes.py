# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An Event-Driven Ansible source: an event when a Coder task is created or deleted, or its status or state changes."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import logging
import os
import sys
import time
import types
from pathlib import Path
from typing import Any, ClassVar

DOCUMENTATION = r"""
---
module: task_changes
short_description: Events when Coder tasks or chats change
description:
  - Polls the list of tasks and emits an event when a task is created or deleted, and when its status or what its agent
    reports changes. What is there at the very first look is where it begins, and no event.
  - "An event has C(type) (V(created), V(deleted), V(status_changed) or V(state_changed)), C(before), C(after), C(task)
    with the fields that coder.tasks.task_info returns (of a deleted task only those that were remembered), and C(id),
    the same whenever the same change is told."
  - "With O(source=chats) an event is about one of one's own chats, in C(chat) instead of C(task). C(type) is
    V(created), V(archived), V(deleted), V(status_changed), V(action_required) (the chat waits for the results of
    tools) or V(diff_status_changed) (the pull request that came of it has another state). An event whose C(after) is
    V(error) has the C(error_kind), such as V(auth). A turn that begins and ends between two looks is not seen."
  - The Python library C(requests) must be installed beside ansible-rulebook.
options:
  url:
    description: Address of the Coder server. If not set, E(CODER_URL).
  token:
    description: Session token. If not set, E(CODER_SESSION_TOKEN).
  source:
    description: Whether V(tasks) or V(chats) are watched.
    default: tasks
  owner:
    description: User whose tasks are watched, by username or UUID; V(me) is the user of the token.
    default: me
  all_owners:
    description: Whether to watch the tasks of all users that the token may see, instead of those of O(owner).
    default: false
  organization:
    description: Watch only tasks or chats of this organization.
  labels:
    description: Watch only chats that have all of these labels with these values.
  interval:
    description: Time between two looks, in seconds or with units, such as V(1m).
    default: 5
  stable_idle:
    description: How long an agent must be seen idle without a break before that is told, in seconds or with units.
    default: 5
  cursor_file:
    description:
      - File that remembers what was told, so that a restart neither loses nor repeats an event. It belongs to one
        server and one choice of tasks or chats; with another it begins anew.
  validate_certs, ca_path, client_cert, client_key, headers, proxy, connect_timeout, timeout, deadline, retries:
    description: As in the modules of coder.tasks.
  max_response_bytes:
    description: As in the modules of coder.tasks.
"""

EXAMPLES = r"""
- name: Look after the agents
  hosts: localhost
  sources:
    - coder.tasks.task_changes:
        all_owners: true
        stable_idle: 30
        cursor_file: /var/lib/eda/coder.cursor
  rules:
    - name: A task broke
      condition: event.type == "status_changed" and event.after == "error"
      action:
        run_playbook:
          name: playbooks/look_after.yml
"""

LOG = logging.getLogger("coder.tasks.task_changes")
OPTIONS = {
    "source": "tasks",
    "labels": None,
    "owner": "me",
    "all_owners": False,
    "organization": None,
    "interval": 5,
    "stable_idle": 5,
    "cursor_file": None,
}
# Failures that may pass by themselves; with any other the source ends.
PASSING = ("server", "network", "timeout", "rate_limited", "unavailable", "protocol")
# The cursor is written anew once it has this many lines for each task, and at least so many.
LINES_PER_TASK = 4
LEAST_LINES = 1000

PACKAGE = "_coder_tasks_of_event_source"


def collection(module: str) -> Any:
    """A module of the collection's module_utils.

    ansible-rulebook runs this file by its path: neither is it part of a package, nor need `ansible_collections` be
    importable, and a copy of the collection elsewhere would be another version. So it is found from here.
    """
    if PACKAGE not in sys.modules:
        package = types.ModuleType(PACKAGE)
        package.__path__ = [str(Path(__file__).resolve().parents[4] / "plugins" / "module_utils")]
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.{module}")


class Tasks:
    """What is watched of tasks."""

    noun = "task"
    # What an event is called that tells of a change, by what of a task has changed.
    events: ClassVar[dict[str, str]] = {"status": "status_changed", "state": "state_changed"}

    def __init__(self, session: Any, options: dict[str, Any]) -> None:
        self._backend = session.tasks
        self._owner = None if options["all_owners"] else options["owner"]
        self._organization = options["organization"]

    def list(self) -> list[dict[str, Any]]:
        """What there is now, newest first."""
        choice = collection("coder.backend").Choice(self._owner, self._organization)
        found: list[dict[str, Any]] = self._backend.list(choice, _warn)
        return found

    def gone(self, known: dict[str, Any]) -> str | None:
        """What became of one that is not in the list any more; None where it is there nevertheless."""
        # A page that shifted while it was read, too, makes a task be missing from the list.
        return "deleted" if self._backend.refresh(known) is None else None

    @staticmethod
    def facts(task: dict[str, Any]) -> dict[str, Any]:
        """What is remembered of it, beside what changes."""
        return {name: task[name] for name in ("id", "name", "owner_name")}

    @staticmethod
    def aspects(task: dict[str, Any]) -> dict[str, Any]:
        """What of it can change, as of now."""
        return {"status": task["status"], "state": (task["current_state"] or {}).get("state")}

    @staticmethod
    def moment(task: dict[str, Any], kind: str) -> Any:
        """When that happened of which an event of this kind tells."""
        if kind == "state_changed":
            return (task["current_state"] or {}).get("timestamp")
        return task.get("created_at" if kind == "created" else "updated_at")


class Chats:
    """What is watched of chats: a list shows one's own only."""

    noun = "chat"
    events: ClassVar[dict[str, str]] = {"status": "status_changed", "diff_status": "diff_status_changed"}

    def __init__(self, session: Any, options: dict[str, Any]) -> None:
        if options["owner"] != "me" or options["all_owners"]:
            raise ValueError("The chats of others cannot be listed: leave 'owner' and 'all_owners' out.")
        self._backend = session.chats
        self._server = session.server
        self._labels = {str(name): str(value) for name, value in (options["labels"] or {}).items()}
        self._organization = options["organization"]

    def list(self) -> list[dict[str, Any]]:
        """What there is now, the last changed first."""
        chats: list[dict[str, Any]] = self._backend.labelled(self._labels, False, _warn)
        if self._organization is None:
            return chats
        where = self._server.organization(self._organization)["id"]
        return [chat for chat in chats if chat["organization_id"] == where]

    def gone(self, known: dict[str, Any]) -> str | None:
        """See :meth:`Tasks.gone`."""
        chat = self._backend.by_id(known["id"])
        if chat is None:
            return "deleted"
        return "archived" if chat["archived"] else None

    @staticmethod
    def facts(chat: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`Tasks.facts`."""
        return {name: chat[name] for name in ("id", "name", "title", "owner_username")}

    @staticmethod
    def aspects(chat: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`Tasks.aspects`. A chat without a pull request has a state of one, too, with nothing in it."""
        diff = {name: value for name, value in (chat["diff_status"] or {}).items() if value and _tells(name)}
        return {"status": chat["status"], "diff_status": diff or None}

    @staticmethod
    def moment(chat: dict[str, Any], kind: str) -> Any:
        """See :meth:`Tasks.moment`."""
        return chat.get("created_at" if kind == "created" else "updated_at")


def _tells(name: str) -> bool:
    """Whether a field of a pull request's state tells something of it, and not when it was looked at."""
    return name != "chat_id" and not name.endswith("_at")


SOURCES: dict[str, type[Tasks] | type[Chats]] = {"tasks": Tasks, "chats": Chats}


def _warn(problem: Any) -> None:
    LOG.warning("%s", problem.message)


class Changes:
    """What has changed since it was told last. Knows neither server nor file.

    :param told: by id, what was told last: what :class:`Tasks` or :class:`Chats` says of its facts and aspects; None
        before the very first look.
    """

    def __init__(
        self, told: dict[str, dict[str, Any]] | None, stable_idle: float, subject: Any = Tasks
    ) -> None:
        self.told = told
        self._subject = subject
        self._stable_idle = stable_idle
        self._idle_since: dict[str, float] = {}

    def begin(self, items: list[dict[str, Any]]) -> None:
        """The very first look."""
        self.told = {item["id"]: self._remembered(item) for item in items}

    def of(self, item: dict[str, Any], now: float) -> list[dict[str, Any]]:
        """Events of an item that is there. :param now: seconds of a clock that never goes back."""
        before = (self.told or {}).get(item["id"])
        if before is None:
            return [self._event("created", item, None, item["status"])]
        events = []
        for aspect, after in self._subject.aspects(item).items():
            known = before.get(aspect)
            after = self._settled(item, known, after, now) if aspect == "state" else after
            if after != known:
                events.append(self._event(self._subject.events[aspect], item, known, after))
        return events

    def _settled(self, item: dict[str, Any], before: str | None, state: str | None, now: float) -> str | None:
        if state != "idle" or before == "idle":
            self._idle_since.pop(item["id"], None)
            return state
        since = self._idle_since.setdefault(item["id"], now)
        return state if now - since >= self._stable_idle else before

    def missing(self, present: set[str]) -> list[dict[str, Any]]:
        """What was told of items that are not in the list any more."""
        return [known for item_id, known in (self.told or {}).items() if item_id not in present]

    def gone(self, kind: str, known: dict[str, Any]) -> dict[str, Any]:
        """The event of one that is not there any more. :param kind: what became of it."""
        return self._event(kind, known, known["status"], None)

    def tell(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Remember that the event was told. :returns: what is now remembered of the item, None for nothing."""
        told = self.told if self.told is not None else {}
        item = event[self._subject.noun]
        if event["type"] in ("deleted", "archived"):
            self._idle_since.pop(item["id"], None)
            told.pop(item["id"], None)
            return None
        known = dict(told.get(item["id"]) or {**self._remembered(item), **dict.fromkeys(self._subject.events)})
        known[self._aspect(event["type"])] = event["after"]
        told[item["id"]] = known
        return known

    def _aspect(self, kind: str) -> str:
        return next((aspect for aspect, name in self._subject.events.items() if name == kind), "status")

    def _remembered(self, item: dict[str, Any]) -> dict[str, Any]:
        return {**self._subject.facts(item), **self._subject.aspects(item)}

    def _event(self, kind: str, item: dict[str, Any], before: Any, after: Any) -> dict[str, Any]:
        moment = self._subject.moment(item, kind) if kind in ("created", *self._subject.events.values()) else None
        identity = json.dumps([kind, item["id"], before, after, moment])
        kind = "action_required" if (kind, after) == ("status_changed", "requires_action") else kind
        event = {
            "type": kind,
            "id": hashlib.sha256(identity.encode()).hexdigest()[:32],
            "before": before,
            "after": after,
            self._subject.noun: item,
        }
        if after == "error" and item.get("last_error"):
            event["error_kind"] = item["last_error"]["kind"]
        return event


class Cursor:
    """A file of JSON lines: first what it belongs to, then what was told; the last line of a task counts."""

    def __init__(self, path: str | None, belongs_to: str) -> None:
        self._path = Path(path) if path else None
        self._belongs_to = belongs_to
        self._lines = 0

    def read(self) -> dict[str, dict[str, Any]] | None:
        """What was told before the restart; None where there is nothing to go on from."""
        if self._path is None or not self._path.exists():
            return None
        # What follows the last line end was being written when the process ended.
        lines = self._path.read_text(encoding="utf-8").split("\n")[:-1]
        if not lines or json.loads(lines[0])["belongs_to"] != self._belongs_to:
            return None
        told = {}
        for entry in map(json.loads, lines[1:]):
            told[entry["id"]] = entry["told"]
        return {task_id: known for task_id, known in told.items() if known is not None}

    def write(self, told: dict[str, dict[str, Any]]) -> None:
        """The whole file anew, atomically."""
        if self._path is None:
            return
        entries: list[dict[str, Any]] = [{"belongs_to": self._belongs_to}]
        entries += [{"id": task_id, "told": known} for task_id, known in told.items()]
        self._lines = len(entries)
        data = "".join(f"{json.dumps(entry)}\n" for entry in entries).encode("utf-8")
        atomic = collection("snapshot.atomic")

        def fill(draft: str) -> None:
            atomic.write_new(draft, data)
            atomic.sync(draft)

        atomic.replace(str(self._path), f"{self._path}.new", fill)

    def add(self, task_id: str, known: dict[str, Any] | None, told: dict[str, dict[str, Any]]) -> None:
        """One more thing was told."""
        if self._path is None:
            return
        if self._lines >= max(LEAST_LINES, LINES_PER_TASK * len(told)):
            self.write(told)
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"id": task_id, "told": known}) + "\n")
        self._lines += 1


class Source:
    """Looks at the server again and again and puts what has changed into the queue."""

    def __init__(self, queue: Any, args: dict[str, Any]) -> None:
        options = _options(args)
        self._queue = queue
        self._options = options
        connection = collection("operations.connection").connection_from(options)
        session = collection("coder.session").open_session(connection, time)
        session.server.transport.tell = LOG.warning
        if options["source"] not in SOURCES:
            raise ValueError(f"source={options['source']} is nothing to watch. Choose from: {', '.join(SOURCES)}.")
        self._subject = SOURCES[options["source"]](session, options)
        if connection.exposes_token:
            LOG.warning("The token goes to %s unencrypted; give 'url' with https://.", connection.exposes_token)
        choice = [connection.url, options["owner"], options["all_owners"], options["organization"]]
        if options["source"] != "tasks":
            choice += [options["source"], options["labels"]]
        self._cursor = Cursor(options["cursor_file"], json.dumps(choice))
        told = self._cursor.read()
        if told is not None:
            self._cursor.write(told)
        self._changes = Changes(told, options["stable_idle"], self._subject)

    async def run(self) -> None:
        """Until it is cancelled. :raises CoderError: a failure that will not pass by itself."""
        errors = collection("coder.errors")
        while True:
            started = time.monotonic()
            try:
                await self._emit(await asyncio.to_thread(self._subject.list))
            except errors.CoderError as error:
                if error.kind not in PASSING:
                    raise
                LOG.warning("%s Trying again.", error.message)
            await asyncio.sleep(max(0.0, self._options["interval"] - (time.monotonic() - started)))

    async def _emit(self, items: list[dict[str, Any]]) -> None:
        if self._changes.told is None:
            self._changes.begin(items)
            self._cursor.write(self._changes.told or {})
            return
        now = time.monotonic()
        # The list is newest first; events come in the order in which things happened.
        for item in reversed(items):
            while True:
                events = self._changes.of(item, now)
                if not events:
                    break
                await self._tell(events[0])
        for known in self._changes.missing({item["id"] for item in items}):
            became = await asyncio.to_thread(self._subject.gone, known)
            if became is not None:
                await self._tell(self._changes.gone(became, known))

    async def _tell(self, event: dict[str, Any]) -> None:
        await self._queue.put(event)
        # Nothing is awaited in between: a source that is cancelled has told an event and remembered it, or neither.
        known = self._changes.tell(event)
        self._cursor.add(event[self._subject.noun]["id"], known, self._changes.told or {})


def _options(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments, with defaults and environment.

    :raises ValueError: one is unknown.
    :raises CoderError: one is no duration.
    """
    spec = collection("operations.connection").connection_spec()
    args = {name: value for name, value in args.items() if name != "eda_feedback_queue"}
    unknown = sorted(set(args) - set(spec) - set(OPTIONS))
    if unknown:
        known = ", ".join(sorted({*spec, *OPTIONS}))
        raise ValueError(f"coder.tasks.task_changes has no argument {', '.join(unknown)}. Choose from: {known}.")
    defaults = {name: os.environ.get(option.get("env", ""), option.get("default")) for name, option in spec.items()}
    options = {**defaults, **OPTIONS, **args}
    seconds = collection("coder.durations").seconds
    return {**options, **{name: seconds(options[name], name) for name in ("interval", "stable_idle")}}


async def main(queue: asyncio.Queue[dict[str, Any]], args: dict[str, Any]) -> None:
    """What ansible-rulebook calls."""
    await Source(queue, args).run()
