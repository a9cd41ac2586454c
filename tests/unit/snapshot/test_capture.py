# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""capture as a workspace's stop runs it: the old script's lines, its deadline whatever hangs, any environment."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from missing import missing
from unit.snapshot.conftest import HELD_UP, PACKAGE, Hook
from unit.snapshot.servers import (
    NOT_AUTHORIZED,
    RESOURCE_404,
    ROUTE_404,
    TASK,
    TOKEN,
    FakeAgentAPI,
    FakeCoder,
    Request,
    Server,
    conversation,
)


def test_the_lines_are_those_of_the_script_before_it(both: Hook, agentapi: FakeAgentAPI) -> None:
    run = both.run("capture")
    assert run.lines == [
        "Shutting down AgentAPI",
        f"Fetching messages from AgentAPI on port {agentapi.port}",
        "Retrieved 3 messages for log snapshot",
        "Log snapshot payload: 252 bytes, 3 messages",
        "Posting log snapshot to Coder instance",
        "Log snapshot posted successfully",
        "Shutdown complete",
    ]
    assert run.stderr == ""


def test_without_a_command_it_captures(both: Hook, coder: FakeCoder) -> None:
    assert both.run().code == 0
    assert len(coder.snapshots) == 1


def test_its_errors_are_those_of_the_script_before_it(hook: Hook, coder: FakeCoder) -> None:
    run = hook.point_at(1, coder).run("capture")
    assert run.code == 1
    assert run.stderr.splitlines() == [
        "Error: Failed to fetch messages from AgentAPI (may not be running)",
        "Error: Cannot capture log snapshot without messages",
    ]
    refused = json.dumps(NOT_AUTHORIZED)
    with FakeAgentAPI(conversation("a", "b")) as agentapi, FakeCoder((401, NOT_AUTHORIZED)) as refusing:
        run = hook.point_at(agentapi, refusing).run("capture")
    assert run.stderr == f"Error: Failed to post log snapshot (HTTP 401): {refused}\n"


def test_json_has_one_object_an_event(both: Hook) -> None:
    run = both.run("capture", "--json")
    events = [json.loads(line) for line in run.lines]
    assert [event["event"] for event in events] == [
        *("started", "reading", "retrieved", "payload", "posting", "delivered", "ended"),
    ]
    assert events[5] == {
        "event": "delivered",
        "level": "info",
        "message": "Log snapshot posted successfully",
        "status": 204,
        "attempts": 1,
    }
    failed = both.run("capture", "--json", CODER_AGENT_URL="")
    assert [json.loads(line)["level"] for line in failed.lines] == ["info", "error", "info"]
    assert failed.stderr == ""


@pytest.mark.parametrize("url", ["http://127.0.0.1:{hanging}", "http://127.0.0.1:{slow}", "http://127.0.0.1:{silent}"])
def test_a_coder_that_hangs_does_not_hold_up_the_stop(hook: Hook, agentapi: FakeAgentAPI, url: str) -> None:
    def drip(request: Request) -> None:
        request.wfile.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000\r\n\r\n")
        while not request.server.closing.wait(0.05):
            request.wfile.write(b"x")

    with Server(Request.hang) as hanging, Server(drip) as slow, socket.create_server(("127.0.0.1", 0)) as silent:
        ports = {"hanging": hanging.port, "slow": slow.port, "silent": silent.getsockname()[1]}
        run = hook.point_at(agentapi, url.format(**ports)).run("capture", "--deadline", "0.6")
    assert run.code == 0
    assert not run.held_up
    assert hook.spooled.exists()


@pytest.mark.slow
def test_a_coder_that_needs_most_of_the_time_is_waited_for(hook: Hook, agentapi: FakeAgentAPI) -> None:
    """And where it hangs there is time for another try."""

    def slow(request: Request) -> None:
        time.sleep(4.6)
        request.answer(204)

    with FakeCoder(slow) as slow_coder, FakeCoder(Request.hang) as coder:
        waiting = hook.point_at(agentapi, slow_coder).start("capture")
        assert hook.point_at(coder=coder).run("capture", HOME=str(hook.home / "other")).code == 0
        assert waiting.communicate(timeout=60)[1] == ""
    assert len(slow_coder.journal) == 1
    assert len(coder.snapshots) == 1


@pytest.mark.parametrize("command", ["sleep 30", "setsid sleep 10", "setsid sleep 10 & sleep 30"])
def test_a_header_command_that_hangs_does_not_hold_up_the_stop(both: Hook, command: str) -> None:
    run = both.run("capture", "--deadline", "0.6", CODER_AGENT_HEADER_COMMAND=command)
    assert run.code == 0
    assert not run.held_up
    assert "CODER_AGENT_HEADER_COMMAND did not end in time" in run.stderr


def test_a_header_command_that_fails_is_named(both: Hook) -> None:
    run = both.run("capture", CODER_AGENT_HEADER_COMMAND="echo why >&2; exit 3")
    assert run.code == 0
    assert "CODER_AGENT_HEADER_COMMAND failed with exit code 3: why" in run.stderr
    assert both.spooled.exists()


def test_an_output_that_nobody_reads_does_not_hold_up_the_stop(both: Hook, coder: FakeCoder) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writing, True)
    environ = {name: value for name, value in both.environ.items() if value is not None}
    command = [sys.executable, "-I", "-S", str(both.folder / "main.py"), "capture", "--deadline", "0.5"]
    started = time.monotonic()
    code = subprocess.run(command, env=environ, stdout=writing, stderr=writing, timeout=60, check=False).returncode
    os.close(reading)
    os.close(writing)
    assert time.monotonic() - started < HELD_UP
    # It hung before anything was saved, and says so.
    assert code == 1
    assert coder.snapshots == []


def test_a_closed_output_is_no_reason_to_stop(both: Hook, coder: FakeCoder) -> None:
    environ = {name: value for name, value in both.environ.items() if value is not None}
    script = f'exec {sys.executable} -I -S {both.folder}/main.py capture "$@" >&- 2>&-'
    assert subprocess.run(["sh", "-c", script], env=environ, timeout=60, check=False).returncode == 0
    assert len(coder.snapshots) == 1


@pytest.mark.parametrize(
    "environ",
    [
        {"HOME": None, "TMPDIR": None, "LANG": "C"},
        {"HOME": "/dev/null/home", "LC_ALL": "POSIX", "PATH": None},
        {"HOME": "", "XDG_STATE_HOME": ""},
    ],
)
def test_a_poor_environment_is_enough(
    both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder, environ: dict[str, str | None], tmp_path: Path
) -> None:
    agentapi.messages.append({**agentapi.messages[0], "content": "漢字 😀"})
    # The spool must not land in the home of whoever runs the tests.
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), **environ} if environ["HOME"] != "" else environ
    assert both.run("capture", **environ).code == 0
    assert coder.snapshots == [agentapi.messages]


def test_the_token_can_be_in_a_file(both: Hook, coder: FakeCoder, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert both.run("capture", CODER_AGENT_TOKEN=None, CODER_AGENT_TOKEN_FILE=str(path)).code == 0
    assert len(coder.snapshots) == 1
    run = both.run("capture", CODER_AGENT_TOKEN=None, CODER_AGENT_TOKEN_FILE="/none")
    assert run.code == 1
    assert "CODER_AGENT_TOKEN_FILE /none cannot be read" in run.stderr


def test_a_workspace_without_the_task_is_skipped_quietly(hook: Hook) -> None:
    """A template passes a random UUID where there is no task; no AgentAPI runs there either."""
    with FakeCoder((404, RESOURCE_404)) as coder:
        run = hook.point_at(1, coder).run("capture")
        assert run.code == 0
        assert run.stderr == ""
        assert f"This workspace has no task {TASK}, skipping log snapshot" in run.lines
        assert [request.body for request in coder.journal] == [b"{}"]


@pytest.mark.parametrize(
    "answer",
    [
        (404, ROUTE_404),
        (404, RESOURCE_404),
        lambda request: request.answer(404),
        lambda request: request.answer(404, "default backend - 404"),
        lambda request: request.answer(404, "<html>404</html>", Content_Type="text/html"),
    ],
)
def test_a_404_keeps_the_capture_and_the_next_start_delivers_it(
    hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder, answer: Any
) -> None:
    """An old Coder says 404, and so do one that hides its tasks, an ingress while Coder is restarted, a wrong path."""
    with FakeCoder(answer, answer, answer) as refusing:
        run = hook.point_at(agentapi, refusing).run("capture")
        assert run.code == 0
        assert f"Log snapshot is kept in {hook.spooled} for the next start" in run.lines
        assert hook.run("flush").code == 1
        if isinstance(answer, tuple):
            # Coder says so itself.
            assert hook.run("follow").lines[-1] == "Following ended"
    assert hook.spooled.exists()
    assert hook.point_at(coder=coder).run("flush").code == 0
    assert coder.snapshots == [agentapi.messages]
    assert not hook.spooled.exists()


def test_a_404_that_cannot_be_kept_is_a_loss_unless_the_task_is_not_ours(hook: Hook, agentapi: FakeAgentAPI) -> None:
    nowhere = {"HOME": "/proc", "XDG_STATE_HOME": "/proc/nowhere", "TMPDIR": "/proc/self"}
    for answer, code in ((ROUTE_404, 1), (RESOURCE_404, 0)):
        with FakeCoder((404, answer)) as coder:
            run = hook.point_at(agentapi, coder).run("capture", **nowhere)
        assert run.code == code
        assert ("Error: Log snapshot capture failed" in run.stderr) == bool(code)


def test_retry_after_is_honoured_where_it_fits(hook: Hook, agentapi: FakeAgentAPI) -> None:
    def limited(seconds: str) -> float:
        with FakeCoder(lambda request: request.json(429, {"message": "slow down"}, Retry_After=seconds)) as coder:
            run = hook.point_at(agentapi, coder).run("capture", "--deadline", "15")
            assert run.code == 0
            assert len(coder.snapshots) == 1
            return run.seconds

    assert limited("1") > 1
    assert limited("60") < HELD_UP


def test_what_will_not_change_is_not_tried_again(hook: Hook, agentapi: FakeAgentAPI) -> None:
    for url, environ in (
        ("coder.example", {}),
        ("http://coder.example", {"http_proxy": "https://proxy.example"}),
        ("https://127.0.0.1:1\n", {}),
    ):
        run = hook.point_at(agentapi, url).run("capture", **environ)
        assert run.code == 0
        assert not run.held_up
        assert "Error: Failed to connect to Coder instance (" in run.stderr
        assert hook.spooled.exists()


def test_an_interrupt_shows_no_traceback(hook: Hook, agentapi: FakeAgentAPI) -> None:
    with FakeCoder(Request.hang) as hanging:
        process = hook.point_at(agentapi, hanging).start("capture")
        while not hanging.journal:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        # Python drops an interrupt that comes while it collects garbage: a person would press the keys again.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=4)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        _stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr == "Error: capture was interrupted\n"


def test_killed_after_the_spool_it_has_lost_nothing(hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    arrived = threading.Event()

    def hang(request: Request) -> None:
        arrived.set()
        request.hang()

    with FakeCoder(hang) as hanging:
        process = hook.point_at(agentapi, hanging).start("capture")
        assert arrived.wait(60)
        process.kill()
        process.communicate(timeout=60)
    assert hook.point_at(coder=coder).run("flush").code == 0
    assert coder.snapshots == [agentapi.messages]


def python_3_8() -> str:
    """The oldest interpreter that the hook promises to run on."""
    places = [*sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python3")), shutil.which("python3.8")]
    for place in [str(place) for place in places if place]:
        done = subprocess.run(
            [place, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False
        )
        if done.stdout.strip() == b"(3, 8)":
            return place
    return missing("the hook on Python 3.8", "pyenv install 3.8")


def test_it_runs_on_python_3_8(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    both.python = python = python_3_8()
    environ = {name: value for name, value in both.environ.items() if value is not None}
    check = "import compileall, sys; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1))"
    assert subprocess.run([python, "-c", check, str(both.folder)], env=environ, check=False).returncode == 0
    assert both.run("status").code == 0
    assert both.run("capture").code == 0
    with FakeCoder((401, NOT_AUTHORIZED)) as refusing:
        assert both.point_at(coder=refusing).run("capture").code == 0
    assert both.point_at(coder=coder).run("flush").code == 0
    agentapi.locked = True
    assert both.run("capture", "--partial").code == 0
    follower = both.start("follow", "--min-interval", "1")
    assert follower.stdout is not None
    assert follower.stdout.readline().startswith("Following")
    time.sleep(0.3)
    follower.terminate()
    assert follower.wait(60) == 0
    assert coder.snapshots[:3] == [agentapi.messages] * 3


def test_it_starts_by_file_and_as_a_module(both: Hook, coder: FakeCoder) -> None:
    environ = {name: value for name, value in both.environ.items() if value is not None}
    parent = both.folder.parent
    commands = [
        [sys.executable, "-I", "-S", str(both.folder / "main.py")],
        [sys.executable, str(both.folder / "main.py")],
        [sys.executable, "-m", "snapshot.main"],
    ]
    for command in commands:
        done = subprocess.run([*command, "capture"], env=environ, cwd=parent, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert len(coder.snapshots) == len(commands)


def test_only_what_is_used_is_imported(both: Hook) -> None:
    """The hook starts at the interpreter's floor: none of these may come back unnoticed."""
    heavy = {"argparse", "ssl", "email", "http.client", "urllib", "subprocess", "tempfile", "logging", "threading"}
    start = str(both.folder / "main.py")
    script = (
        "import runpy, sys, os; os._exit = lambda code: None\n"
        f"sys.argv = ['hook', 'capture']; runpy.run_path({start!r}, run_name='__main__')\n"
        "print(*sys.modules)"
    )
    environ = {name: value for name, value in both.environ.items() if value is not None}
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys, runpy; print(*sys.modules)"], capture_output=True, check=True
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], env=environ, capture_output=True, check=True)
    loaded = set(done.stdout.decode().splitlines()[-1].split()) - set(bare.stdout.decode().split())
    assert "snapshot.capture" in loaded
    assert not heavy & loaded


def test_the_package_imports_nothing_from_outside() -> None:
    """The role copies this folder and nothing else."""
    for path in PACKAGE.glob("*.py"):
        for line in path.read_text().splitlines():
            assert not line.strip().startswith(("from ..", "import ansible", "from ansible")), f"{path.name}: {line}"
