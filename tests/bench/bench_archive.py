# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to save a deployment, next to curl fetching the same logs and to a loop of uri and copy.

One run, interleaved, on one machine. The server is the emulator in a process of its own, which answers each request
after 20 ms; its CPU time is told apart, because it shares the machine with what is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import ROOT, Row, TreeMemory, spread, table, write

sys.path.insert(0, str(ROOT / "tests"))

LATENCY = 0.02
MESSAGES, SIZE = 10, 1024
PARALLEL = 16
LOOPED = 30
PROSE = """
the login page fails when the session cookie has expired so I changed the test and ran it again, see `token_count` in
src/app.py: def handler(request): return response(status=200) import json os path key = value error: line 42 of "main"
"""
WORDS = PROSE.split()


@dataclass
class Cost:
    """Seconds from start to end, the server's CPU seconds meanwhile, and our CPU seconds.

    peak: of the largest process, in MB; together: of all processes.
    """

    seconds: float
    server: float
    cpu: float
    peak: float
    together: float


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
def serving(count: int, script: str = __file__) -> Iterator[Server]:
    """A server with so many tasks, or with what another benchmark's script makes."""
    command = [sys.executable, script, "--serve", str(count)]
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
        with TreeMemory(process.pid) as memory:
            _pid, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = status
    if status:
        raise SystemExit(f"{command[0]} failed:\n{(folder / 'output').read_text()[-3000:]}")
    cpu = used.ru_utime + used.ru_stime
    return Cost(seconds, server.cpu() - before, cpu, used.ru_maxrss / 1024, memory.peak)


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


def evacuate(server: Server, folder: Path) -> Cost:
    task = {"coder.tasks.archive": {"path": str(folder / "archive"), "all_owners": True, "state": "evacuated"}}
    return playbook(server, folder, [task])


def curl_deletes(server: Server, folder: Path) -> Cost:
    """The bare DELETEs, unproven."""
    lines = [f'header = "Coder-Session-Token: {server.about["token"]}"', "fail", 'request = "DELETE"']
    lines += [f'url = "{server.about["url"]}/api/v2/tasks/{task}"' for task in server.about["tasks"]]
    config = folder / "curl.conf"
    config.write_text("\n".join(lines))
    command = ["curl", "--silent", "--parallel", "--parallel-max", str(PARALLEL), "--config", str(config)]
    return run(server, command, folder)


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


def measure(tasks: int, rounds: int, loops: bool) -> dict[str, list[Cost]]:
    """Everything in turn, each round in fresh folders.

    They are removed at the end: for half a minute after, ext4 spends milliseconds on each new file to avoid the inodes
    of those that were deleted, and the next round would pay for the last one.
    """
    found: dict[str, list[Cost]] = {"curl": [], "first": [], "second": [], "empty": [], "loop": []}
    with serving(tasks) as server, tempfile.TemporaryDirectory(prefix="bench-archive-") as scratch:
        for number in range(rounds):
            folder = Path(scratch, str(number))
            (folder / "curl").mkdir(parents=True)
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


def measure_deletion(tasks: int, rounds: int) -> dict[str, list[Cost]]:
    """A proven deletion of everything, and the bare DELETEs, each on a server of its own."""
    found: dict[str, list[Cost]] = {"curl": [], "evacuate": []}
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as scratch:
        for number in range(rounds):
            folder = Path(scratch, str(number))
            (folder / "curl").mkdir(parents=True)
            with serving(tasks) as server:
                found["curl"].append(curl_deletes(server, folder / "curl"))
            with serving(tasks) as server:
                archive(server, folder)
                found["evacuate"].append(evacuate(server, folder))
                if not gone(server):
                    raise SystemExit("not every task was deleted")
    return found


def gone(server: Server) -> bool:
    """Whether the server has no task any more."""
    request = urllib.request.Request(
        f"{server.about['url']}/api/v2/tasks", headers={"Coder-Session-Token": server.about["token"]}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["tasks"] == []


def median(costs: list[Cost], key: str = "seconds") -> float:
    return statistics.median(getattr(cost, key) for cost in costs)


def goals(small: dict[str, list[Cost]], tasks: int) -> list[Row]:
    spreads = {name: spread([cost.seconds for cost in costs]) for name, costs in small.items()}
    fetch, first, empty = (median(small[name]) for name in ("curl", "first", "empty"))
    # What Ansible takes to start does not grow with the items.
    scaled = (median(small["loop"]) - empty) * tasks / LOOPED + empty
    case = f"archive, {tasks} tasks"
    return [
        Row(f"{case}, first run", "2 x curl + 1 s", first, "s", "<=", 2 * fetch + 1, spreads),
        Row(f"{case}, unchanged", "1.2 x curl + 0.6 s", median(small["second"]), "s", "<=", 1.2 * fetch + 0.6, spreads),
        Row(case, f"uri and copy, {LOOPED} items scaled, times faster", scaled / first, "x", ">=", 50, spreads),
    ]


def large_goals(small: dict[str, list[Cost]], large: dict[str, list[Cost]], tasks: int) -> list[Row]:
    spreads = {name: spread([cost.seconds for cost in costs]) for name, costs in large.items() if costs}
    case, first = f"archive, {tasks} tasks", median(large["first"])
    runs = large["first"] + large["second"]
    largest, together = (max(getattr(cost, key) for cost in runs) for key in ("peak", "together"))
    return [
        Row(case, "the time of a tenth of them", first / median(small["first"]), "x", "<=", 11, spreads),
        Row(case, "memory of the largest process", largest, "MB", "<=", 250, {}),
        Row(case, "memory of all processes", together, "MB", "<=", 200, {}),
    ]


def deletion_goals(measured: dict[str, list[Cost]], tasks: int) -> list[Row]:
    spreads = {name: spread([cost.seconds for cost in costs]) for name, costs in measured.items()}
    bare, proven = median(measured["curl"]), median(measured["evacuate"])
    case = f"proven deletion, {tasks} tasks"
    return [Row(case, "2.5 x curl's DELETEs + 2 s", proven, "s", "<=", 2.5 * bare + 2, spreads)]


def show(measured: dict[str, list[Cost]], what: str, rounds: int) -> None:
    print(f"{what} of {SIZE} bytes, {LATENCY * 1000:.0f} ms; medians of {rounds}")
    for name, costs in measured.items():
        if costs:
            seconds, server, cpu, peak = (median(costs, key) for key in ("seconds", "server", "cpu", "peak"))
            print(f"  {name:7} {seconds:7.2f} s, CPU {cpu:6.2f} s, the server's {server:5.2f} s, peak {peak:4.0f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench_archive.json")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    small = measure(given.tasks, given.rounds, loops=True)
    show(small, f"{given.tasks} tasks, {MESSAGES} messages", given.rounds)
    large = measure(10 * given.tasks, 1, loops=False)
    show(large, f"{10 * given.tasks} tasks, {MESSAGES} messages", 1)
    deletion = measure_deletion(given.tasks, given.rounds)
    show(deletion, f"{given.tasks} tasks, {MESSAGES} messages", given.rounds)
    rows = goals(small, given.tasks) + large_goals(small, large, 10 * given.tasks)
    rows += deletion_goals(deletion, given.tasks)
    print(f"\n{table(rows)}")
    write(rows, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
