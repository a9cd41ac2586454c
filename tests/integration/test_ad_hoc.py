# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ad-hoc commands as a user types them, and what stands on the terminal afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import Emulator
from playbooks import Ansible

START = Callable[..., Emulator]


def test_which_tasks_are_in_error(emulator: START, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("broken", state="error")
    server.create_task("fine")
    run = Ansible(tmp_path, server.environment).run(
        "ansible", "localhost", "-m", "coder.tasks.task_info", "-a", "status=error"
    )
    assert (run.rc, run.stderr) == (0, "")
    assert run.stdout.startswith("localhost | SUCCESS => {")
    assert '"name": "broken"' in run.stdout
    assert '"name": "fine"' not in run.stdout


def test_say_something_and_read_the_answer(emulator: START, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("fix-login")
    run = Ansible(tmp_path, server.environment).run(
        "ansible", "localhost", "-m", "coder.tasks.task_send", "-a", 'task=fix-login input="try again" stable_idle=0.5'
    )
    assert (run.rc, run.stderr) == (0, "")
    assert run.stdout.startswith("localhost | CHANGED => {")
    assert '"content": "echo: try again"' in run.stdout
    assert '"delivered": "yes"' in run.stdout


def test_a_file_is_looked_for_where_the_user_stands(emulator: START, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("fix-login")
    place = tmp_path / "place"
    place.mkdir()
    (place / "prompt.txt").write_text("from the file")
    run = Ansible(tmp_path, server.environment).run(
        "ansible", "localhost", "-m", "coder.tasks.task_send",
        "-a", "task=fix-login input_file=prompt.txt stable_idle=0.5", cwd=place,
    )  # fmt: skip
    assert '"content": "echo: from the file"' in run.stdout, run.output


@pytest.mark.parametrize(
    ("module", "arguments", "sentence"),
    [
        ("task_info", "status=wrong", "value of status must be one of: pending, initializing, active, paused,"),
        ("task_send", "task=nobody input=x", "Could not send to the task nobody: you have no task 'nobody', or this"),
        ("task_info", "token=wrong", "Give a valid session token in 'token' or CODER_SESSION_TOKEN;"),
        ("task_info", "url=", "No server is given. Set 'url' or the environment variable CODER_URL, such as"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    emulator: START, tmp_path: Path, module: str, arguments: str, sentence: str
) -> None:
    server = emulator()
    run = Ansible(tmp_path, server.environment).run(
        "ansible", "localhost", "-m", f"coder.tasks.{module}", "-a", arguments
    )
    assert run.rc == 2
    assert run.stdout.count("localhost | FAILED! => {") == 1
    assert sentence in run.output
    assert "Traceback" not in run.output


def test_ctrl_c_ends_a_wait_at_once(emulator: START, tmp_path: Path) -> None:
    server = emulator(time_factor=10)
    command = ("localhost", "-m", "coder.tasks.task", "-a", "name=slow template=ai")
    with Ansible(tmp_path, server.environment).start("ansible", *command) as process:
        ends = time.monotonic() + 60
        while len(server.journal.matching("GET", "/tasks/alice/")) < 2:
            assert time.monotonic() < ends, "the wait did not begin"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in stdout + stderr
    assert server.token not in stdout + stderr
