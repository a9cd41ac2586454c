# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module call costs: loops, hosts, ad hoc, waiting, start-up.

Playbooks run as a user runs them, as whole processes, against an emulated server. Rows of the ordinary module path set
`ansible_python_interpreter` to the playbook's own Python and an environment, which forces the ordinary path.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import yaml
from measure import ROOT, Row, busy, interleaved, seconds, spread, table, write

from emulator import Emulator
from emulator.world import Task

LATENCY = 0.02
# The plugin's own imports, once in the parent process.
IMPORT_BUDGET_MS = 200.0
# Of which Ansible's own are 166.
PAYLOAD_BUDGET_KB = 400.0
# Processes that compute beside what is measured on a busy machine.
BUSY = 10


def play(folder: Path, name: str, tasks: list[dict], hosts: str = "localhost", **extra: object) -> Path:
    """A playbook file with one play."""
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump([{"hosts": hosts, "gather_facts": False, "tasks": tasks, **extra}]))
    return path


class Bench:
    """The rows, on servers of their own."""

    def __init__(self, folder: Path, items: int, rounds: int) -> None:
        self.folder = folder
        self.items = items
        self.rounds = rounds
        self.bin = Path(sys.executable).parent
        self.rows: list[Row] = []

    def command(self, server: Emulator, playbook: Path, *options: str) -> Callable[[], float]:
        environment = dict(server.environment, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".build"))
        line = [str(self.bin / "ansible-playbook"), str(playbook), *options]
        return lambda: seconds(line, environment)

    def ad_hoc(self, server: Emulator, module: str, arguments: str = "") -> Callable[[], float]:
        environment = dict(server.environment, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".build"))
        line = [str(self.bin / "ansible"), "localhost", "-m", module, "-a", arguments]
        return lambda: seconds(line, environment)

    def loops(self) -> None:
        """Loops of task_info and chat_info against loops of debug and uri, and against the wire."""
        with Emulator("2.34", chats="chats-2.35", time_factor=0.01) as near, Emulator(time_factor=0.01) as far:
            for server in (near, far):
                server.create_task("bench")
            near.create_chat("bench", labels={"coder.tasks/name": "bench"})
            far.faults.add("latency", seconds=LATENCY, count=None)
            loop = {"loop": f"{{{{ range({self.items}) | list }}}}"}
            info = play(self.folder, "info", [{"coder.tasks.task_info": {"name": "bench"}, **loop}])
            chat = play(self.folder, "chat", [{"coder.tasks.chat_info": {"name": "bench"}, **loop}])
            debug = play(self.folder, "debug", [{"ansible.builtin.debug": {"msg": "{{ item }}"}, **loop}])
            request = {
                "url": "{{ lookup('env', 'CODER_URL') }}/api/v2/tasks/me/bench",
                "headers": {"Coder-Session-Token": "{{ lookup('env', 'CODER_SESSION_TOKEN') }}"},
                "return_content": True,
            }
            python = {"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
            uri = play(self.folder, "uri", [{"ansible.builtin.uri": request, **loop}], **python)
            taken = interleaved(
                {
                    "debug": self.command(near, debug),
                    "task_info": self.command(near, info),
                    "chat_info": self.command(near, chat),
                    "uri": self.command(near, uri),
                    "task_info, 20 ms": self.command(far, info),
                },
                self.rounds,
            )
            with busy(BUSY):
                pressed = interleaved(
                    {"debug": self.command(near, debug), "task_info, 20 ms": self.command(far, info)}, self.rounds
                )
        middle = {name: statistics.median(values) for name, values in taken.items()}
        seen = {name: spread(values) for name, values in taken.items()}
        for module in ("task_info", "chat_info"):
            case = f"loop of {self.items} {module}"
            more = (middle[module] - middle["debug"]) / self.items * 1000
            self.rows.append(Row(case, "loop of debug, more per item", more, "ms", "<=", 2.5, seen))
            times = middle["uri"] / middle[module]
            self.rows.append(Row(case, "loop of uri, times faster", times, "x", ">=", 12, seen))
        case = f"loop of {self.items} task_info"
        for load, times in (("", taken), (f", beside {BUSY} busy processes", pressed)):
            mid = {name: statistics.median(values) for name, values in times.items()}
            wire = (mid["task_info, 20 ms"] - mid["debug"]) / (self.items * LATENCY)
            seen = {name: spread(values) for name, values in times.items()}
            self.rows.append(
                Row(f"{case}, 20 ms latency, minus debug{load}", "the wire", wire, "x", "<=", 1.5, seen)
            )

    def hosts(self) -> None:
        """Hosts with an unchanged task, in the worker and through the ordinary module."""
        with Emulator(time_factor=0.01) as server:
            server.create_task("bench")
            inventory = self.folder / "hosts"
            names = "".join(f"host{number} ansible_connection=local\n" for number in range(self.items))
            inventory.write_text(f"{names}[all:vars]\nansible_python_interpreter={sys.executable}\n")
            ensure = {"coder.tasks.task": {"name": "bench", "template": "ai", "input": "Do the thing"}}
            here = play(self.folder, "here", [ensure], hosts="all")
            module = play(self.folder, "module", [ensure], hosts="all", environment={"FORCED": "1"})
            options = ("-i", str(inventory), "--forks", "10")
            taken = interleaved(
                {
                    "in the worker": self.command(server, here, *options),
                    "ordinary module": self.command(server, module, *options),
                },
                self.rounds,
            )
        times = statistics.median(taken["ordinary module"]) / statistics.median(taken["in the worker"])
        seen = {name: spread(values) for name, values in taken.items()}
        case = f"{self.items} hosts, unchanged task, 10 forks"
        self.rows.append(Row(case, "ordinary module path, times faster", times, "x", ">=", 6, seen))

    def ad_hoc_commands(self) -> None:
        """The shortest command of all against Ansible's own ping."""
        with Emulator(time_factor=0.01) as server:
            server.create_task("bench")
            cases = {
                "ping": self.ad_hoc(server, "ansible.builtin.ping"),
                "task_info": self.ad_hoc(server, "coder.tasks.task_info", "name=bench"),
            }
            quiet = interleaved(cases, self.rounds * 2)
            with busy(BUSY):
                pressed = interleaved(cases, self.rounds * 2)
        for load, taken, goal in (("", quiet, 0.7), (f", beside {BUSY} busy processes", pressed, 0.9)):
            ratio = statistics.median(taken["task_info"]) / statistics.median(taken["ping"])
            seen = {name: spread(values) for name, values in taken.items()}
            self.rows.append(Row(f"ad hoc task_info{load}", "ad hoc ping", ratio, "x", "<=", goal, seen))

    def waiting(self) -> None:
        """How late idle is noticed, by the server's own time of the change, and what that costs in requests."""
        delays, rates = [], []
        for number in range(self.rounds):
            # At this factor the emulator's seconds are real ones, in its journal too.
            with Emulator(time_factor=1.0) as server:
                task = server.create_task("bench")
                task.report("working", "Busy")
                changed: list[float] = []
                timer = threading.Timer(3.0 + number * 0.37, report_idle, (server, task, changed))
                timer.start()
                ensure = {"name": "bench", "wait_for": "idle", "stable_idle": 0}
                self.command(server, play(self.folder, "wait", [{"coder.tasks.task": ensure}]))()
                timer.join()
                looks = [entry.time for entry in server.journal if "/tasks/" in entry.path]
                delays.append(looks[-1] - changed[0])
                rates.append((len(looks) - 1) / (looks[-1] - looks[0]))
        seen = {"delay": spread(delays), "requests per second": spread(rates)}
        self.rows.append(Row("idle noticed", "the server's own time", statistics.median(delays), "s", "<=", 1, seen))
        self.rows.append(Row("requests while waiting", "a task and second", max(rates), "", "<=", 1.05, seen))

    def start_up(self) -> None:
        """What the parent imports once, and what travels to an interpreter on the ordinary path."""
        module = "ansible_collections.coder.tasks.plugins.action.task"
        # What Ansible itself has imported by then is not counted.
        code = f"import sys, ansible.plugins.action; sys.path.insert(0, sys.argv[1]); import {module}"
        line = [sys.executable, "-X", "importtime", "-c", code, str(ROOT / ".build")]
        values = []
        for _round in range(self.rounds * 2):
            done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)
            (counted,) = re.findall(rf"\|\s+(\d+) \| +{re.escape(module)}$", done.stderr, re.MULTILINE)
            values.append(int(counted) / 1e6)
        seen = {"import": spread(values)}
        budget = "its budget"
        milliseconds = statistics.median(values) * 1000
        self.rows.append(Row("import of the task action", budget, milliseconds, "ms", "<=", IMPORT_BUDGET_MS, seen))
        self.rows.append(Row("payload of task_info", budget, self.payload() / 1000, "kB", "<=", PAYLOAD_BUDGET_KB, {}))

    def payload(self) -> int:
        """Bytes of the file that the ordinary path sends to the interpreter."""
        with Emulator(time_factor=0.01) as server:
            path = play(self.folder, "one", [{"coder.tasks.task_info": {}}], environment={"FORCED": "1"})
            remote = self.folder / "remote"
            settings = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TMP": str(remote), "HOME": str(self.folder)}
            environment = dict(server.environment, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".build"), **settings)
            seconds([str(self.bin / "ansible-playbook"), str(path)], environment)
            return max(file.stat().st_size for file in self.folder.rglob("AnsiballZ_*.py"))


def report_idle(server: Emulator, task: Task, moments: list[float]) -> None:
    """The agent is done; keep when it said so, on the server's clock."""
    task.report("idle", "Done")
    moments.append(server.clock.now())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=50, help="loop items and hosts")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the median counts")
    parser.add_argument("--json", type=Path, help="also write the rows into this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.items, arguments.rounds)
        bench.loops()
        bench.hosts()
        bench.ad_hoc_commands()
        bench.waiting()
        bench.start_up()
    print(table(bench.rows))
    if arguments.json:
        write(bench.rows, arguments.json)


if __name__ == "__main__":
    main()
