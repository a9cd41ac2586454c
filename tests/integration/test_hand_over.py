# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes the action hand over to the ordinary module, and what it may do itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator
from playbooks import Ansible, Run

START = Callable[..., Emulator]
ITEMS = 5
# The same Python under another name, as a virtual environment of its own has it.
OTHER = "{{ playbook_dir }}/bin/python3"


def info(name: str, **keywords: Any) -> dict[str, Any]:
    return {"name": name, "coder.tasks.task_info": {"name": "one"}, **keywords}


def way_of(run: Run, name: str) -> str:
    """What -vvv says of the way that a task ran."""
    said = run.stdout.partition(f"TASK [{name}]")[2].partition("TASK [")[0]
    lines = [line for line in said.splitlines() if line.startswith("coder.tasks.")]
    assert lines, run.output
    # The line is not the only witness: a module's run is announced by Ansible itself.
    assert ("Using module file" in said) == ("the ordinary module runs" in lines[0])
    return lines[0]


HANDED_OVER: dict[str, tuple[dict[str, Any], str]] = {
    "become of a task": ({"become": True}, "become is set"),
    "become as a variable of a task": ({"vars": {"ansible_become": True}}, "become is set"),
    "an environment of a task": ({"environment": {"ANYTHING": "1"}}, "an environment is set"),
    "another interpreter": ({"vars": {"ansible_python_interpreter": OTHER}}, "ansible_python_interpreter is /"),
    "async with poll": ({"async": 30, "poll": 1}, "the task is asynchronous"),
}
KEPT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "its own interpreter": {"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}},
    "its own interpreter by another name": {
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python | dirname }}/python3"}
    },
    "a search for an interpreter": {"vars": {"ansible_python_interpreter": "auto_silent"}},
    "an empty environment": {"environment": {}},
    "become that is off": {"become": False},
}


@pytest.fixture
def ansible(emulator: START, tmp_path: Path) -> Ansible:
    server = emulator()
    server.create_task("one")
    # `become` to the user that runs the test: sudo itself is not what is tested.
    (tmp_path / "sudo").write_text('#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python3").chmod(0o755)
    return Ansible(tmp_path, {**server.environment, "ANSIBLE_BECOME_EXE": str(tmp_path / "sudo")})


def test_a_task_hands_over_and_says_why(ansible: Ansible) -> None:
    cases = HANDED_OVER
    tasks = [info(name, **keywords) for name, (keywords, _reason) in cases.items()]
    tasks += [info(name, **keywords) for name, keywords in KEPT.items()]
    run = ansible.playbook([{"tasks": tasks}], "-vvv")
    assert run.rc == 0, run.output
    for name, (_keywords, reason) in cases.items():
        line = way_of(run, name)
        assert reason in line and line.endswith("so the ordinary module runs"), line
    for name in KEPT:
        assert way_of(run, name) == "coder.tasks.task_info: runs in the worker's own process"
    results = [json.dumps(run.result(name)["tasks"]) for name in (*cases, *KEPT)]
    assert len(set(results)) == 1


def test_what_stands_above_the_task_counts_too(ansible: Ansible, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    hosts: dict[str, dict[str, Any]] = {
        "plain": {},
        "becoming": {"ansible_become": True},
        "other": {"ansible_python_interpreter": OTHER},
    }
    local = {name: {"ansible_connection": "local", **variables} for name, variables in hosts.items()}
    inventory.write_text(json.dumps({"all": {"hosts": local}}))
    block = {"environment": {"ANYTHING": "1"}, "block": [info("in a block")]}
    run = ansible.playbook(
        [
            {"hosts": "plain", "tasks": [block]},
            {"hosts": "plain", "environment": [{"ANYTHING": "1"}], "tasks": [info("in a play")]},
            {"hosts": "plain", "become": True, "tasks": [info("in a becoming play")]},
            {"hosts": "becoming", "tasks": [info("on a becoming host")]},
            {"hosts": "other", "tasks": [info("on a host with a Python")]},
            {"hosts": "other", "tasks": [info("delegated from there", delegate_to="localhost")]},
        ],
        "-vvv", "--inventory", str(inventory),
    )  # fmt: skip
    assert run.rc == 0, run.output
    assert "an environment is set" in way_of(run, "in a block")
    assert "an environment is set" in way_of(run, "in a play")
    assert "become is set" in way_of(run, "in a becoming play")
    assert "become is set" in way_of(run, "on a becoming host")
    assert "ansible_python_interpreter is" in way_of(run, "on a host with a Python")
    assert "own process" in way_of(run, "delegated from there")


def test_a_host_that_is_not_the_controller_gets_the_module(ansible: Ansible, tmp_path: Path) -> None:
    """There is no such host: it is enough that the connection is asked for."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {"far": {"ansible_host": "127.0.0.1", "ansible_port": 1}}}}))
    plays = [
        {"hosts": "far", "tasks": [info("at home", delegate_to="localhost")]},
        {"hosts": "far", "tasks": [info("far away")]},
    ]
    run = ansible.playbook(plays, "-vvv", "--inventory", str(inventory))
    assert "own process" in way_of(run, "at home")
    assert "the connection is ssh, not local, so the ordinary module runs" in run.stdout
    assert run.records[-1]["result"]["unreachable"]


def test_async_is_started_and_collected(ansible: Ansible) -> None:
    tasks = [
        info("start", **{"async": 30, "poll": 0, "register": "job"}),
        {
            "name": "collect",
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "ended",
            "until": "ended is finished",
            "retries": 50,
            "delay": 0.2,
        },
    ]
    run = ansible.playbook([{"tasks": tasks}], "-vvv")
    assert run.rc == 0, run.output
    assert "the task is asynchronous" in way_of(run, "start")
    assert run.result("start")["ansible_job_id"]
    assert [task["name"] for task in run.result("collect")["tasks"]] == ["one"]


@pytest.mark.parametrize(("keywords", "sessions"), [({}, 1), ({"environment": {"ANYTHING": "1"}}, ITEMS)])
def test_a_loop_shares_one_session(
    emulator: START, tmp_path: Path, keywords: dict[str, Any], sessions: int
) -> None:
    server = emulator()
    server.create_task("one")
    tasks = [info("loop", loop=list(range(ITEMS)), **keywords)]
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": tasks}])
    assert run.rc == 0, run.output
    assert len(server.journal.matching("GET", "/buildinfo$")) == sessions
    assert len(server.journal.matching("GET", "/tasks/me/one$")) == ITEMS


def test_sessions_are_kept_apart_by_their_options(emulator: START, tmp_path: Path) -> None:
    servers, users = [emulator(), emulator()], ["alice", "bob", "alice"]
    for server in servers:
        server.create_task("one")
    task = {
        "name": "loop",
        "coder.tasks.task_info": {"name": "one", "url": "{{ item.url }}", "token": "{{ item.token }}"},
        "loop": [{"url": server.url, "token": server.tokens[user]} for server in servers for user in users],
    }
    run = Ansible(tmp_path, {}).playbook([{"tasks": [task]}])
    assert run.rc == 0, run.output
    found = [len(result["tasks"]) for result in run.result("loop")["results"]]
    assert found == [1, 0, 1, 1, 0, 1]
    for server in servers:
        assert [entry.user for entry in server.journal.matching("GET", "/tasks/me/one$")] == users
        assert len(server.journal.matching("GET", "/buildinfo$")) == 2


def test_until_sees_a_template_that_comes(emulator: START, tmp_path: Path) -> None:
    """A kept session remembers who the user is and which server this is, not what can change meanwhile."""
    server = emulator()
    server.create_task("one")
    for path in ("/templates$", "/versions$", "/presets$"):
        server.faults.add("status", method="GET", path=path, status=200, body="[]")
    task = {
        "name": "until",
        "coder.tasks.template_info": {"name": "ai", "versions": True},
        "register": "seen",
        "until": "seen is succeeded and seen.templates[0].versions | length * seen.templates[0].presets | length > 0",
        "retries": 5,
        "delay": 0,
    }
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": [task]}])
    assert run.rc == 0, run.output
    assert run.result("until")["attempts"] == 3
    assert len(server.journal.matching("GET", "/rich-parameters$")) == 1


@pytest.mark.parametrize("keywords", [{}, {"environment": {"ANYTHING": "1"}}])
def test_a_failure_tells_of_the_writes_of_its_own_call(
    emulator: START, tmp_path: Path, keywords: dict[str, Any]
) -> None:
    server = emulator()
    server.create_task("one")
    server.state.hold_builds()
    task = {
        "name": "loop",
        "coder.tasks.task": {"name": "one", "state": "paused", "wait_timeout": 0.1},
        "loop": [1, 2],
        "ignore_errors": True,
        **keywords,
    }
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": [task]}])
    found = [(result["failure"]["kind"], result["changed"]) for result in run.result("loop")["results"]]
    assert found == [("wait_timeout", True), ("wait_timeout", False)], run.output


def test_check_mode_after_a_write_refuses_to_write(emulator: START, tmp_path: Path) -> None:
    """The session of a loop is shared, its right to write is not."""
    server = emulator()
    server.create_task("one")
    task = {
        "name": "loop",
        "coder.tasks.task": {"name": "one", "state": "{{ item }}", "wait": False},
        "loop": ["paused", "absent"],
    }
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": [task]}], "--check", "--diff")
    assert run.rc == 0, run.output
    assert [result["changed"] for result in run.result("loop")["results"]] == [True, True]
    assert server.writes == []


def test_hosts_work_side_by_side(emulator: START, tmp_path: Path) -> None:
    server = emulator()
    names = [f"host-{number}" for number in range(6)]
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {name: {"ansible_connection": "local"} for name in names}}}))
    plays = [
        {
            "hosts": "all",
            "strategy": strategy,
            "tasks": [
                {
                    "name": f"create {strategy}",
                    "coder.tasks.task": {"name": "{{ inventory_hostname }}", "template": "ai", "wait": False},
                },
                info(f"once {strategy}", run_once=True),
            ],
        }
        for strategy in ("linear", "ansible.builtin.free")
    ]
    run = Ansible(tmp_path, server.environment).playbook(plays, "--forks", "6", "--inventory", str(inventory))
    assert run.rc == 0, run.output
    assert sorted(task.name for task in server.state.tasks.values()) == names
    assert [run.result("create linear", name)["changed"] for name in names] == [True] * 6
    assert [run.result("create ansible.builtin.free", name)["changed"] for name in names] == [False] * 6


def test_any_errors_fatal_stops_the_play(emulator: START, tmp_path: Path) -> None:
    server = emulator()
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {name: {"ansible_connection": "local"} for name in "ab"}}}))
    play = {
        "hosts": "all",
        "any_errors_fatal": True,
        "tasks": [
            {"name": "fail", "coder.tasks.task_send": {"task": "{{ inventory_hostname }}", "input": "x"}},
            info("never"),
        ],
    }
    run = Ansible(tmp_path, server.environment).playbook([play], "--inventory", str(inventory))
    assert run.rc == 2
    assert [record["name"] for record in run.records] == ["fail", "fail"]
    # The worker lived on: sys.exit in an action would have lost the result.
    assert all("no task" in record["result"]["msg"] for record in run.records)
