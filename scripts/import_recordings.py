# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring recordings of real servers into tests/recordings, normalised.

    python scripts/import_recordings.py SOURCE

SOURCE holds one folder a server (coder-2.34, agentapi, ...), one JSON file a scenario. Ids become placeholders that say
what they are the id of (<task fix-login>, <version ai v1>), times of the recording become <time>, ports <port>, headers
are trimmed to those that matter, and what is long is clipped. Each exchange keeps its name, the seconds since the
scenario began when it was asked (t), request and response; `began_at_second` is the second of the minute (rate limits
have windows of a minute); `setup` names the tasks that were there although no exchange made them.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "tests" / "recordings"
SERVERS = {"coder-2025-10": "2025-10", "coder-2.29": "2.29", "coder-2.34": "2.34"}
HEADERS = ("Content-Type", "Allow", "Retry-After", "Www-Authenticate", "X-Coder-Build-Version", "Connection")
LONGEST_TEXT = 400
LONGEST_LIST = 2

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_PORT = re.compile(r"(localhost:|127\.0\.0\.1:|\]:)\d+")
_STAMP = re.compile(r" at \d{4}-\d\d-\d\dT\S+")
_NODE = re.compile(r"\[fd7a:[0-9a-f:]+\]")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source = Path(sys.argv[1])
    for folder, dialect in SERVERS.items():
        scenarios = [json.loads(path.read_text()) for path in sorted((source / folder).glob("*.json"))]
        names = known_objects(scenarios)
        for path, scenario in zip(sorted((source / folder).glob("*.json")), scenarios, strict=True):
            write(TARGET / dialect / path.name, Normaliser(names, scenario).scenario())
    for path in sorted((source / "agentapi").glob("*.json")):
        write(TARGET / "agentapi" / path.name, {"exchanges": clip(json.loads(path.read_text()), 2000)})
    return 0


def write(path: Path, scenario: dict[str, Any]) -> None:
    """One exchange a line, so that a change of one shows as one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {key: value for key, value in scenario.items() if key != "exchanges"}
    lines = ",\n".join(json.dumps(exchange, ensure_ascii=False) for exchange in scenario["exchanges"])
    members = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    path.write_text("{\n" + ",\n".join([*members, f'"exchanges": [\n{lines}\n]']) + "\n}\n")


def known_objects(scenarios: list[dict[str, Any]]) -> dict[str, str]:
    """What the ids of lasting objects are the ids of: users, organizations, templates, versions, presets."""
    names: dict[str, str] = {}
    templates: dict[str, str] = {}
    found = [item for scenario in scenarios for item in walk(scenario)]
    for item in found:
        if "username" in item and "organization_ids" in item:
            names[item["id"]] = f"<user {item['username']}>"
        elif "is_default" in item:
            names[item["id"]] = f"<organization {item['name']}>"
        elif "active_version_id" in item:
            names[item["id"]] = f"<template {item['name']}>"
            names[item["active_version_id"]] = f"<version {item['name']} v1>"
            templates[item["active_version_id"]] = item["name"]
    for scenario in scenarios:
        for exchange in scenario["exchanges"]:
            match = re.search("templateversions/([0-9a-f-]{36})/presets", exchange.get("request", {}).get("path", ""))
            if match and isinstance(exchange["response"]["body"], list):
                for preset in exchange["response"]["body"]:
                    names[preset["ID"]] = f"<preset {templates[match[1]]} {preset['Name']}>"
    return names


def walk(value: Any) -> list[dict[str, Any]]:
    """Every object in a value."""
    if isinstance(value, dict):
        return [value, *(item for child in value.values() for item in walk(child))]
    return [item for child in value for item in walk(child)] if isinstance(value, list) else []


def clip(value: Any, longest: int) -> Any:
    """Cut long texts; what was cut is said in the form that recordings use."""
    if isinstance(value, dict):
        return {key: clip(item, longest) for key, item in value.items()}
    if isinstance(value, list):
        return [clip(item, longest) for item in value]
    if isinstance(value, str) and len(value) > longest:
        return f"{value[:longest]}...<{len(value)} chars>"
    return value


class Normaliser:
    """One scenario: gives each id of it a name, and each name a number where it is used twice."""

    def __init__(self, names: dict[str, str], scenario: dict[str, Any]) -> None:
        self._names = dict(names)
        self._scenario = scenario
        self._day = scenario["recorded_at"][:10]
        self._name_tasks()

    def _name_tasks(self) -> None:
        for item in walk(self._scenario):
            if "initial_prompt" in item:
                self._name(item["id"], f"task {item['name']}")
                self._name(item["workspace_id"], f"workspace {item['name']}")
            elif "latest_build" in item:
                if item.get("task_id"):
                    self._name(item["task_id"], f"task {item['name']}")
                self._name(item["id"], f"workspace {item['name']}")
            elif "workspace_name" in item and "build_number" in item:
                self._name(item["workspace_id"], f"workspace {item['workspace_name']}")

    def _name(self, identity: str, name: str) -> None:
        if identity in self._names:
            return
        taken = set(self._names.values())
        numbers = ("", *(f" {number}" for number in range(2, 1000)))
        self._names[identity] = next(f"<{name}{number}>" for number in numbers if f"<{name}{number}>" not in taken)

    def scenario(self) -> dict[str, Any]:
        recorded = self._scenario
        exchanges = [e for e in recorded["exchanges"] if e.get("request") and e.get("response")]
        walks = [e for e in recorded["exchanges"] if e["name"].startswith("walk")]
        return {
            "scenario": recorded["scenario"],
            "note": recorded.get("note") or "",
            "began_at_second": int(recorded["recorded_at"][17:19]),
            "setup": self._setup(exchanges),
            "walks": [{"name": e["name"], "t": e.get("t"), "phases": self._text(e["note"])} for e in walks],
            "exchanges": [self._exchange(exchange) for exchange in exchanges],
        }

    def _setup(self, exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The tasks that no exchange created, in the order of their creation; at: seconds since the beginning."""
        made = {
            exchange["response"]["body"]["id"]
            for exchange in exchanges
            if exchange["response"]["status"] == 201 and "initial_prompt" in (exchange["response"]["body"] or {})
        }
        start = datetime.fromisoformat(self._scenario["recorded_at"].replace("Z", "+00:00"))
        tasks = {}
        for item in walk(exchanges):
            is_task = "initial_prompt" in item
            identity = item.get("id") if is_task else item.get("task_id") if "latest_build" in item else None
            if identity and identity not in made and identity not in tasks:
                created = datetime.fromisoformat(item["created_at"].replace("Z", "+00:00")).astimezone(timezone.utc)
                tasks[identity] = {
                    "at": round((created - start).total_seconds(), 3),
                    "name": item["name"],
                    "id": self._names[identity],
                    "workspace_id": self._names[item["workspace_id"] if is_task else item["id"]],
                    "owner": item["owner_name"],
                    "template": item["template_name"],
                    "input": item["initial_prompt"] if is_task else "Do the thing",
                }
        return sorted(tasks.values(), key=lambda task: task["at"])

    def _exchange(self, exchange: dict[str, Any]) -> dict[str, Any]:
        request, response = exchange["request"], exchange["response"]
        path, _mark, query = request["path"].partition("?")
        headers = {key: value for key, value in response["headers"].items() if key in HEADERS}
        return {
            "name": _STAMP.sub("", exchange["name"]),
            "t": round(exchange["t"] - exchange["ms"] / 1000, 3),
            "request": self._text(
                {
                    "method": request["method"],
                    "path": path,
                    "query": query,
                    "headers": request["headers"],
                    "body": shorten(request["body"]),
                }
            ),
            "response": self._text(
                {"status": response["status"], "headers": headers, "body": shorten(response["body"])}
            ),
        }

    def _text(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._text(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._text(item) for item in value]
        if not isinstance(value, str):
            return value
        if value.startswith(self._day) and "T" in value:
            return "<time>"
        value = _UUID.sub(self._placeholder, value)
        value = _NODE.sub("[<node>]", _PORT.sub(r"\1<port>", value))
        return clip(value, LONGEST_TEXT) if "...<" not in value else value

    def _placeholder(self, match: re.Match[str]) -> str:
        text = match[0]
        plain = text.replace("-", "").lower()
        identity = f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
        if set(plain) == {"0"}:
            return text
        if identity not in self._names:
            self._name(identity, "id")
        name = self._names[identity]
        form = "upper" if text != text.lower() else "plain" if "-" not in text else ""
        return f"{name[:-1]}|{form}>" if form else name


def shorten(body: Any) -> Any:
    """Keep the first entries of a long list of tasks or templates; scripts lose their text."""
    if isinstance(body, dict):
        kept = {key: shorten(value) for key, value in body.items()}
        return {**kept, "script": "#!/bin/bash\n"} if "script" in kept and "log_path" in kept else kept
    if isinstance(body, list):
        return [shorten(item) for item in (body[:LONGEST_LIST] if len(json.dumps(body)) > 4000 else body)]
    return body


if __name__ == "__main__":
    sys.exit(main())
