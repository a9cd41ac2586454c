# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spool: atomic, ours alone, the newest wins."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import NOT_AUTHORIZED, TASK, FakeAgentAPI, FakeCoder, conversation

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import spool as spool_module
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.spool import Capture, Spool

BODY = b'{"messages":[]}'


def captured(at: float, task: str = TASK, body: bytes = BODY) -> Capture:
    return Capture(task, at, "messages", 0, body)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def spool(home: Path) -> Spool:
    return Spool({"HOME": str(home), "TMPDIR": str(home)})


def test_what_is_put_is_there_and_only_for_us(spool: Spool, home: Path) -> None:
    path = Path(spool.put(captured(1.5)))
    assert path == home / ".local" / "state" / "coder-tasks" / f"{TASK}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert spool.get(TASK) == captured(1.5)
    assert spool.task_ids() == [TASK]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_newest_wins(spool: Spool) -> None:
    spool.put(captured(2.0))
    spool.put(captured(1.0))
    assert spool.get(TASK) == captured(2.0)
    spool.remove(captured(1.0))
    assert spool.get(TASK) == captured(2.0)
    spool.remove(captured(2.0))
    assert spool.get(TASK) is None


@pytest.mark.parametrize("at", [1e11, float("inf"), float("nan"), -1.0, 10**400])
def test_a_time_that_cannot_be_is_older_than_any_other(spool: Spool, at: float) -> None:
    spool.put(captured(at))
    assert spool.get(TASK) == captured(0.0)
    spool.put(captured(1.0))
    assert spool.get(TASK) == captured(1.0)


def test_after_the_clock_went_back_what_is_captured_now_is_delivered(both: Hook, coder: FakeCoder) -> None:
    Spool(both.environ).put(captured(time.time() + 3600))  # type: ignore[arg-type]
    assert both.run("capture").code == 0
    assert [len(snapshot) for snapshot in coder.snapshots] == [3]
    assert not both.spooled.exists()


def test_what_is_not_newer_than_a_delivered_one_is_not_there(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It still stands on a home that is read-only now, and so the record goes to the other folder."""
    home = spool._folders[0][1]
    path = Path(spool.put(captured(2.0)))
    content = path.read_bytes()
    replace = spool_module._replace

    def read_only(folder: int, name: str, data: bytes) -> None:
        if folder == home:
            raise OSError(30, "Read-only file system")
        replace(folder, name, data)

    monkeypatch.setattr(spool_module, "_replace", read_only)
    spool.delivered(captured(2.0))
    path.write_bytes(content)
    assert spool.delivered_at(TASK) == 2.0
    assert spool.get(TASK) is None
    assert spool.task_ids() == []
    spool.put(captured(3.0))
    assert spool.get(TASK) == captured(3.0)


@pytest.mark.parametrize("content", [b"", b"x", b"1e11", b"inf", b"nan", b"\xff"])
def test_a_damaged_record_of_a_delivery_is_none(spool: Spool, content: bytes) -> None:
    path = Path(spool.put(captured(2.0)))
    (path.parent / f".{path.name}.delivered").write_bytes(content)
    assert spool.get(TASK) == captured(2.0)


def test_there_is_one_a_task(spool: Spool) -> None:
    for task in ("a", "b/../c", "..", "漢" * 100):
        spool.put(captured(1.0, task))
    assert set(spool.task_ids()) == {"a", "b/../c", "..", "漢" * 100}
    spool.put(captured(2.0, "a"))
    assert len(spool.task_ids()) == 4


def test_xdg_state_home_comes_first(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert Spool({"HOME": str(tmp_path), "XDG_STATE_HOME": str(state)}).folder == str(state / "coder-tasks")
    assert Spool({"HOME": str(tmp_path), "XDG_STATE_HOME": "relative"}).folder != "relative/coder-tasks"


def test_without_a_home_that_can_be_written_a_temporary_folder_of_ours_is_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool({"HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)})
    assert spool.folder == str(tmp_path / f"coder-tasks-{os.getuid()}")
    spool.put(captured(1.0))
    # Once the home can be written, the newest still wins over both folders.
    (tmp_path / "file").unlink()
    later = Spool({"HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)})
    assert later.get(TASK) == captured(1.0)
    later.put(captured(2.0))
    assert later.get(TASK) == captured(2.0)
    assert Spool({"HOME": "/dev/null", "TMPDIR": str(tmp_path)}).get(TASK) is None


def test_a_folder_that_is_a_link_or_open_to_others_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"coder-tasks-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    assert Spool({"HOME": "/dev/null", "TMPDIR": str(tmp_path)}).folder is None
    (tmp_path / f"coder-tasks-{os.getuid()}").unlink()
    (tmp_path / f"coder-tasks-{os.getuid()}").mkdir()
    (tmp_path / f"coder-tasks-{os.getuid()}").chmod(0o777)
    spool = Spool({"HOME": "/dev/null", "TMPDIR": str(tmp_path)})
    assert spool.folder is None
    with pytest.raises(OSError, match="others may write"):
        spool.put(captured(1.0))


def test_a_link_in_place_of_a_capture_is_not_followed(spool: Spool, tmp_path: Path) -> None:
    path = Path(spool.put(captured(1.0)))
    target = tmp_path / "precious"
    path.rename(target)
    path.symlink_to(target)
    assert spool.get(TASK) is None
    before = target.read_bytes()
    spool.put(captured(2.0))
    assert target.read_bytes() == before
    assert not path.is_symlink()


def test_a_link_in_place_of_what_a_follower_says_is_not_followed(spool: Spool, home: Path) -> None:
    lock = spool.lock_following(TASK)
    assert lock is not None
    spool.settle(lock, True)
    (state,) = (home / ".local" / "state" / "coder-tasks").glob("*.follow")
    assert Spool({"HOME": str(home), "TMPDIR": str(home)}).followed(TASK, Deadline(0))
    target = home / "elsewhere"
    state.rename(target)
    state.symlink_to(target)
    assert not spool.followed(TASK, Deadline(0))


@settings(max_examples=25)
@given(st.binary(max_size=200))
def test_a_damaged_capture_counts_as_none(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        spool = Spool({"HOME": folder, "TMPDIR": folder})
        path = Path(spool.put(captured(1.0)))
        path.write_bytes(data)
        assert spool.get(TASK) is None
        assert spool.task_ids() == []
        spool.put(captured(0.5))
        assert spool.get(TASK) == captured(0.5)


def test_a_write_that_fails_leaves_the_earlier_capture(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(spool.put(captured(1.0)))

    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        spool.put(captured(2.0))
    assert spool.get(TASK) == captured(1.0)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_only_one_delivers_a_task_at_a_time(spool: Spool) -> None:
    lock = spool.lock_delivery(TASK, Deadline(0))
    assert lock is not None
    assert spool.lock_delivery(TASK, Deadline(0.05)) is None
    assert spool.lock_following(TASK) is not None
    os.close(lock)
    assert spool.lock_delivery(TASK, Deadline(0)) is not None


def test_a_capture_that_could_not_be_delivered_is_delivered_by_flush(
    hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder
) -> None:
    hook.point_at(agentapi, "http://127.0.0.1:1")
    run = hook.run("capture", "--deadline", "0.8")
    assert run.code == 0
    assert "Error: Failed to connect to Coder instance (connection refused)" in run.stderr
    assert run.lines[-2] == f"Log snapshot is kept in {hook.spooled} for the next start"
    assert hook.run("flush", "--deadline", "0.8").code == 1
    assert hook.spooled.exists()
    assert hook.point_at(coder=coder).run("flush").code == 0
    assert coder.snapshots == [agentapi.messages]
    assert not hook.spooled.exists()
    assert hook.run("flush").lines == ["No log snapshot is waiting to be delivered"]


def test_flush_without_a_task_delivers_all_and_keeps_those_of_other_workspaces(hook: Hook, coder: FakeCoder) -> None:
    # A folder of its own for temporary files: the machine's may hold a capture of somebody else.
    hook.environ["TMPDIR"] = str(hook.home)
    spool = Spool(hook.environ)  # type: ignore[arg-type]
    spool.put(captured(1.0))
    spool.put(captured(1.0, "other"))
    run = hook.point_at(coder=coder).run("flush", ARG_TASK_ID=None)
    assert run.code == 1
    asked = " ".join(request.path for request in coder.journal)
    assert len(coder.snapshots) == 1 and f"/tasks/{TASK}/" in asked and "/tasks/other/" in asked
    assert spool.task_ids() == ["other"]
    assert hook.run("flush", ARG_TASK_ID="other").code == 1
    assert spool.task_ids() == ["other"]


def test_what_is_kept_is_bounded_in_number_and_age(spool: Spool, home: Path) -> None:
    for number in range(spool_module.MAX_TASKS + 3):
        path = Path(spool.put(captured(number + 1.0, f"task {number}")))
        spool.lock_delivery(f"task {number}", Deadline(0))
        os.utime(path, (time.time() - 1000 + number,) * 2)
    assert len(spool.task_ids()) == spool_module.MAX_TASKS
    assert "task 2" not in spool.task_ids() and "task 3" in spool.task_ids()
    long_ago = time.time() - (spool_module.MAX_DAYS + 1) * 86400
    for each in path.parent.iterdir():
        os.utime(each, (long_ago, long_ago))
    spool.put(captured(1.0))
    assert spool.task_ids() == [TASK]
    assert [each.name for each in path.parent.iterdir()] == [f"{TASK}.json"]
    # Its own file stays however old it is.
    os.utime(path.parent / f"{TASK}.json", (long_ago, long_ago))
    spool.put(captured(0.5))
    assert spool.get(TASK) == captured(1.0)


def test_a_newer_delivery_is_not_undone_by_an_older_one(both: Hook, coder: FakeCoder, agentapi: FakeAgentAPI) -> None:
    coder.answers.append((401, NOT_AUTHORIZED))
    assert both.run("capture").code == 0
    assert both.spooled.exists()
    agentapi.messages.extend(conversation("a", "b", "c", "more"))
    assert both.run("capture").code == 0
    assert both.run("flush").code == 0
    assert [len(snapshot) for snapshot in coder.snapshots] == [7]


def test_on_a_read_only_file_system_it_says_so_and_delivers(both: Hook, coder: FakeCoder) -> None:
    # /proc stands for a file system where nobody can make a folder, not even root.
    run = both.run("capture", HOME="/proc", XDG_STATE_HOME="/proc/nowhere", TMPDIR="/proc/self")
    assert run.code == 0
    assert "Error: Log snapshot could not be spooled (/proc/nowhere/coder-tasks: " in run.stderr
    assert len(coder.snapshots) == 1
    with FakeCoder((401, NOT_AUTHORIZED)) as refusing:
        both.point_at(coder=refusing)
        run = both.run("capture", HOME="/proc", XDG_STATE_HOME="/proc/nowhere", TMPDIR="/proc/self")
    assert run.code == 1
    assert "Error: Log snapshot capture failed" in run.stderr


def test_a_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spool"
    os.close(spool_module._open_folder(str(folder), make=True))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(OSError, match="belongs to somebody else"):
        spool_module._open_folder(str(folder), make=False)


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(OSError, match="others may write"):
        spool_module._open_folder(str(folder), make=False)
