# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving AgentAPI's state and stopping it: the right process, at the right time, or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import NOT_AUTHORIZED, FakeAgentAPI, FakeCoder, conversation

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.process import (
    NotAgentAPI,
    find_agentapi,
    is_running,
    send,
    wait_for_exit,
)

AGENT = """
import signal, sys
from unit.snapshot.servers import *
def note(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM: sys.exit(0)
signal.signal(signal.SIGTERM, note); signal.signal(signal.SIGUSR1, note)
with FakeAgentAPI(conversation(*sys.argv[2:]), sys.argv[1]) as server:
    print(server.port, flush=True)
    while True: signal.pause()
"""


class Agent:
    """An AgentAPI in a process of its own, which tells the signals it gets."""

    def __init__(self, folder: Path, status: str, *contents: str) -> None:
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", AGENT, status, *contents]
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.pid_file = folder / "agentapi.pid"
        self.pid_file.write_text(f"{self.process.pid}\n")

    def signals(self) -> list[str]:
        """All that it got; it is ended for that."""
        self.process.kill()
        return self.process.communicate(timeout=60)[0].split()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path, "stable", "Hello.", "do it", "done")
    yield agent
    agent.process.kill()
    agent.process.communicate()


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path, "running", "")
    yield agent
    agent.process.kill()
    agent.process.communicate()


def test_state_is_saved_and_agentapi_stopped_after_the_capture(hook: Hook, agent: Agent, coder: FakeCoder) -> None:
    hook.point_at(agent.port, coder)
    run = hook.run("capture", ARG_PID_FILE_PATH=str(agent.pid_file), ARG_ENABLE_STATE_PERSISTENCE="true")
    assert run.code == 0
    pid = agent.process.pid
    assert f"Sending SIGUSR1 to AgentAPI (pid {pid}) to save state" in run.lines
    assert run.lines.index("Log snapshot posted successfully") < run.lines.index(
        f"Sending SIGTERM to AgentAPI (pid {pid})"
    )
    assert agent.process.wait(60) == 0
    assert agent.signals() == ["SIGUSR1", "SIGTERM"]


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"CODER_AGENT_URL": "http://127.0.0.1:1"}, 0),
        ({"CODER_AGENT_TOKEN": None}, 1),
        ({"ARG_TASK_LOG_SNAPSHOT": "false"}, 0),
        ({"ARG_TASK_ID": None}, 0),
    ],
)
def test_agentapi_is_stopped_whatever_became_of_the_snapshot(
    hook: Hook, agent: Agent, coder: FakeCoder, environ: dict[str, str | None], code: int
) -> None:
    hook.point_at(agent.port, coder)
    run = hook.run("capture", "--deadline", "1.5", ARG_PID_FILE_PATH=str(agent.pid_file), **environ)
    assert run.code == code
    assert agent.process.wait(60) == 0
    assert agent.signals() == ["SIGTERM"]


@pytest.mark.parametrize("persistent", ["true", "false"])
def test_an_agent_that_is_not_ready_gets_no_signal(
    hook: Hook, starting: Agent, coder: FakeCoder, persistent: str
) -> None:
    """Before its first prompt either signal overwrites the saved conversation with what is on the screen."""
    hook.point_at(starting.port, coder)
    run = hook.run("capture", ARG_PID_FILE_PATH=str(starting.pid_file), ARG_ENABLE_STATE_PERSISTENCE=persistent)
    assert run.code == 0
    assert any("is not ready and would overwrite its saved conversation" in line for line in run.lines)
    assert starting.signals() == []


@pytest.mark.parametrize(("persistent", "stopped"), [("true", False), ("false", True)])
def test_one_that_does_not_answer_is_stopped_only_when_it_keeps_no_state(
    hook: Hook, agent: Agent, coder: FakeCoder, persistent: str, stopped: bool
) -> None:
    program = hook.home / "agentapi"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([str(program), "30"]) as silent:
        agent.pid_file.write_text(str(silent.pid))
        hook.point_at(1, coder).run(
            "capture", ARG_PID_FILE_PATH=str(agent.pid_file), ARG_ENABLE_STATE_PERSISTENCE=persistent
        )
        assert (silent.poll() is not None) == stopped
        silent.kill()


def test_the_registry_s_module_folder_tells_where_the_pid_is(hook: Hook, agent: Agent, coder: FakeCoder) -> None:
    folder = hook.home / ".my-module"
    folder.mkdir()
    shutil.copy(agent.pid_file, folder / "agentapi.pid")
    hook.point_at(agent.port, coder).run("capture", ARG_MODULE_DIR_NAME=".my-module")
    assert agent.signals() == ["SIGTERM"]


@pytest.mark.parametrize("content", ["", "garbage", "-1", "0", "1", "12x", "1" * 60, "\x00\xff", "x" * 9999])
def test_a_pid_file_with_garbage_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pid"
    path.write_text(content)
    with pytest.raises(NotAgentAPI):
        find_agentapi(str(path), 3284)


def test_a_missing_pid_file_or_a_dead_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAgentAPI, match="cannot be read"):
        find_agentapi(str(tmp_path / "none"), 3284)
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / "pid").write_text(str(dead.pid))
    with pytest.raises(NotAgentAPI, match=f"no process {dead.pid} is running"):
        find_agentapi(str(tmp_path / "pid"), 3284)
    assert not send(dead.pid, signal.SIGTERM)


def test_a_process_is_known_by_its_name_or_by_its_port(tmp_path: Path, agent: Agent) -> None:
    assert find_agentapi(str(agent.pid_file), agent.port) == agent.process.pid
    with pytest.raises(NotAgentAPI, match="is not AgentAPI"):
        find_agentapi(str(agent.pid_file), agent.port + 1)
    program = tmp_path / "agentapi"
    shutil.copy("/bin/sleep", program)
    named = subprocess.Popen([str(program), "30"])
    try:
        (tmp_path / "pid").write_text(str(named.pid))
        assert find_agentapi(str(tmp_path / "pid"), 1) == named.pid
        assert not wait_for_exit(named.pid, Deadline(0.05))
        assert send(named.pid, signal.SIGTERM)
        # Not collected by its parent, which are we: it has ended all the same.
        assert wait_for_exit(named.pid, Deadline(5))
        assert not is_running(named.pid)
    finally:
        named.kill()
        named.wait()


def test_another_agentapi_and_one_with_a_similar_name_are_not_stopped(tmp_path: Path, agent: Agent) -> None:
    for name, program in (("agentapi", sys.executable), ("agentapi-log-shipper", shutil.which("sleep"))):
        script = "import socket, time; s = socket.create_server(('', 0)); print(flush=True); time.sleep(30)"
        arguments = ["-c", script] if program == sys.executable else ["30"]
        with subprocess.Popen([name, *arguments], executable=program, stdout=subprocess.PIPE) as process:
            if program == sys.executable:
                assert process.stdout is not None
                process.stdout.readline()
            (tmp_path / "pid").write_text(str(process.pid))
            with pytest.raises(NotAgentAPI, match="is not AgentAPI"):
                find_agentapi(str(tmp_path / "pid"), agent.port)
            process.kill()


def test_a_refused_delivery_does_not_keep_agentapi(hook: Hook, agent: Agent) -> None:
    with FakeCoder((401, NOT_AUTHORIZED)) as coder:
        run = hook.point_at(agent.port, coder).run("capture", ARG_PID_FILE_PATH=str(agent.pid_file))
    assert run.code == 0
    assert agent.signals() == ["SIGTERM"]


def test_the_servers_of_these_tests_are_no_agentapi(tmp_path: Path) -> None:
    with FakeAgentAPI(conversation("x")) as server:
        (tmp_path / "pid").write_text(str(os.getpid()))
        with pytest.raises(NotAgentAPI, match="is not AgentAPI"):
            find_agentapi(str(tmp_path / "pid"), server.port)
