# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookups, as a template asks them."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import Emulator
from playbooks import Ansible


@pytest.fixture
def server(emulator) -> Emulator:
    made = emulator("2.34", chats="chats-2.35")
    made.create_task("fix-login").api.set_messages(
        [{"id": 0, "content": "Hello {{ 1 + 1 }}", "role": "agent"}, {"id": 1, "content": "  ", "role": "agent"}]
    )
    made.create_task("silent", state="paused").set_snapshot([{"role": "user", "content": "Are you there?"}])
    made.create_task("broken", state="error")
    made.create_chat("Do it", answer="It is done.", labels={"coder.tasks/name": "my-chat"})
    return made


def ask(server: Emulator, folder: Path, template: str) -> str:
    run = Ansible(folder, server.environment).run("ansible", "localhost", "-m", "debug", "-a", f"msg='{template}'")
    return run.output


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ('{{ lookup("coder.tasks.task", "fix-login").status }}', '"msg": "active"'),
        ('{{ lookup("coder.tasks.task", "broken").reason }}', "terraform apply: exit status 1"),
        ('{{ query("coder.tasks.task", "fix-login", "silent") | map(attribute="status") | join }}', "activepaused"),
        ('{{ lookup("coder.tasks.conversation", "fix-login") }}', '"msg": "Hello {{ 1 + 1 }}"'),
        ('{{ lookup("coder.tasks.conversation", "my-chat", source="chats") }}', '"msg": "It is done."'),
        ('<{{ lookup("coder.tasks.conversation", "silent") }}>', '"msg": "<>"'),
    ],
)
def test_what_a_template_gets(server: Emulator, tmp_path: Path, template: str, says: str) -> None:
    assert says in ask(server, tmp_path, template)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ('{{ lookup("coder.tasks.task", "nobody") }}', "you have no task 'nobody'"),
        ('{{ lookup("coder.tasks.conversation", "nobody", source="chats") }}', "there is no chat 'nobody'"),
        ('{{ lookup("coder.tasks.conversation", "x", owner="bob", source="chats") }}', "cannot be found by its name"),
        ('{{ lookup("coder.tasks.task", "x", token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb") }}', "HTTP 401"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(server: Emulator, tmp_path: Path, template: str, says: str) -> None:
    output = ask(server, tmp_path, template)
    assert says in output and "Traceback" not in output and server.token not in output
