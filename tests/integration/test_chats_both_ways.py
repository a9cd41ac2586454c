# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that read chats, in each dialect, on both ways of running a module: the same results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator
from emulator.chats_dialects import CHAT_DIALECTS
from playbooks import Ansible

CASES: dict[str, dict[str, Any]] = {
    "what the server is": {"coder.tasks.server_info": {}},
    "models": {"coder.tasks.chat_model_info": {}},
    "models of nobody": {"coder.tasks.chat_model_info": {"organization": "nobody"}},
    "chats": {"coder.tasks.chat_info": {"queue": True, "cost": True}},
    "chats in check mode": {"coder.tasks.chat_info": {"archived": "include"}, "check_mode": True},
    "a loop": {"coder.tasks.chat_info": {"name": "{{ item }}"}, "loop": ["fix-login", "nobody"]},
    "no id": {"coder.tasks.chat_info": {"id": ["fix-login"]}},
    "everybody's": {"coder.tasks.chat_info": {"scope": "deployment", "fields": "brief"}},
    "messages": {"coder.tasks.chat_messages_info": {"name": "fix-login", "children": True}},
}
WAYS: dict[str, dict[str, Any]] = {"in-process": {}, "ordinary": {"environment": {"ANYTHING": "1"}}}


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_both_ways_read_the_same(emulator: Any, tmp_path: Path, dialect: str) -> None:
    server: Emulator = emulator("", chats=dialect)
    parent = server.create_chat("Fix the login", labels={"coder.tasks/name": "fix-login"}, answer="It is fixed.")
    server.create_chat("One part", parent=parent)
    server.create_chat("Old", archived=True)
    tasks = [
        {"name": f"{case}, {way}", "ignore_errors": True, **given, **keywords}
        for case, given in CASES.items()
        for way, keywords in WAYS.items()
    ]
    run = Ansible(tmp_path, server.environment).playbook(
        [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], timeout=240
    )
    for case in CASES:
        first, second = (comparable(run.result(f"{case}, {way}")) for way in WAYS)
        assert first == second, case
        assert "Traceback" not in json.dumps(first)
        assert bool(first.get("failed")) == (case in ("models of nobody", "no id")), first


@pytest.mark.parametrize("dialect", CHAT_DIALECTS)
def test_both_ways_save_the_same_accounts(emulator: Any, tmp_path: Path, dialect: str) -> None:
    server: Emulator = emulator("", chats=dialect)
    server.create_chat("Fix the login", answer="It is fixed.").spent = 7
    tasks = [
        {
            "name": way,
            "coder.tasks.archive": {"path": str(tmp_path / way), "source": "chats", "accounts": True},
            **keywords,
        }
        for way, keywords in WAYS.items()
    ]
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": tasks}])
    assert run.rc == 0, run.output
    first, second = (run.result(way) for way in WAYS)
    assert first["changed"] and second["changed"]
    assert first["accounts"] and first["accounts"] == second["accounts"]
    answers = [accounts_in(tmp_path / way) for way in WAYS]
    saved = {line["name"] for line in first["accounts"] if line["state"] == "saved"}
    assert set(answers[0]) == saved and answers[0] == answers[1]


def accounts_in(archive: Path) -> dict[str, Any]:
    """What the server answered, by question, but for the time that it was asked about, which moves."""
    found = {file.stem: json.loads(file.read_text())["answer"] for file in (archive / "accounts").glob("*.json")}
    for answer in found.values():
        for moves in ("start_date", "end_date"):
            answer.pop(moves, None)
    return found


def comparable(result: dict[str, Any]) -> Any:
    """Without what cannot be the same twice: times, and how a task was run."""
    own = {key: value for key, value in result.items() if key not in ("invocation", "results")}
    own["results"] = [comparable(one) for one in result.get("results", [])]
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", json.dumps(own)))
