# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to save a deployment, next to curl fetching the same logs and to a loop of uri and copy.

One run, interleaved, on one machine. The server is the emulator in a process of its own, which answers each request after
20 ms; its CPU time is told apart, because it shares the machine with what is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

LATENCY = 0.02
MESSAGES, SIZE = 10, 1024
PARALLEL = 16
LOOPED = 30
WORDS = (
    "the login page fails when the session cookie has expired so I changed the test and ran it again def handler request "
    "return response self.assertEqual status 200 import json os path token count key value error in line 42 of src/app.py"
).split()


@dataclass
class Cost:
    """Seconds from start to end, the server's CPU seconds meanwhile, our CPU seconds, and the peak in MB."""

    seconds: float
    server: float
    cpu: float
    peak: float


class Server:
    """The emulator in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self._process = process
        self.about: dict[str, Any] = json.loads(process.stdout.readline())

    def cpu(self) -> float:
        """Its CPU seconds so far."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextlib.contextmanager
def serving(tasks: int) -> Iterator[Server]:
    command = [sys.executable, __file__, "--serve", str(tasks)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def serve(tasks: int) -> None:
    """The other process."""
    from emulator import Emulator

    rng = random.Random(tasks)
    with Emulator(rate_limit=0) as server:
        ids = []
        for number in range(tasks):
            task = server.create_task(f"task-{number}", owner=("alice", "bob")[number % 2])
            task.api.set_messages([{"id": at, "content": text(rng)} for at in range(MESSAGES)])
            ids.append(f"{task.owner.username}/{task.id}")
        server.faults.add("latency", path="^/api/", seconds=LATENCY, count=None)
        print(json.dumps({"url": server.url, "token": server.token, "tasks": ids}), flush=True)
        for _line in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(used.ru_utime + used.ru_stime, flush=True)


def text(rng: random.Random) -> str:
    """A message of prose and code, in lines as an agent writes them."""
    words: list[str] = []
    length = 0
    while length < SIZE:
        words.append(rng.choice(WORDS) + ("\n" if rng.random() < 0.08 else " "))
        length += len(words[-1])
    return "".join(words)[:SIZE]


def run(server: Server, command: list[str], folder: Path) -> Cost:
    """Run a command that has to succeed."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(folder),
        "ANSIBLE_HOME": str(folder / ".ansible"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
        "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "CODER_URL": server.about["url"], "CODER_SESSION_TOKEN": server.about["token"],
    }  # fmt: skip
    before = server.cpu()
    with (folder / "output").open("w") as output:
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT)
        _pid, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = status
    if status:
        raise SystemExit(f"{command[0]} failed:\n{(folder / 'output').read_text()[-3000:]}")
    return Cost(seconds, server.cpu() - before, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def playbook(server: Server, folder: Path, tasks: list[dict[str, Any]]) -> Cost:
    file = folder / "playbook.yml"
    file.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return run(server, ["ansible-playbook", str(file)], folder)


def curl(server: Server, folder: Path) -> Cost:
    lines = [f'header = "Coder-Session-Token: {server.about["token"]}"', "fail"]
    for task in server.about["tasks"]:
        address = f"{server.about['url']}/api/v2/tasks/{task}/logs"
        lines += [f'url = "{address}"', f'output = "{folder}/{task.split("/")[1]}.json"']
    config = folder / "curl.conf"
    config.write_text("\n".join(lines))
    command = ["curl", "--silent", "--parallel", "--parallel-max", str(PARALLEL), "--config", str(config)]
    return run(server, command, folder)


def archive(server: Server, folder: Path) -> Cost:
    return playbook(server, folder, [{"coder.tasks.archive": {"path": str(folder / "archive"), "all_owners": True}}])


def loop(server: Server, folder: Path) -> Cost:
    tasks = [f"{server.about['url']}/api/v2/tasks/{task}/logs" for task in server.about["tasks"][:LOOPED]]
    headers = {"Coder-Session-Token": server.about["token"]}
    return playbook(server, folder, [
        {"ansible.builtin.uri": {"url": "{{ item }}", "headers": headers}, "loop": tasks, "register": "logs"},
        {"ansible.builtin.copy": {"content": "{{ item.json.logs | to_nice_json }}", "mode": "0600",
                                  "dest": str(folder / "log-{{ index }}.json")},
         "loop": "{{ logs.results }}", "loop_control": {"index_var": "index", "label": "{{ index }}"}},
    ])  # fmt: skip


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes with any write."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*")}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-archive-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def measure(tasks: int, rounds: int, loops: bool) -> dict[str, list[Cost]]:
    """Everything in turn, each round in fresh folders."""
    found: dict[str, list[Cost]] = {"curl": [], "first": [], "second": [], "empty": [], "loop": []}
    with serving(tasks) as server:
        for _round in range(rounds):
            with scratch() as folder:
                (folder / "curl").mkdir()
                found["curl"].append(curl(server, folder / "curl"))
                found["first"].append(archive(server, folder))
                before = stamps(folder / "archive")
                found["second"].append(archive(server, folder))
                if stamps(folder / "archive") != before:
                    raise SystemExit("the second, unchanged run has written")
                found["empty"].append(playbook(server, folder, []))
                if loops:
                    found["loop"].append(loop(server, folder))
    return found


def median(costs: list[Cost], key: str = "seconds") -> float:
    return statistics.median(getattr(cost, key) for cost in costs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--large", type=int, default=10_000, help="tasks of the large run; 0: none")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "results" / "bench-archive.json")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0

    small = measure(given.tasks, given.rounds, loops=True)
    fetch, empty = median(small["curl"]), median(small["empty"])
    scaled = (median(small["loop"]) - empty) * given.tasks / LOOPED + empty
    rows = [(name, median(costs), median(costs, "server"), median(costs, "cpu"), median(costs, "peak"))
            for name, costs in small.items()]
    goals = [
        ("first run", median(small["first"]), 3 * fetch + 2, "s"),
        ("second, unchanged run", median(small["second"]), 1.5 * fetch + 2, "s"),
        (f"loop of uri and copy ({LOOPED} items, scaled): times faster, at least", scaled / median(small["first"]), 50,
         "x"),
    ]
    if given.large:
        large = measure(given.large, 1, loops=False)
        rows += [(f"{name}, {given.large} tasks", median(costs), median(costs, "server"), median(costs, "cpu"),
                  median(costs, "peak")) for name, costs in large.items() if costs]
        goals += [
            (f"first run of {given.large} tasks", median(large["first"]), 11 * median(small["first"]), "s"),
            (f"peak of {given.large} tasks", median(large["first"], "peak"), 250, "MB"),
        ]
    print(f"{given.tasks} tasks, {MESSAGES} messages of {SIZE} bytes, {LATENCY * 1000:.0f} ms; {given.rounds} rounds\n")
    print(f"| {'what':<24} | seconds | server CPU s | own CPU s | peak MB |\n|---|---|---|---|---|")
    for name, seconds, server_cpu, own_cpu, peak in rows:
        print(f"| {name:<24} | {seconds:.2f} | {server_cpu:.2f} | {own_cpu:.2f} | {peak:.0f} |")
    print("\n| goal | measured | limit | |\n|---|---|---|---|")
    for name, value, limit, unit in goals:
        good = value >= limit if unit == "x" else value <= limit
        print(f"| {name} | {value:.2f} {unit} | {limit:.2f} {unit} | {'met' if good else 'MISSED'} |")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps({"rows": rows, "goals": goals, "load": os.getloadavg()}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
