# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator answers as real servers did: their recordings are replayed against it.

The same request gets the same status, headers that matter, keys in the same order, types, and texts. Ids are compared
by what they are the id of. The clock of the emulated world is moved to the time of each recorded exchange, so that
builds are as far as they were.
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

from emulator import Emulator
from emulator.clock import ManualClock
from emulator.world import Task

RECORDINGS = Path(__file__).parent.parent / "recordings"
DIALECTS = ("2025-10", "2.29", "2.34")
PLACEHOLDER = re.compile(r"<(?:task|workspace|user|organization|template|version|preset|id) ?[^<>|]*(?:\|\w+)?>")
Act = Callable[["Replay"], object]
GENERATED = re.compile(".+-[0-9a-f]{4}")  # a name made by the server

# What cannot be replayed, and why. Keys: dialect (or *), scenario, exchange name (a regular expression).
NOT_REPLAYED: dict[tuple[str, str, str], str] = {
    ("2.34", "15-hangs", ".*frozen"): "the recorder gave up: there is no answer to compare",
    ("2.34", "16-real-agentapi", ".*"): "shows the screen of a real terminal agent",
    ("2.34", "13-stop-hook", "big10: logs after"): "shows what the original hook keeps of ten large messages",
    ("2.34", "13-stop-hook", "cancel: trigger"): "a second name of the exchange before it",
}

# Tasks that no answer of a scenario describes.
MORE_SETUP: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("2025-10", "09-log-snapshot"): [{"at": 0.1, "name": "sn-one", "id": "<id>"}],
    ("2.29", "09-log-snapshot"): [{"at": 0.1, "name": "sn-one", "id": "<id>"}],
    ("2.34", "09-log-snapshot"): [
        {"at": 0.1, "name": "sn-one", "id": "<id>"},
        {"at": 0.2, "name": "sn-two", "id": "<id 4>"},
    ],
    ("2.34", "09b-snapshot-readback"): [{"at": 0.1, "name": "rb-one", "id": "<id>"}],
    ("2.29", "10-delete"): [
        {"at": 23.3, "name": "d-fail", "template": "ai-fail", "id": "<id 6>"},
        {"at": 25.0, "name": "d-ws", "id": "<id 9>", "workspace_id": "<workspace d-ws>"},
    ],
    ("2.34", "10-delete"): [
        {"at": 19.3, "name": "d-fail", "template": "ai-fail", "id": "<id 6>"},
        {"at": 21.0, "name": "d-ws", "id": "<id 9>", "workspace_id": "<workspace d-ws>"},
    ],
    ("2.34", "13-stop-hook"): [{"at": 50.0, "name": "h-delete", "id": "<id 12>"}],
    ("2.34", "15-hangs"): [
        {"at": 0.0, "name": "frozen", "id": "<id>"},
        {"at": 0.0, "name": "dead", "id": "<id 2>"},
    ],
}


def behave(name: str, **changes: Any) -> Act:
    """The AgentAPI of a task begins to behave in another way."""

    def act(replay: Replay) -> None:
        for key, value in changes.items():
            setattr(replay.task(name).api.behaviour, key, value)

    return act


def mode(name: str, new: str) -> Act:
    return lambda replay: replay.task(name).api.set_mode(new)


def say(name: str, *messages: dict[str, Any]) -> Act:
    return lambda replay: replay.task(name).api.set_messages(list(messages))


def send(name: str, text: str, *, hook: bool = False) -> Act:
    """Send a message a second before; hook: from now on the stop hook posts a snapshot."""

    def act(replay: Replay) -> None:
        replay.clock.set(replay.moment - 0.5)
        replay.task(name).api.post(text)
        replay.emulator.state.settings.auto_snapshot = hook

    return act


def stop(name: str) -> Act:
    """Stop a workspace, in time to be stopped."""

    def act(replay: Replay) -> None:
        replay.clock.set(replay.moment - 5)
        task = replay.task(name)
        replay.emulator.state.build(task.workspace, "stop", task.owner)

    return act


def stop_now(name: str) -> Act:
    return lambda replay: replay.emulator.state.build(replay.task(name).workspace, "stop", replay.task(name).owner)


def start(name: str) -> Act:
    """Start a workspace now."""
    return lambda replay: replay.emulator.state.build(replay.task(name).workspace, "start", replay.task(name).owner)


def settle(name: str, status: str) -> Act:
    """The recorder waited until a task had a status."""

    def act(replay: Replay) -> None:
        for _step in range(100):
            if replay.task(name).status != status:
                replay.clock.set(replay.clock.now() + 0.1)

    return act


def both(*acts: Act) -> Act:
    def act(replay: Replay) -> None:
        for one in acts:
            one(replay)

    return act


def only(dialect: str, act: Act) -> Act:
    return lambda replay: act(replay) if replay.dialect == dialect else None


def delete_rest_of_create(replay: Replay) -> None:
    """In era S the scenario before was still being cleaned up."""
    for task in replay.emulator.state.tasks.values():
        if task.name != "first":
            replay.emulator.state.build(task.workspace, "delete", task.owner)


def hook_fails(replay: Replay) -> None:
    replay.emulator.state.settings.auto_snapshot = False


def exhaust_rate_limit(replay: Replay) -> None:
    request = next(e["request"] for e in replay.scenario["exchanges"] if e["name"] == "request 2")
    for _number in range(510):
        replay.ask(request)


def use_new_agent_token(replay: Replay) -> None:
    replay.known.pop("<agent-token>", None)


def kill_agent(name: str) -> Act:
    return lambda replay: replay.task(name).kill_agent()


def build_on(replay: Replay) -> None:
    """This server was slower than the others."""
    workspace = replay.task("d-one").workspace
    workspace.reschedule(workspace.latest, replay.moment)


def stop_and_name_the_build(replay: Replay) -> None:
    replay.clock.set(replay.moment - 1)
    task = replay.task("h-cancel")
    replay.bind("<id 17>", replay.emulator.state.build(task.workspace, "stop", task.owner).id)


# What the recorder did outside of HTTP before an exchange: scenario, exchange name.
ACTIONS: dict[tuple[str, str], Act] = {
    ("03-list", "bob: empty list"): both(only("2025-10", delete_rest_of_create), only("2.34", stop("first"))),
    ("03-list", "many (no q)"): stop("l-one"),
    ("05-status-walk", "pause with dead agent"): kill_agent("w-walk"),
    ("06-send", "busy (running)"): behave("s-one", status="running"),
    ("06-send", "AgentAPI rejects"): behave("s-one", status=None, reject="message could not be typed"),
    ("06-send", "AgentAPI /status 500"): behave("s-one", reject=None, status_error="boom"),
    ("06-send", "AgentAPI unknown status"): behave("s-one", status_error=None, status="weird"),
    ("06-send", "AgentAPI slow, 6 s per call"): both(behave("s-one", status=None), mode("s-one", "slow")),
    ("06-send", "logs with unknown role, live"): both(
        mode("s-one", "up"), say("s-one", {"role": "system", "content": "x"})
    ),
    ("06-send", "logs, one empty message"): say("s-one", {"content": "", "time": "2026-01-01T00:00:00Z"}),
    ("06-send", "logs, no messages"): say("s-one"),
    ("06-send", "app just killed"): mode("s-one", "down"),
    ("06-send", "app back"): mode("s-one", "up"),
    ("07-logs", "after a message"): send("lg-one", "one"),
    ("07-logs", "pause (seed hook posts a snapshot)"): send("lg-one", "two <&> ñ", hook=True),
    ("07-logs", "pause with AgentAPI dead (seed hook fails)"): mode("lg-one", "down"),
    ("09-log-snapshot", "after stop finished"): settle("sn-one", "paused"),
    **{
        (("09b-snapshot-readback", f"{step}: {case}")): act
        for case in ("unknown role", "empty messages", "missing fields", "odd content", "500 messages")
        for step, act in {
            "post": both(settle("rb-one", "active"), use_new_agent_token),
            "paused logs": both(stop_now("rb-one"), settle("rb-one", "paused")),
            "initializing logs": start("rb-one"),
        }.items()
    },
    ("10-delete", "while starting, 1 s later"): only("2.29", build_on),
    ("10-delete", "delete paused"): stop("d-one"),
    ("11-routes-and-rate-limit", "GET /api/v2/nope"): only("2.34", stop("first")),
    ("11-routes-and-rate-limit", "request 513"): exhaust_rate_limit,
    ("13-stop-hook", "pause: trigger"): send("h-pause", "hello pause", hook=True),
    ("13-stop-hook", "cjk70k: trigger"): hook_fails,
    ("13-stop-hook", "cancel: PATCH workspacebuilds/cancel"): stop_and_name_the_build,
    ("15-hangs", "GET logs, agent dead"): both(settle("dead", "active"), kill_agent("dead")),
}

# Texts that must be equal; of other texts only the type counts.
TEXTS = {
    "message", "detail", "field", "status", "workspace_status", "workspace_agent_lifecycle", "lifecycle_state",
    "transition", "reason", "type", "state", "name", "Name", "owner_name", "username", "template_name",
    "initial_prompt", "content", "health", "slug", "role", "Value", "error", "form_type",
}  # fmt: skip


NUMBERS = {"id", "build_number", "workspace_build_number"}


def exchanges(dialect: str) -> Iterator[Any]:
    for path in sorted((RECORDINGS / dialect).glob("*.json")):
        yield pytest.param(dialect, path.stem, id=f"{dialect}-{path.stem}")


class Replay:
    """One scenario on its way through an emulator."""

    def __init__(self, emulator: Emulator, clock: ManualClock, scenario: dict[str, Any], beginning: float) -> None:
        self.emulator, self.clock, self.scenario = emulator, clock, scenario
        self.dialect = emulator.dialect.name
        more = MORE_SETUP.get((self.dialect, scenario["scenario"]), [])
        self.setup = sorted([*scenario["setup"], *more], key=lambda task: task["at"])
        self.beginning = self.moment = beginning
        self.held_since = 0.0
        self.known = {"<session-token>": emulator.token, "<bob-session-token>": emulator.tokens["bob"]}
        self.known["<valid-id>-<wrong-secret>"] = f"{emulator.token.partition('-')[0]}-{'x' * 22}"
        world = emulator.state
        self.bind("<organization coder>", world.organization["id"])
        for user in world.users:
            self.bind(f"<user {user.username}>", user.id)
        for template in world.templates:
            self.bind(f"<template {template.name}>", template.id)
            self.bind(f"<version {template.name} v1>", template.active_version.id)
            for preset in template.active_version.presets:
                self.bind(f"<preset {template.name} {preset.name}>", preset.id)

    def task(self, name: str) -> Task:
        return self.emulator.state.task(name)

    def begin(self, exchange: dict[str, Any]) -> None:
        """Bring the world to where it was when this was asked."""
        self.moment = self.beginning + exchange["t"]
        self.hold_or_release(exchange)
        self.prepare(exchange)
        ACTIONS.get((self.scenario["scenario"], exchange["name"]), lambda _replay: None)(self)
        self.clock.set(self.moment)

    def hold_or_release(self, exchange: dict[str, Any]) -> None:
        """Builds wait in the queue while the recorded ones did: there were three provisioners."""
        world, body = self.emulator.state, exchange["response"]["body"]
        if any(is_queued(task, exchange["request"]["method"]) for task in tasks_in(body)):
            world.hold_builds()
            self.held_since = self.moment
        elif world.held and self.moment > self.held_since + 0.3:
            world.release_builds()

    def differences(self, exchange: dict[str, Any]) -> list[str]:
        """What differs between the recorded answer and the emulator's.

        The recorder polled until something had happened, on machines of different speed: a GET may be repeated for two
        seconds of the emulated world.
        """
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
        recorded = exchange["response"]
        status, headers, body = self.ask(exchange["request"])
        comparison = Comparison(self.known)
        comparison.compare(recorded["body"], body)
        if status != recorded["status"]:
            comparison.differences.insert(0, f"status {status} instead of {recorded['status']}: {str(body)[:300]}")
        for header, value in recorded["headers"].items():
            actual = headers.get(header.lower())
            # Which of the allowed methods a 405 names changes from answer to answer.
            if actual is None or (header != "Allow" and tidy(actual) != value):
                comparison.differ(f"header {header}", value, actual)
        return comparison.differences

    def bind(self, placeholder: str, value: str) -> None:
        self.known[placeholder] = value

    def prepare(self, exchange: dict[str, Any]) -> None:
        """Make the tasks that were there by then."""
        text, world = json.dumps(exchange), self.emulator.state
        while self.setup and (self.setup[0]["at"] <= exchange["t"] or any(w["id"] in text for w in self.setup)):
            wanted = self.setup.pop(0)
            self.clock.set(self.beginning + min(wanted["at"], exchange["t"] - 0.1))
            held, world.held = world.held, world.held and wanted["at"] > exchange["t"] - 5
            task = self.emulator.create_task(
                wanted["name"],
                owner=wanted.get("owner", "alice"),
                template=wanted.get("template", "ai"),
                input=wanted.get("input", "Do the thing"),
                state="new",
            )
            world.held = held
            self.bind(wanted["id"], task.id)
            self.bind(wanted.get("workspace_id", f"<workspace {wanted['name']}>"), task.workspace.id)

    def resolve(self, value: Any) -> Any:
        """A recorded request with the ids and tokens of this server."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, str):
            return value
        for token in re.findall(r"<(?:other-)?agent-token(?:-\d)?>", value):
            self.known.setdefault(token, self.agent_token(token))
        for name in sorted(self.known, key=len, reverse=True):
            if name.endswith("token>") or "secret" in name or "token-" in name:
                value = value.replace(name, self.known[name])
        return PLACEHOLDER.sub(self._identity, value)

    def _identity(self, match: re.Match[str]) -> str:
        name, _bar, form = match[0][:-1].partition("|")
        identity = self.known.setdefault(f"{name}>", str(uuid.uuid4()))
        return {"upper": identity.upper(), "plain": identity.replace("-", "")}.get(form, identity)

    def agent_token(self, placeholder: str) -> str:
        tasks = list(self.emulator.state.tasks.values())
        return (tasks[-1] if placeholder.startswith("<other") else tasks[0]).agent.token

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
        content = response.read()
        connection.close()
        text = content.decode()
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = text
        return response.status, dict(response.getheaders()), body

    def body(self, recorded: Any) -> bytes | None:
        if recorded is None:
            return None
        if isinstance(recorded, dict) and set(recorded) == {"raw", "bytes"}:
            return unclip(self.resolve(recorded["raw"]), recorded["bytes"])
        return json.dumps(unclip_texts(self.resolve(recorded))).encode()


def tasks_in(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict):
        return []
    return [body] if "initial_prompt" in body else body.get("tasks", [])


def is_queued(task: dict[str, Any], method: str) -> bool:
    """Whether a recorded task waited for a provisioner; just created, its workspace is always called pending."""
    return task["status"] == "pending" or (method == "GET" and task.get("workspace_status") == "pending")


def unclip(text: str, size: int) -> bytes:
    """A raw body with what the recording left out of its middle."""
    parts = re.split(r"(\.\.\.<\d+ bytes in all>\.\.\.)", text)
    head, mark, tail = parts if len(parts) == 3 else (text, "", "")
    if mark and not tail.strip():
        # A value of 65,000 bytes and blanks behind it.
        end = '","time":"2026-06-01T12:00:00Z"}]}'
        return f"{head}{'a' * (65_000 - len(head) - len(end))}{end}{' ' * (size - 65_000)}".encode()
    if not mark:
        return text.encode("utf-8", "surrogatepass").replace(rb"\xff\xfe", b"\xff\xfe")
    fill = head[-1:].encode()
    return head.encode() + fill * (size - len(head.encode()) - len(tail.encode())) + tail.encode()


def unclip_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unclip_texts(item) for key, item in value.items()}
    match = re.fullmatch(r"(.*?(.))\.\.\.<(\d+) chars>", value, re.DOTALL) if isinstance(value, str) else None
    return match[1] + match[2] * (int(match[3]) - len(match[1])) if match else value


class Comparison:
    """Differences between a recorded answer and the emulator's."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known
        self.differences: list[str] = []

    def compare(self, recorded: Any, actual: Any, where: str = "") -> None:
        if isinstance(recorded, dict) and "_clipped" in recorded:
            return
        if kind(recorded) != kind(actual):
            self.differ(where, recorded, actual)
        elif isinstance(recorded, dict):
            if list(recorded) != list(actual):
                missing = [key for key in recorded if key not in actual]
                extra = [key for key in actual if key not in recorded]
                self.differences.append(f"{where}: keys: missing {missing}, extra {extra}, or another order")
            for key in recorded.keys() & actual.keys():
                self.compare(recorded[key], actual[key], f"{where}.{key}")
        elif isinstance(recorded, list):
            self.compare_lists(recorded, actual, where)
        elif isinstance(recorded, str):
            self.compare_texts(recorded, actual, where)
        elif recorded != actual and (isinstance(recorded, bool) or where.rpartition(".")[2] in NUMBERS):
            self.differ(where, recorded, actual)

    def compare_lists(self, recorded: list[Any], actual: list[Any], where: str) -> None:
        recorded, actual = in_order(recorded), in_order(actual)
        if bool(recorded) != bool(actual):
            self.differ(where, recorded, actual)
        if len(recorded) == len(actual):
            for index, item in enumerate(actual):
                self.compare(recorded[index], item, f"{where}[{index}]")
        elif recorded and actual and isinstance(recorded[0], dict) and list(recorded[0]) != list(actual[0]):
            self.differ(f"{where}[0]: keys", list(recorded[0]), list(actual[0]))

    def compare_texts(self, recorded: str, actual: str, where: str) -> None:
        key = where.rpartition(".")[2]
        if PLACEHOLDER.fullmatch(recorded):
            expected = self.known.setdefault(recorded, actual)
            if expected != actual:
                self.differ(where, f"{recorded} = {expected}", actual)
        elif GENERATED.fullmatch(recorded) and GENERATED.fullmatch(actual):
            return
        elif key in TEXTS and tidy(self.expand(recorded)) != tidy(actual):
            self.differ(where, recorded, actual)

    def expand(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda match: self.known.get(match[0], match[0]), text)

    def differ(self, where: str, recorded: Any, actual: Any) -> None:
        self.differences.append(f"{where}: recorded {str(recorded)[:200]!r}, emulator {str(actual)[:200]!r}")


def in_order(items: list[Any]) -> list[Any]:
    """Lists whose order changes from answer to answer (scripts, log sources, a preset's parameters), by name."""
    for key in ("display_name", "Name"):
        if all(isinstance(item, dict) and key in item for item in items):
            return sorted(items, key=lambda item: str(item[key]))
    return items


def kind(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


def tidy(text: str) -> str:
    """Without ports and addresses."""
    return re.sub(r"\[fd7a:[0-9a-f:]+\]", "[<node>]", re.sub(r"(localhost:|127\.0\.0\.1:|\]:)\d+", r"\1<port>", text))


def reason_not_to(dialect: str, scenario: str, name: str) -> str | None:
    return next(
        (
            reason
            for (its_dialect, its_scenario, its_name), reason in NOT_REPLAYED.items()
            if its_dialect in ("*", dialect) and its_scenario == scenario and re.fullmatch(its_name, name)
        ),
        None,
    )


@pytest.mark.parametrize(("dialect", "scenario"), [param for dialect in DIALECTS for param in exchanges(dialect)])
def test_recording(dialect: str, scenario: str) -> None:
    recording = json.loads((RECORDINGS / dialect / f"{scenario}.json").read_text())
    beginning = 10 - min([0, *(task["at"] for task in recording["setup"])])
    minute = datetime(2026, 1, 1, second=recording["began_at_second"], tzinfo=UTC)
    clock, problems = ManualClock(minute - timedelta(seconds=beginning)), []
    with Emulator(dialect, clock=clock, auto_snapshot=False) as emulator:
        replay = Replay(emulator, clock, recording, beginning)
        for exchange in recording["exchanges"]:
            if reason_not_to(dialect, scenario, exchange["name"]):
                continue
            replay.begin(exchange)
            problems += [f"{exchange['name']}: {difference}" for difference in replay.differences(exchange)]
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_walks(dialect: str) -> None:
    """A task goes through the recorded statuses in the recorded order, each within a second of the recorded time."""
    recording = json.loads((RECORDINGS / dialect / "05-status-walk.json").read_text())
    walks = {walk["name"]: walk["phases"] for walk in recording["walks"]}
    clock = ManualClock()
    emulator = Emulator(dialect, clock=clock)
    clock.set(10)
    task = emulator.create_task("walk", state="new")
    for name, transition in (("create -> active", ""), ("pause -> paused", "stop"), ("resume -> active", "start")):
        phases, begun = walks[f"walk {name}"], clock.now()
        if transition:
            emulator.state.build(task.workspace, transition, task.owner)
        for phase in phases:
            wanted = (phase["state"]["status"], phase["state"]["workspace_agent_lifecycle"])
            clock.set(begun + phase["from_s"] - 0.4)
            while seen(task) != wanted and clock.now() < begun + phase["to_s"] + 1:
                clock.set(clock.now() + 0.05)
            assert seen(task) == wanted, f"{name} at {phase['from_s']} s"


def seen(task: Task) -> tuple[str, str | None]:
    agent = task.workspace.agent()
    return task.status, agent.lifecycle() if agent else None
