# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a stop takes: the hook, the script before it, and the floor, interleaved in one run.

The floor is a Python that imports json and http.client, sends one GET and one POST, and does nothing else. The script
before it (agentapi-shutdown.sh of Coder's registry, module agentapi 2.1.0) is not part of this repository: give its
path with --peer or BENCH_PEER; it needs jq and curl. All of them talk to the same server on the loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from measure import Row, spread, table, write

PACKAGE = Path(__file__).parents[2] / "plugins" / "module_utils" / "snapshot"
TASK = "67b4e524-17b3-4e31-a26a-d8b92401a30c"
HISTORIES = {"10 x 1 KB": (10, 1024), "200 x 20 KB": (200, 20 * 1024), "5,000 x 1 KB": (5000, 1024)}
# Goals: the hook against the floor at most, and the script against the hook at least.
FLOOR_GOALS = {"10 x 1 KB": 1.5, "200 x 20 KB": 1.5, "5,000 x 1 KB": 1.1}
PEER_GOALS = {"10 x 1 KB": 1.5, "200 x 20 KB": 5.0, "5,000 x 1 KB": 1.5}
MEMORY_GOAL = 30.0
SMALL = "10 x 1 KB"

FLOOR = f"""
import json, http.client, os
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["ARG_AGENTAPI_PORT"]))
connection.request("GET", "/messages")
connection.getresponse().read()
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["ARG_AGENTAPI_PORT"]))
connection.request("POST", "/api/v2/workspaceagents/me/tasks/{TASK}/log-snapshot?format=agentapi", '{{"messages":[]}}')
connection.getresponse().read()
"""

# A process is born with the peak of its parent: a small one in between measures the child alone.
MEMORY = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
print(os.wait4(pid, 0)[2].ru_maxrss)
"""


class Server:
    """AgentAPI and Coder on one port: GET gives the history, POST takes anything."""

    def __init__(self, count: int, size: int) -> None:
        line = 'The quick brown fox jumps over the lazy dog, "twice". '
        content = (line * (size // len(line) + 1))[:size]
        messages = [
            {"id": n, "content": content, "role": ("agent", "user")[n % 2], "time": "2026-06-01T12:00:00.123456789Z"}
            for n in range(count)
        ]
        body = json.dumps({"$schema": "http://localhost/x.json", "messages": messages}, separators=(",", ":")).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        self.answer = head % len(body) + body
        self.posted = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            with client:
                self.respond(client)

    def respond(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(65536)
        head, _blank, body = request.partition(b"\r\n\r\n")
        if head.startswith(b"GET "):
            client.sendall(self.answer)
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        if b"100-continue" in head:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < length:
            body += client.recv(65536)
        self.posted += 1
        client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=os.environ.get("BENCH_PEER", ""), help="the script to compare with")
    parser.add_argument("--python", default=shutil.which("python3", path="/usr/bin:/bin") or sys.executable)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path, help="also write the rows into this file")
    options = parser.parse_args()
    peer = usable_peer(options.peer)
    version = subprocess.run([options.python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, {os.cpu_count()} cores, {options.rounds} interleaved rounds; median milliseconds, peak MB\n")
    with tempfile.TemporaryDirectory(prefix="bench-hook-") as folder:
        commands = {"floor": [options.python, "-I", "-S", "-c", FLOOR], "hook": install(options.python, Path(folder))}
        if peer:
            commands["script"] = ["bash", peer]
        rows = [row for name in HISTORIES for row in measured(name, commands, options, Path(folder))]
    print("\n" + table(rows))
    if options.json:
        write(rows, options.json)
    return 0 if all(row.met for row in rows) else 1


def usable_peer(path: str) -> str:
    """The script's path; empty, and said so, when it cannot be run here."""
    missing = [tool for tool in ("bash", "jq", "curl") if not shutil.which(tool)]
    if path and Path(path).is_file() and not missing:
        return path
    reason = f"needs {', '.join(missing)}" if missing else "is not there: give its path with --peer or BENCH_PEER"
    print(f"NOT COMPARED: the script before the hook {reason}.")
    return ""


def install(python: str, folder: Path) -> list[str]:
    """Copy and compile the package as the role does, and return the command that starts it."""
    target = folder / "share" / "snapshot"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([python, "-m", "compileall", "-q", str(target)], check=True)
    return [python, "-I", "-S", str(target / "main.py"), "capture"]


def measured(name: str, commands: dict[str, list[str]], options: argparse.Namespace, folder: Path) -> list[Row]:
    """Print one history's medians and peaks, and return its ratios against their goals."""
    server = Server(*HISTORIES[name])
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ARG_TASK_ID": TASK,
        "ARG_AGENTAPI_PORT": str(server.port),
        "CODER_AGENT_URL": f"http://127.0.0.1:{server.port}",
        "CODER_AGENT_TOKEN": "a5e1b2c3-0000-4000-8000-00000000beef",
    }
    times: dict[str, list[float]] = {contender: [] for contender in commands}
    for turn in range(options.rounds + 2):
        for contender, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
            if turn > 1:  # the first two warm the caches
                times[contender].append((time.perf_counter() - started) * 1000)
    if server.posted != (options.rounds + 2) * len(commands):
        raise SystemExit(f"{name}: {server.posted} snapshots arrived, not one a run")
    peaks = {contender: peak_megabytes(command, environ, options.python) for contender, command in commands.items()}
    server.listener.close()
    medians = {contender: statistics.median(values) for contender, values in times.items()}
    shown = [f"{who} {medians[who]:6.1f} ms {peaks[who]:5.1f} MB" for who in commands]
    print(" | ".join([f"{name:13}", *shown]), flush=True)
    seen = {who: spread([value / 1000 for value in values]) for who, values in times.items()}
    case = f"hook, {name}"
    rows = [Row(case, "the floor", medians["hook"] / medians["floor"], "x", "<=", FLOOR_GOALS[name], seen)]
    if "script" in medians:
        faster = medians["script"] / medians["hook"]
        rows.append(Row(case, "the script before it, times faster", faster, "x", ">=", PEER_GOALS[name], seen))
    if name == SMALL:
        rows.append(Row(case, "peak memory", peaks["hook"], "MB", "<=", MEMORY_GOAL, {}))
    return rows


def peak_megabytes(command: list[str], environ: dict[str, str], python: str) -> float:
    launch = [python, "-I", "-S", "-c", MEMORY, *command]
    output = subprocess.run(launch, env=environ, capture_output=True, text=True, check=True).stdout
    return int(output.split()[-1]) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
