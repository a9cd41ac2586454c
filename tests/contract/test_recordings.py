# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator answers as real servers did: their recordings are replayed against it.

The same request gets the same status, headers that matter, keys in the same order, types, and texts. Ids are compared by
what they are the id of. The clock of the emulated world is moved to the time of each recorded exchange, so that builds
are as far as they were.
"""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from emulator import Emulator
from emulator.clock import ManualClock

RECORDINGS = Path(__file__).parent.parent / "recordings"
DIALECTS = ("2025-10", "2.29", "2.34")
PLACEHOLDER = re.compile(r"<(?:task|workspace|user|organization|template|version|preset|id) ?[^<>|]*(?:\|\w+)?>")

# What cannot be replayed, and why. Keys: dialect (or *), scenario, exchange name (a regular expression).
NOT_REPLAYED: dict[tuple[str, str, str], str] = {}

# What the recorder did outside of HTTP before an exchange: scenario, exchange name.
ACTIONS: dict[tuple[str, str], Callable[[Replay], None]] = {}

# Texts that must be equal; of other texts only the type counts.
TEXTS = {
    "message", "detail", "field", "status", "workspace_status", "workspace_agent_lifecycle", "lifecycle_state",
    "transition", "reason", "type", "state", "name", "Name", "owner_name", "username", "template_name", "initial_prompt",
    "content", "health", "slug", "role", "Value", "error", "form_type",
}  # fmt: skip


def exchanges(dialect: str) -> Iterator[Any]:
    for path in sorted((RECORDINGS / dialect).glob("*.json")):
        yield pytest.param(dialect, path.stem, id=f"{dialect}-{path.stem}")


class Replay:
    """One scenario on its way through an emulator."""

    def __init__(self, emulator: Emulator, clock: ManualClock, scenario: dict[str, Any]) -> None:
        self.emulator, self.clock, self.scenario = emulator, clock, scenario
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
        self.setup = list(scenario["setup"])

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
        text = json.dumps(exchange)
        while self.setup and (self.setup[0]["at"] <= exchange["t"] or any(w["id"] in text for w in self.setup)):
            wanted = self.setup.pop(0)
            self.clock.set(min(wanted["at"], exchange["t"] - 0.1))
            task = self.emulator.create_task(
                wanted["name"], owner=wanted["owner"], template=wanted["template"], input=wanted["input"], state="new"
            )
            self.bind(wanted["id"], task.id)
            self.bind(wanted["workspace_id"], task.workspace.id)

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


def unclip(text: str, size: int) -> bytes:
    """A raw body with what the recording left out of its middle."""
    head, mark, tail = re.split(r"(\.\.\.<\d+ bytes in all>\.\.\.)", text) if " bytes in all>" in text else (text, "", "")
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
        elif isinstance(recorded, bool) and recorded is not actual:
            self.differ(where, recorded, actual)

    def compare_lists(self, recorded: list[Any], actual: list[Any], where: str) -> None:
        recorded, actual = in_order(recorded), in_order(actual)
        if bool(recorded) != bool(actual):
            self.differ(where, recorded, actual)
        same_length = len(recorded) == len(actual)
        for index, item in enumerate(actual[: len(recorded)]):
            if same_length:
                self.compare(recorded[index], item, f"{where}[{index}]")

    def compare_texts(self, recorded: str, actual: str, where: str) -> None:
        key = where.rpartition(".")[2]
        if PLACEHOLDER.fullmatch(recorded):
            expected = self.known.setdefault(recorded, actual)
            if expected != actual:
                self.differ(where, f"{recorded} = {expected}", actual)
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
    clock, problems = ManualClock(), []
    with Emulator(dialect, clock=clock, auto_snapshot=False) as emulator:
        replay = Replay(emulator, clock, recording)
        for exchange in recording["exchanges"]:
            if reason_not_to(dialect, scenario, exchange["name"]):
                continue
            replay.prepare(exchange)
            clock.set(exchange["t"])
            ACTIONS.get((scenario, exchange["name"]), lambda _replay: None)(replay)
            problems += [f"{exchange['name']}: {difference}" for difference in replay.differences(exchange)]
    assert not problems, "\n" + "\n".join(problems)
