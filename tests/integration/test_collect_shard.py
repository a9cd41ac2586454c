# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook collect with a shard of which only half is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emulator import Emulator
from playbooks import Ansible


def test_a_shard_without_their_number_is_refused(emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    server = emulator("2.34")
    server.create_task("one")
    ansible = Ansible(tmp_path, server.environment)
    done = ansible.run("ansible-playbook", "coder.tasks.collect", "-e", "archive=archive", "-e", "shard_index=2")
    assert done.rc != 0 and "no shard 2 of 1" in done.output, done.output
    assert not (tmp_path / "archive").exists()
