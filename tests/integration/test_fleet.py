# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as users run it: in a play, both ways, from files and vaults, and through ansible-runner."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from returned import check_return

from emulator import Emulator
from playbooks import ROOT, Ansible, Run

PROVISION = ROOT / "playbooks" / "provision.yml"
RESULT = "Bring the fleet into its declared state"
FLEET = {
    "fleet_tasks": [
        {"name": "night-web", "template": "ai", "preset": "default", "input": "Mend the {{ thing }}"},
        {"name": "night-api", "template": "ai", "input": "Look at the API"},
        {"name": "night-old", "state": "absent"},
    ],
    "fleet_purge_prefix": "night-",
    "thing": "web shop",
}


@pytest.fixture
def server(emulator) -> Emulator:
    started = emulator()
    started.create_task("night-old")
    started.create_task("night-forgotten")
    started.create_task("by-hand")
    return started


@pytest.fixture
def ansible(tmp_path: Path, server: Emulator) -> Ansible:
    return Ansible(tmp_path, server.environment)


def names(server: Emulator) -> list[str]:
    return sorted(task.name for task in server.state.visible_tasks())


def provision(ansible: Ansible, *options: str) -> Run:
    (ansible.folder / "fleet.yml").write_text(yaml.safe_dump(FLEET))
    return ansible.run("ansible-playbook", str(PROVISION), "--extra-vars", "@fleet.yml", *options)


def test_provision_shows_all_in_check_mode_then_does_it_once(ansible: Ansible, server: Emulator) -> None:
    run = provision(ansible, "--check", "--diff")
    assert run.rc == 0, run.output
    assert not server.writes
    assert "4 of 4 tasks would be changed: create 2, delete 2" in run.output
    assert "+++ after: alice/night-web" in run.output and "Mend the web shop" in run.output

    run = provision(ansible)
    assert run.rc == 0, run.output
    check_return("fleet", run.result(RESULT))
    assert names(server) == ["by-hand", "night-api", "night-web"]
    assert next(task for task in server.state.visible_tasks() if task.name == "night-web").prompt == "Mend the web shop"

    run = provision(ansible)
    assert run.rc == 0 and "nothing to do" in run.output
    assert not run.result(RESULT)["changed"]


def test_provision_without_a_fleet_says_what_to_give(ansible: Ansible) -> None:
    run = ansible.run("ansible-playbook", str(PROVISION))
    assert run.rc != 0 and "Give the list 'fleet_tasks'" in run.output


def test_provision_through_ansible_runner(ansible: Ansible, server: Emulator) -> None:
    (ansible.folder / "env").mkdir()
    (ansible.folder / "env" / "extravars").write_text(json.dumps(FLEET))
    project = ["--project-dir", str(PROVISION.parent), "--playbook", PROVISION.name, "--ident", "one"]
    run = ansible.run("ansible-runner", "run", str(ansible.folder), *project)
    artifacts = ansible.folder / "artifacts" / "one"
    assert run.rc == 0 and (artifacts / "status").read_text() == "successful", run.output
    events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
    ended = [event["event_data"] for event in events if event["event"] == "runner_on_ok"]
    (result,) = [event["res"] for event in ended if event["task"] == RESULT]
    assert result["summary"]["actions"] == {"create": 2, "delete": 2}
    assert names(server) == ["by-hand", "night-api", "night-web"]
    assert server.token not in "".join(path.read_text() for path in (artifacts / "job_events").iterdir())


def test_both_ways_read_the_input_files_of_items(ansible: Ansible, server: Emulator) -> None:
    (ansible.folder / "files").mkdir()
    (ansible.folder / "files" / "web.md").write_text("Mend the {{ web }} shop\n")
    task = {
        "name": RESULT,
        "coder.tasks.fleet": {
            "tasks": [{"name": "{{ prefix }}-web", "template": "ai", "input_file": "web.md"}, {"name": "gone"}],
            "wait": False,
        },
        "check_mode": True,
        "ignore_errors": True,
    }
    results = []
    for ways in ({}, {"environment": {"ANY": "thing"}}):
        run = ansible.playbook([{"tasks": [{**task, **ways}], "vars": {"prefix": "a"}}])
        result = run.result(RESULT)
        check_return("fleet", result)
        results.append({key: value for key, value in result.items() if key not in ("invocation", "ansible_facts")})
    assert json.dumps(results[0], sort_keys=True) == json.dumps(results[1], sort_keys=True)
    assert results[0]["tasks"][0]["task"]["initial_prompt"] == "Mend the {{ web }} shop\n"
    assert results[0]["failed"] and "'template' is needed" in results[0]["tasks"][1]["msg"]


def test_ad_hoc(ansible: Ansible) -> None:
    arguments = json.dumps({"tasks": [{"name": "by-hand", "state": "paused"}]})
    run = ansible.run("ansible", "localhost", "-m", "coder.tasks.fleet", "-a", arguments)
    assert run.rc == 0 and '"action": "pause"' in run.output, run.output


@pytest.mark.parametrize("ways", [{}, {"environment": {"ANY": "thing"}}], ids=["in process", "module"])
def test_interrupt_ends_what_waits(ansible: Ansible, emulator, ways: dict[str, Any]) -> None:
    slow = emulator(time_factor=20)
    ansible.environment = slow.environment
    tasks = [{"name": f"t-{number}", "template": "ai"} for number in range(20)]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"coder.tasks.fleet": {"tasks": tasks}, **ways}]}
    (ansible.folder / "slow.yml").write_text(yaml.safe_dump([play]))
    with ansible.start("ansible-playbook", "slow.yml") as process:
        ends = time.monotonic() + 120
        while len(slow.writes) < 20 and time.monotonic() < ends:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)  # the fleet would wait ten minutes
    assert process.returncode != 0
    asked = len(slow.journal)
    time.sleep(2.5)
    assert len(slow.journal) == asked, "something still asks"
