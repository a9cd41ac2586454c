# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that run in a workspace, with an interpreter that has nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from returned import check_return
from unit.snapshot.servers import FakeAgentAPI, conversation

from emulator import Emulator
from playbooks import Ansible

# Nothing of a user reaches a workspace: whoever reads this in a payload or a request has found a leak.
USER_TOKEN = "sentineltok-sentineloftokensentinel"


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter without requests, or any other third-party package."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    missing = subprocess.run([str(python), "-c", "import requests"], capture_output=True, check=False, timeout=60)
    assert missing.returncode == 1
    return str(python)


def test_log_snapshot_ad_hoc_across_a_group(
    emulator: Callable[..., Emulator], tmp_path: Path, bare_python: str
) -> None:
    server = emulator()
    hosts, tasks = {}, {}
    with FakeAgentAPI(conversation("Hello", "One")) as one, FakeAgentAPI(conversation("Hello", "Two")) as two:
        for name, agentapi in (("one", one), ("two", two)):
            tasks[name] = task = server.create_task(name)
            environment = tmp_path / f"{name}.environment"
            environment.touch(0o600)
            environment.write_text(
                f'CODER_AGENT_URL="{server.url}"\nCODER_AGENT_TOKEN="{task.agent.token}"\nARG_TASK_ID="{task.id}"\n'
            )
            hosts[name] = f"{name} agentapi_port={agentapi.port} environment_of_agent={environment}"
        common = f"ansible_connection=local ansible_python_interpreter={bare_python}"
        (tmp_path / "inventory").write_text("".join(f"{line} {common}\n" for line in hosts.values()))
        ansible = Ansible(tmp_path, {"CODER_SESSION_TOKEN": USER_TOKEN, "CODER_URL": server.url})
        arguments = "port={{ agentapi_port }} environment_file={{ environment_of_agent }}"
        run = ansible.run(
            "ansible", "all", "-i", "inventory", "-m", "coder.tasks.log_snapshot", "-a", arguments
        )
    assert run.rc == 0, run.output
    assert run.stdout.count('"state": "delivered"') == 2
    posts = [entry for entry in server.journal if entry.method == "POST"]
    assert len(posts) == 2
    assert USER_TOKEN not in run.output
    for name, said in (("one", "One"), ("two", "Two")):
        snapshot = tasks[name].snapshot()
        assert snapshot is not None
        assert snapshot.messages[-1]["content"] == said


def test_every_module_of_the_group_as_a_task(tmp_path: Path, bare_python: str) -> None:
    with FakeAgentAPI(conversation("Hello", "Hi", "Fine")) as agentapi:
        ansible = Ansible(tmp_path, {})
        run = ansible.playbook(
            [
                {
                    "vars": {"ansible_python_interpreter": bare_python},
                    "module_defaults": {"group/coder.tasks.workspace": {"agentapi_url": agentapi.url}},
                    "tasks": [
                        {"name": "info", "coder.tasks.agentapi_info": {"tail": 1}},
                        {"name": "send", "coder.tasks.agentapi_message": {"input": "Go"}, "check_mode": True},
                        {
                            "name": "save",
                            "coder.tasks.log_snapshot": {"post": False, "file": str(tmp_path / "talk.json")},
                        },
                    ],
                }
            ]
        )
    assert run.rc == 0, run.output
    for name, module in (("info", "agentapi_info"), ("send", "agentapi_message"), ("save", "log_snapshot")):
        check_return(module, run.result(name))
    assert [message["content"] for message in run.result("info")["messages"]] == ["Fine"]
    assert (tmp_path / "talk.json").exists()
