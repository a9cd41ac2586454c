# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change chats and their archive at random; what is called proven has to be there, and what was saved has to stay.

Each round makes a few chats, and then collects, proves and changes something in turn, also while a chat is read. Two
things are held against an oracle that shares no code with the collection: a chat that is called safe has every message
and file that the server shows then in the files that lie on the disk then; and every message that a collection has seen
of a chat at rest stays in the archive, whatever is edited, purged or archived later.
`make fuzz-chats` runs it; FUZZ="--rounds 50 --seed 7".
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / ".build"))

from calling import call

from emulator import Emulator
from emulator.chats import Chat
from emulator.request import Request

KEY = "a key for these tests only"
CLASSES = ["redacted", "empty", "running", "files"]


class Lost(AssertionError):
    """Something is called proven, or was saved, and is not there."""


class Round:
    """One archive, one server, some steps."""

    def __init__(self, server: Emulator, place: Path, rng: random.Random) -> None:
        self.server, self.path, self.rng = server, place / "archive", rng
        assert server.state.chats is not None
        self.world = server.state.chats
        self.kinds: list[str] = []
        self.proven = 0
        # What collections have seen: texts by message id, per chat. A chat whose folder was damaged is let go.
        self.seen: dict[str, dict[int, str]] = {}

    def run(self) -> None:
        """:raises Lost: with what was lost."""
        for number in range(self.rng.randint(1, 4)):
            chat = self.server.create_chat(f"chat {number}", answer="yes")
            if self.rng.random() < 0.4:
                self.server.create_chat(f"child of {number}", parent=chat)
        self.collect()
        for _step in range(self.rng.randint(3, 8)):
            name = self.rng.choice((*CHANGES, "collect", "collect", "prove"))
            try:
                getattr(self, name)()
            except IndexError:  # there is nothing left to do it to
                name = f"{name} (not possible)"
            self.kinds.append(name)
        self.collect()
        self.prove()
        self._check_seen()

    def _call(self, operation: str, **options: Any) -> Any:
        made = call(operation, self.server, **{
            "path": str(self.path), "redaction_key": KEY, "source": "chats", "retries": 0, "deadline": 5.0,
            "concurrency": self.rng.choice((1, 3)), **options,
        })  # fmt: skip
        if made.failed and made.kind in ("internal", "io"):
            raise Lost(made.msg)
        return made

    def collect(self) -> None:
        """Sometimes while a chat goes on."""
        moment = self.rng.choice((None, None, 1, 2, 3))
        before = {chat.id: self._texts(chat) for chat in self.world.chats.values() if chat.status == "waiting"}
        self._watched(moment, lambda: self._call("archive", fail_on="none"))
        for chat_id, texts in before.items():
            chat = self.world.chats.get(chat_id)
            if chat is not None and self._texts(chat) == texts and not self._is_damaged(chat_id):
                self.seen.setdefault(chat_id, {}).update(texts)

    def prove(self) -> None:
        """Nothing may change meanwhile, or the oracle could not tell what was compared."""
        accept = self.rng.choice(([], CLASSES))
        for line in self._call("archive_info", accept=accept)["tasks"]:
            chat = self.world.chats[line["id"]]
            if line["verdict"] != "safe_to_delete":
                continue
            self.proven += 1
            held = self._held(chat.id, "messages.jsonl")
            missing = {key: text for key, text in self._texts(chat).items() if held.get(key) != text}
            if missing:
                raise Lost(f"{chat.title} is called safe, and the archive lacks {missing}")
            if "files" not in accept:
                self._check_files(chat)

    def _watched(self, moment: int | None, work: Any) -> None:
        """moment: before how manieth request about messages something happens; None: nothing does."""
        handle, read = self.server._app._handle, 0

        async def watch(request: Request) -> Any:
            nonlocal read
            if request.path.endswith("/messages"):
                read += 1
                if read == moment:
                    name = self.rng.choice(("say", "edit", "queue", "purge"))
                    self.kinds.append(f"{name} while read")
                    getattr(self, name)()
            return await handle(request)

        self.server._app._handle = watch  # type: ignore[method-assign]
        try:
            work()
        except IndexError:
            pass
        finally:
            self.server._app._handle = handle  # type: ignore[method-assign]

    # The oracle

    @staticmethod
    def _texts(chat: Chat) -> dict[int, str]:
        return {each.id: "".join(part.get("text", "") for part in each.content) for each in chat.messages}

    def _held(self, chat_id: str, name: str) -> dict[int, str]:
        file = self.path / "chats" / chat_id / name
        if not file.is_file():
            return {}
        lines = [json.loads(line) for line in file.read_bytes().split(b"\n") if line]
        return {line["id"]: "".join(part.get("text", "") for part in line["content"]) for line in lines
                if isinstance(line["content"], list)}  # fmt: skip

    def _check_seen(self) -> None:
        for chat_id, texts in self.seen.items():
            held = {**self._held(chat_id, "messages.jsonl"), **self._held(chat_id, "conversation.jsonl")}
            missing = {key: text for key, text in texts.items() if held.get(key) != text}
            if missing:
                raise Lost(f"{chat_id} was saved, and the archive lost {missing}")

    def _check_files(self, chat: Chat) -> None:
        about = json.loads((self.path / "chats" / chat.id / "chat.json").read_text())
        names = {each["id"]: each["file"] for each in about["attachments"]}
        for file in chat.files:
            place = self.path / "chats" / chat.id / str(names.get(file.id))
            if not place.is_file() or place.read_bytes() != file.content:
                raise Lost(f"{chat.title} is called safe, and the archive lacks the file {file.name}")

    def _is_damaged(self, chat_id: str) -> bool:
        return any("damage" in kind for kind in self.kinds) and not self._held(chat_id, "messages.jsonl")

    # What can happen

    def _chat(self) -> Chat:
        return self.rng.choice(list(self.world.chats.values()))

    def _moved(self, chat: Chat) -> None:
        chat.updated = self.world.now() + self.rng.random()

    def say(self) -> None:
        chat = self._chat()
        chat.say(f"more {self.rng.random()}", self.rng.choice(("", "an answer")))
        self._moved(chat)

    def edit(self) -> None:
        chat = self._chat()
        del chat.messages[self.rng.randrange(len(chat.messages) + 1) :]
        chat.say(f"edited {self.rng.random()}", "an answer")
        self._moved(chat)

    def tool(self) -> None:
        chat = self._chat()
        chat.call_tool("execute", {"n": self.rng.random()}, {"output": "x"})
        self._moved(chat)

    def attach(self) -> None:
        chat = self._chat()
        chat.attach(self.world.create_file(chat.owner, "f.txt", str(self.rng.random()).encode()))
        self._moved(chat)

    def lose_file(self) -> None:
        self.world.files.pop(self.rng.choice(list(self.world.files)))

    def queue(self) -> None:
        chat = self._chat()
        chat.queue.append(self.world.new_queued([{"type": "text", "text": "later"}], chat.model_id))
        self._moved(chat)

    def run_or_rest(self) -> None:
        chat = self._chat()
        chat.status = self.rng.choice(("running", "waiting", "waiting", "error"))

    def archive(self) -> None:
        self.world.set_archived(self._chat().root, self.rng.random() < 0.7)

    def purge(self) -> None:
        self.world.delete(self._chat())

    def label(self) -> None:
        chat = self._chat()
        chat.labels["x"] = str(self.rng.random())
        self._moved(chat)

    def damage(self) -> None:
        """Of a chat that the server has: it is read anew. What an edit took out is lost with its file."""
        chat = self._chat()
        name = self.rng.choice(("messages.jsonl", "chat.json", "transcript.html"))
        file = self.path / "chats" / chat.id / name
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-3])
            self.seen.pop(chat.id, None)


_STEPS = ("run", "collect", "prove")
CHANGES = [name for name in vars(Round) if not name.startswith("_") and name not in _STEPS]


def fuzz(rounds: int, seed: int) -> tuple[Counter[str], int]:
    """Run rounds. :returns: changes by kind, and chats that were called safe. :raises Lost: with the seed."""
    kinds: Counter[str] = Counter()
    proven = 0
    with Emulator(chats="chats-2.38", time_factor=0.001, rate_limit=0) as server:
        for number in range(rounds):
            server.reset()
            with tempfile.TemporaryDirectory(prefix="fuzz-chats-") as place:
                made = Round(server, Path(place), random.Random(f"{seed} {number}"))
                try:
                    made.run()
                except Exception as error:
                    where = f"round {number} of seed {seed}, {made.kinds}"
                    raise Lost(f"{where}: {type(error).__name__}: {error}") from error
            kinds.update(made.kinds)
            proven += made.proven
    return kinds, proven


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kinds, proven = fuzz(given.rounds, given.seed)
    print(f"seed {given.seed}: {given.rounds} rounds, {proven} chats called safe, nothing lost")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:5} {kind}")
    return 0 if proven > given.rounds and len(kinds) > 10 else 1


if __name__ == "__main__":
    sys.exit(main())
