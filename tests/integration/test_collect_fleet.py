# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several collectors over real ssh, one of them killed and replaced; one job per shard; and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from sshd import ssh_server

from emulator import Emulator
from playbooks import ROOT, Ansible, Run

Servers = Callable[..., Emulator]
KEY = "one key for all shards"
TASKS = 48


@pytest.fixture
def server(emulator: Servers) -> Emulator:
    made = emulator()
    for number in range(TASKS):
        made.create_task(f"task-{number}").api.set_messages([{"id": 0, "content": f"word{number}"}])
    return made


@pytest.fixture
def collectors(server: Emulator, tmp_path: Path) -> Iterator[Ansible]:
    """Four collectors and a spare one, each a login of its own over ssh, that share one storage."""
    (tmp_path / "home").mkdir()
    with ssh_server(tmp_path, tmp_path / "home") as port:
        names = [f"collector{number}" for number in range(1, 5)]
        common = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_python_interpreter": sys.executable}
        groups = {"collectors": {"hosts": {name: {} for name in names}}, "spares": {"hosts": {"spare": {}}}}
        inventory = {"all": {"vars": common, "children": groups}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        yield Ansible(tmp_path, {
            **server.environment, "ANSIBLE_INVENTORY": str(tmp_path / "hosts.yml"),
            "ANSIBLE_HOST_KEY_CHECKING": "false", "ANSIBLE_PRIVATE_KEY_FILE": str(tmp_path / "user_key"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path / "cp"),
        })  # fmt: skip


def options(folder: Path, **variables: Any) -> list[str]:
    return ["-e", json.dumps({"archive": str(folder / "archive"), "redaction_key": KEY, "concurrency": 2, **variables})]


def saved(shard: Path) -> list[Path]:
    return [path for path in shard.glob("tasks/*/task.json") if not path.parent.name.startswith(".")]


def writer_of(shard: Path) -> int:
    """The process that holds the lock of an archive."""
    lock = os.stat(shard / ".lock").st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and int(words[5].rpartition(":")[2]) == lock:
            return int(words[4])
    raise AssertionError(f"nobody writes to {shard}")


def wait_until(happens: Callable[[], Any], running: subprocess.Popen[str]) -> None:
    while not happens():
        assert running.poll() is None, "".join(running.communicate())
        time.sleep(0.05)


def fleet(ansible: Ansible, *more: str) -> Run:
    return ansible.run("ansible-playbook", "coder.tasks.collect_fleet", *more)


def test_a_collector_is_killed_and_replaced_over_ssh(server: Emulator, collectors: Ansible, tmp_path: Path) -> None:
    shard = tmp_path / "archive" / "shard-2-of-4"
    server.faults.add("latency", path="/logs$", seconds=0.5, count=None)
    given = options(tmp_path)
    with collectors.start("ansible-playbook", "coder.tasks.collect_fleet", "--forks", "4", *given) as running:
        wait_until(lambda: saved(shard), running)
        os.kill(writer_of(shard), signal.SIGKILL)
        output = "".join(running.communicate(timeout=90))
    assert running.returncode == 2, output
    records = [record for record in collectors.records() if record["name"] == "Save the shard"]
    assert {record["host"]: bool(record["result"].get("failed")) for record in records} == {
        "collector1": False, "collector2": True, "collector3": False, "collector4": False
    }  # fmt: skip
    server.faults.rules.clear()
    before = len(saved(shard))
    assert 0 < before < TASKS

    refused = collectors.run("ansible-playbook", "coder.tasks.join", *given)
    assert refused.rc == 2 and "The last run of shard 2 of 4 (shard-2-of-4) began at" in refused.output, refused.output

    spare = ("--limit", "spare", "-e", "collectors=spares")
    lost = fleet(collectors, *spare, *given)
    assert lost.rc == 2 and "Give 'shard_index' and 'shard_count': with a limit" in " ".join(lost.output.split())
    resumed = fleet(collectors, *spare, *given, "-e", "shard_index=2", "-e", "shard_count=4")
    assert resumed.rc == 0, resumed.output
    summary = resumed.result("Save the shard")["summary"]
    assert summary["unchanged"] == before and summary["created"] > 0, "it goes on from there"

    joined = collectors.run("ansible-playbook", "coder.tasks.join", *given)
    assert joined.rc == 0 and f"4 shards with {TASKS} tasks" in " ".join(joined.output.split()), joined.output
    done = collectors.run("ansible-playbook", "coder.tasks.evacuate", *given, "-e", "confirm=yes")
    assert done.rc == 0 and f"{TASKS} deleted, 0 left" in " ".join(done.output.split()), done.output
    assert not list(server.state.visible_tasks())
    for text in (output, refused.output, lost.output, resumed.output, joined.output, done.output):
        assert server.token not in text and KEY not in text


def test_one_job_per_shard_with_ansible_runner(server: Emulator, tmp_path: Path) -> None:
    """As AWX runs it: each job knows its shard, and nothing of the other jobs."""

    def run(index: int) -> None:
        folder = tmp_path / f"runner-{index}"
        for part in ("project", "env"):
            (folder / part).mkdir(parents=True)
        shutil.copy(ROOT / "playbooks" / "collect_fleet.yml", folder / "project")
        variables = {
            "archive": str(tmp_path / "archive"), "redaction_key": KEY, "collectors": "localhost",
            "shard_index": index, "shard_count": 4, "awx_job_id": index,
        }  # fmt: skip
        (folder / "env" / "extravars").write_text(json.dumps(variables))
        environment = {
            **server.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(folder),
            "ANSIBLE_HOME": str(folder / ".ansible"),
        }  # fmt: skip
        (folder / "env" / "envvars").write_text(json.dumps(environment))
        runner = Path(sys.executable).with_name("ansible-runner")
        done = subprocess.run(
            [str(runner), "run", str(folder), "-p", "collect_fleet.yml"], capture_output=True, text=True, timeout=120,
            check=False, env={"PATH": f"{runner.parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (1, 2, 4)))
    ansible = Ansible(tmp_path, server.environment)
    refused = ansible.run("ansible-playbook", "coder.tasks.join", *options(tmp_path))
    assert refused.rc == 2 and "Shard 3 of 4 is missing." in refused.output
    run(3)
    joined = ansible.run("ansible-playbook", "coder.tasks.join", *options(tmp_path))
    assert joined.rc == 0 and f"4 shards with {TASKS} tasks" in " ".join(joined.output.split()), joined.output


@pytest.fixture
def local(server: Emulator, tmp_path: Path) -> Ansible:
    """Three collectors on this machine."""
    hosts = {f"collector{number}": {"ansible_connection": "local"} for number in (3, 1, 2)}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"collectors": {"hosts": hosts}}, sort_keys=False))
    return Ansible(tmp_path, {**server.environment, "ANSIBLE_INVENTORY": str(tmp_path / "hosts.yml")})


TOGETHER, PLACE = "Give 'shard_index' and 'shard_count' together.", "Give 'shard_index' and 'shard_count':"
MISTAKES: list[tuple[dict[str, Any], list[str], str]] = [
    ({"redaction_key": None}, [], "Give 'redaction_key', one for all shards"),
    ({"archive": "beside/me"}, [], "Give 'archive', the folder of all shards on the collectors, as an absolute path"),
    ({"shard_index": 1}, [], TOGETHER),
    ({"shard_index": 1, "shard_count": 3}, [], "3 hosts were given the shard 1: give each its own"),
    ({}, ["--limit", "collector1"], PLACE),
    ({"awx_job_id": 7}, [], PLACE),
    ({"collectors": "localhost"}, [], PLACE),
    ({"shard_index": 4, "shard_count": 3}, ["--limit", "collector1"], "no shard 4 of 3"),
]


def test_nobody_collects_a_shard_by_mistake(server: Emulator, local: Ansible, tmp_path: Path) -> None:
    def refused(number: int) -> str | None:
        variables, more, sentence = MISTAKES[number]
        given = {"archive": str(tmp_path / "archive"), "redaction_key": KEY, **variables}
        (tmp_path / str(number)).mkdir()
        ansible = Ansible(tmp_path / str(number), local.environment)
        known = {name: value for name, value in given.items() if value is not None}
        done = fleet(ansible, "-e", json.dumps(known), *more)
        fine = done.rc == 2 and sentence in " ".join(done.output.split())
        return None if fine else f"{variables} {more}: {done.output}"

    with ThreadPoolExecutor(2) as pool:
        wrong = [each for each in pool.map(refused, range(len(MISTAKES))) if each]
    assert not wrong and not (tmp_path / "archive").exists()


def test_a_host_has_the_shard_of_its_place_or_the_one_it_was_given(
    server: Emulator, local: Ansible, tmp_path: Path
) -> None:
    done = fleet(local, *options(tmp_path))
    assert done.rc == 0, done.output
    folders = {record["host"]: record["result"]["archive"]["path"].rpartition("/")[2] for record in done.records
               if record["name"] == "Save the shard"}  # fmt: skip
    assert folders == {"collector3": "shard-1-of-3", "collector1": "shard-2-of-3", "collector2": "shard-3-of-3"}
    # A slice, where the inventory itself says which shard a host has.
    hosts = {"collector1": {"ansible_connection": "local", "shard_index": 2, "shard_count": 3}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"collectors": {"hosts": hosts}}))
    done = fleet(local, *options(tmp_path, awx_job_id=7))
    assert done.rc == 0 and not done.result("Save the shard")["changed"], done.output
