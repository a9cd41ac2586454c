# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workspaces as real processes: a home, an AgentAPI, and an agent's way with start and stop scripts.

A stop begins with its job: the stop scripts run in parallel, each in a session of its own, and are killed with all else
when the grace is over. The job ends no sooner than on a recorded server, and later while a script holds it up; the
agent's token follows from that, as for every workspace. The home stays until the workspace is deleted.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.agentapi import AgentApi, AppError, Behaviour, Message
from emulator.clock import Clock
from emulator.keeper import kill_all

if TYPE_CHECKING:
    from emulator.builds import Agent, Build, Workspace

_AGENTAPI = Path(__file__).with_name("agentapi_process.py")
_KEEPER = Path(__file__).with_name("keeper.py")
_STEP = 0.02  # real seconds between two looks
_READY_TIMEOUT = 10.0  # real seconds
_HTTP_TIMEOUT = 30.0  # real seconds: Coder's own


@dataclass
class Scripts:
    """What a template runs. A script may refer to data.coder_task.me.id, .enabled and .prompt, and to
    local.agentapi_port, .agentapi_pid_file and .agentapi_state_file, in Terraform's form: ${...}."""

    start_scripts: list[str] = field(default_factory=list)
    stop_scripts: list[str] = field(default_factory=list)
    grace: float = 10.0  # recorded seconds
    save_state: bool = False  # AgentAPI keeps its conversation in a state file


class ProcessAgentApi(AgentApi):
    """An AgentAPI process, as Coder reaches it. Its calls block."""

    blocking = True

    def __init__(self, clock: Clock, behaviour: Behaviour, started: float, port: int) -> None:
        super().__init__(clock, behaviour, started)
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self.reached = False

    def set_mode(self, mode: str) -> None:
        """Freeze the process, let it go on, or kill it."""
        numbers = {"up": signal.SIGCONT, "frozen": signal.SIGSTOP, "down": signal.SIGKILL}
        if mode not in numbers or self.process is None:
            raise ValueError(f"a real AgentAPI that runs can be made {', '.join(numbers)}; not {mode!r}")
        os.kill(self.process.pid, numbers[mode])
        super().set_mode(mode)

    def set_messages(self, messages: list[dict[str, Any]]) -> None:
        raise ValueError("the conversation of a real AgentAPI is what was said: send something")

    def healthy(self) -> bool | None:
        if self.process is not None and self.process.poll() is not None and self.behaviour.mode != "down":
            # Not by set_mode, which asks for the health itself.
            self._was_healthy = bool(super().healthy())
            self.behaviour.mode = "down"
            self._mode_since = self._clock.now()
        return super().healthy() if self.reached else None

    def status(self) -> str:
        return str(self._call("GET", "status")["status"])

    def conversation(self) -> list[Message]:
        return [Message(**message) for message in self._call("GET", "messages")["messages"]]

    def messages(self) -> list[Message]:
        return self.conversation()

    def post(self, content: str) -> None:
        self._call("POST", "message", {"content": content, "type": "user"})
        self.busy_until = self._clock.now() + self.behaviour.busy_time + 1.2

    def _call(self, method: str, route: str, body: dict[str, str] | None = None) -> Any:
        url = f"http://localhost:{self.port}/{route}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_HTTP_TIMEOUT)
        try:
            headers = {"Content-Type": "application/json", "Host": f"localhost:{self.port}"}
            connection.request(method, f"/{route}", json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except ConnectionRefusedError:
            address = f"[fd7a:115c:a1e0:4048:9a39:1623:2eed:e886]:{self.port}"
            raise AppError(f'Get "{url}": connect tcp {address}: connection was refused') from None
        except (OSError, http.client.HTTPException) as error:
            raise AppError(f'{method.capitalize()} "{url}": {error}') from None
        finally:
            connection.close()
        if answer.status != 200:
            action = "post message" if method == "POST" else f"get {route}"
            raise AppError(f"failed to {action}: {text}")
        return json.loads(text)


class ProcessRuntime:
    """The processes of one workspace. What builds ask for is done one after the other, in a thread."""

    def __init__(self, clock: Clock, behaviour: Behaviour, scripts: Scripts, coder_url: str) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._scripts = scripts
        self._coder_url = coder_url
        self.root = Path(tempfile.mkdtemp(prefix="coder-workspace-"))
        self.port = _free_port()  # AgentAPI's, at every start
        self.home = self.root / "home"
        self.home.mkdir()
        self._environment: dict[str, str] = {}
        self._facts: dict[str, str] = {}
        self._has_agent = False
        self._processes: list[subprocess.Popen[bytes]] = []
        self._closing = threading.Event()
        self._actions: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="workspace", daemon=True)
        self._thread.start()
        # It ends when we do, whatever ends us.
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER), str(self.root)], stdin=subprocess.PIPE, start_new_session=True
        )

    # What the world asks for

    def start(self, workspace: Workspace, agent: Agent) -> AgentApi:
        api = ProcessAgentApi(self._clock, self._behaviour, agent.build.completed, self.port)
        self._actions.put(lambda: self._bring_up(workspace, agent, api))
        return api

    def stop(self, workspace: Workspace, build: Build) -> None:
        walk = workspace.dialect.walk
        least = build.completed
        if build.transition != "start":
            build.completed = build.started + self._scripts.grace + walk.stop_idle
        self._actions.put(lambda: self._bring_down(build, least, walk.stop_idle))

    def posted_at_stop(self) -> None:
        """Nothing is made up: the stop scripts post their snapshots themselves."""

    def kill(self) -> None:
        """Kill every process of the workspace, as a host that runs out of memory does."""
        self._has_agent = False
        processes, self._processes = self._processes, []
        for process in processes:
            # Its session is gone with it unless it left a child.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        kill_all(self.home)
        for process in processes:
            process.wait()

    def settle(self) -> None:
        self._actions.join()

    def close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._actions.put(None)
            self._thread.join()
            self.kill()
            self._keeper.communicate()

    # What tests look at

    def output(self, name: str) -> str:
        """What scripts have printed so far: `start` or `stop` with the number of the script, from 0, or `agentapi`."""
        path = self._log(name)
        return path.read_text() if path.exists() else ""

    @property
    def environment(self) -> dict[str, str]:
        """What the agent hands to every process in the workspace."""
        return self._environment.copy()

    # What happens

    def _work(self) -> None:
        while action := self._actions.get():
            try:
                if not self._closing.is_set():
                    action()
            except OSError:
                traceback.print_exc()
            finally:
                self._actions.task_done()

    def _bring_up(self, workspace: Workspace, agent: Agent, api: ProcessAgentApi) -> None:
        if not self._wait_until(lambda: agent.build.completed) or not agent.build.succeeded(self._clock.now()):
            return
        self._environment = self._agent_environment(workspace, agent)
        api.process = self._start_agentapi(api)
        self._facts = self._facts_of(workspace)
        self._has_agent = True
        for number, script in enumerate(self._scripts.start_scripts):
            self._run(f"start{number}", script)
        deadline = time.monotonic() + _READY_TIMEOUT
        while not self._closing.wait(_STEP) and time.monotonic() < deadline and api.process.poll() is None:
            try:
                if api.status() == "stable":
                    api.reached = True
                    return
            except AppError:
                pass

    def _bring_down(self, build: Build, least: float, after: float) -> None:
        if not self._wait_until(lambda: build.started) or build.canceled <= build.started:
            return
        scripts = []
        if self._has_agent:
            scripts = [self._run(f"stop{number}", script) for number, script in enumerate(self._scripts.stop_scripts)]
        end = self._clock.now() + self._scripts.grace
        while any(script.poll() is None for script in scripts) and self._clock.now() < end:
            if self._closing.wait(_STEP):
                return
        self.kill()
        if build.canceled > self._clock.now():
            build.completed = max(least, self._clock.now() + (after if scripts else 0.0))
        if build.transition == "delete":
            shutil.rmtree(self.home)

    def _wait_until(self, moment: Callable[[], float]) -> bool:
        """Wait for a moment, which may be moved meanwhile. False: the world ended before."""
        while self._clock.now() < moment():
            if self._closing.wait(_STEP):
                return False
        return True

    # Processes

    def _agent_environment(self, workspace: Workspace, agent: Agent) -> dict[str, str]:
        """The environment of scripts and sessions: nothing of ours, and the agent's token, which is always there."""
        bin_folder, temporary, data = self.root / "bin", self.root / "tmp", self.root / "script-data"
        shutil.rmtree(temporary, ignore_errors=True)
        for folder in (bin_folder, temporary, data):
            folder.mkdir(exist_ok=True)
        python = bin_folder / "python3"
        if not python.exists():
            python.symlink_to(os.path.realpath(sys.executable))
        return {
            "CODER": "true",
            "CODER_AGENT_AUTH": "token",
            "CODER_AGENT_TOKEN": agent.token,
            "CODER_AGENT_URL": self._coder_url,
            "CODER_SCRIPT_BIN_DIR": str(bin_folder),
            "CODER_SCRIPT_DATA_DIR": str(data),
            "CODER_WORKSPACE_AGENT_NAME": "main",
            "CODER_WORKSPACE_ID": workspace.id,
            "CODER_WORKSPACE_NAME": workspace.name,
            "CODER_WORKSPACE_OWNER_NAME": workspace.owner.username,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LOGNAME": "coder",
            "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin",
            "SHELL": "/bin/sh",
            "TMPDIR": str(temporary),
            "USER": "coder",
        }

    def _facts_of(self, workspace: Workspace) -> dict[str, str]:
        """What a template puts into its scripts."""
        task = workspace.task
        return {
            "data.coder_task.me.id": task.id if task else str(uuid.uuid4()),
            "data.coder_task.me.enabled": "true" if task else "false",
            "data.coder_task.me.prompt": task.prompt if task else "",
            "local.agentapi_port": str(self.port),
            "local.agentapi_pid_file": str(self._module / "agentapi.pid"),
            "local.agentapi_state_file": str(self._module / "state.json"),
        }

    @property
    def _module(self) -> Path:
        """Where the AgentAPI of the registry's module keeps its files."""
        return self.home / ".agentapi-module"

    def _start_agentapi(self, api: ProcessAgentApi) -> subprocess.Popen[bytes]:
        behaviour = api.behaviour
        options = {
            "port": api.port,
            "pid-file": self._module / "agentapi.pid",
            "state-file": self._module / "state.json" if self._scripts.save_state else "",
            "greeting": behaviour.greeting,
            "reply": behaviour.reply("{}"),
            "columns": behaviour.pad_columns,
            "busy-time": behaviour.busy_time,
            "time-factor": self._clock.factor,
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        return self._spawn("agentapi", [sys.executable, "-I", "-S", str(_AGENTAPI), *flags])

    def _run(self, name: str, script: str) -> subprocess.Popen[bytes]:
        """Run a script as the agent does: the interpreter of its first line, else the shell, with the text after -c."""
        # A data source may have any name.
        script = re.sub(r"\$\{data\.coder_task\.\w+\.", "${data.coder_task.me.", script)
        for fact, value in self._facts.items():
            script = script.replace(f"${{{fact}}}", value)
        first = script.partition("\n")[0]
        interpreter = first[2:].split() if first.startswith("#!") else ["/bin/sh"]
        return self._spawn(name, [*interpreter, "-c", script])

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(
                command, env=self._environment, cwd=self.home, start_new_session=True, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _log(self, name: str) -> Path:
        return self.root / f"{name}.log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
