# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source without a rulebook: run by its path like ansible-rulebook does, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import documents
import pytest

from emulator import Emulator


def _name(event: dict[str, Any]) -> str:
    return str(event["task"]["name"] if "task" in event else event["chat"]["title"])


SOURCE = documents.ROOT / "extensions" / "eda" / "plugins" / "event_source" / "task_changes.py"


class Watch:
    """Runs the source in an event loop; `until` waits for events."""

    def __init__(self, server: Emulator, **args: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self._args = {"url": server.url, "token": server.token, "interval": 0.03, "stable_idle": 0, **args}
        self._server = server

    def run(self, *steps: Callable[[], Any], expect: int, longest: float = 10) -> list[str]:
        """Do the steps, one after each look, then go on until so many events have come (and a little longer)."""
        asyncio.run(asyncio.wait_for(self._run(steps, expect), longest))
        return self.told()

    def told(self) -> list[str]:
        return [f"{event['type']} {_name(event)} {event['before']}>{event['after']}" for event in self.events]

    async def _run(self, steps: tuple[Callable[[], Any], ...], expect: int) -> None:
        source = asyncio.create_task(runpy.run_path(str(SOURCE))["main"](self, self._args))
        for step in (*steps, lambda: None):
            await self._looks(2, source)
            step()
        while len(self.events) < expect and not source.done():
            await asyncio.sleep(0.01)
        await self._looks(2, source)
        source.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await source

    async def _looks(self, count: int, source: asyncio.Task[None]) -> None:
        wanted = self._lists() + count
        while self._lists() < wanted and not source.done():
            await asyncio.sleep(0.005)

    def _lists(self) -> int:
        # A development build is asked first whether it has the list: those answers are none.
        # Chats are asked for with a limit of one before anything else, to see where they are.
        asked = "/chats" if self._args.get("source") == "chats" else "/tasks"
        lists = [entry for entry in self._server.journal if entry.path.endswith(asked) and entry.status == 200]
        return sum("limit=1" not in str(entry.query).split("&") for entry in lists)

    async def put(self, event: dict[str, Any]) -> None:
        self.events.append(event)


def test_each_kind_of_change_is_told_once(emulator, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("old")
    watch = Watch(server)
    told = watch.run(
        lambda: server.create_task("new"),
        lambda: server.create_task("paused-one", state="paused"),
        expect=2,
    )
    assert told == ["created new None>active", "created paused-one None>paused"]
    assert len({event["id"] for event in watch.events}) == 2
    assert watch.events[0]["task"]["initial_prompt"] == "Do the thing"


def test_restart_neither_loses_nor_repeats(emulator, tmp_path: Path) -> None:
    server = emulator()
    cursor = tmp_path / "cursor"
    for name in ("stays", "goes"):
        server.create_task(name)
    assert Watch(server, cursor_file=str(cursor)).run(expect=0) == []
    server.create_task("came")
    task = server.state.task("goes")
    server.state.tasks.pop(task.id)
    first = Watch(server, cursor_file=str(cursor))
    assert first.run(expect=2) == ["created came None>active", "deleted goes active>None"]
    assert Watch(server, cursor_file=str(cursor)).run(expect=0) == []
    assert cursor.stat().st_mode & 0o777 == 0o600 and server.token not in cursor.read_text()


def test_event_that_was_not_taken_is_told_after_the_restart(emulator, tmp_path: Path) -> None:
    server = emulator()
    args = {"cursor_file": str(tmp_path / "cursor")}
    Watch(server, **args).run(expect=0)
    for number in range(3):
        server.create_task(f"t-{number}")

    class Full(Watch):
        async def put(self, event: dict[str, Any]) -> None:
            if len(self.events) == 1:
                await asyncio.sleep(3600)
            self.events.append(event)

    full = Full(server, **args)
    with pytest.raises(asyncio.TimeoutError):
        full.run(expect=3, longest=1)
    assert full.told() == ["created t-0 None>active"]
    assert Watch(server, **args).run(expect=2) == ["created t-1 None>active", "created t-2 None>active"]


def test_line_that_was_cut_off_is_left_out(emulator, tmp_path: Path) -> None:
    server = emulator()
    cursor = tmp_path / "cursor"
    Watch(server, cursor_file=str(cursor)).run(expect=0)
    with cursor.open("a") as file:
        file.write('{"id": "x", "to')
    server.create_task("new")
    assert Watch(server, cursor_file=str(cursor)).run(expect=1) == ["created new None>active"]
    assert Watch(server, cursor_file=str(cursor)).run(expect=0) == []


def test_cursor_of_another_choice_begins_anew(emulator, tmp_path: Path) -> None:
    server = emulator()
    args = {"cursor_file": str(tmp_path / "cursor")}
    server.create_task("one")
    Watch(server, **args).run(expect=0)
    assert Watch(server, owner="bob", **args).run(expect=0) == []


def test_failures_that_pass_are_borne(emulator) -> None:
    server = emulator()
    watch = Watch(server, retries=0)

    def trouble() -> None:
        server.faults.add("status", path="/tasks$", status=500, count=2)
        server.faults.add("login", path="/tasks$", count=1)
        server.create_task("new")

    assert watch.run(trouble, expect=1) == ["created new None>active"]


def test_failure_that_stays_ends_the_source(emulator) -> None:
    server = emulator()
    with pytest.raises(Exception, match="HTTP 401") as raised:
        Watch(server, token="sentineltok-sentineloftokensentinel").run(expect=1)
    assert "sentinel" not in str(raised.value)


def test_unknown_argument_is_refused(emulator) -> None:
    with pytest.raises(ValueError, match=r"no argument intervall\. Choose from: .*interval"):
        Watch(emulator(), intervall=1).run(expect=1)


# The part that knows neither server nor file


@pytest.fixture
def changes() -> Any:
    return runpy.run_path(str(SOURCE))["Changes"]({}, 5)


def task(state: str | None, status: str = "active") -> dict[str, Any]:
    current = {"state": state, "timestamp": "2026-01-01T00:00:00Z"} if state else None
    return {"id": "1", "name": "t", "owner_name": "alice", "status": status, "current_state": current}


def look(changes: Any, seen: dict[str, Any], now: float) -> list[str]:
    told = []
    while events := changes.of(seen, now):
        told.append(f"{events[0]['type']} {events[0]['after']}")
        changes.tell(events[0])
    return told


def test_idle_is_told_once_it_is_stable(changes: Any) -> None:
    assert look(changes, task("working"), 0) == ["created active", "state_changed working"]
    assert look(changes, task("idle"), 1) == []
    assert look(changes, task("idle"), 5) == []
    assert look(changes, task("idle"), 6) == ["state_changed idle"]
    assert look(changes, task("idle"), 60) == []


def test_idle_that_breaks_off_is_not_told(changes: Any) -> None:
    look(changes, task("working"), 0)
    assert look(changes, task("idle"), 1) == []
    assert look(changes, task("working"), 4) == []
    assert look(changes, task("idle"), 5) == []
    assert look(changes, task("idle"), 9) == []
    assert look(changes, task("complete", "error"), 10) == ["status_changed error", "state_changed complete"]


# Chats


@pytest.fixture(params=["chats-2.35", "chats-2.38"])
def chatting(emulator, request: pytest.FixtureRequest) -> Emulator:
    return emulator("", chats=request.param)


def test_what_becomes_of_chats_is_told(chatting: Emulator) -> None:
    chats = chatting.state.chats
    assert chats is not None
    one, two = chatting.create_chat("One"), chatting.create_chat("Two")
    watch = Watch(chatting, source="chats")
    told = watch.run(
        lambda: chatting.create_chat("New"),
        lambda: one.fail("The key was refused.", "auth"),
        lambda: chats.set_archived(two, True),
        lambda: setattr(one, "status", "requires_action"),
        lambda: chats.delete(one),
        expect=5,
    )
    assert told == [
        "created New None>waiting",
        "status_changed One waiting>error",
        "archived Two waiting>None",
        "action_required One error>requires_action",
        "deleted One requires_action>None",
    ]
    assert watch.events[1]["error_kind"] == "auth" and "error_kind" not in watch.events[0]


def test_labels_choose_chats_and_a_restart_tells_nothing_twice(chatting: Emulator, tmp_path: Path) -> None:
    cursor = str(tmp_path / "cursor")
    chatting.create_chat("Mine", labels={"team/run": "night"})
    watch = Watch(chatting, source="chats", labels={"team/run": "night"}, cursor_file=cursor)
    assert watch.run(lambda: chatting.create_chat("Other"), expect=0) == []
    chatting.create_chat("Later", labels={"team/run": "night"})
    again = Watch(chatting, source="chats", labels={"team/run": "night"}, cursor_file=cursor)
    assert again.run(expect=1) == ["created Later None>waiting"]
    third = Watch(chatting, source="chats", labels={"team/run": "night"}, cursor_file=cursor)
    assert third.run(expect=0) == []


@pytest.mark.parametrize(
    ("args", "says"),
    [({"source": "chat"}, "Choose from: tasks, chats"), ({"source": "chats", "all_owners": True}, "cannot be listed")],
)
def test_what_cannot_be_watched_is_refused(chatting: Emulator, args: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        asyncio.run(runpy.run_path(str(SOURCE))["main"](None, {"url": chatting.url, "token": chatting.token, **args}))
