# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""follow: what is posted when, what it survives, what it costs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import RESOURCE_404, ROUTE_404, FakeAgentAPI, FakeCoder, Request, conversation

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.marks import NEW_LIFE

# They wait for a real follower's clock.
pytestmark = pytest.mark.slow


@contextmanager
def following(hook: Hook, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = hook.start("follow", *options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def contents(coder: FakeCoder) -> list[str]:
    return [item["content"] for item in coder.snapshots[-1]] if coder.snapshots else []


def test_it_posts_at_once_and_soon_after_idle(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    with following(both) as process:
        until(lambda: contents(coder) == ["Hello.", "fix it", "fixed"])
        agentapi.change_status("running")
        agentapi.say("more", "user")
        for count in range(20):
            agentapi.say(f"line {count}")
        time.sleep(1.0)
        assert len(coder.snapshots) == 1, "while the agent works, not before the interval has passed"
        agentapi.change_status("stable")
        until(lambda: contents(coder)[-1:] == ["line 19"], 15)  # the interval is 30 s
        assert len(coder.snapshots) == 2
        process.terminate()
        assert process.wait(60) == 0


def test_while_the_agent_works_it_posts_at_the_interval(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    with following(both, "--min-interval", "0.6"):
        until(lambda: coder.snapshots)
        agentapi.change_status("running")
        agentapi.say("working", "user")
        until(lambda: contents(coder)[-1:] == ["working"], 15)


def test_it_does_not_post_what_has_not_changed(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    with following(both):
        until(lambda: coder.snapshots)
        for _turn in range(3):
            agentapi.change_status("running")
            agentapi.change_status("stable")
        time.sleep(1.2)
    assert len(coder.snapshots) == 1


def test_it_survives_a_restart_of_agentapi_and_posts_nothing_poorer(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("Hello.", "do", "done")) as first:
        hook.point_at(first, coder)
        process = hook.start("follow")
        until(lambda: coder.snapshots)
    try:
        with FakeAgentAPI(conversation(""), "running", port=first.port) as second:
            until(lambda: "/events" in second.paths())
            time.sleep(0.8)
            assert len(coder.snapshots) == 1
            second.messages.clear()
            for text, role in (("Hello.", "agent"), ("again", "user"), ("fine", "agent")):
                second.say(text, role)
            second.change_status("stable")
            until(lambda: contents(coder) == ["Hello.", "do", "done", NEW_LIFE, "Hello.", "again", "fine"])
    finally:
        process.kill()
        process.communicate(timeout=60)


def test_it_survives_a_coder_that_is_down(hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    coder.answers = [(401, {"message": "Workspace agent not authorized."})]
    with following(hook.point_at(agentapi, coder)):
        until(lambda: hook.spooled.exists() and coder.journal)
        agentapi.say("later")
        agentapi.change_status("stable")
        until(lambda: contents(coder)[-1:] == ["later"])
        until(lambda: not hook.spooled.exists())


def test_one_that_retries_does_not_undo_what_a_stop_has_posted(hook: Hook, coder: FakeCoder) -> None:
    def respond(request: Request) -> None:
        count = request.body.count(b'"id"')
        if count == 3 and not stored:
            request.answer(502, "bad gateway")
        else:
            stored.append(count)
            request.answer(204)

    stored: list[int] = []
    coder.script = respond
    with FakeAgentAPI(conversation("m0", "m1", "m2")) as agentapi, following(hook.point_at(agentapi, coder)) as process:
        until(lambda: coder.journal)
        agentapi.say("m3", "user")
        agentapi.say("m4")
        assert hook.run("capture").code == 0
        process.terminate()
        process.communicate(timeout=60)
    assert 5 in stored
    assert set(stored[stored.index(5) :]) == {5}


def test_a_signal_posts_what_is_new_and_ends_it(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    with following(both) as process:
        until(lambda: coder.snapshots)
        agentapi.change_status("running")
        agentapi.say("last words")
        time.sleep(0.3)
        process.terminate()
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert stdout.splitlines()[-1] == "Following ended"
    assert stderr == ""
    assert contents(coder)[-1] == "last words"


def test_it_delivers_what_an_earlier_stop_has_spooled(hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    assert hook.point_at(agentapi, "http://127.0.0.1:1").run("capture", "--deadline", "0.5").code == 0
    with following(hook.point_at(1, coder)):
        until(lambda: coder.snapshots)
        until(lambda: not hook.spooled.exists())


def test_there_is_one_for_a_task(both: Hook, coder: FakeCoder) -> None:
    with following(both):
        until(lambda: coder.snapshots)
        second = both.run("follow")
    assert second.code == 0
    assert "is followed already" in second.stdout


def test_it_ends_where_there_is_nothing_to_follow(both: Hook, coder: FakeCoder) -> None:
    for answer in (ROUTE_404, RESOURCE_404):
        coder.answers = [(404, answer)]
        assert both.run("follow").code == 0
    assert both.run("follow", ARG_TASK_ID=None).lines == ["No task ID, not following"]
    assert both.run("follow", CODER_AGENT_URL=None).code == 1


def test_what_it_has_seen_is_spooled_soon_whatever_the_interval(
    both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder
) -> None:
    """So that a kill, or a machine without memory, loses seconds and not the interval."""
    with following(both) as process:
        until(lambda: coder.snapshots)
        agentapi.change_status("running")
        agentapi.say("last words")
        until(lambda: both.spooled.exists() and b"last words" in both.spooled.read_bytes())
        assert len(coder.snapshots) == 1
        process.kill()
    assert both.run("flush").code == 0
    assert contents(coder)[-1] == "last words"


def test_a_stop_that_finds_agentapi_ended_waits_for_what_the_follower_saw(
    hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder
) -> None:
    """Another stop script may end AgentAPI at once; the follower then has the last words, and nobody else."""
    hook.point_at(agentapi, coder)
    with following(hook):
        until(lambda: coder.snapshots)
        agentapi.change_status("running")
        agentapi.say("last words")
        time.sleep(0.2)
        agentapi.closing.set()
        agentapi.shutdown()
        agentapi.server_close()
        run = hook.run("capture")
    assert run.code == 0
    assert contents(coder)[-1] == "last words"
    assert not hook.spooled.exists()


def test_idle_it_costs_no_cpu_and_little_memory(both: Hook, coder: FakeCoder) -> None:
    def ticks(pid: int) -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    with following(both) as process:
        until(lambda: coder.snapshots)
        time.sleep(0.2)
        before = ticks(process.pid)
        time.sleep(0.6)
        assert ticks(process.pid) - before <= 1, "hundredths of a second"
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident * 1024 < 25_000_000
        assert len(os.listdir(f"/proc/{process.pid}/task")) == 1
