# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's chats answer as real servers did: their recordings are replayed against it.

As with tasks, the same request gets the same status, keys in the same order, types, and texts; ids are compared by what
they are the id of. Titles are compared in the answers to a create only: later the model has made another one, or none.
What polling saw after a request (`walks`) is polled for again. A WebSocket's frames are compared in
test_chats_emulator.py.
"""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from contract.test_recordings import Comparison, kind, unclip_texts
from emulator import Emulator
from emulator.chats import Chat, Chats
from emulator.clock import ManualClock
from import_recordings import compact

RECORDINGS = Path(__file__).parent.parent / "recordings"
DIALECTS = ("chats-2.35", "chats-2.37-dev")
PLACEHOLDER = re.compile(
    r"<(?:task|workspace|user|organization|template|version|preset|chat|model|provider|id)(?: [^<>|]*)?(?:\|\w+)?>"
)
Act = Callable[["Replay"], object]
NO_MODELS = ("01-config",)
NO_ROLE = ("01-config", "02-create")  # bob gets the role in the course of these, and has it later

# What cannot be replayed, and why. Keys: scenario, exchange or walk (regular expressions).
NOT_REPLAYED: dict[tuple[str, str], str] = {}

# Texts that must be equal; of other texts only the type counts.
TEXTS = {
    "message", "detail", "field", "status", "type", "role", "kind", "provider", "owner_username", "last_turn_summary",
    "tool_name", "name", "model", "display_name", "mime_type", "media_type", "action", "resource_type", "period",
    "username", "plan_mode", "client_type",
}  # fmt: skip
NUMBERS = {"pin_order", "retention_days", "auto_archive_days", "count_cap", "status_code", "spend_limit_micros"}


def exchanges() -> Iterator[Any]:
    for dialect in DIALECTS:
        for path in sorted((RECORDINGS / dialect).glob("*.json")):
            yield pytest.param(dialect, path.stem, id=f"{dialect}-{path.stem}")


# What the recorder did outside of the recorded exchanges before one of them.
ACTIONS: dict[tuple[str, str], Act] = {}
# The users' messages that no answer shows.
MORE_SETUP: dict[str, list[dict[str, Any]]] = {}


class Replay:
    """One scenario on its way through an emulator."""

    def __init__(self, emulator: Emulator, clock: ManualClock, scenario: dict[str, Any], beginning: float) -> None:
        self.emulator, self.clock, self.scenario, self.beginning = emulator, clock, scenario, beginning
        self.name = scenario["scenario"]
        self.moment = beginning
        self.setup = sorted([*scenario["setup"], *MORE_SETUP.get(self.name, [])], key=lambda message: message["at"])
        self.known = {"<session-token>": emulator.token, "<bob-session-token>": emulator.tokens["bob"]}
        self.asked = beginning  # the moment of the newest request, for the walk after it
        self.chat_id = ""  # and the chat that it was about
        world = emulator.state
        self.known["<organization coder>"] = world.organization["id"]
        self.known |= {f"<user {user.username}>": user.id for user in world.users}
        self.known |= {f"<model {model.model}>": model.id for model in self.chats.models.values()}
        self.known |= {f"<provider {provider.name}>": provider.id for provider in self.chats.providers.values()}

    @property
    def chats(self) -> Chats:
        assert self.emulator.state.chats is not None
        return self.emulator.state.chats

    def chat(self, placeholder: str) -> Chat:
        return self.chats.chats[self.known[placeholder]]

    def play(self) -> list[str]:
        """Everything that was recorded, in order; gives what differs."""
        problems = []
        entries = sorted([*self.scenario["exchanges"], *self.scenario["walks"]], key=lambda entry: entry["t"])
        for entry in entries:
            if reason_not_to(self.name, entry["name"]):
                continue
            found = self.walk(entry) if "phases" in entry else self.exchange(entry)
            problems += [f"{entry['name']}: {difference}" for difference in found]
        return problems

    def begin(self, entry: dict[str, Any]) -> None:
        """Bring the world to where it was then."""
        self.moment = self.beginning + entry["t"]
        self.prepare(entry)
        act = ACTIONS.get((self.name, entry["name"]))
        if act is not None:
            act(self)
        self.clock.set(self.moment)

    def prepare(self, entry: dict[str, Any]) -> None:
        """Let users write what no exchange brought, in time for the answer that shows it."""
        text = json.dumps(entry, ensure_ascii=False)
        while self.setup:
            wanted = self.setup[0]
            shown = json.dumps(wanted["text"], ensure_ascii=False) in text and wanted["chat"] in text
            if wanted["at"] > entry["t"] and not shown:
                return
            self.setup.pop(0)
            self.clock.set(self.beginning + min(wanted["at"], entry["t"] - 0.3))
            self.write(wanted)

    def write(self, message: dict[str, Any]) -> None:
        """A user writes: into a new chat, or into one that is there."""
        content, headers = [{"type": "text", "text": message["text"]}], {"Coder-Session-Token": self.token_of(message)}
        body: dict[str, Any] = {"content": content, **message.get("more", {})}
        if "model" in message:
            body["model_config_id"] = self.known[message["model"]]
        if message["chat"] in self.known:
            path = f"/api/experimental/chats/{self.known[message['chat']]}/messages"
        else:
            path, body = "/api/experimental/chats", {"organization_id": "<organization coder>", **body}
            body.setdefault("unsafe_dynamic_tools", [{"name": "get_weather", "input_schema": {}}])
        request = {"method": "POST", "path": path, "query": "", "headers": headers, "body": body}
        status, _headers, answer = self.ask(request)
        assert status in (200, 201), answer
        self.known.setdefault(message["chat"], answer.get("id", ""))
        self.asked, self.chat_id = self.clock.now(), self.known[message["chat"]]

    def token_of(self, message: dict[str, Any]) -> str:
        return self.emulator.tokens[message.get("owner", "<user alice>")[len("<user ") : -1]]

    # Exchanges

    def exchange(self, exchange: dict[str, Any]) -> list[str]:
        """What differs; a GET may be repeated for two seconds of the emulated world, as the recorder waited too."""
        self.begin(exchange)
        tries = 9 if exchange["request"]["method"] == "GET" else 1
        for _try in range(tries):
            known = dict(self.known)
            differences = self._differences(exchange)
            if not differences:
                break
            self.known = known
            if tries > 1:
                self.clock.set(self.clock.now() + 0.25)
        return differences

    def _differences(self, exchange: dict[str, Any]) -> list[str]:
        recorded, request = exchange["response"], exchange["request"]
        self.asked = self.clock.now()
        status, headers, body = self.ask(request)
        found = re.search(r"chats/([0-9a-f-]{36})", self.resolve(request["path"]))
        self.chat_id = found[1] if found else body.get("id", "") if isinstance(body, dict) else ""
        comparison = ChatComparison(self.known, titles=status == 201)
        comparison.compare(recorded["body"], compact(body))
        if status != recorded["status"]:
            comparison.differences.insert(0, f"status {status} instead of {recorded['status']}: {str(body)[:300]}")
        for header in set(recorded["headers"]) - {"X-Coder-Build-Version", "Allow"}:
            actual = headers.get(header.lower())
            if actual != recorded["headers"][header]:
                comparison.differ(f"header {header}", recorded["headers"][header], actual)
        return comparison.differences

    def resolve(self, value: Any) -> Any:
        """A recorded request with the ids and tokens of this server."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, str):
            return value
        for name in self.known:
            if name.endswith("token>"):
                value = value.replace(name, self.known[name])
        return PLACEHOLDER.sub(self._identity, value)

    def _identity(self, match: re.Match[str]) -> str:
        name, _bar, form = match[0][:-1].partition("|")
        identity = self.known.setdefault(f"{name}>", str(uuid.uuid4()))
        return {"upper": identity.upper(), "plain": identity.replace("-", "")}.get(form, identity)

    def ask(self, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Send a request as it is; nothing may tidy its path."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.emulator.url.rpartition(":")[2]), timeout=10)
        path = quote(self.resolve(request["path"]), safe="/%{}@:")
        query = self.resolve(request["query"])
        connection.request(
            request["method"],
            f"{path}?{quote(query, safe='=&%+:')}" if query else path,
            body=self.body(request["body"]),
            headers=self.resolve(request["headers"]),
        )
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = text
        return response.status, {key.lower(): value for key, value in response.getheaders()}, body

    def body(self, recorded: Any) -> bytes | None:
        if recorded is None:
            return None
        if isinstance(recorded, dict) and set(recorded) == {"raw", "bytes"}:
            raw = self.resolve(recorded["raw"]).replace("\\x89", "\x89").encode("latin-1")
            return raw if len(raw) >= recorded["bytes"] else raw.ljust(recorded["bytes"], b"a")
        if isinstance(recorded, str):
            size = re.fullmatch(r"<json of (\d+) bytes>", recorded)
            return self.large(int(size[1])) if size else recorded.encode()
        return json.dumps(unclip_texts(self.resolve(recorded))).encode()

    def large(self, size: int) -> bytes:
        """A body that was recorded by its size only: a long prompt of the system, or of the user."""
        long = "y" * size
        body: dict[str, Any] = {"organization_id": self.known["<organization coder>"], "content": []}
        body["content"] = [{"type": "text", "text": "x" if size < 20_000 else long}]
        return json.dumps({**body, **({"system_prompt": long[:10_001]} if size < 20_000 else {})}).encode()

    # Walks

    def walk(self, walk: dict[str, Any]) -> list[str]:
        """The chat goes through the recorded statuses, each within half a second of its recorded time."""
        self.moment = self.beginning + walk["t"]
        begun = self.asked
        for phase in walk["phases"]:
            wanted = phase["state"]["status"]
            self.clock.set(begun + phase["from_s"] - 0.3)
            while self.shown() != wanted:
                if self.clock.now() > begun + phase["to_s"] + 0.5:
                    return [f"{self.shown()} instead of {wanted} at {phase['to_s']} s"]
                self.clock.set(self.clock.now() + 0.02)
        chat = self.chats.chats[self.chat_id]
        error = walk["phases"][-1]["state"].get("last_error")
        comparison = ChatComparison(self.known)
        comparison.compare(error, chat.last_error)
        return comparison.differences

    def shown(self) -> str:
        self.chats.advance()
        return self.chats.chats[self.chat_id].status


class ChatComparison(Comparison):
    """Differences between a recorded answer and the emulator's."""

    def __init__(self, known: dict[str, str], *, titles: bool = False) -> None:
        super().__init__(known)
        self.titles = titles

    def compare(self, recorded: Any, actual: Any, where: str = "") -> None:
        if where.rpartition(".")[2] in NUMBERS and recorded != actual:
            self.differ(where, recorded, actual)
        elif where.endswith((".args", ".result")) and kind(recorded) == kind(actual) == "dict":
            missing = sorted(set(recorded) - set(actual))  # what a tool tells is the tool's
            if "error" in recorded and recorded != actual:
                self.differ(where, recorded, actual)
            elif missing and where.endswith(".args"):
                self.differ(where, recorded, actual)
        else:
            super().compare(recorded, actual, where)

    def compare_texts(self, recorded: str, actual: str, where: str) -> None:
        key = where.rpartition(".")[2]
        if PLACEHOLDER.fullmatch(recorded):
            expected = self.known.setdefault(recorded, actual)
            if expected != actual:
                self.differ(where, f"{recorded} = {expected}", actual)
        elif (key in TEXTS or (key == "title" and self.titles)) and unclipped(self.expand(recorded)) != actual:
            self.differ(where, recorded, actual)

    def expand(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda match: self.known.get(match[0], match[0]), text)


def unclipped(text: str) -> str:
    return str(unclip_texts(text)) if "...<" in text else text


def reason_not_to(scenario: str, name: str) -> str | None:
    return next(
        (
            reason
            for (its_scenario, its_name), reason in NOT_REPLAYED.items()
            if re.fullmatch(its_scenario, scenario) and re.fullmatch(its_name, name)
        ),
        None,
    )


@pytest.mark.parametrize(("dialect", "scenario"), exchanges())
def test_recording(dialect: str, scenario: str) -> None:
    recording = json.loads((RECORDINGS / dialect / f"{scenario}.json").read_text())
    beginning = 10 - min([0, *(message["at"] for message in recording["setup"])])
    minute = datetime(2026, 1, 1, second=recording["began_at_second"], tzinfo=UTC)
    clock = ManualClock(minute - timedelta(seconds=beginning))
    tasks = "2.29" if scenario.startswith("17") else ""
    with Emulator(
        tasks, chats="" if tasks else dialect, clock=clock, chat_models=scenario not in NO_MODELS
    ) as emulator:
        emulator.state.user("bob").agents_access = scenario not in NO_ROLE
        problems = (without_chats if tasks else with_chats)(emulator, clock, recording, beginning)
    assert not problems, "\n" + "\n".join(problems)


def with_chats(emulator: Emulator, clock: ManualClock, recording: dict[str, Any], beginning: float) -> list[str]:
    return Replay(emulator, clock, recording, beginning).play()


def without_chats(emulator: Emulator, _clock: ManualClock, recording: dict[str, Any], _beginning: float) -> list[str]:
    """A server that has no chats says so, whoever asks."""
    problems = []
    for exchange in recording["exchanges"]:
        if exchange["response"]["status"] == 404:
            connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rpartition(":")[2]), timeout=10)
            headers = {key: emulator.token for key in exchange["request"]["headers"] if "Token" in key}
            path = re.sub("<[^>]*>", str(uuid.uuid4()), exchange["request"]["path"])
            connection.request(exchange["request"]["method"], path, headers=headers)
            response = connection.getresponse()
            answer = response.status, json.loads(response.read())
            connection.close()
            if answer != (404, exchange["response"]["body"]):
                problems.append(f"{exchange['name']}: {answer}")
    return problems
