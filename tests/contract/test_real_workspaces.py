# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's real workspaces do what an agent and its container do: scripts, environment, grace, and the token."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from emulator import Emulator
from emulator.processes import ProcessRuntime
from emulator.world import Task

Start = Callable[..., Emulator]
FACTOR = 0.1


def inside(task: Task) -> ProcessRuntime:
    runtime = task.workspace.runtime
    assert isinstance(runtime, ProcessRuntime)
    return runtime


def ask(server: Emulator, method: str, path: str, **options: object) -> requests.Response:
    headers = {"Coder-Session-Token": server.token}
    return requests.request(method, server.url + path, headers=headers, timeout=60, **options)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def post_snapshot(server: Emulator, task: Task) -> int:
    """Post as the hook does; 204 while the agent's token is valid."""
    path = f"/api/v2/workspaceagents/me/tasks/{task.id}/log-snapshot?format=agentapi"
    headers = {"Coder-Session-Token": inside(task).environment["CODER_AGENT_TOKEN"]}
    body = {"messages": [{"id": 0, "content": "x", "role": "agent", "time": "2026-01-01T00:00:00Z"}]}
    return requests.post(server.url + path, json=body, headers=headers, timeout=60).status_code


def is_alive(pid: int) -> bool:
    """Nobody may collect what has ended."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def real(emulator: Start) -> Start:
    return lambda *args, **options: emulator(*args, time_factor=FACTOR, real_workspaces=True, **options)


def test_task_talks_to_its_process(real: Start) -> None:
    server = real()
    task = server.create_task("one")
    assert ask(server, "POST", "/api/v2/tasks/me/one/send", json={"input": "hello"}).status_code == 204
    busy = ask(server, "POST", "/api/v2/tasks/me/one/send", json={"input": "again"})
    assert (busy.status_code, busy.json()["detail"]) == (409, "Status: running")
    wait_for(lambda: len(task.api.messages()) == 3)
    logs = ask(server, "GET", "/api/v2/tasks/me/one/logs").json()["logs"]
    assert [entry["content"] for entry in logs] == ["Hello, I am the stand-in agent.", "hello", "echo: hello"]


def test_agent_environment(real: Start) -> None:
    """What the agent hands to scripts; nothing of the server's own environment."""
    server = real(start_scripts=["env; pwd", "#!/usr/bin/env python3\nprint(6 * 7)", "echo ${data.coder_task.me.id}"])
    task = server.create_task("one")
    runtime = inside(task)
    wait_for(lambda: runtime.output("start1") and runtime.output("start2") and "PWD" in runtime.output("start0"))
    seen = dict(line.split("=", 1) for line in runtime.output("start0").splitlines() if "=" in line)
    wanted = {
        "CODER": "true",
        "CODER_AGENT_TOKEN": task.agent.token,
        "CODER_AGENT_URL": server.url,
        "CODER_WORKSPACE_ID": task.workspace.id,
        "CODER_WORKSPACE_NAME": "one",
        "CODER_WORKSPACE_OWNER_NAME": "alice",
        "HOME": str(runtime.home),
        "PWD": str(runtime.home),
    }
    assert wanted.items() <= seen.items()
    assert set(seen) - set(runtime.environment) <= {"PWD", "SHLVL", "_", "OLDPWD"}
    assert (runtime.output("start1"), runtime.output("start2")) == ("42\n", f"{task.id}\n")


def test_stop_scripts_run_side_by_side_and_everything_ends(real: Start) -> None:
    script = "date +%s%N; sleep 0.3; ps -o sid= -p $$; date +%s%N"
    server = real(start_scripts=["setsid sleep 60 & echo $!"], stop_scripts=[script, script])
    task = server.create_task("one")
    runtime = inside(task)
    wait_for(lambda: runtime.output("start0"))
    daemon, agentapi = int(runtime.output("start0")), task.api.process.pid
    assert ask(server, "POST", "/api/v2/tasks/me/one/pause").status_code == 202
    wait_for(lambda: task.status == "paused")
    first, second = (runtime.output(name).split() for name in ("stop0", "stop1"))
    assert int(first[0]) < int(second[2]) and int(second[0]) < int(first[2])
    assert first[1] != second[1] != str(os.getsid(0))
    assert not is_alive(daemon) and not is_alive(agentapi)
    assert runtime.home.is_dir()


def test_script_longer_than_the_grace_is_killed(real: Start) -> None:
    """13-stop-hook.json, grace: the job takes 12 s then; the token is valid until its end."""
    server = real(stop_scripts=["trap '' TERM HUP; echo $$; sleep 60"])
    task = server.create_task("one")
    began = time.monotonic()
    ask(server, "POST", "/api/v2/tasks/me/one/pause")
    wait_for(lambda: inside(task).output("stop0"))
    pid = int(inside(task).output("stop0"))
    time.sleep(6 * FACTOR)
    assert (is_alive(pid), task.status, post_snapshot(server, task)) == (True, "unknown", 204)
    wait_for(lambda: task.status == "paused")
    assert (time.monotonic() - began) / FACTOR > 11
    wait_for(lambda: post_snapshot(server, task) == 401)
    assert not is_alive(pid)


def test_token_during_a_short_stop(real: Start) -> None:
    """13-stop-hook.json, pause: about 4 s from the start of the hook to the end of the job."""
    server = real(stop_scripts=["exit 3"])
    task = server.create_task("one")
    assert post_snapshot(server, task) == 204
    began = time.monotonic()
    ask(server, "POST", "/api/v2/tasks/me/one/pause")
    while post_snapshot(server, task) == 204:
        time.sleep(0.005)
    assert (time.monotonic() - began) / FACTOR > 3.5
    assert task.status == "paused"


@pytest.mark.parametrize("ending", ["restart", "delete", "cancel"])
def test_token_is_refused_at_once(real: Start, ending: str) -> None:
    """13-stop-hook.json: restart, delete, cancel."""
    server = real(stop_scripts=["echo stopped"])
    task = server.create_task("one")
    if ending == "restart":
        path = f"/api/v2/workspaces/{task.workspace.id}/builds"
        assert ask(server, "POST", path, json={"transition": "start"}).status_code == 201
    elif ending == "delete":
        assert ask(server, "DELETE", "/api/v2/tasks/me/one").status_code == 202
    else:
        ask(server, "POST", "/api/v2/tasks/me/one/pause")
        wait_for(lambda: inside(task).output("stop0"))
        ask(server, "PATCH", f"/api/v2/workspacebuilds/{task.workspace.latest.id}/cancel")
    assert post_snapshot(server, task) == 401
    wait_for(lambda: inside(task).output("stop0"))
    if ending == "restart":
        wait_for(lambda: task.status == "active")
        assert post_snapshot(server, task) == 204
    inside(task).settle()
    assert inside(task).home.exists() == (ending != "delete")


def test_home_stays_and_state_is_restored(real: Start) -> None:
    server = real(save_state=True, start_scripts=["date >> ran"], stop_scripts=[
        "kill $(cat ${local.agentapi_pid_file}); while [ -e ${local.agentapi_pid_file} ]; do sleep 0.01; done"
    ])  # fmt: skip
    task = server.create_task("one")
    ask(server, "POST", "/api/v2/tasks/me/one/send", json={"input": "remember"})
    wait_for(lambda: len(task.api.messages()) == 3 and task.api.status() == "stable")
    before = task.api.messages()
    ask(server, "POST", "/api/v2/tasks/me/one/pause")
    wait_for(lambda: task.status == "paused")
    ask(server, "POST", "/api/v2/tasks/me/one/resume")
    wait_for(lambda: task.status == "active")
    assert task.api.messages() == before
    assert len((inside(task).home / "ran").read_text().splitlines()) == 2


def test_modes(real: Start) -> None:
    server = real()
    task = server.create_task("one")
    task.api.set_mode("frozen")
    with pytest.raises(requests.exceptions.Timeout):
        requests.get(f"http://127.0.0.1:{task.api.port}/status", timeout=0.2)
    task.api.set_mode("up")
    assert requests.get(f"http://127.0.0.1:{task.api.port}/status", timeout=30).ok
    task.kill_agent()
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://127.0.0.1:{task.api.port}/status", timeout=30)


def test_nothing_is_left_of_an_emulator_that_was_killed() -> None:
    program = """
import time
from emulator import Emulator
server = Emulator(time_factor=0.1, real_workspaces=True, start_scripts=["setsid sleep 60 & echo $!"]).start()
task = server.create_task("one")
runtime = task.workspace.runtime
while not runtime.output("start0"):
    time.sleep(0.01)
print(task.api.process.pid, runtime.output("start0").strip(), runtime.root, flush=True)
time.sleep(60)
"""
    folder = Path(__file__).parent.parent
    with subprocess.Popen([sys.executable, "-c", program], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        agentapi, daemon, root = process.stdout.readline().split()
        process.kill()
    wait_for(lambda: not (is_alive(int(agentapi)) or is_alive(int(daemon)) or Path(root).exists()))


def test_nothing_is_left_behind(real: Start) -> None:
    server = real(start_scripts=["sleep 60", "setsid sleep 60 & echo $!"])
    task = server.create_task("one")
    runtime = inside(task)
    wait_for(lambda: runtime.output("start1"))
    pids = [task.api.process.pid, int(runtime.output("start1"))]
    server.stop()
    assert not any(map(is_alive, pids))
    assert not runtime.root.exists()
