# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides, done as they say: their files are written, then their commands run, in order."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from chatting import kept
from guides import FOLDER, GUIDES, blocks, files

from emulator import Emulator
from playbooks import ROOT, Ansible

Start = Callable[..., Emulator]
# Tasks that guides speak of and do not make themselves, with their states.
FOUND = {"fix-login": "active", "write-docs": "paused", "night-docs": "active", "night-forgotten": "active"}
CHATS = {"alice": "Look around", "bob": "Mend the tests"}


def walk(page: Path, emulator: Start, folder: Path) -> tuple[Emulator, list[str]]:
    """Do what a guide says. Returns the server and what each block of commands printed."""
    server = emulator("2.34", chats="chats-2.35", report_states=True)
    for name, state in FOUND.items():
        server.create_task(name, state=state)
    server.create_chat(CHATS["bob"], owner="bob")
    workspace = next(task.workspace for task in server.state.visible_tasks() if task.name == "fix-login")
    labels = {"coder.tasks/name": "look-around"}
    server.create_chat(CHATS["alice"], labels=labels, answer="All is well.", workspace_id=workspace.id)
    (folder / "password").write_text("example\n")
    ansible = Ansible(folder, {**server.environment, "ANSIBLE_VAULT_PASSWORD_FILE": str(folder / "password")})
    for name, text in files(page).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    said = []
    for block in blocks(page):
        if block.language == "sh":
            done = ansible.shell(block.text)
            assert done.rc == 0, f"{block.text}\n{done.output}"
            said.append(done.output)
    return server, said


# The recipes of guide_archive_copies are in tests/recipes/, and the one that needs nothing but git in test_copies.py.
OWN = {"guide_provision", "guide_ci", "guide_archive", "guide_archive_copies", "from_tasks_to_chats"}


@pytest.mark.parametrize("page", [page for page in GUIDES if page.stem not in OWN], ids=lambda page: page.stem)
def test_guide(page: Path, emulator: Start, tmp_path: Path) -> None:
    walk(page, emulator, tmp_path)


def test_provisioning_brings_the_fleet_into_its_state(emulator: Start, tmp_path: Path) -> None:
    server, (first, provision, *_rest) = walk(FOLDER / "guide_provision.rst", emulator, tmp_path)
    tasks = {task.name: task for task in server.state.visible_tasks()}
    assert sorted(tasks) == ["fix-login", "night-api", "night-web", "web-review", "write-docs"]
    assert "The staging host is staging.example.com." in tasks["night-web"].prompt
    assert "staging" not in (tmp_path / "secrets.yml").read_text()
    assert first.count("changed=1") == 2 and first.count("changed=0") == 1, "in check mode, once, and not again"
    assert "nothing to do" in provision


def test_the_review_is_asked_for_printed_and_paused(emulator: Start, tmp_path: Path) -> None:
    server, (review, _removed) = walk(FOLDER / "guide_ci.rst", emulator, tmp_path)
    assert "Answer with one word, approve or reject, and the reason." in review, "the emulated agent repeats it"
    assert "review-42" not in {task.name for task in server.state.visible_tasks()}


def test_the_archive_is_whole_and_nothing_is_deleted(emulator: Start, tmp_path: Path) -> None:
    server, outputs = walk(FOLDER / "guide_archive.rst", emulator, tmp_path)
    _saved, report, retention, _collected, joined = outputs
    assert "safe to delete" in report and (tmp_path / "coder-archive" / "index.html").exists()
    assert {task.name for task in server.state.visible_tasks()} == set(FOUND)
    shards = [(tmp_path / "fleet-archive" / f"shard-{part}-of-2" / "manifest.jsonl").read_text().splitlines()
              for part in (1, 2)]  # fmt: skip
    assert sum(map(len, shards)) == len(FOUND) + len(CHATS), "the tasks and two chats"
    assert "2 shards with" in joined and "safe to delete" in joined
    assert "0 archived chats" in retention and "GO" in retention and "NO GO" not in retention


def test_the_way_to_chats_saves_the_tasks_and_tells_of_the_models(emulator: Start, tmp_path: Path) -> None:
    page = FOLDER / "from_tasks_to_chats.rst"
    server, (asked, _saved, migrated, life, stopped, chats, models) = walk(page, emulator, tmp_path)
    assert '"tasks": "yes"' in asked and '"chats": "experimental"' in asked
    assert len((tmp_path / "coder-archive" / "manifest.jsonl").read_text().splitlines()) == len(FOUND) + len(CHATS)
    assert "would become the chat fix-login-" in migrated and "goes on as the chat fix-login-" in migrated
    assert life.count("CHANGED") == 3 and '"delivered": "yes"' in life and '"archived": true' in life
    assert '"failed": 0' in stopped and not any(chat.busy for chat in kept(server))
    assert '"last_answer": "All is well."' in chats
    assert '"model": "fake-claude"' in models and '"reason": "not_offered"' in models


def test_the_rulebook_uses_the_source_as_it_is() -> None:
    rulebook = files(FOLDER / "guide_events.rst")["rulebook.yml"]
    ((source,),) = (play["sources"] for play in yaml.safe_load(rulebook))
    path = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "task_changes.py"
    environment = {"url": "http://127.0.0.1:1", "token": "example"}
    options = runpy.run_path(str(path))["_options"]({**environment, **source["coder.tasks.task_changes"]})
    assert options["stable_idle"] == 30
