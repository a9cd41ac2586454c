# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In check mode no module writes, whichever way it runs; and where a module finds its server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import documents
import pytest

from emulator import Emulator
from playbooks import Ansible

START = Callable[..., Emulator]
WAYS = pytest.mark.parametrize("keywords", [{}, {"environment": {"ANYTHING": "1"}}], ids=["in-process", "ordinary"])
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("archive", {"path": "saved"}),
    ("archive", {"path": "saved", "on_partial": "resume"}),
    ("archive", {"path": "saved", "source": "chats", "accounts": True}),
    ("archive_info", {"path": "saved"}),
    ("archive_retention", {"path": "saved", "hold": True, "within": "60d"}),
    ("chat", {"name": "fresh", "prompt": "x"}),
    ("chat", {"name": "talk", "title": "Other", "labels": {"team": "a"}}),
    ("chat", {"name": "talk", "state": "archived"}),
    ("chat_fleet", {"chats": [{"name": "fresh", "prompt": "x"}, {"name": "talk", "state": "archived"}]}),
    ("chat_send", {"chat": "talk", "input": "x"}),
    ("chat_info", {}),
    ("chat_messages_info", {"chat": "one"}),
    ("chat_model_info", {}),
    ("server_info", {}),
    ("task", {"name": "fresh", "template": "ai", "input": "x"}),
    ("task", {"name": "one", "state": "paused"}),
    ("task", {"name": "two", "state": "active"}),
    ("task", {"name": "one", "input": "other", "on_input_change": "update", "allow_restart": True}),
    ("task", {"name": "one", "input": "other", "on_input_change": "recreate", "discard_log": True}),
    ("task", {"name": "one", "state": "absent"}),
    ("fleet", {"tasks": [{"name": "fresh", "template": "ai"}, {"name": "one", "state": "absent"}]}),
    ("task_info", {}),
    ("task_logs_info", {}),
    ("task_prompts_info", {"build_ids": ["00000000-0000-4000-8000-000000000000"]}),
    ("task_send", {"task": "one", "input": "x"}),
    ("task_send", {"task": "two", "input": "x", "resume": True}),
    ("template_info", {}),
    ("workspace", {"name": "fresh", "template": "plain"}),
    ("workspace", {"name": "box", "template": "plain", "state": "stopped"}),
    ("workspace", {"name": "box", "template": "plain", "state": "absent"}),
]


@WAYS
def test_nothing_is_written(emulator: START, tmp_path: Path, keywords: dict[str, Any]) -> None:
    server = emulator(chats="chats-2.35")
    server.create_task("one")
    server.create_task("two", state="paused")
    server.state.create_workspace(server.state.user("alice"), server.state.template("plain").active_version, name="box")
    server.create_chat("A chat", labels={"coder.tasks/name": "one"}, archived=True)
    server.create_chat("Another", labels={"coder.tasks/name": "talk"})
    tasks = [
        {"name": f"{number} {module}", f"coder.tasks.{module}": arguments}
        for number, (module, arguments) in enumerate(CALLS)
    ]
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": tasks, **keywords}], "--check", "--diff")
    assert run.rc == 0, run.output
    assert server.writes == []
    changed = [record["result"]["changed"] for record in run.records]
    writing = ("archive", "archive_retention", "chat", "chat_fleet", "chat_send", "fleet", "task", "task_send")
    assert changed == [module in (*writing, "workspace") for module, _arguments in CALLS]
    assert not (tmp_path / "saved").exists()


@WAYS
def test_the_accounts_that_would_be_saved_are_told(emulator: START, tmp_path: Path, keywords: dict[str, Any]) -> None:
    """With the chats saved already, the accounts are all that there is to write; once they are saved, nothing is."""
    server = emulator(chats="chats-2.35")
    server.create_chat("A chat", answer="An answer")
    chats = {"path": str(tmp_path / "saved"), "source": "chats"}
    accounts = {"coder.tasks.archive": {**chats, "accounts": True}, **keywords}
    ansible = Ansible(tmp_path, server.environment)
    assert ansible.playbook([{"tasks": [{"coder.tasks.archive": chats}]}]).rc == 0
    before = contents(tmp_path / "saved")
    shown = ansible.playbook([{"tasks": [{"name": "shown", **accounts}]}], "--check").result("shown")
    assert (shown["changed"], shown["summary"]["unchanged"]) == (True, 1)
    assert contents(tmp_path / "saved") == before
    done = ansible.playbook([{"tasks": [{"name": "done", **accounts}]}]).result("done")
    assert {line["state"] for line in shown["accounts"]} == {"saved", "absent"}
    assert shown["accounts"] == done["accounts"]
    written = {f"accounts/{line['name']}.json" for line in done["accounts"] if line["state"] == "saved"}
    assert {name for name in contents(tmp_path / "saved") if name.startswith("accounts/")} == written
    again = ansible.playbook([{"tasks": [{"name": "again", **accounts}]}], "--check").result("again")
    assert not again["changed"] and again["accounts"] == done["accounts"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_module_is_asked() -> None:
    on_coder = {name for name in documents.module_names() if "token" in documents.resolved()[name]["options"]}
    assert {module for module, _arguments in CALLS} == on_coder


def test_the_server_can_come_from_the_task_s_environment(emulator: START, tmp_path: Path) -> None:
    server = emulator()
    task = {"name": "info", "coder.tasks.task_info": {}, "environment": server.environment}
    run = Ansible(tmp_path, {}).playbook([{"tasks": [task]}])
    assert run.rc == 0, run.output
    assert run.result("info")["tasks"] == []


@WAYS
def test_an_option_wins_over_the_environment(emulator: START, tmp_path: Path, keywords: dict[str, Any]) -> None:
    server = emulator()
    wrong = {"CODER_URL": "http://127.0.0.1:1", "CODER_SESSION_TOKEN": "wrong"}
    arguments = {"url": server.url, "token": server.token}
    task = {"name": "info", "coder.tasks.task_info": arguments, **keywords}
    run = Ansible(tmp_path, wrong).playbook([{"tasks": [task]}])
    assert run.rc == 0, run.output
    assert run.result("info")["tasks"] == []
