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
from typing import Any

DOCUMENTATION = r"""
---
module: task_changes
short_description: Events when Coder tasks change
description:
  - Polls the list of tasks and emits an event when a task is created or deleted, and when its status or what its agent
    reports changes. What is there at the very first look is where it begins, and no event.
  - "An event has C(type) (V(created), V(deleted), V(status_changed) or V(state_changed)), C(before), C(after), C(task)
    with the fields that coder.tasks.task_info returns (of a deleted task only those that were remembered), and C(id),
    the same whenever the same change is told."
  - The Python library C(requests) must be installed beside ansible-rulebook.
options:
  url:
    description: Address of the Coder server. If not set, E(CODER_URL).
  token:
    description: Session token. If not set, E(CODER_SESSION_TOKEN).
  owner:
    description: User whose tasks are watched, by username or UUID; V(me) is the user of the token.
    default: me
  all_owners:
    description: Whether to watch the tasks of all users that the token may see, instead of those of O(owner).
    default: false
  organization:
    description: Watch only tasks of this organization.
  interval:
    description: Time between two looks, in seconds or with units, such as V(1m).
    default: 5
  stable_idle:
    description: How long an agent must be seen idle without a break before that is told, in seconds or with units.
    default: 5
  cursor_file:
    description:
      - File that remembers what was told, so that a restart neither loses nor repeats an event. It belongs to one
        server and one choice of tasks; with another it begins anew.
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


class Changes:
    """What has changed since it was told last. Knows neither server nor file.

    :param told: by task id, what was told last: name, owner_name, status, state; None before the very first look.
    """

    def __init__(self, told: dict[str, dict[str, Any]] | None, stable_idle: float) -> None:
        self.told = told
        self._stable_idle = stable_idle
        self._idle_since: dict[str, float] = {}

    def begin(self, tasks: list[dict[str, Any]]) -> None:
        """The very first look."""
        self.told = {task["id"]: remembered(task, _state(task)) for task in tasks}

    def of(self, task: dict[str, Any], now: float) -> list[dict[str, Any]]:
        """Events of a task that is there. :param now: seconds of a clock that never goes back."""
        before = (self.told or {}).get(task["id"])
        if before is None:
            return [_event("created", task, None, task["status"])]
        events = []
        if task["status"] != before["status"]:
            events.append(_event("status_changed", task, before["status"], task["status"]))
        state = self._settled(task, before["state"], now)
        if state != before["state"]:
            events.append(_event("state_changed", task, before["state"], state))
        return events

    def _settled(self, task: dict[str, Any], before: str | None, now: float) -> str | None:
        state = _state(task)
        if state != "idle" or before == "idle":
            self._idle_since.pop(task["id"], None)
            return state
        since = self._idle_since.setdefault(task["id"], now)
        return state if now - since >= self._stable_idle else before

    def gone(self, present: set[str]) -> list[dict[str, Any]]:
        """What was told of tasks that are not in the list any more."""
        return [known for task_id, known in (self.told or {}).items() if task_id not in present]

    def tell(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Remember that the event was told. :returns: what is now remembered of the task, None for nothing."""
        told = self.told if self.told is not None else {}
        task = event["task"]
        if event["type"] == "deleted":
            self._idle_since.pop(task["id"], None)
            told.pop(task["id"], None)
            return None
        known = dict(told.get(task["id"]) or remembered(task, None))
        if event["type"] == "state_changed":
            known["state"] = event["after"]
        else:
            known["status"] = event["after"]
        told[task["id"]] = known
        return known


def remembered(task: dict[str, Any], state: str | None) -> dict[str, Any]:
    """The little of a task that is remembered."""
    return {**{name: task[name] for name in ("id", "name", "owner_name", "status")}, "state": state}


def _state(task: dict[str, Any]) -> str | None:
    return (task["current_state"] or {}).get("state")


def _event(kind: str, task: dict[str, Any], before: str | None, after: str | None) -> dict[str, Any]:
    moments = {
        "created": task.get("created_at"),
        "status_changed": task.get("updated_at"),
        "state_changed": (task.get("current_state") or {}).get("timestamp"),
    }
    identity = json.dumps([kind, task["id"], before, after, moments.get(kind)])
    return {
        "type": kind,
        "id": hashlib.sha256(identity.encode()).hexdigest()[:32],
        "before": before,
        "after": after,
        "task": task,
    }


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
        self._tasks = session.tasks
        if connection.exposes_token:
            LOG.warning("The token goes to %s unencrypted; give 'url' with https://.", connection.exposes_token)
        choice = [connection.url, options["owner"], options["all_owners"], options["organization"]]
        self._cursor = Cursor(options["cursor_file"], json.dumps(choice))
        told = self._cursor.read()
        if told is not None:
            self._cursor.write(told)
        self._changes = Changes(told, options["stable_idle"])

    async def run(self) -> None:
        """Until it is cancelled. :raises CoderError: a failure that will not pass by itself."""
        errors = collection("coder.errors")
        while True:
            started = time.monotonic()
            try:
                tasks = await asyncio.to_thread(self._look)
                await self._emit(tasks)
            except errors.CoderError as error:
                if error.kind not in PASSING:
                    raise
                LOG.warning("%s Trying again.", error.message)
            await asyncio.sleep(max(0.0, self._options["interval"] - (time.monotonic() - started)))

    def _look(self) -> list[dict[str, Any]]:
        owner = None if self._options["all_owners"] else self._options["owner"]
        choice = collection("coder.backend").Choice(owner, self._options["organization"])
        return self._tasks.list(choice, lambda problem: LOG.warning("%s", problem.message))

    async def _emit(self, tasks: list[dict[str, Any]]) -> None:
        if self._changes.told is None:
            self._changes.begin(tasks)
            self._cursor.write(self._changes.told or {})
            return
        now = time.monotonic()
        # The list is newest first; events come in the order in which things happened.
        for task in reversed(tasks):
            while True:
                events = self._changes.of(task, now)
                if not events:
                    break
                await self._tell(events[0])
        for known in self._changes.gone({task["id"] for task in tasks}):
            # A page that shifted while it was read, too, makes a task be missing from the list.
            if await asyncio.to_thread(self._tasks.refresh, known) is None:
                await self._tell(_event("deleted", known, known["status"], None))

    async def _tell(self, event: dict[str, Any]) -> None:
        await self._queue.put(event)
        # Nothing is awaited in between: a source that is cancelled has told an event and remembered it, or neither.
        known = self._changes.tell(event)
        self._cursor.add(event["task"]["id"], known, self._changes.told or {})


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
