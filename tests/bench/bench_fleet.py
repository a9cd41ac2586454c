# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet costs: created, unchanged, waited for; against curl, an empty playbook and a loop of tasks.

Playbooks run as a user runs them, as whole processes, against an emulated server that answers 20 ms late.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import yaml
from measure import ROOT, Row, interleaved, seconds, spread, table, write

from emulator import Emulator

LATENCY = 0.02
# A build that takes so many seconds in all: what is waited for.
WAIT_FACTOR = 0.5
CHATS = "chats-2.38"
HOSTS = 5000
# Running tasks whose logs are read, each of so many messages of a KB.
LOGS = 100
MESSAGES = 10
TEXT = "The quick brown fox jumps over the lazy dog. " * 22
INVENTORY = {
    "plugin": "coder.tasks.tasks",
    "keyed_groups": [
        {"key": "coder_task.status", "prefix": "status"},
        {"key": "coder_task.template_name", "prefix": "template"},
    ],
    "compose": {"template_title": "coder_task.template_display_name"},
}
QUIET = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"}


class Bench:
    """The rows, on one server that is emptied before each command that creates."""

    def __init__(self, folder: Path, server: Emulator, items: int, rounds: int) -> None:
        self._folder = folder
        self._server = server
        self._items = items
        self._rounds = rounds
        self._fleet = [{"name": f"t-{number}", "template": "ai", "input": f"Do {number}"} for number in range(items)]
        self._empty = self._playbook("empty", {"ansible.builtin.meta": "noop"})
        self._create = self._playbook("create", {"coder.tasks.fleet": {"tasks": self._fleet, "wait": False}})
        self.rows: list[Row] = []

    def run(self) -> None:
        self._created()
        self._unchanged()
        self._waited_for()
        self._inventory()
        self._chats_created()
        self._logs()

    def _created(self) -> None:
        cases = {"curl": lambda: self._on_new_server(self._curl()), "fleet": lambda: self._on_new_server(self._create)}
        taken = interleaved(cases, self._rounds)
        curl, fleet = (statistics.median(taken[name]) for name in ("curl", "fleet"))
        spreads = {name: spread(values) for name, values in taken.items()}
        self._row("created", "3 x curl + 2 s", fleet, "s", "<=", 3 * curl + 2, spreads)
        item = {"name": "{{ item.name }}", "template": "ai", "input": "{{ item.input }}", "wait": False}
        loop = {
            "coder.tasks.task": item,
            "loop": self._fleet,
            # What makes Ansible take the ordinary way, a process for each item.
            "environment": {"ORDINARY": "yes"},
        }
        looped = self._on_new_server(self._playbook("loop", loop))
        spreads = {"fleet": spreads["fleet"], "loop": spread([looped])}
        self._row("created", "a loop of task, ordinary path", looped / fleet, "x", ">=", 20, spreads)

    def _unchanged(self) -> None:
        self._on_new_server(self._create)
        listed: list[int] = []

        def again() -> float:
            self._server.journal.clear()
            taken = self._create()
            listed.append(self._lists())
            return taken

        taken = interleaved({"empty": self._empty, "fleet": again}, self._rounds)
        over = statistics.median(taken["fleet"]) - statistics.median(taken["empty"])
        self._row("unchanged", "an empty playbook", over, "s", "<=", 1, {n: spread(v) for n, v in taken.items()})
        self._row("unchanged", "lists", max(listed), "", "<=", 1, {})

    def _waited_for(self) -> None:
        wait = self._playbook("wait", {"coder.tasks.fleet": {"tasks": self._fleet}})
        taken = self._on_new_server(wait)
        # One list tells what is there; after it one per second.
        rate = (self._lists() - 1) / taken
        self._row("waited for", "lists per second", rate, "/s", "<=", 1, {"fleet": spread([taken])})

    def _inventory(self) -> None:
        self._server.reset()
        for number in range(HOSTS):
            self._server.create_task(f"t-{number}")
        config = self._folder / "bench.coder.yml"
        config.write_text(yaml.safe_dump(INVENTORY))
        listed = self._command("ansible-inventory", "-i", str(config), "--graph", "status_active")
        asked: list[int] = []

        def once() -> float:
            self._server.journal.clear()
            taken = listed()
            asked.append(len(self._server.journal))
            return taken

        taken = interleaved({"inventory": once}, self._rounds)["inventory"]
        case = f"inventory of {HOSTS} tasks"
        self.rows.append(
            Row(case, "time", statistics.median(taken), "s", "<=", 2.2, {"inventory": spread(taken)})
        )
        self.rows.append(Row(case, "requests", max(asked), "", "<=", 4, {}))

    def _chats_created(self) -> None:
        """curl sends one request per chat; the fleet looks, creates empty, looks for another one, and tells."""
        chats = [{"name": task["name"], "prompt": task["input"]} for task in self._fleet]
        with Emulator("2.34", chats=CHATS, rate_limit=0) as server:

            def on_new_server(command: Callable[[], float]) -> Callable[[], float]:
                def once() -> float:
                    server.reset()
                    server.faults.add("latency", seconds=LATENCY, count=None)
                    taken = command()
                    made = len(server.state.chats.chats) if server.state.chats else 0
                    if made != self._items:
                        sys.exit(f"{made} chats were made, not {self._items}")
                    return taken

                return once

            organization = server.state.organization["id"]
            bodies = [
                {"organization_id": organization, "content": [{"type": "text", "text": chat["prompt"]}],
                 "labels": {"coder.tasks/name": chat["name"]}}
                for chat in chats
            ]  # fmt: skip
            fleet = self._playbook("chats", {"coder.tasks.chat_fleet": {"chats": chats, "wait": False}}, server)
            cases = {"curl": self._posts(server, "/api/v2/chats", bodies), "chat_fleet": fleet}
            taken = interleaved({name: on_new_server(command) for name, command in cases.items()}, self._rounds)
        curl, own = (statistics.median(taken[name]) for name in cases)
        spreads = {name: spread(values) for name, values in taken.items()}
        self.rows.append(
            Row(f"{self._items} chats created", "3 x curl + 2 s", own, "s", "<=", 3 * curl + 2, spreads)
        )

    def _logs(self) -> None:
        """The conversations of many running tasks in one call, next to curl reading the same of a list of ids."""
        self._server.reset()
        for number in range(LOGS):
            task = self._server.create_task(f"t-{number}")
            task.api.set_messages([{"id": at, "content": f"{at}. {TEXT}"} for at in range(MESSAGES)])
        self._server.faults.add("latency", seconds=LATENCY, count=None)
        urls = [
            f'url = "{self._server.url}/api/v2/tasks/alice/{task.id}/logs"\noutput = "{self._folder}/{task.id}.json"\n'
            f'header = "Coder-Session-Token: {self._server.token}"'
            for task in self._server.state.visible_tasks()
        ]
        config = self._folder / "curl-logs.config"
        config.write_text("\nnext\n".join(urls))
        command = ["curl", "--silent", "--fail", "--parallel", "--parallel-max", "16", "--config", str(config)]
        own = self._playbook("logs", {"coder.tasks.task_logs_info": {"concurrency": 16}, "register": "read"})
        taken = interleaved({"curl": lambda: seconds(command), "task_logs_info": own}, self._rounds)
        curl, middle = (statistics.median(taken[name]) for name in taken)
        spreads = {name: spread(values) for name, values in taken.items()}
        case = f"logs of {LOGS} running tasks"
        self.rows.append(Row(case, "1.5 x curl + 1 s", middle, "s", "<=", 1.5 * curl + 1, spreads))

    def _row(
        self, case: str, against: str, value: float, unit: str, direction: str, goal: float, spreads: dict[str, Any]
    ) -> None:
        self.rows.append(Row(f"{self._items} tasks {case}", against, value, unit, direction, goal, spreads))

    def _lists(self) -> int:
        return sum(entry.method == "GET" and entry.path == "/api/v2/tasks" for entry in self._server.journal)

    def _on_new_server(self, command: Callable[[], float]) -> float:
        self._server.reset()
        self._server.faults.add("latency", seconds=LATENCY, count=None)
        taken = command()
        made = len(self._server.state.visible_tasks())
        if made != self._items:
            sys.exit(f"{made} tasks were made, not {self._items}")
        return taken

    def _playbook(self, name: str, task: dict[str, Any], server: Emulator | None = None) -> Callable[[], float]:
        path = self._folder / f"{name}.yml"
        path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
        return self._command("ansible-playbook", str(path), server=server)

    def _command(self, name: str, *arguments: str, server: Emulator | None = None) -> Callable[[], float]:
        command = [str(Path(sys.executable).with_name(name)), *arguments]
        environment = dict((server or self._server).environment, **QUIET, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".build"))
        return lambda: seconds(command, environment, timeout=900)

    def _curl(self) -> Callable[[], float]:
        """The same requests."""
        version = self._server.state.template("ai").active_version.id
        bodies = [{**_body(task), "template_version_id": version} for task in self._fleet]
        return self._posts(self._server, "/api/v2/tasks/alice", bodies)

    def _posts(self, server: Emulator, path: str, bodies: list[dict[str, Any]]) -> Callable[[], float]:
        """One request per body, as many at once as the fleet's default."""
        requests = [
            "\n".join((
                f'url = "{server.url}{path}"',
                'header = "Content-Type: application/json"',
                f'header = "Coder-Session-Token: {server.token}"',
                f"data = {json.dumps(json.dumps(body))}",
                'output = "/dev/null"',
            ))
            for body in bodies
        ]  # fmt: skip
        config = self._folder / "curl.config"
        config.write_text("\nnext\n".join(requests))
        command = ["curl", "--silent", "--fail", "--parallel", "--parallel-max", "16", "--config", str(config)]
        return lambda: seconds(command)


def _body(task: dict[str, str]) -> dict[str, str]:
    return {"name": task["name"], "input": task["input"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench_fleet.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Emulator("2.34", time_factor=WAIT_FACTOR) as server:
        bench = Bench(Path(folder), server, options.items, options.rounds)
        bench.run()
    print(table(bench.rows))
    for row in bench.rows:
        for name, (least, median, most) in row.spread.items():
            print(f"{row.case}, {row.against}, {name}: {median:.2f} s ({least:.2f} to {most:.2f})")
    write(bench.rows, options.json)
    return 0 if all(row.met for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
