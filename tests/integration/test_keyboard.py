# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees at the terminal: lists, progress, an interruption, mistakes in an inventory."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from emulator import Emulator
from playbooks import Ansible

START = Callable[..., Emulator]
INVENTORY = {"plugin": "coder.tasks.tasks"}


@pytest.fixture
def server(emulator: START) -> Emulator:
    started = emulator()
    started.create_task("fine")
    started.create_task("broken", state="error")
    return started


@pytest.fixture
def ansible(server: Emulator, tmp_path: Path) -> Ansible:
    return Ansible(tmp_path, server.environment)


def test_what_went_wrong_is_answered_in_a_few_lines(ansible: Ansible) -> None:
    run = ansible.run("ansible-playbook", "coder.tasks.list", "-e", "status=error")
    lines = [line for line in run.stdout.splitlines() if line.strip()]
    assert run.rc == 0 and run.stderr == "", run.output
    assert len(lines) < 12
    (row,) = [line for line in lines if line.startswith("broken")]
    assert row.split()[:3] == ["broken", "ai", "error"] and "boom: the disk is full" in row
    assert not any(line.startswith("fine") for line in lines)


def test_colour_where_it_is_asked_for(server: Emulator, tmp_path: Path) -> None:
    ansible = Ansible(tmp_path, {**server.environment, "ANSIBLE_FORCE_COLOR": "true", "ANSIBLE_NOCOLOR": "false"})
    run = ansible.run("ansible-playbook", "coder.tasks.list")
    assert "\x1b[0;31mbroken" in run.stdout and "\x1b[0;32mfine" in run.stdout, run.output


@pytest.fixture
def waiting(ansible: Ansible) -> Iterator[subprocess.Popen[str]]:
    options = "name=fine state=active wait_for=complete wait_timeout=2m"
    with ansible.start("ansible", "localhost", "-m", "coder.tasks.task", "-a", options) as process:
        yield process
        process.kill()


def test_progress_comes_at_once_and_ctrl_c_says_how_to_go_on(waiting: subprocess.Popen[str]) -> None:
    assert waiting.stderr is not None and waiting.stdout is not None
    # Read while the wait goes on: what is not flushed would never come.
    first = waiting.stderr.readline()
    assert first == "coder.tasks.task: fine is active\n"
    began = time.monotonic()
    second = waiting.stderr.readline()
    assert second.startswith("coder.tasks.task: fine is active, ") and second.endswith(" of at most 2 min\n")
    assert time.monotonic() - began < 30
    os.killpg(waiting.pid, signal.SIGINT)
    stdout, stderr = waiting.communicate(timeout=20)
    assert "coder.tasks.task: interrupted. Last seen: fine is active, " in stderr
    assert "the same call waits for it." in stderr
    assert "coder.tasks.task:" not in stdout and "Traceback" not in stdout + stderr


def test_an_inventory_file_of_another_name_is_told_the_right_one(ansible: Ansible) -> None:
    (ansible.folder / "coder.yml").write_text(yaml.safe_dump(INVENTORY))
    run = ansible.run("ansible-inventory", "-i", "coder.yml", "--graph")
    assert "has to end with .coder.yml or .coder.yaml" in run.stderr and "coder.coder.yml" in run.stderr
    (ansible.folder / "other.yml").write_text(yaml.safe_dump({"plugin": "ansible.builtin.constructed"}))
    assert ".coder.yml" not in ansible.run("ansible-inventory", "-i", "other.yml", "--graph").stderr


def test_the_token_of_an_inventory_can_be_a_template(server: Emulator, tmp_path: Path) -> None:
    ansible = Ansible(tmp_path, {"MY_TOKEN": server.token, "MY_URL": server.url})
    lookup = "{{ lookup('ansible.builtin.env', '%s') }}"
    configured = {**INVENTORY, "url": lookup % "MY_URL", "token": lookup % "MY_TOKEN"}
    (tmp_path / "t.coder.yml").write_text(yaml.safe_dump(configured))
    run = ansible.run("ansible-inventory", "-i", "t.coder.yml", "--graph")
    assert "|--fine" in run.stdout, run.output
    assert server.token not in run.output


@pytest.mark.parametrize("is_there", [False, True])
def test_an_inventory_without_the_command_coder(server: Emulator, tmp_path: Path, is_there: bool) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    if is_there:
        (tools / "coder").write_text("#!/bin/sh\n")
        (tools / "coder").chmod(0o755)
    (tmp_path / "t.coder.yml").write_text(yaml.safe_dump(INVENTORY))
    ansible = Ansible(tmp_path, {**server.environment, "PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"})
    assert "coder ssh" not in ansible.run("ansible-inventory", "-i", "t.coder.yml", "--graph").stderr
    run = ansible.run("ansible", "coder_tasks", "-i", "t.coder.yml", "-m", "ansible.builtin.debug")
    assert "fine | SUCCESS" in run.stdout, run.output
    assert ("The command `coder` is not in PATH" in run.stderr) != is_there


def test_the_session_of_coder_login_is_used(server: Emulator, tmp_path: Path) -> None:
    folder = tmp_path / "coder"
    folder.mkdir()
    (folder / "url").write_text(server.url)
    (folder / "session").write_text(server.token)
    ansible = Ansible(tmp_path, {"CODER_CONFIG_DIR": str(folder)})
    for options in ([], ["-e", f"ansible_python_interpreter={ansible.python}"]):
        run = ansible.run("ansible", "localhost", "-m", "coder.tasks.task_info", "-a", "name=fine", "-vvvv", *options)
        assert run.rc == 0 and '"name": "fine"' in run.stdout, run.output
        assert server.token not in run.output
