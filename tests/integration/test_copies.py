# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe of "Where archives go" that needs nothing but git; the others are in tests/recipes/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recipes.copies import PROOF, check, collect, fill, follow

from emulator import Emulator
from playbooks import Ansible


def test_an_archive_comes_back_from_git(emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    server = emulator("2.34", chats="chats-2.35")
    fill(server)
    check(Ansible(tmp_path, server.environment), "git")


def test_an_archive_without_tasks_comes_back_from_git(emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    """Its folder for tasks is empty, and git keeps no empty folder."""
    server = emulator("2.34", chats="chats-2.35")
    server.create_chat("Look around", answer="All is well.")
    ansible = Ansible(tmp_path, server.environment)
    collect(ansible)
    follow(ansible, "git")
    assert not (tmp_path / "came-back" / "tasks").exists()
    follow(ansible, PROOF)
