# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that begins a chat for each task whose conversation is proven."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import Emulator
from playbooks import Ansible, Run

Servers = Callable[..., Emulator]
FROM_TASK = "coder.tasks/from-task"


@pytest.fixture(params=["chats-2.36"])
def server(emulator: Servers, request: pytest.FixtureRequest) -> Emulator:
    """A server that has both kinds, with a task that is running, one that is paused, and one of somebody else."""
    made = emulator("2.34", chats=request.param, auto_snapshot=False)
    made.create_task("login").api.set_messages([{"id": 0, "content": "mend it"}, {"id": 1, "content": "it is mended"}])
    made.create_task("docs", state="paused").set_snapshot([{"id": 0, "content": "write them"}])
    made.create_task("theirs", owner="bob").api.set_messages([{"id": 0, "content": "hello"}])
    return made


def play(server: Emulator, folder: Path, playbook: str, *options: str) -> Run:
    run = Ansible(folder, server.environment).run("ansible-playbook", f"coder.tasks.{playbook}", *options)
    assert server.token not in run.output and "Traceback" not in run.output
    return run


def chats(server: Emulator) -> dict[str, str]:
    """Names of the chats that go on from a task, by the task's id."""
    assert server.state.chats is not None
    found = server.state.chats.chats
    labels = [chat.labels for chat in (found.values() if isinstance(found, dict) else found)]
    return {each[FROM_TASK]: each["coder.tasks/name"] for each in labels if FROM_TASK in each}


@pytest.mark.parametrize("server", ["chats-2.34esr", "chats-2.36", "chats-2.37"], indirect=True)
def test_a_task_is_migrated_once(server: Emulator, tmp_path: Path) -> None:
    assert play(server, tmp_path, "collect", "-e", "expect_scope=own").rc == 0
    listed = play(server, tmp_path, "migrate", "-e", "task=login,docs", "--check")
    assert listed.rc == 0 and listed.output.count("would become the chat") == 2, listed.output
    assert not server.writes
    first = play(server, tmp_path, "migrate", "-e", "task=login,docs")
    assert first.rc == 0 and first.output.count("goes on as the chat") == 2, first.output
    tasks = {task.name: task for task in server.state.visible_tasks()}
    ids = {name: str(tasks[name].id) for name in ("login", "docs")}
    assert chats(server) == {ids[name]: f"{name}-{ids[name][:8]}" for name in ids}
    before = len(server.writes)
    again = play(server, tmp_path, "migrate", "-e", "task=login,docs")
    assert again.rc == 0 and again.output.count("was migrated before") == 2, again.output
    assert len(server.writes) == before and {"login", "docs", "theirs"} <= set(tasks)


def test_the_chat_gets_the_conversation_and_the_workspace(server: Emulator, tmp_path: Path) -> None:
    play(server, tmp_path, "collect", "-e", "expect_scope=own")
    assert play(server, tmp_path, "migrate", "-e", "select=name=='login'", "-e", '{"instruction": "Go on."}').rc == 0
    (name,) = chats(server).values()
    read = Ansible(tmp_path, server.environment).playbook([{"tasks": [
        {"name": "chat", "coder.tasks.chat_messages_info": {"name": [name]}},
        {"name": "info", "coder.tasks.chat_info": {"name": [name]}},
        {"name": "task", "coder.tasks.task_info": {"name": ["login"]}},
    ]}])  # fmt: skip
    (chat,) = read.result("info")["chats"]
    assert chat["workspace_id"] == read.result("task")["tasks"][0]["workspace_id"]
    first = read.result("chat")["conversations"][0]["messages"][0]
    assert first["text"] == "Go on."
    assert server.state.chats is not None
    assert any(b"it is mended" in file.content for file in server.state.chats.files.values())


def test_what_is_not_proven_is_left_behind_and_named(server: Emulator, tmp_path: Path) -> None:
    play(server, tmp_path, "collect", "-e", "expect_scope=own", "-e", "select=name=='docs'")
    run = play(server, tmp_path, "migrate", "-e", "task=login,docs")
    assert run.rc == 2 and "alice/login: NOT migrated, missing" in run.output, run.output
    assert "alice/docs: goes on as the chat" in run.output
    assert "1 of 2 tasks were not migrated; the report says why." in run.output
    assert len(chats(server)) == 1


def test_tasks_have_to_be_chosen(server: Emulator, tmp_path: Path) -> None:
    run = play(server, tmp_path, "migrate")
    assert run.rc == 2 and "No task was chosen. Name them, such as -e task=fix-login,tests" in run.output
    assert not server.writes
    run = play(server, tmp_path, "migrate", "-e", "select=name=='nobody'")
    assert run.rc == 2 and "there is none of that name, or for which the expression is true" in run.output


def test_a_task_of_somebody_else_becomes_no_chat_of_mine(server: Emulator, tmp_path: Path) -> None:
    play(server, tmp_path, "collect")
    run = play(server, tmp_path, "migrate", "-e", "task=bob/theirs")
    assert run.rc == 2, run.output
    assert "bob/theirs: NOT migrated, a chat for it is begun with the token of bob" in run.output
    assert not chats(server)
