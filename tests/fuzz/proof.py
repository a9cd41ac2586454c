# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change an archive and a server at random moments of an evacuation; nothing may be deleted that the archive lacks.

Each round saves a few tasks, changes something before or during the evacuation, and looks at every DELETE as it comes:
what the server shows of the task at that moment has to be in the files that lie on the disk at that moment. The look is
an oracle of its own: it shares no code with the collection. `make fuzz-proof` runs it; FUZZ="--rounds 50 --seed 7".
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / ".build"))

from calling import call

from emulator import Emulator
from emulator.request import Request

KEY = "a key for these tests only"
SECRET = "gh" + "p_" + "a1B2" * 9
CLASSES = ["snapshot", "cut", "none", "redacted", "restarted", "empty", "gaps"]
_MARK = re.compile(r"\[REDACTED:[a-z0-9-]+:[0-9a-f]{8}\]")
_IDENTITY = ("id", "type", "time")


class Lost(AssertionError):
    """A task was deleted although the archive does not hold its conversation."""


class Round:
    """One archive, one server, one change."""

    def __init__(self, server: Emulator, place: Path, rng: random.Random) -> None:
        self.server = server
        self.path = place / "archive"
        self.rng = rng
        self.options: dict[str, Any] = {
            "path": str(self.path), "redaction_key": KEY, "redact": rng.random() < 0.6, "all_owners": True,
            "wait_timeout": 0.05, "retries": 0, "deadline": 3.0, "fail_on": "none",
            "concurrency": rng.choice((1, 1, 3)),
        }  # fmt: skip
        self.deleted = 0
        self.kinds: list[str] = []
        self.lost: list[str] = []
        # Tasks whose log was read and that may be deleted any moment: what happens to them now, nobody can see.
        self.under_way: set[str] = set()
        self.exempt: set[str] = set()
        self._lock = threading.Lock()

    def run(self) -> None:
        """:raises Lost: something was deleted that the archive does not hold."""
        for number in range(self.rng.randint(2, 6)):
            self._make(number)
        self._archive("present")
        if self.rng.random() < 0.3:
            self._happen()
            if self.rng.random() < 0.5:
                self._archive("present")
        self._evacuate(self.rng.choice((None, *range(1, 7))))
        if self.lost:
            raise Lost(f"deleted and not in the archive: {self.lost}; after {self.kinds}")

    def _archive(self, state: str, **options: Any) -> None:
        call("archive", self.server, **{**self.options, "state": state, **options})

    def _make(self, number: int) -> None:
        rng = self.rng
        name = f"task-{number}"
        messages = [
            {"id": at, "role": ("agent", "user")[at % 2], "time": f"2026-06-01T12:00:{at:02}Z",
             "content": f"message {at} of {name}{f', {SECRET}' if rng.random() < 0.2 else ''}"}
            for at in range(rng.randint(1, 5))
        ]  # fmt: skip
        if rng.random() < 0.3:
            self.server.create_task(name, state="paused").set_snapshot(messages)
        else:
            self.server.create_task(name).api.set_messages(messages)

    def _evacuate(self, moment: int | None) -> None:
        """moment: before how manieth log is read something happens; None: nothing does."""
        handle, read = self.server._app._handle, 0

        async def watch(request: Request) -> Any:
            nonlocal read
            if request.path.endswith("/logs"):
                with self._lock:
                    read += 1
                    if read == moment:
                        self._happen()
                        self.exempt |= self.under_way
                    self.under_way.add(request.path.split("/")[-2])
            elif request.method == "DELETE":
                self._judge(request.path.split("/")[-1])
            return await handle(request)

        self.server._app._handle = watch  # type: ignore[method-assign]
        try:
            accept = self.rng.choice(([], ["redacted"], ["snapshot", "redacted"], CLASSES))
            for _run in range(self.rng.choice((1, 1, 2))):
                self._archive("evacuated", accept=accept)
                self.under_way.clear()
        finally:
            self.server._app._handle = handle  # type: ignore[method-assign]

    # The oracle

    def _judge(self, task_id: str) -> None:
        """A DELETE comes in: is what the server shows now in the files that lie there now?"""
        with self._lock:
            self.deleted += 1
            self.under_way.discard(task_id)
            if task_id in self.exempt:
                self.exempt.discard(task_id)
                return
            shown, held = self._shown(task_id), self._held(task_id)
            rest = iter(held)
            if not all(any(self._says(old, new) for old in rest) for new in shown):
                self.lost.append(self.server.state.tasks[task_id].name)

    def _shown(self, task_id: str) -> list[dict[str, Any]]:
        task = self.server.state.tasks[task_id]
        if task.status == "active":
            messages = [vars(message) for message in task.api.conversation()]
        else:
            snapshot = task.snapshot()
            messages = snapshot.messages if snapshot else []
        kinds = {"user": "input", "agent": "output"}
        return [{**message, "type": kinds[message["role"]]} for message in messages]

    def _held(self, task_id: str) -> list[dict[str, Any]]:
        folders = [folder for folder in (self.path / "tasks").glob("*") if folder.name.endswith(task_id)]
        if len(folders) != 1 or folders[0].is_symlink():
            return []
        file = folders[0] / "messages.jsonl"
        if file.is_symlink() or not file.is_file():
            return []
        try:
            return [json.loads(line) for line in file.read_bytes().split(b"\n") if line]
        except ValueError:
            return []

    @staticmethod
    def _says(held: dict[str, Any], shown: dict[str, Any]) -> bool:
        same = all(held.get(key) == shown[key] for key in _IDENTITY)
        return same and _MARK.sub(SECRET, str(held.get("content"))) == shown["content"]

    # What can happen

    def _happen(self) -> None:
        name = self.rng.choice(CHANGES)
        try:
            getattr(self, name)()
        except (OSError, StopIteration, IndexError, KeyError, ValueError):
            name = f"{name} (not possible)"
        self.kinds.append(name)

    def _tasks(self) -> list[Any]:
        """Those that nobody is about to delete."""
        return [task for task in self.server.state.visible_tasks() if task.id not in self.under_way]

    def _folder(self) -> Path:
        ids = {task.id for task in self._tasks()}
        return self.rng.choice([each for each in (self.path / "tasks").iterdir() if each.name[-36:] in ids])

    def _file(self) -> Path:
        return self._folder() / self.rng.choice(("messages.jsonl", "messages.jsonl", "task.json", "transcript.md"))

    def change_bytes(self) -> None:
        file = self._file()
        data = bytearray(file.read_bytes())
        data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        file.write_bytes(data)

    def cut_file(self) -> None:
        file = self._file()
        data = file.read_bytes()
        file.write_bytes(data[: self.rng.randrange(len(data))])

    def remove_file(self) -> None:
        self._file().unlink()

    def link_file(self) -> None:
        file = self._file()
        target = self.path.parent / f"elsewhere-{file.name}"
        shutil.move(file, target)
        file.symlink_to(target)

    def change_mode(self) -> None:
        os.chmod(self._file(), self.rng.choice((0, 0o644, 0o777)))

    def swap_files(self) -> None:
        one, other = self._folder() / "messages.jsonl", self._folder() / "messages.jsonl"
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    def rename_folder(self) -> None:
        folder = self._folder()
        folder.rename(folder.with_name(f"{folder.name}x"))

    def swap_folders(self) -> None:
        one, other, between = self._folder(), self._folder(), self.path / "between"
        one.rename(between)
        other.rename(one)
        between.rename(other)

    def remove_tasks(self) -> None:
        shutil.rmtree(self.path / "tasks")

    def remove_archive(self) -> None:
        shutil.rmtree(self.path)

    def swap_archive(self) -> None:
        self.path.rename(self.path.with_name("old"))
        shutil.copytree(self.path.with_name("old"), self.path)
        for file in self.path.glob("tasks/*/messages.jsonl"):
            file.write_text("")

    def edit_with_fresh_checksums(self) -> None:
        """As somebody without the key can: other text, and every unkeyed checksum made anew."""
        folder = self._folder()
        (folder / "messages.jsonl").write_text('{"content":"nothing of worth","id":0}\n')
        about = json.loads((folder / "task.json").read_text())
        lines = [json.loads(line) for line in (self.path / "manifest.jsonl").read_text().splitlines()]
        entry = next(line for line in lines if line["folder"] == folder.name)
        for line in (about["archive"], entry):
            line.update(redacted=False, lacks=[], complete=True, source="live", truncated=False)
        about["archive"]["files"]["messages.jsonl"] = self._sum(folder / "messages.jsonl")
        (folder / "task.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")
        entry["files"] = {name: self._sum(folder / name) for name in entry["files"]}
        texts = (json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for line in lines)
        (self.path / "manifest.jsonl").write_text("".join(f"{text}\n" for text in texts))
        names = [line.split("  ", 1)[1] for line in (self.path / "SHA256SUMS").read_text().splitlines()]
        sums = (f"{self._sum(self.path / name)['sha256']}  {name}\n" for name in names)
        (self.path / "SHA256SUMS").write_text("".join(sums))

    @staticmethod
    def _sum(file: Path) -> dict[str, Any]:
        data = file.read_bytes()
        return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def remove_the_top(self) -> None:
        for name in self.rng.sample(("manifest.jsonl", "SHA256SUMS", "archive.json", ".unfinished"), 2):
            (self.path / name).unlink(missing_ok=True)

    def _log(self) -> tuple[Any, list[dict[str, Any]]]:
        task = self.rng.choice([task for task in self._tasks() if task.status == "active"])
        return task, [vars(message) for message in task.api.conversation()]

    def change_message(self) -> None:
        task, messages = self._log()
        self.rng.choice(messages)["content"] += self.rng.choice((" and more", "\nX", "!"))
        task.api.set_messages(messages)

    def say_more(self) -> None:
        task, messages = self._log()
        task.api.set_messages([*messages, {"id": len(messages), "content": "one more word"}])

    def say_less(self) -> None:
        task, messages = self._log()
        task.api.set_messages(messages[: self.rng.randrange(len(messages))])

    def turn_around(self) -> None:
        task, messages = self._log()
        task.api.set_messages(messages[::-1])

    def other_ids(self) -> None:
        task, messages = self._log()
        task.api.set_messages([{**message, "id": message["id"] + 1} for message in messages])

    def vanish_from_the_server(self) -> None:
        task = self.rng.choice(self._tasks())
        self.server.state.build(task.workspace, "delete", task.owner)

    def forget(self) -> None:
        task, _messages = self._log()
        state = self.server.state
        for transition in ("stop", "start"):
            state.build(task.workspace, transition, task.owner)
            task.workspace.latest.completed = task.workspace.latest.started
        task.api.begin(self.server.clock.now())

    def other_snapshot(self) -> None:
        task = self.rng.choice([task for task in self._tasks() if task.status == "paused"])
        task.set_snapshot([{"id": 0, "content": "another snapshot"}])


CHANGES = [name for name in vars(Round) if not name.startswith("_") and name != "run"]


def fuzz(rounds: int, seed: int, say: Callable[[str], None] = lambda text: None) -> tuple[Counter[str], int, int]:
    """Run rounds. :returns: changes by kind, rounds that deleted something, deletions. :raises Lost: with the seed."""
    kinds: Counter[str] = Counter()
    with_deletions = deletions = 0
    with Emulator("2.34", time_factor=0.001, rate_limit=0) as server:
        for number in range(rounds):
            server.reset()
            with tempfile.TemporaryDirectory(prefix="fuzz-proof-") as place:
                made = Round(server, Path(place), random.Random(f"{seed} {number}"))
                try:
                    made.run()
                except Exception as error:
                    where = f"round {number} of seed {seed}, {made.kinds}"
                    raise Lost(f"{where}: {type(error).__name__}: {error}") from error
            kinds.update(made.kinds or ["nothing"])
            with_deletions += bool(made.deleted)
            deletions += made.deleted
            if (number + 1) % 100 == 0:
                say(f"{number + 1} rounds, {deletions} deletions in {with_deletions} of them")
    return kinds, with_deletions, deletions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kinds, with_deletions, deletions = fuzz(given.rounds, given.seed, lambda text: print(text, flush=True))
    print(f"\nseed {given.seed}: {given.rounds} rounds, {deletions} deletions in {with_deletions} rounds, nothing lost")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:5} {kind}")
    return 0 if with_deletions * 3 >= given.rounds and len(kinds) > 10 else 1


if __name__ == "__main__":
    sys.exit(main())
