# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring recordings of real servers into tests/recordings, normalised.

    python scripts/import_recordings.py SOURCE

SOURCE holds one folder per server (coder-2.34, agentapi, ...), one JSON file per scenario. Ids become placeholders that
say what they are the id of (<task fix-login>, <version ai v1>), times of the recording become <time>, ports <port>,
headers are trimmed to those that matter, and what is long is clipped. Each exchange keeps its name, the seconds since
the scenario began when it was asked (t), request and response; `began_at_second` is the second of the minute (rate
limits have windows of a minute); `setup` names the tasks that were there although no exchange made them.

Recordings of chats lose what repeats (DROPPED, and the empty keys of message parts, for which "..." stands); their
`setup` holds the users' messages that no exchange sent, their `walks` what polling saw after an exchange.
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
CHATS = ("chats-2.35", "chats-2.37-dev")
# Scenarios and exchanges of chats that show nothing that another one does not show: what they repeat, or what no
# client of the collection asks. Keys: scenario; values: names (regular expressions), None for all of them.
DROPPED: dict[str, str | None] = {
    "03b-list-paging": None,  # counts only
    "15-direct-routing-errors": None,  # a server that calls its providers without the gateway
    "16b-after-sigkill": "get.*",
    "17-no-chats-on-S": None,
    "19-midstream-and-tools": "(messages|walk|stream): (anthropic|openai).*|stream.*",
    "21-config-again": None,
    "22-create-again": None,
    "25-paging": None,
    "27-label-race": None,
    "03-capacity": None,
    "10-paging": None,
    "01-config": (
        ".*(experiments|ai-gateway|aibridge|mcp|roles|AI provider keys|system-prompt|templates|/advisor|computer-use).*"
    ),
    "02-create": "bob: roles|trailing slash",
    "05-status-walk": "get at the end: (?!provider 400|provider 401|dead|empty).*",
    "06-messages": "limit 200|unknown param|turn with list_templates",
    "12-settings": "get (by bob )?(system-prompt|plan-mode|model-override|personal|user-|debug|advisor|computer).*",
    "23-site-owner": "scopes|ai-gateway.*|organization AI.*|users",
    "07-admin": "scopes|ai-gateway.*|organization AI.*|users",
}
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
    for folder in CHATS:
        paths = sorted((source / folder).glob("*.json"))
        scenarios = [json.loads(path.read_text()) for path in paths]
        names = known_chat_objects(scenarios)
        for path, scenario in zip(paths, scenarios, strict=True):
            if DROPPED.get(path.stem, "") is not None:
                write(TARGET / folder / path.name, ChatNormaliser(names, scenario).scenario())
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


def known_chat_objects(scenarios: list[dict[str, Any]]) -> dict[str, str]:
    """What the ids of lasting objects are the ids of: users, organizations, models, providers."""
    names: dict[str, str] = {}
    for item in (item for scenario in scenarios for item in walk(scenario)):
        if is_chat(item):
            names[item["owner_id"]] = f"<user {re.sub('[0-9]+', '', item['owner_username'])}>"
            names[item["organization_id"]] = "<organization coder>"
        elif "context_limit" in item and "ai_provider_id" in item and "id" in item:
            names[item["id"]] = f"<model {item['model']}>"
        elif "base_url" in item and "id" in item:
            names[item["id"]] = f"<provider {item['name']}>"
        elif "username" in item and "organization_ids" in item and "id" in item:
            names[item["id"]] = f"<user {re.sub('[0-9]+', '', item['username'])}>"
    return names


def is_chat(item: dict[str, Any]) -> bool:
    return "owner_username" in item and "root_chat_id" in item and "id" in item


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


# The keys that every part of a message carries, whatever its type, and what they are when they are not used.
EMPTY = {
    "text": "", "mcp_server_config_id": None, "url": "", "media_type": "", "file_id": None, "file_name": "",
    "start_line": 0, "end_line": 0, "content": "", "context_file_path": "", "context_file_agent_id": None,
    "skill_name": "",
}  # fmt: skip


def compact(value: Any) -> Any:
    """A value whose message parts lost the keys that are empty, if all of them were there; "..." stands for those."""
    if isinstance(value, list):
        return [compact(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "type" in value and set(EMPTY) <= set(value):
        used = {key: item for key, item in value.items() if key not in EMPTY or item != EMPTY[key]}
        return {**{key: compact(item) for key, item in used.items()}, "...": "empty keys"}
    return {key: compact(item) for key, item in value.items()}


class ChatNormaliser(Normaliser):
    """One scenario of chats."""

    def _name_tasks(self) -> None:
        super()._name_tasks()
        for item in walk(self._scenario):
            if is_chat(item):
                self._name(item["id"], f"chat {item['owner_username'].rstrip('0123456789')}")

    def _text(self, value: Any) -> Any:
        if isinstance(value, dict):  # a map of users or workspaces has ids for keys
            return {super(ChatNormaliser, self)._text(key): self._text(item) for key, item in value.items()}
        return super()._text(value)

    def scenario(self) -> dict[str, Any]:
        recorded = self._scenario
        dropped = DROPPED.get(recorded["scenario"]) or "(?!)"
        entries = [e for e in recorded["exchanges"] if not re.fullmatch(dropped, e["name"])]
        exchanges = [e for e in entries if e.get("request") and e.get("response")]
        return {
            "scenario": recorded["scenario"],
            "note": self._text(recorded.get("note") or ""),
            "began_at_second": int(recorded["recorded_at"][17:19]),
            "setup": self._messages(exchanges),
            "walks": [self._walk(e) for e in entries if "walk" in e["name"] and isinstance(e.get("note"), list)],
            "streams": [self._stream(e) for e in entries if isinstance(e.get("note"), dict) and "events" in e["note"]],
            "exchanges": [self._exchange(exchange) for exchange in exchanges],
        }

    def _messages(self, exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What users wrote that no exchange sent, in order; at: seconds since the beginning."""
        start = datetime.fromisoformat(self._scenario["recorded_at"].replace("Z", "+00:00"))
        sent = {json.dumps((e["request"]["body"] or {}).get("content")) for e in exchanges if is_sending(e["request"])}
        found: dict[int, dict[str, Any]] = {}
        for item in walk(exchanges):
            content = item.get("content")
            if item.get("role") != "user" or "created_by" not in item or not isinstance(content, list):
                continue
            texts = [{"type": part["type"], "text": part.get("text", "")} for part in content]
            if json.dumps(texts) in sent or any(part["type"] != "text" for part in content):
                continue
            created = datetime.fromisoformat(item["created_at"].replace("Z", "+00:00")).astimezone(timezone.utc)
            found[item["id"]] = {
                "at": round((created - start).total_seconds(), 3),
                "chat": item["chat_id"],
                "owner": item["created_by"],
                "model": item["model_config_id"],
                "text": content[0]["text"],
            }
        return [self._text(found[key]) for key in sorted(found)]

    def _walk(self, entry: dict[str, Any]) -> dict[str, Any]:
        kept = ("status", "last_error", "last_turn_summary", "http")
        phases = [
            {**phase, "state": {key: value for key, value in phase["state"].items() if key in kept}}
            for phase in entry["note"]
            if isinstance(phase, dict)
        ]
        return {"name": _STAMP.sub("", entry["name"]), "t": entry.get("t"), "phases": self._text(phases)}

    def _stream(self, entry: dict[str, Any]) -> dict[str, Any]:
        """What a WebSocket told; of many equal frames the first ones and the last one."""
        kept: list[Any] = []
        for frame in entry["note"]["events"]:
            data = compact(frame.get("data"))
            kind = [event.get("type") for event in data] if isinstance(data, list) else None
            if kind != ["message_part"] or len(kept) < 5:
                kept.append({"t": frame["t"], "data": self._text(data)})
        return {"name": entry["name"], "status": entry["note"]["status"], "frames": kept[:12]}

    def _exchange(self, exchange: dict[str, Any]) -> dict[str, Any]:
        body = compact(exchange["response"]["body"])
        normal = super()._exchange({**exchange, "response": {**exchange["response"], "body": body}})
        # When it was answered: a busy server did what was asked near the end of that time.
        return {**normal, "t": exchange["t"], "took": round(exchange["ms"] / 1000, 3)}


def is_sending(request: dict[str, Any]) -> bool:
    """Whether a request brings a user's message."""
    return request["method"] in ("POST", "PATCH") and isinstance(request["body"], dict) and "content" in request["body"]


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
