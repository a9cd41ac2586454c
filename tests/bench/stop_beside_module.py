# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a conversation is saved at a stop beside the registry's agentapi module, with a real AgentAPI.

Neither AgentAPI nor the module is part of this repository: give the path of an agentapi binary with --agentapi, and the
folder of the module's scripts (agentapi-shutdown.sh, lib.sh) with --module. Every stop has a new home, in which the
role's own scripts lie, and an AgentAPI that was started as the module starts it, around a small agent. All stop scripts
run in parallel, as in a workspace. A conversation is saved when Coder has at the end what was said before.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "unit")]

from unit.snapshot.servers import TASK, TOKEN, FakeCoder

from playbooks import Ansible

MODULE = ".agentapi-module"
FOLDER = ".local/share/coder-tasks"
# One that every user may run.
PYTHON = "/usr/bin/python3"
# Reads lines and answers. `mute` is neither shown as entered nor answered for a while: AgentAPI is locked until it is.
AGENT = r"""
import os, re, time, tty
tty.setcbreak(0)
write = lambda text: os.write(1, text.encode())
write("Hello, what shall I do?\n> ")
line = ""
while True:
    for char in re.sub(r"\x1b\[[0-9;?]*[~a-zA-Z]", "", os.read(0, 4096).decode("utf-8", "replace")):
        if char not in "\r\n":
            line += char
            write(char)
            continue
        if line.endswith("mute"):
            time.sleep(60)
        write("\nDone: " + line + "\n> ")
        line = ""
"""
ARRANGEMENTS = {
    # Beside each other, with the module's own snapshot off: what the role advised until now.
    "beside": {"place": False, "follow": False, "module_snapshot": False},
    "beside + follow": {"place": False, "follow": True, "module_snapshot": False},
    "in its place": {"place": True, "follow": False, "module_snapshot": True},
    "in its place + follow": {"place": True, "follow": True, "module_snapshot": True},
}


@dataclass
class Case:
    """One stop."""

    binary: Path
    module: Path
    place: bool
    follow: bool
    module_snapshot: bool
    locked: bool
    persistence: bool


class Workspace:
    """A home with the hook, an AgentAPI, and the stop scripts; everything in it runs as a user that is not root."""

    def __init__(self, case: Case, home: Path, coder: FakeCoder) -> None:
        self.case, self.home = case, home
        self.port = _free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.module = home / MODULE
        self.place = home / "agentapi-shutdown.sh"
        self.user = {"user": 65534, "group": 65534} if os.getuid() == 0 else {}
        (self.module / "scripts").mkdir(parents=True, exist_ok=True)
        (home / "agent.py").write_text(AGENT)
        for path in [home, *home.rglob("*")] if self.user else []:
            os.chown(path, 65534, 65534, follow_symlinks=False)
        self.environment = {
            "HOME": str(home), "PATH": f"{home}/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm",
            "CODER_AGENT_URL": coder.url, "CODER_AGENT_TOKEN": TOKEN,
        }  # fmt: skip

    def start(self) -> None:
        options = {"AGENTAPI_PID_FILE": str(self.module / "agentapi.pid"), "AGENTAPI_ALLOWED_HOSTS": "*"}
        if self.case.persistence:
            options["AGENTAPI_STATE_FILE"] = str(self.module / "agentapi-state.json")
        command = [str(self.case.binary), "server", f"--port={self.port}", "--", PYTHON, "agent.py"]
        self.agentapi = self.run(command, **options)
        _until(lambda: self.status() == "stable")
        if self.case.follow or self.case.place:
            self.run(["sh", f"{FOLDER}/agentapi-start"], **self.given()).wait(20)
        for text in ("first", "second"):
            self.say(text)

    def status(self) -> str | None:
        try:
            return str(_get(self.port, "/status")["status"])
        except OSError:
            return None

    def messages(self) -> list[dict[str, Any]]:
        return list(_get(self.port, "/messages")["messages"])

    def say(self, text: str) -> None:
        _post(self.port, text)
        _until(lambda: self.status() == "stable" and f"Done: {text}" in self.messages()[-1]["content"])

    def given(self) -> dict[str, str]:
        return {"ARG_TASK_ID": TASK, "ARG_AGENTAPI_PORT": str(self.port), "ARG_MODULE_DIR_NAME": MODULE}

    def stop(self) -> str:
        """Run all stop scripts at once, and return what they said."""
        own = {
            **self.given(), "ARG_PID_FILE_PATH": "",
            "ARG_TASK_LOG_SNAPSHOT": str(self.case.module_snapshot).lower(),
            "ARG_ENABLE_STATE_PERSISTENCE": str(self.case.persistence).lower(),
        }  # fmt: skip
        # As the module's coder_script: unpack, make executable, run, whatever went wrong before.
        unpack = f"cat '{self.home}/module.sh' > '{self.place}'\nchmod +x '{self.place}'\n'{self.place}'"
        scripts = [self.run(["bash", "-c", unpack], piped=True, **own)]
        scripts.append(self.run(["sh", f"{FOLDER}/agentapi-shutdown", "capture"], piped=True, **self.given()))
        # As the first process of a workspace does: the module's script waits for a process that nobody has collected.
        threading.Thread(target=self.agentapi.wait, daemon=True).start()
        said = [script.communicate(timeout=60)[0].decode() for script in scripts]
        return "\n--\n".join(said)

    def run(self, command: list[str], piped: bool = False, **more: str) -> subprocess.Popen[bytes]:
        output = subprocess.PIPE if piped else subprocess.DEVNULL
        process = subprocess.Popen(
            command, env={**self.environment, **more}, cwd=self.home, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT if piped else subprocess.DEVNULL, start_new_session=True, **self.user,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def close(self) -> None:
        pid_file = self.home / FOLDER / "follow.pid"
        pids = [process.pid for process in self.processes]
        for pid in [*pids, *([int(pid_file.read_text())] if pid_file.exists() else [])]:
            try:
                os.killpg(pid, 9)
            except OSError:
                continue
        for process in self.processes:
            process.wait()


def install(folder: Path, follow: bool) -> Path:
    """A home in which the role has installed the hook beside the module."""
    home = folder / f"home-{follow}"
    (home / MODULE / "scripts").mkdir(parents=True)
    (home / MODULE / "scripts" / "agentapi-wait-for-start.sh").write_text("")
    place = {"__shutdown_hook_place": "PLACE"}
    role = {
        "name": "Role",
        "ansible.builtin.include_role": {"name": "coder.tasks.shutdown_hook"},
        "vars": {
            "shutdown_hook_trigger": ["script", "follow"] if follow else ["script"],
            "shutdown_hook_python": PYTHON,
            "shutdown_hook_terraform_path": str(folder / f"hook-{follow}.tf"),
        },
    }
    done = Ansible(folder, {"HOME": str(home), "PATH": os.environ["PATH"]}).playbook(
        [{"tasks": [role]}], "-e", json.dumps(place), timeout=180
    )
    if done.rc:
        sys.exit(done.output)
    (home / FOLDER / "environment").unlink(missing_ok=True)
    return home


def one_stop(case: Case, template: Path) -> tuple[bool, float, str]:
    """Whether the conversation was saved, how long the stop took, and what the scripts said."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, FakeCoder() as coder:
        os.chmod(folder, 0o755)
        home = Path(folder) / "home"
        shutil.copytree(template, home, symlinks=True)
        script = (case.module / "agentapi-shutdown.sh").read_text()
        shutil.copy(case.module / "lib.sh", home / "agentapi-lib.sh")
        (home / "module.sh").write_text(script.replace("/tmp/agentapi-lib.sh", f"{home}/agentapi-lib.sh"))
        start = home / FOLDER / "agentapi-start"
        text = start.read_text().replace("PLACE", str(home / "agentapi-shutdown.sh"))
        start.write_text(text if case.place else text.replace("\ntake_place\n", "\n"))
        start.chmod(0o700)
        (home / "bin").mkdir()
        (home / "bin" / "agentapi").symlink_to(case.binary)
        workspace = Workspace(case, home, coder)
        try:
            workspace.start()
            if case.locked:
                # Until AgentAPI takes it, which it does when it finds that the agent waits for input.
                threading.Thread(target=_post, args=(workspace.port, "mute", 10), daemon=True).start()
                time.sleep(2.0)
                _until(lambda: not _answers_at_once(workspace.port))
            expected = ["first", "second"]
            began = time.monotonic()
            said = workspace.stop()
            seconds = time.monotonic() - began
            # A follower may still be at it: the container is there for some seconds more.
            end = time.monotonic() + 2.0
            while not _has(coder, expected) and time.monotonic() < end:
                time.sleep(0.05)
            return _has(coder, expected), seconds, said
        finally:
            workspace.close()


def _answers_at_once(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=0.5).read()
    except OSError:
        return False
    return True


def _has(coder: FakeCoder, expected: list[str]) -> bool:
    if not coder.snapshots:
        return False
    last = coder.snapshots[-1]
    said = [item["content"].strip() for item in last if item["role"] == "user"]
    answered = [item["content"] for item in last if item["role"] == "agent"]
    return said[: len(expected)] == expected and any("Done: second" in text for text in answered)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return dict(json.load(answer))


def _post(port: int, text: str, tries: int = 1) -> None:
    body = json.dumps({"content": text, "type": "user"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/message", data=body, headers={"Content-Type": "application/json"}
    )
    for _try in range(tries):
        try:
            urllib.request.urlopen(request, timeout=60).read()
            return
        except OSError:
            time.sleep(0.5)


def _until(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agentapi", default=os.environ.get("BENCH_AGENTAPI"), help="path of an agentapi binary")
    parser.add_argument("--module", default=os.environ.get("BENCH_MODULE"), help="folder of the module's scripts")
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=4, help="how many workspaces stop beside each other")
    parser.add_argument("--only", choices=ARRANGEMENTS, action="append", help="only this arrangement")
    parser.add_argument("--verbose", action="store_true", help="show what the scripts of a lost conversation said")
    given = parser.parse_args()
    if not given.agentapi or not given.module:
        print("NOT TESTED: stops beside the registry's module. Give --agentapi and --module, or the variables.")
        return
    binary, module = Path(given.agentapi).resolve(), Path(given.module).resolve()
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, {given.stops} stops per cell\n")
    print("| arrangement | idle | idle, persistence | locked | locked, persistence | longest stop |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        homes = {follow: install(Path(folder), follow) for follow in (False, True)}
        for name in given.only or ARRANGEMENTS:
            how = ARRANGEMENTS[name]
            cells, longest = [], 0.0
            for locked in (False, True):
                for persistence in (False, True):
                    case = Case(binary, module, **how, locked=locked, persistence=persistence)
                    with ThreadPoolExecutor(given.at_once) as pool:
                        stops = list(pool.map(one_stop, [case] * given.stops, [homes[how["follow"]]] * given.stops))
                    for said in [said for good, _seconds, said in stops if not good and given.verbose]:
                        print(f"LOST ({name}, locked={locked}, persistence={persistence}):\n{said}", file=sys.stderr)
                    longest = max(longest, *(seconds for _good, seconds, _said in stops))
                    cells.append(f"{sum(good for good, _seconds, _said in stops)} of {given.stops}")
            print(f"| {name} | {' | '.join(cells)} | {longest:.1f} s |", flush=True)


if __name__ == "__main__":
    main()
