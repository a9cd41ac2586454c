# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test runs in a process of its own, because this one has threads and must not be forked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
_BEGIN = """
import os, signal, sys, threading
sys.path[:0] = [".build", "tests/unit"]
from concurrent.futures import ThreadPoolExecutor
from archive.samples import KEY, fleet
from ansible_collections.coder.tasks.plugins.module_utils.archive.processes import Helpers, useful_helpers
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive

def who(number):
    return number, os.getpid()

def pids(helpers):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(helpers, range(200)))
    assert [number for number, _pid in answers] == list(range(200))
    return {pid for _number, pid in answers}
"""


def run(script: str, *arguments: str) -> str:
    """Its output, if it ended well and nothing warned."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", _BEGIN + script, *arguments], cwd=REPOSITORY,
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_helpers_answer_in_place_of_the_caller() -> None:
    run("helpers = Helpers(who, 2)\n"
        "found = pids(helpers)\n"
        "assert len(found) == 2 and os.getpid() not in found, found\n"
        "helpers.close()\n"
        "try: os.waitpid(-1, 0)\n"
        "except ChildProcessError: pass\n"
        "else: sys.exit('a helper was left')\n")  # fmt: skip


def test_without_helpers_the_caller_answers_itself() -> None:
    run("helpers = Helpers(who, 0)\nassert pids(helpers) == {os.getpid()}\nhelpers.close()\n")


def test_what_fails_in_a_helper_is_done_again_by_the_caller() -> None:
    said = run("def fail(word):\n"
               "    raise LookupError(f'{word} {os.getpid() == parent}')\n"
               "parent = os.getpid()\n"
               "helpers = Helpers(fail, 1)\n"
               "for word in ('once', 'twice'):\n"
               "    try: helpers(word)\n"
               "    except LookupError as error: print(error)\n"
               "helpers.close()\n")  # fmt: skip
    assert said == "once True\ntwice True\n"


def test_a_helper_that_was_killed_is_not_missed() -> None:
    run("helpers = Helpers(who, 2)\n"
        "for pid in pids(helpers): os.kill(pid, signal.SIGKILL)\n"
        "assert pids(helpers) == {os.getpid()}\n"
        "helpers.close()\n")  # fmt: skip


def test_where_no_more_processes_may_be_made_fewer_help() -> None:
    run("fork = os.fork\n"
        "def once():\n"
        "    os.fork = never\n"
        "    return fork()\n"
        "def never(): raise BlockingIOError('Resource temporarily unavailable')\n"
        "os.fork = once\n"
        "helpers = Helpers(who, 3)\n"
        "found = pids(helpers)\n"
        "assert len(found) == 1 and os.getpid() not in found, found\n"
        "helpers.close()\n")  # fmt: skip


def test_helpers_leave_the_users_interrupt_to_the_caller() -> None:
    run("helpers = Helpers(who, 2)\n"
        "found = pids(helpers)\n"
        "for pid in found: os.kill(pid, signal.SIGINT)\n"
        "assert pids(helpers) == found\n"
        "helpers.close()\n")  # fmt: skip


def test_helpers_end_with_a_caller_that_was_killed() -> None:
    script = _BEGIN + "helpers = Helpers(who, 3)\nprint(*pids(helpers), flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:  # fmt: skip
        assert process.stdout
        helpers = [int(pid) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGKILL)
    limit = time.monotonic() + 60
    while any(os.path.exists(f"/proc/{pid}") for pid in helpers):
        assert len(helpers) == 3 and time.monotonic() < limit
        time.sleep(0.01)


def test_a_helper_does_not_keep_the_archive_locked(tmp_path: Path) -> None:
    """Else whoever comes right after a killed run would be told that it still runs."""
    script = _BEGIN + (
        "archive = Archive(sys.argv[1], None, helpers=2)\n"
        "archive._compute._connections.clear()\n"  # nobody closes them now: the helpers live on for a moment
        "os.close(archive._lock)\n"
        "Archive(sys.argv[1], None).close()\n"
        "print('open')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert done.stdout == "open\n", done.stderr


@pytest.mark.parametrize(("before", "helpers"), [
    ("os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])", "0"),
    ("threading.Thread(target=threading.Event().wait, daemon=True).start()", "0"),
    ("sys.platform = 'darwin'", "0"),
    ("import multiprocessing; multiprocessing.current_process()._config['daemon'] = True", "0"),
    ("os.sched_getaffinity = lambda pid: {0, 1}", "1"),
    ("os.sched_getaffinity = lambda pid: {0, 1, 2}", "2"),
    ("os.sched_getaffinity = lambda pid: set(range(64))", "4"),
])  # fmt: skip
def test_helpers_are_used_only_where_they_are_safe_and_useful(before: str, helpers: str) -> None:
    assert run(f"{before}\nprint(useful_helpers())\n") == f"{helpers}\n"


def test_an_archive_is_the_same_with_helpers_or_without(tmp_path: Path) -> None:
    run("for path, helpers in ((sys.argv[1], 0), (sys.argv[2], 2)):\n"
        "    for seed in (1, 2):\n"
        "        with Archive(path, Redactor(KEY), helpers=helpers) as archive:\n"
        "            with ThreadPoolExecutor(8) as pool: list(pool.map(archive.save, fleet(40, seed)))\n"
        "            archive.finish()\n",
        str(tmp_path / "alone"), str(tmp_path / "helped"))  # fmt: skip
    alone, helped = ({str(file.relative_to(tmp_path / name)): file.read_bytes()
                      for file in (tmp_path / name).rglob("*") if file.is_file() and file.suffix != ".sqlite"}
                     for name in ("alone", "helped"))  # fmt: skip
    assert len(alone) > 160 and alone == helped


def test_what_is_shown_is_the_same_with_helpers_or_without(tmp_path: Path) -> None:
    """A proof compares it with the files."""
    run("seen, key = [], 'gl' + 'pat-' + 'a1B2' * 5\n"
        "given = [{**each, 'messages': [{'id': 0, 'content': f'{number} {key}'}]} for number, each in\n"
        "         enumerate(fleet(40, 1))]\n"
        "for helpers in (0, 2):\n"
        "    with Archive(sys.argv[1], Redactor(KEY), read_only=True, helpers=helpers) as archive:\n"
        "        with ThreadPoolExecutor(8) as pool: seen.append(list(pool.map(archive.shown, given)))\n"
        "assert seen[0] == seen[1] and all('[REDACTED:' in str(log) for log in seen[0])\n",
        str(tmp_path))  # fmt: skip
