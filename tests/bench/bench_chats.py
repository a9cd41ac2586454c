# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to save chats with tool calls and files, next to curl fetching the same of the same server."""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
from pathlib import Path

import bench_archive
from bench_archive import LATENCY, PARALLEL, SIZE, Cost, Server, median, playbook, run, show, stamps, text
from measure import ROOT, Row, spread, table, write

# Messages of a chat: questions, answers, and tool calls with their results.
MESSAGES = 50
FILE = 4096


def serve(chats: int) -> None:
    """The other process: one file per chat."""
    from emulator import Emulator

    rng = random.Random(chats)
    words = [text(rng) for _number in range(200)]
    with Emulator(chats="chats-2.38", rate_limit=0) as server:
        world = server.state.chats
        assert world is not None
        found = []
        for number in range(chats):
            chat = server.create_chat("", labels={"coder.tasks/name": f"chat-{number}"})
            file = world.create_file(chat.owner, f"notes-{number}.txt", text(rng).encode() * (FILE // SIZE))
            chat.attach(file)
            while len(chat.messages) < MESSAGES - 1:
                chat.say(rng.choice(words), rng.choice(words))
                chat.call_tool("execute", {"command": "make test"}, {"output": rng.choice(words)})
            found.append({"id": chat.id, "file": file.id})
        server.faults.add("latency", path="^/api/", seconds=LATENCY, count=None)
        print(json.dumps({"url": server.url, "token": server.token, "chats": found}), flush=True)
        for _line in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(used.ru_utime + used.ru_stime, flush=True)


def curl(server: Server, folder: Path) -> Cost:
    """Each chat, its messages, what it cost and its file: what an archive holds of it."""
    lines = [f'header = "Coder-Session-Token: {server.about["token"]}"', "fail"]
    for chat in server.about["chats"]:
        parts = {"chat": chat["id"], "messages": f"{chat['id']}/messages?limit=200", "cost": f"{chat['id']}/cost",
                 "file": f"files/{chat['file']}"}  # fmt: skip
        for name, path in parts.items():
            lines += [f'url = "{server.about["url"]}/api/v2/chats/{path}"', f'output = "{folder}/{chat["id"]}.{name}"']
    config = folder / "curl.conf"
    config.write_text("\n".join(lines))
    command = ["curl", "--silent", "--parallel", "--parallel-max", str(PARALLEL), "--config", str(config)]
    return run(server, command, folder)


def archive(server: Server, folder: Path) -> Cost:
    return playbook(server, folder, [{"coder.tasks.archive": {"path": str(folder / "archive"), "source": "chats"}}])


def measure(chats: int, rounds: int) -> dict[str, list[Cost]]:
    """Everything in turn, each round in fresh folders, which are removed at the end."""
    found: dict[str, list[Cost]] = {"curl": [], "first": [], "second": []}
    serving, scratches = bench_archive.serving, tempfile.TemporaryDirectory
    with serving(chats, __file__) as server, scratches(prefix="bench-chats-") as scratch:
        for number in range(rounds):
            folder = Path(scratch, str(number))
            (folder / "curl").mkdir(parents=True)
            found["curl"].append(curl(server, folder / "curl"))
            found["first"].append(archive(server, folder))
            before = stamps(folder / "archive")
            found["second"].append(archive(server, folder))
            if stamps(folder / "archive") != before:
                raise SystemExit("the second, unchanged run has written")
    return found


def goals(measured: dict[str, list[Cost]], chats: int) -> list[Row]:
    spreads = {name: spread([cost.seconds for cost in costs]) for name, costs in measured.items()}
    fetch, case = median(measured["curl"]), f"archive, {chats} chats"
    peak = max(cost.peak for name in ("first", "second") for cost in measured[name])
    return [
        Row(f"{case}, first run", "3 x curl + 2 s", median(measured["first"]), "s", "<=", 3 * fetch + 2, spreads),
        Row(f"{case}, unchanged", "1.5 x curl + 2 s", median(measured["second"]), "s", "<=", 1.5 * fetch + 2, spreads),
        Row(case, "peak memory", peak, "MB", "<=", 250, {}),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chats", type=int, default=1000)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench_chats.json")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    measured = measure(given.chats, given.rounds)
    show(measured, f"{given.chats} chats, {MESSAGES} messages and a file", given.rounds)
    rows = goals(measured, given.chats)
    print(f"\n{table(rows)}")
    write(rows, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
