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
from contract.test_recordings import Comparison, kind, tidy, unclip_texts
from import_recordings import LONGEST_LIST, compact

from emulator import Emulator
from emulator.chats import Chats
from emulator.chats_model import unauthorized
from emulator.chats_objects import Chat
from emulator.clock import ManualClock

RECORDINGS = Path(__file__).parent.parent / "recordings"
DIALECTS = ("chats-2.35", "chats-2.37-dev")
PLACEHOLDER = re.compile(
    r"<(?:task|workspace|user|organization|template|version|preset|chat|model|provider|id)(?: [^<>|]*)?(?:\|\w+)?>"
)
Act = Callable[["Replay"], object]
NO_MODELS = ("01-config",)
NO_ROLE = ("01-config", "02-create")  # bob gets the role in the course of these, and has it later

# What cannot be replayed, and why. Keys: scenario, exchange or walk (regular expressions; "@" and when, if need be).
_NO_TOOL = "the stand-in for a model has no tool that makes a workspace"
_OTHER_PATH = "the task and the workspace of another scenario"
NOT_REPLAYED: dict[tuple[str, str], str] = {
    ("13-workspace-files-tasks", "create chat without workspace.*"): _NO_TOOL,
    ("13-workspace-files-tasks", "get .workspace bound by the tool.*|messages|walk @3.332"): _NO_TOOL,
    ("11-errors-and-timeouts", "delete the workspace.*"): _NO_TOOL,
    ("11-errors-and-timeouts", "tasks at the experimental prefix"): _OTHER_PATH,
    ("04-get", "task id .*"): _OTHER_PATH,
    ("04-send", "messages with a queue"): "the interrupt before it took longer there",
    ("04-send", "walk.*"): "the machine was slower at the beginning than at the end",
    ("05-interrupt-archive", "list search"): "what a full text search finds comes from the scenarios before",
    ("16b-after-sigkill", ".*"): "the server was killed in the scenario before; see behaviour 27",
}

# Texts that must be equal; of other texts only the type counts.
TEXTS = {
    "message", "detail", "field", "status", "type", "role", "kind", "provider", "owner_username", "last_turn_summary",
    "tool_name", "name", "model", "display_name", "mime_type", "media_type", "action", "resource_type", "period",
    "username", "plan_mode", "client_type", "text",
}  # fmt: skip
NUMBERS = {"pin_order", "retention_days", "auto_archive_days", "count_cap", "status_code", "spend_limit_micros"}


def exchanges() -> Iterator[Any]:
    for dialect in DIALECTS:
        for path in sorted((RECORDINGS / dialect).glob("*.json")):
            yield pytest.param(dialect, path.stem, id=f"{dialect}-{path.stem}")


# The machine that these ran on was busy: what the model's requests took there, in seconds.
SLOW = {
    ("chats-2.37-dev", "02-create"): 1.7,
    ("chats-2.37-dev", "04-send"): 1.0,
    ("chats-2.37-dev", "05-interrupt-archive"): 1.5,
    ("chats-2.37-dev", "07-admin"): 1.5,
    ("chats-2.37-dev", "09-children"): 1.0,
    ("chats-2.35", "23-site-owner"): 0.5,
    ("chats-2.35", "24-family"): 0.2,
    ("chats-2.35", "26-offboarding"): 0.4,
}
# Their stand-in model counted words, a quarter of a second each, where the older one counted seconds.
COUNTED_WORDS = {scenario for dialect, scenario in SLOW if dialect == "chats-2.37-dev" or scenario[0] == "2"} | {
    "11-offboarding"
}


def message(at: float, chat: str, text: str, **more: Any) -> dict[str, Any]:
    """What a user wrote, into a new chat or into one that is there."""
    return {"at": at, "chat": chat, "text": text, **more}


def idle(at: float, chat: str, **options: Any) -> dict[str, Any]:
    """A chat that was there, with options of Chats.create_chat."""
    return {"at": at, "chat": chat, "idle": options}


_SLOW, _FAIL = "Please be slow [[slow 20]]", "Please fail [[err 400]]"
# What no answer shows: the chats that were there, and what users wrote.
MORE_SETUP: dict[str, list[dict[str, Any]]] = {
    "04-get": [idle(-1, "<chat alice>", prompt="Say hello"), idle(-1, "<chat bob>", owner="bob")],
    "06-messages": [
        message(
            58.9,
            "<id>",
            "Explain",
            more={
                "system_prompt": "Be brief.",
                "content": [
                    {
                        "type": "file-reference",
                        "file_name": "main.go",
                        "start_line": 3,
                        "end_line": 5,
                        "content": "a\nb\nc",
                    },
                    {"type": "text", "text": "Explain"},
                ],
            },
        )
    ],
    "07-send": [
        idle(-1, "<id 6>", owner="bob"),
        message(7.78, "<id 7>", _SLOW),
        message(9.0, "<id 7>", "q1"),
        message(9.01, "<id 7>", "q2"),
        message(9.35, "<chat alice 2>", "Please be slow [[slow 30]]"),
        *(message(10.5, "<chat alice 2>", f"fill {number}") for number in range(20)),
        message(12.3, "<chat alice 3>", _FAIL),
        message(12.9, "<chat alice 4>", _FAIL),
    ],
    "07b-queue-and-error": [message(0.05, "<chat alice>", "Slow then bad [[wait 2]] [[err 400]]")],
    "08-interrupt": [
        message(6.0, "<chat alice 3>", _SLOW),
        message(6.7, "<chat alice 3>", "queued before interrupt"),
        message(7.1, "<id>", _FAIL),
        idle(-1, "<id 3>", archived=True),
        message(8.0, "<chat bob>", "Please be slow [[slow 5]]", owner="<user bob>"),
    ],
    "09-patch-archive": [
        idle(-4, "<chat alice 4>", archived=True),
        idle(-3, "<chat alice 3>"),
        message(-2, "<chat alice 2>", _FAIL),
        idle(-1, "<id 2>", owner="bob"),
        message(2.2, "<chat alice 5>", _SLOW),
        message(3.5, "<chat alice 6>", _FAIL),
    ],
    "10-stream": [idle(40, "<id 6>")],
    "11-errors-and-timeouts": [idle(-2, "<chat alice 9>"), idle(-1, "<id 11>", owner="bob")],
    "12-settings": [
        idle(-1, "<id 3>"),
        idle(-1, "<another>", owner="bob"),
        message(0.15, "<priced>", "Priced", model="<model fake-claude>"),
    ],
    "14-long-waits": [message(0.09, "<chat alice>", "Please fail [[errn 429 2]]")],
    "16-restart-concurrency-children": [
        message(125.2, "<id 2>", _SLOW),
        idle(120, "<id 3>", prompt="first"),
    ],
    "23-site-owner": [idle(-3, "<first>"), idle(-2, "<second>"), idle(-1, "<third>", owner="bob")],
    "07-admin": [idle(-2, "<first>"), idle(-1, "<second>")],
}
# Chats that a turn made: what they were told is no user's message.
SPAWNED = ("Do a small thing", "Child work [[slow 30]]")
# Which chat a walk looked at, where it is not the one of the exchange before.
WALKED = {
    ("14-long-waits", "walk of the requires_action chat until it changes"): "<chat alice 2>",
    ("19-midstream-and-tools", "walk of a 5 s tool"): "<id 2>",
    ("19-midstream-and-tools", "walk: plan mode, ask_user_question"): "<chat alice 2>",
}


def list_of_02(replay: Replay) -> None:
    """The chats that the scenario before had made, the newest last."""
    models = {"Use gpt": "<model fake-gpt>", "Use claude": "<model fake-claude>"}
    texts = ["Say hello", "Say hello", "With labels", "Use claude", "Use gpt", *("other" for _number in range(12))]
    for number, text in enumerate(texts):
        model = replay.known[models.get(text, "<model fake-1>")]
        title = "Fake title" if text == "Use gpt" else "Fake generated title"
        chat = replay.chats.create_chat(text, title=title, model_id=model)
        chat.updated = chat.created = replay.clock.now() - 20 + number
        if text == "With labels":
            chat.labels = {"team": "infra", "a.b/c-d_e": "x y", "n": "1"}
        if number == len(texts) - 2:
            chat.labels = {"url": "https://x/y:1"}


def a_failed_key(replay: Replay) -> None:
    provider = next(iter(replay.chats.providers.values()))
    provider.key_failed = True
    chat = replay.chat("<chat alice>")
    chat.status, chat.last_turn_summary = "error", None
    chat.last_error = unauthorized(provider.type).as_error()


def a_read_chat(replay: Replay) -> None:
    chat = replay.chats.create_chat("Hello stream")
    chat.last_read = chat.messages[-1].id


def a_task(replay: Replay) -> None:
    task = replay.emulator.create_task("chat-task", input="Task for chats test")
    replay.known |= {"<task chat-task>": task.id, "<workspace chat-task>": task.workspace.id}


def a_chat_of_a_deleted_workspace(replay: Replay) -> None:
    task = replay.emulator.create_task("chat-made")
    workspace = task.workspace
    made: dict[str, Any] = {"workspace_id": workspace.id, "build_id": workspace.latest.id}
    replay.known["<chat alice 5>"] = replay.chats.create_chat("Make one", **made).id
    replay.emulator.state.build(workspace, "delete", task.owner)


def a_bound_chat(replay: Replay) -> None:
    a_task(replay)
    task = replay.emulator.state.task("chat-task")
    found = task.workspace.agent()
    assert found is not None
    agent = found.id
    replay.known |= {"<id>": task.id, "<id 2>": task.workspace.id, "<id 3>": agent}
    for name in ("<chat alice>", "<id 4>"):
        chat = replay.chats.create_chat("Look around", workspace_id=task.workspace.id, context_agent=agent)
        replay.known[name] = chat.id


def name_first_message(chat: str, number: int) -> Act:
    """What a path calls a message that no answer showed."""

    def act(replay: Replay) -> None:
        replay.known[f"#{number}"] = str(replay.chat(chat).messages[0].id)

    return act


def name_second_queued(replay: Replay) -> None:
    replay.known["q#6"] = str(replay.chat("<id 7>").queue[1].id)


def mint(placeholder: str, user: str) -> Act:
    def act(replay: Replay) -> None:
        world = replay.emulator.state
        found = next(known for known in world.users if known.username.startswith(user))
        replay.known[placeholder] = world.mint_token(found)

    return act


def a_thinking_model(replay: Replay) -> None:
    provider = next(iter(replay.chats.providers.values()))
    config = {"reasoning_effort": {"default": "low", "max": "high"}}
    replay.known["<model fake-think>"] = replay.chats.create_model(provider, "fake-think", config=config).id


# What was there when a scenario began.
BEFORE: dict[str, Act] = {"19-midstream-and-tools": a_task}
# What chats were made with, beside the text that an answer shows.
_IN_WORKSPACE = {"workspace_id": "<workspace chat-task>"}
MADE_WITH: dict[tuple[str, str], dict[str, Any]] = {
    ("19-midstream-and-tools", "<chat alice>"): _IN_WORKSPACE,
    ("19-midstream-and-tools", "<id 2>"): _IN_WORKSPACE,
    ("19-midstream-and-tools", "<chat alice 2>"): {"plan_mode": "plan"},
}
# What the recorder did outside of the recorded exchanges before one of them.
ACTIONS: dict[tuple[str, str], Act] = {
    ("01b-provider-patch", "get"): a_failed_key,
    ("03-list", "default (limit none)"): list_of_02,
    ("10-stream", "has_unread after a stream connect"): a_read_chat,
    ("11-errors-and-timeouts", "give it back"): a_chat_of_a_deleted_workspace,
    ("13-workspace-files-tasks", "task"): a_task,
    ("20-clean-up", "usage limit back"): a_bound_chat,
    ("07-send", "promote the second queued message"): name_second_queued,
    ("16-restart-concurrency-children", "edit the user message while running"): name_first_message("<id 2>", 141),
    ("16-restart-concurrency-children", "edit the first message"): name_first_message("<id 3>", 146),
    ("23-site-owner", "list as bob with the owner's minted token"): mint("<token-of-bob-minted-by-owner>", "bob"),
    ("07-admin", "list as bob with the owner's minted token"): mint("<token-of-bob-minted-by-owner>", "bob"),
    **{
        (scenario, name): mint(token, "carol")
        for scenario in ("26-offboarding", "11-offboarding")
        for name, token in (("carol creates", "<carol-token>"), ("list with it", "<carol-token-2>"))
    },
    ("02-create", "minimal"): a_thinking_model,
}


class Replay:
    """One scenario on its way through an emulator."""

    def __init__(self, emulator: Emulator, clock: ManualClock, scenario: dict[str, Any], beginning: float) -> None:
        self.emulator, self.clock, self.scenario, self.beginning = emulator, clock, scenario, beginning
        self.name = scenario["scenario"]
        self.moment = beginning
        written = [message for message in scenario["setup"] if message["text"] not in SPAWNED]
        self.setup = sorted([*written, *MORE_SETUP.get(self.name, [])], key=lambda entry: entry["at"])
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
        BEFORE.get(self.name, lambda _replay: None)(self)
        entries = sorted([*self.scenario["exchanges"], *self.scenario["walks"]], key=began)
        for entry in entries:
            if any(reason_not_to(self.name, name) for name in (entry["name"], f"{entry['name']} @{entry['t']}")):
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
        """Make what was there by then, in time for the answer that shows it."""
        text = json.dumps(entry, ensure_ascii=False) + WALKED.get((self.name, entry["name"]), "")
        begins = began(entry)
        if "phases" in entry and not self.chat_id:
            begins += 0.5  # when a message was written is known to the second only
        for wanted in list(self.setup):
            its_chat = wanted["chat"] in text and wanted["chat"] not in self.known
            shown = (
                json.dumps(wanted.get("text", wanted["chat"]), ensure_ascii=False) in text and wanted["chat"] in text
            )
            if wanted["at"] <= begins or shown or its_chat:
                self.setup.remove(wanted)
                self.clock.set(self.beginning + min(wanted["at"], begins - 0.3 * (shown or its_chat)))
                self.write(wanted)
        for placeholder in re.findall(r"chats/(<(?:chat|id)[^>|]*)", entry.get("request", {}).get("path", "")):
            if f"{placeholder}>" not in self.known and self.was_there(placeholder):
                self.write(idle(0, f"{placeholder}>", owner="bob" if placeholder.startswith("<chat bob") else "alice"))

    def was_there(self, placeholder: str) -> bool:
        """Whether a server found the chat that a path names."""
        named = re.compile(f"chats/{re.escape(placeholder)}[>|]")
        return any(
            named.search(exchange["request"]["path"]) and exchange["response"]["status"] not in (401, 404)
            for exchange in self.scenario["exchanges"]
        )

    def write(self, message: dict[str, Any]) -> None:
        """A user writes: into a new chat, or into one that is there."""
        if "idle" in message:
            self.known[message["chat"]] = self.chats.create_chat(**message["idle"]).id
            return
        content, headers = [{"type": "text", "text": message["text"]}], {"Coder-Session-Token": self.token_of(message)}
        body: dict[str, Any] = {"content": content, **message.get("more", {})}
        body |= MADE_WITH.get((self.name, message["chat"]), {})
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
            if tries > 1 and _try < tries - 1:
                self.known = known
                self.clock.set(self.clock.now() + 0.25)
        return differences

    def _differences(self, exchange: dict[str, Any]) -> list[str]:
        recorded, request = exchange["response"], exchange["request"]
        self.asked = self.clock.now()
        status, headers, body = self.ask(request)
        found = re.search(r"chats/([0-9a-f-]{36})", self.resolve(request["path"]))
        identity = found[1] if found else body.get("id", "") if isinstance(body, dict) else ""
        self.chat_id = identity if identity in self.chats.chats else self.chat_id
        comparison = ChatComparison(self.known, titles=status == 201, summaries=not self.chats.walk)
        comparison.compare(recorded["body"], compact(body))
        if status != recorded["status"]:
            comparison.differences.insert(0, f"status {status} instead of {recorded['status']}: {str(body)[:300]}")
        for header in set(recorded["headers"]) - {"X-Coder-Build-Version", "Allow"}:
            actual = headers.get(header.lower())
            if tidy(actual or "") != recorded["headers"][header]:
                comparison.differ(f"header {header}", recorded["headers"][header], actual)
        return comparison.differences

    def resolve(self, value: Any) -> Any:
        """A recorded request with the ids and tokens of this server."""
        if isinstance(value, dict):
            return {self.resolve(key): self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, str):
            return value
        for name in self.known:
            if "token" in name or name.startswith(("call_", "toolu_")):
                value = value.replace(name, self.known[name])
        return PLACEHOLDER.sub(self._identity, value)

    def _identity(self, match: re.Match[str]) -> str:
        name, _bar, form = match[0][:-1].partition("|")
        identity = self.known.setdefault(f"{name}>", str(uuid.uuid4()))
        return {"upper": identity.upper(), "plain": identity.replace("-", "")}.get(form, identity)

    def ask(self, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Send a request as it is; nothing may tidy its path."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.emulator.url.rpartition(":")[2]), timeout=10)
        path = quote(self.numbered(self.resolve(request["path"])), safe="/%{}@:")
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

    def numbered(self, path: str) -> str:
        """A path with the numbers that messages and queue entries have here."""
        path = re.sub(r"(?<=/messages/)\d+", lambda match: self.known.get(f"#{match[0]}", match[0]), path)
        return re.sub(r"(?<=/queue/)\d+", lambda match: self.known.get(f"q#{match[0]}", match[0]), path)

    def body(self, recorded: Any) -> bytes | None:
        if recorded is None:
            return None
        if isinstance(recorded, dict) and set(recorded) == {"raw", "bytes"}:
            raw = self.resolve(recorded["raw"]).replace("\\x89", "\x89").encode("latin-1")
            return raw if len(raw) >= recorded["bytes"] else raw.ljust(recorded["bytes"], b"a")
        if isinstance(recorded, str):
            size = re.fullmatch(r"<json of (\d+) bytes>", recorded)
            return self.large(int(size[1])) if size else recorded.encode()
        return json.dumps(unclipped(self.resolve(recorded))).encode()

    def large(self, size: int) -> bytes:
        """A body that was recorded by its size only: a long prompt of the system, or of the user."""
        long = "y" * size
        body: dict[str, Any] = {"organization_id": self.known["<organization coder>"], "content": []}
        body["content"] = [{"type": "text", "text": "x" if size < 20_000 else long}]
        return json.dumps({**body, **({"system_prompt": long[:10_001]} if size < 20_000 else {})}).encode()

    # Walks

    def walk(self, walk: dict[str, Any]) -> list[str]:
        """The chat goes through the recorded statuses, each within half a second of its recorded time."""
        self.prepare(walk)
        if self.chat_id not in self.chats.chats and (self.name, walk["name"]) not in WALKED:
            return ["no chat was asked about before it"]
        begun = self.asked if walk["phases"][0]["from_s"] < 0.4 else self.beginning + zero(walk)
        if (self.name, walk["name"]) in WALKED:
            self.chat_id = self.known[WALKED[self.name, walk["name"]]]
        for phase in walk["phases"]:
            wanted = phase["state"]["status"]
            if wanted == "interrupting":
                continue  # how long it takes is the machine's; the interrupt's own answer shows it
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

    def __init__(self, known: dict[str, str], *, titles: bool = False, summaries: bool = True) -> None:
        super().__init__(known)
        self.titles = titles
        self.summaries = summaries

    def compare(self, recorded: Any, actual: Any, where: str = "") -> None:
        if isinstance(recorded, dict):
            recorded = {self.expand(key): value for key, value in recorded.items()}
        if where.endswith(".last_turn_summary") and not self.summaries:
            return  # it comes after the turn, and there it came seconds later
        if where.endswith(".id") and kind(recorded) == kind(actual) == "number":
            self.compare_numbers(recorded, actual, where)
        elif where.rpartition(".")[2] in NUMBERS and recorded != actual:
            self.differ(where, recorded, actual)
        elif where.endswith((".args", ".result")) and kind(recorded) == kind(actual) == "dict":
            # What a tool tells is the tool's, but not its errors and not what it was called with.
            lacks = where.endswith(".args") and set(recorded) - set(actual)
            if lacks or ("error" in recorded and recorded != actual):
                self.differ(where, recorded, actual)
        else:
            super().compare(recorded, actual, where)

    def compare_lists(self, recorded: list[Any], actual: list[Any], where: str) -> None:
        """A long list was recorded by its first entries."""
        cut = len(actual) > len(recorded) == LONGEST_LIST
        if where.endswith("messages") and len(actual) != len(recorded) and not cut:
            self.differ(where, f"{len(recorded)} entries", f"{len(actual)} entries")
        super().compare_lists(recorded, actual[: len(recorded)] if cut else actual, where)

    def compare_numbers(self, recorded: int, actual: int, where: str) -> None:
        """Messages and queue entries have other numbers here, but each always the same one."""
        name = f"{'q' if 'queued' in where else ''}#{recorded}"
        expected = self.known.setdefault(name, str(actual))
        if expected != str(actual):
            self.differ(where, f"{recorded} = {expected}", actual)

    def compare_texts(self, recorded: str, actual: str, where: str) -> None:
        key = where.rpartition(".")[2]
        if PLACEHOLDER.fullmatch(recorded) or key == "tool_call_id":
            expected = self.known.setdefault(recorded, actual)
            if expected != actual:
                self.differ(where, f"{recorded} = {expected}", actual)
        elif where.endswith(".user.name") or (key == "text" and recorded.startswith("word")):
            pass  # alice was called otherwise on the other servers; another stand-in model had other blanks
        elif key == "detail" and recorded.startswith("fake "):
            pass  # what the stand-in provider said, which was not the same one everywhere
        elif (key in TEXTS or (key == "title" and self.titles)) and tidy(unclipped(self.expand(recorded))) != tidy(
            actual
        ):
            self.differ(where, recorded, actual)

    def expand(self, text: str) -> str:
        for name in self.known:
            if name.startswith(("call_", "toolu_")):
                text = text.replace(name, self.known[name])
        return PLACEHOLDER.sub(lambda match: self.known.get(match[0], match[0]), text)


def began(entry: dict[str, Any]) -> float:
    """When an exchange was answered, or the polling of a walk began: seconds since the scenario began."""
    if "phases" not in entry:
        return float(entry["t"])
    return zero(entry) + float(entry["phases"][0]["from_s"])


def zero(walk: dict[str, Any]) -> float:
    """When the seconds of a walk are counted from."""
    return float(walk["t"] - walk["phases"][-1]["to_s"])


def unclipped(value: Any) -> Any:
    """A value with what the recording cut off its long texts."""
    if isinstance(value, dict):
        return {key: unclipped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unclipped(item) for item in value]
    return unclip_texts(value)


def reason_not_to(scenario: str, name: str) -> str | None:
    return next(
        (
            reason
            for (its_scenario, its_name), reason in NOT_REPLAYED.items()
            if re.fullmatch(its_scenario, scenario) and re.fullmatch(its_name, name)
        ),
        None,
    )


@pytest.mark.parametrize(("dialect", "scenario"), list(exchanges()))
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
        if emulator.state.chats is not None:
            seconds = SLOW.get((dialect, scenario), 0)
            emulator.state.chats.walk = f"[[wait {seconds}]]" if seconds else ""
            emulator.state.chats.slow_unit = 0.25 if scenario in COUNTED_WORDS else 1.0
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
