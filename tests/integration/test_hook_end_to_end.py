# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shutdown hook in real workspaces, from what the task said to what Coder still shows when it is gone.

With PEER_HOOK=path the script that this hook replaces goes through the same stops, to show what it saves and what not.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.marks import NEW_LIFE
from emulator import Emulator
from emulator.processes import ProcessRuntime
from emulator.world import Task
from playbooks import Ansible

PACKAGE = Path(__file__).parents[2] / "plugins" / "module_utils" / "snapshot"
FOLDER = ".local/share/coder-tasks/snapshot"
FACTOR = 0.25
TEXT = 'Grüße, <漢字> & "🚀"'
SECRETS = ("CODER_SESSION_TOKEN", "CODER_TOKEN")

ARGUMENTS = 'export ARG_TASK_ID="${data.coder_task.me.id}" ARG_AGENTAPI_PORT=${local.agentapi_port}\n'
OURS = f'{ARGUMENTS}exec python3 -I -S "$HOME/{FOLDER}/main.py" '
HOOKS = {"ours": f"{OURS}capture"}
if PEER := os.environ.get("PEER_HOOK"):
    HOOKS["peer"] = f"{ARGUMENTS}exec bash '{PEER}'"


class Conversation:
    """A task in a real workspace that has the hook, and what is said there."""

    def __init__(self, server: Emulator, *, has_hook: bool = True) -> None:
        self.server, self.name = server, "one"
        self.task: Task = server.create_task(self.name, state="new")
        assert isinstance(self.task.workspace.runtime, ProcessRuntime)
        self.inside: ProcessRuntime = self.task.workspace.runtime
        if has_hook:
            shutil.copytree(PACKAGE, self.inside.home / FOLDER, ignore=shutil.ignore_patterns("__pycache__"))
        self.wait_until("active")

    def ask(self, method: str, path: str = "", **options: Any) -> requests.Response:
        url = f"{self.server.url}/api/v2/tasks/me/{self.name}{path}"
        return requests.request(method, url, headers={"Coder-Session-Token": self.server.token}, timeout=60, **options)

    def logs(self) -> dict[str, Any]:
        answer = self.ask("GET", "/logs")
        assert answer.ok, answer.text
        return answer.json()

    def say(self, text: str) -> None:
        """Send a message and wait until the agent is done with it."""
        assert self.ask("POST", "/send", json={"input": text}).status_code == 204
        wait_for(lambda: self.task.api.status() == "stable")

    def live(self) -> list[dict[str, Any]]:
        logs = self.logs()
        assert not logs.get("snapshot")
        return logs["logs"]

    def pause(self) -> list[dict[str, Any]]:
        """Pause; what Coder shows of the paused task."""
        assert self.ask("POST", "/pause").status_code == 202
        self.wait_until("paused")
        logs = self.logs()
        assert logs["snapshot"]
        return logs["logs"]

    def restart(self) -> None:
        url = f"{self.server.url}/api/v2/workspaces/{self.task.workspace.id}/builds"
        headers = {"Coder-Session-Token": self.server.token}
        assert requests.post(url, json={"transition": "start"}, headers=headers, timeout=60).status_code == 201
        self.wait_until("initializing")

    def wait_until(self, status: str) -> None:
        wait_for(lambda: self.task.status == status)

    def saved(self) -> list[str]:
        """The contents of the snapshot that Coder has now, whatever state the task is in."""
        snapshot = self.task.snapshot()
        return [message["content"] for message in snapshot.messages] if snapshot else []

    def wait_until_saved(self, log: list[dict[str, Any]]) -> None:
        wait_for(lambda: self.saved() == [entry["content"] for entry in log])

    def spooled(self) -> list[Path]:
        return list((self.inside.home / ".local" / "state" / "coder-tasks").glob("*.json"))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def talk(emulator: Callable[..., Emulator]) -> Callable[..., Conversation]:
    """Starts a conversation in a workspace with these scripts: talk(stop=[...], start=[...], **options)."""

    def begin(*, stop: str = "", start: str = "", time_factor: float = FACTOR, **options: Any) -> Conversation:
        scripts = {"stop_scripts": [stop] if stop else [], "start_scripts": [start] if start else []}
        server = emulator(time_factor=time_factor, real_workspaces=True, pad_columns=80, **scripts, **options)
        return Conversation(server)

    return begin


Talk = Callable[..., Conversation]


def stripped(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A live log without the padding of the terminal, which is all that the hook takes away."""
    return [{**entry, "content": "\n".join(line.rstrip() for line in entry["content"].split("\n"))} for entry in log]


@pytest.mark.parametrize("hook", HOOKS)
def test_pause_keeps_the_conversation(emulator: Callable[..., Emulator], hook: str, tmp_path: Path) -> None:
    """As a user sees it: what task_logs_info gives of the paused task is what it gave of the running one."""
    server = emulator(time_factor=FACTOR, real_workspaces=True, stop_scripts=[HOOKS[hook]], report_states=True)
    one = Conversation(server)
    read = {"coder.tasks.task_logs_info": {"name": "one"}}
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": [
        {"coder.tasks.task_send": {"task": "one", "input": TEXT, "stable_idle": 0.3}, "name": "send"},
        {**read, "name": "live"},
        {"coder.tasks.task": {"name": "one", "state": "paused"}, "name": "pause"},
        {**read, "name": "paused"},
    ]}])  # fmt: skip
    assert run.rc == 0, run.output
    (live,), (paused,) = (run.result(name)["logs"] for name in ("live", "paused"))
    assert (live["source"], paused["source"]) == ("live", "snapshot")
    assert len(live["messages"]) == 3
    assert paused["messages"] == live["messages"], one.inside.output("stop0")
    assert "Log snapshot posted successfully\nShutdown complete" in one.inside.output("stop0")
    assert one.spooled() == []


def coder_scripts(terraform: str) -> dict[str, str]:
    """The scripts of a template, by when they run: run_on_start, run_on_stop."""
    block = re.compile(r'resource "coder_script" .*?(run_on_\w+) += true.*?<<-EOT\n(.*?)\n\s*EOT', re.DOTALL)
    return {when: textwrap.dedent(script) for when, script in block.findall(terraform)}


def test_role_saves_what_a_restart_and_a_pause_would_lose(emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    """From a workspace without the hook, with what the role gives: executables, and Terraform. The controller has a
    user's token, the workspace never sees it."""
    server = emulator(time_factor=FACTOR, real_workspaces=True)
    one = Conversation(server, has_hook=False)
    template = tmp_path / "hook.tf"
    inside = {"ANSIBLE_EXECUTABLE": str(login_shell(one, tmp_path))}
    run = Ansible(tmp_path, server.environment | inside).playbook([{
        "roles": ["coder.tasks.shutdown_hook"],
        "vars": {
            "shutdown_hook_trigger": ["script", "follow"],
            "shutdown_hook_min_interval": 1,
            "shutdown_hook_environment": {"ARG_AGENTAPI_PORT": one.inside.port},
            "shutdown_hook_terraform_path": str(template),
        },
    }], "-e", f"__shutdown_hook_place={tmp_path}/agentapi-shutdown.sh")  # fmt: skip
    assert run.rc == 0, run.output
    scripts = coder_scripts(template.read_text())
    server.state.settings.scripts.start_scripts = [scripts["run_on_start"]]
    server.state.settings.scripts.stop_scripts = [scripts["run_on_stop"]]

    one.say("before the restart")
    before = one.live()
    one.wait_until_saved(before)
    assert_no_user_token(one)
    one.restart()
    one.wait_until("active")
    one.say("after it")
    live = one.live()
    assert_no_user_token(one)
    # The AgentAPI that came back knew nothing of what was said before, and that is still there.
    paused = one.pause()
    assert paused[: len(before)] == before, one.inside.output("stop0")
    assert paused[len(before)]["content"] == NEW_LIFE
    assert paused[len(before) + 1 :] == live
    assert "Log snapshot posted successfully" in one.inside.output("stop0")


@pytest.mark.parametrize("hook", HOOKS)
def test_message_larger_than_a_snapshot(talk: Talk, hook: str) -> None:
    """13-stop-hook.json, cjk70k: the script before this one saved nothing of it. This one saves the end."""
    one = talk(stop=HOOKS[hook])
    one.say("漢" * 30_000)
    kept = one.pause()
    if hook == "peer":
        assert kept == []
        assert "giving up" in one.inside.output("stop0")
    else:
        assert kept[-1]["content"].endswith("漢" * 20_000)
        assert len(json.dumps(kept, ensure_ascii=False).encode()) > 60_000


def test_follow_keeps_what_a_kill_would_lose(talk: Talk) -> None:
    one = talk(start=f"{OURS}follow --min-interval 1", stop=HOOKS["ours"])
    one.say("one")
    one.say("two")
    live = stripped(one.live())
    assert len(live) == 5
    one.wait_until_saved(live)
    one.task.kill_agent()
    assert one.pause() == live
    assert one.inside.output("stop0") == ""


def test_follow_keeps_what_a_restart_would_lose(talk: Talk) -> None:
    """A restart refuses the token before any stop script runs."""
    one = talk(start=f"{OURS}follow --min-interval 1", stop=HOOKS["ours"])
    one.say("one")
    live = stripped(one.live())
    one.wait_until_saved(live)
    one.restart()
    during = one.logs()
    assert (during["snapshot"], during["logs"]) == (True, live)
    wait_for(lambda: "HTTP 401" in one.inside.output("stop0"))


def test_agentapi_that_is_locked(talk: Talk) -> None:
    """A message in flight holds AgentAPI's lock for longer than the stop: /messages does not answer, /events does."""
    one = talk(stop=HOOKS["ours"], time_factor=2 * FACTOR)
    one.say("one")
    live = stripped(one.live())
    with ThreadPoolExecutor(1) as pool:
        in_flight = pool.submit(one.ask, "POST", "/send", json={"input": "mute 14"})
        wait_for(lambda: "running" in agent_events(one))
        assert one.pause() == live
        # It was never answered: the lock was held to the end.
        assert in_flight.result().status_code == 502


def test_coder_that_is_away_during_the_stop(talk: Talk) -> None:
    """What could not be delivered lies in the home, and the next start delivers it."""
    one = talk(stop=f"{OURS}capture --deadline 2", start=f"{OURS}flush")
    one.say("one")
    live = stripped(one.live())
    one.server.faults.add("reset", path="/log-snapshot$", count=None)
    assert one.pause() == []
    assert [path.stat().st_mode & 0o777 for path in one.spooled()] == [0o600], one.inside.output("stop0")
    one.server.faults.clear()
    assert one.ask("POST", "/resume").status_code == 202
    one.wait_until_saved(live)
    wait_for(lambda: one.spooled() == [])


def test_agentapi_that_is_gone(talk: Talk) -> None:
    """Nothing is posted then, and the snapshot of the stop before stays."""
    one = talk(stop=HOOKS["ours"])
    one.say("one")
    first = one.pause()
    assert one.ask("POST", "/resume").status_code == 202
    one.wait_until("active")
    one.task.api.set_mode("down")
    assert one.pause() == first
    assert "AgentAPI (may not be running)" in one.inside.output("stop0")


def test_conversation_goes_on_after_a_resume(talk: Talk) -> None:
    """With a state file: the hook has AgentAPI save its state and end, and the next AgentAPI begins with it."""
    state = 'export ARG_PID_FILE_PATH="${local.agentapi_pid_file}" ARG_ENABLE_STATE_PERSISTENCE=true\n'
    one = talk(stop=state + HOOKS["ours"], save_state=True)
    one.say("one")
    live = one.live()
    assert one.pause() == stripped(live)
    said = one.inside.output("stop0")
    assert all(
        line in said for line in ("Sending SIGUSR1", "Log snapshot posted", "Sending SIGTERM", "Shutdown complete")
    )
    assert "Warning" not in said
    assert one.ask("POST", "/resume").status_code == 202
    one.wait_until("active")
    one.say("two")
    assert one.live()[:3] == live


def test_no_user_token_reaches_the_workspace(talk: Talk) -> None:
    one = talk(start=f"{OURS}follow", stop=f"env; {HOOKS['ours']}")
    one.say("one")
    assert_no_user_token(one)
    one.pause()
    assert "CODER_AGENT_TOKEN" in one.inside.output("stop0")
    assert not found_in(one, *one.server.tokens.values(), *SECRETS)


def assert_no_user_token(one: Conversation) -> None:
    """Nothing in a running workspace holds a user's token; the agent's own is seen, so we look in the right place."""
    assert found_in(one, one.inside.environment["CODER_AGENT_TOKEN"])
    assert not found_in(one, *one.server.tokens.values(), *SECRETS)


def found_in(one: Conversation, *words: str) -> list[Path]:
    """The files of a workspace, and the environments of its processes, that hold one of the words."""
    environments = [path for path in Path("/proc").glob("[0-9]*/environ") if is_of(one, path)]
    files = [path for path in one.inside.root.rglob("*") if path.is_file()]
    return [path for path in environments + files if any(word.encode() in content(path) for word in words)]


def login_shell(one: Conversation, folder: Path) -> Path:
    """A shell in the workspace, as over ssh: it has the agent's environment and nothing of the caller's."""
    path = folder / "workspace-shell"
    variables = {**one.inside.environment, "ARG_TASK_ID": one.task.id}
    words = [shlex.quote(f"{name}={value}") for name, value in variables.items()]
    path.write_text(f'#!/bin/sh\ncd {one.inside.home} && exec env -i {" ".join(words)} /bin/sh "$@"\n')
    path.chmod(0o755)
    return path


def agent_events(one: Conversation) -> str:
    """The first burst of AgentAPI's event stream."""
    with requests.get(f"http://127.0.0.1:{one.task.api.port}/events", stream=True, timeout=5) as answer:
        lines: Iterator[str] = answer.iter_lines(decode_unicode=True)
        return next(line for line in lines if '"status"' in line)


def is_of(one: Conversation, environ: Path) -> bool:
    return f"CODER_WORKSPACE_ID={one.task.workspace.id}".encode() in content(environ).split(b"\0")


def content(path: Path) -> bytes:
    """Nothing where the process has ended meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
