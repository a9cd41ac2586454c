# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures that are not delivered yet: one file per task, 0600, the newest wins; and the one that was delivered last.

They stand in the home, which is the part of a container that stays; where there is none, or none that can be written,
in a temporary folder that belongs to this user alone. What is kept is bounded in number and age.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections import namedtuple

from . import atomic
from .deadline import Deadline
from .foreign import parse_json, read_regular
from .lock import acquire
from .wire import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

Capture = namedtuple("Capture", "task_id captured_at source count body users", defaults=((),))
Capture.__doc__ = """A body that is ready to be posted.

:param captured_at: seconds since the epoch; 0: not known.
:param source: where the messages came from, such as messages, events, state file.
:param count: how many messages there are.
:param body: bytes, as fit gives them.
:param users: by what the user's last messages are known again, as lives.user_keys gives it.
"""

# A capture is at most 64 KiB, so that what is kept stays below 5 MiB.
MAX_TASKS = 32
MAX_DAYS = 30

_FOLDER = "coder-tasks"
_LIMIT = 16 * 1024 * 1024
_LOCK_SECONDS = 0.5
_POLL_SECONDS = 0.02
_SETTLED = b"settled"


class Spool:
    """The folders that can hold captures, opened without following a link at their end.

    :param make: make those that are not there.
    """

    def __init__(self, environ: Mapping[str, str], make: bool = True) -> None:
        self._folders: list[tuple[str, int]] = []
        self.problems: list[str] = []
        for path in _candidates(environ):
            try:
                self._folders.append((path, _open_folder(path, make)))
            except OSError as error:
                self.problems.append(f"{path}: {error.strerror or error}")

    @property
    def folder(self) -> str | None:
        """Where the next capture goes, as far as it can be told without writing it."""
        return self._folders[0][0] if self._folders else None

    def put(self, capture: Capture) -> str:
        """Write the capture unless a newer one of the task is there already.

        :returns: its path.
        :raises OSError: it cannot be written anywhere.
        """
        problems = list(self.problems)
        for path, folder in self._folders:
            try:
                self._write(folder, capture)
            except OSError as error:
                problems.append(f"{path}: {error.strerror or error}")
                continue
            self._remove_older(capture, except_in=folder)
            _prune(folder, _name(capture.task_id))
            return os.path.join(path, _name(capture.task_id))
        raise OSError("; ".join(problems))

    def get(self, task_id: str) -> Capture | None:
        """The task's newest capture that is newer than what was delivered."""
        found = [capture for capture in self._captures(_name(task_id)) if capture.task_id == task_id]
        return max(found, key=lambda capture: capture.captured_at, default=None)

    def task_ids(self) -> list[str]:
        """The tasks that have a capture here."""
        names = {name for _path, folder in self._folders for name in os.listdir(folder) if name.endswith(".json")}
        return sorted({capture.task_id for name in names for capture in self._captures(name)})

    def delivered_at(self, task_id: str) -> float:
        """When the newest capture was made that is known to be delivered; 0: none is known."""
        return self._delivered_at(_name(task_id))

    def last(self, task_id: str) -> Capture | None:
        """What was saved last of the task, waiting or delivered."""
        name = _name(task_id)
        found = [_read(folder, each) for _path, folder in self._folders for each in (name, f".{name}.delivered")]
        known = [capture for capture in found if capture is not None and capture.task_id == task_id]
        return max(known, key=lambda capture: capture.captured_at, default=None)

    def delivered(self, capture: Capture) -> None:
        """Remember what Coder has, so that nothing older and nothing poorer is posted over it; it waits no more."""
        for _path, folder in self._folders if capture.captured_at else []:
            try:
                _replace(folder, f".{_name(capture.task_id)}.delivered", _encode(capture))
                break
            except OSError:
                continue
        self.remove(capture)

    def remove(self, capture: Capture) -> None:
        """Forget the capture, and older ones of its task; a newer one that came meanwhile stays."""
        self._remove_older(capture)

    def lock_delivery(self, task_id: str, deadline: Deadline) -> int | None:
        """Wait for the lock under which this task's captures are delivered, so that none arrives after a newer one.

        :returns: the lock, which ends when this descriptor is closed, or with this process; None: another process has
            it, or there is no spool.
        """
        return self._lock_file(f".{_name(task_id)}.lock", deadline)

    def lock_following(self, task_id: str) -> int | None:
        """Take the lock of the one process that follows this task.

        :returns: the lock, which ends when this descriptor is closed, or with this process; None: another process has
            it, or there is no spool.
        """
        return self._lock_file(f".{_name(task_id)}.follow", Deadline(0))

    @staticmethod
    def settle(lock: int, settled: bool) -> None:
        """Note for `followed` whether all that the follower saw is spooled or delivered.

        :param lock: of the follower, from `lock_following`.
        """
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, _SETTLED if settled else b"", 0)
        except OSError:
            pass

    def followed(self, task_id: str, deadline: Deadline) -> bool:
        """Wait until a follower of this task, if there is one, has settled what it saw before AgentAPI went away.

        :returns: False if nobody follows, or not within the deadline.
        """
        name = f".{_name(task_id)}.follow"
        while True:
            states = [_follower_state(folder, name) for _path, folder in self._folders]
            if _SETTLED in states:
                return True
            if not any(state is not None for state in states) or not deadline.left():
                return False
            time.sleep(min(_POLL_SECONDS, deadline.left()))

    def _captures(self, name: str) -> Iterator[Capture]:
        delivered_at = self._delivered_at(name)
        for _path, folder in self._folders:
            capture = _read(folder, name)
            # One that was delivered may still be there: on a file system that is read-only now.
            if capture is not None and not 0 < capture.captured_at <= delivered_at:
                yield capture

    def _delivered_at(self, name: str) -> float:
        found = [_read(folder, f".{name}.delivered") for _path, folder in self._folders]
        return max((capture.captured_at for capture in found if capture is not None), default=0.0)

    def _write(self, folder: int, capture: Capture) -> None:
        name = _name(capture.task_id)
        guard = os.open(".", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        try:
            acquire(guard, Deadline(_LOCK_SECONDS))
            present = _read(folder, name)
            if present is not None and present.captured_at > capture.captured_at:
                return
            _replace(folder, name, _encode(capture))
        finally:
            os.close(guard)

    def _remove_older(self, capture: Capture, except_in: int | None = None) -> None:
        name = _name(capture.task_id)
        for _path, folder in self._folders:
            present = _read(folder, name) if folder != except_in else None
            if present is not None and present.captured_at <= capture.captured_at:
                try:
                    os.unlink(name, dir_fd=folder)
                except OSError:
                    # A read-only file system.
                    continue

    def _lock_file(self, name: str, deadline: Deadline) -> int | None:
        for _path, folder in self._folders:
            try:
                descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
            except OSError:
                continue
            if acquire(descriptor, deadline):
                return descriptor
            os.close(descriptor)
            return None
        return None


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    state = environ.get("XDG_STATE_HOME", "")
    home = environ.get("HOME") or _home()
    if os.path.isabs(state):
        yield os.path.join(state, _FOLDER)
    elif os.path.isabs(home):
        yield os.path.join(home, ".local", "state", _FOLDER)
    for temporary in (environ.get("TMPDIR", ""), "/tmp", "/var/tmp", "/dev/shm"):
        if os.path.isabs(temporary) and os.path.isdir(temporary):
            yield os.path.join(temporary, f"{_FOLDER}-{os.getuid()}")
            return


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _open_folder(path: str, make: bool) -> int:
    if make:
        os.makedirs(path, 0o700, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    facts = os.fstat(folder)
    if facts.st_uid != os.geteuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        os.close(folder)
        raise OSError(f"{path} belongs to somebody else, or others may write to it")
    return folder


def _name(task_id: str) -> str:
    return f"{quote(task_id)[:200]}.json"


def _replace(folder: int, name: str, data: bytes) -> None:
    # No sync: what is guarded against is being killed, not a power cut, and it can take seconds.
    atomic.replace(name, f".{name}.tmp", lambda draft: atomic.write_new(draft, data, folder), folder)


def _prune(folder: int, name: str) -> None:
    """Remove what nobody will ask for any more: files of other tasks that are too old, or older than so many others."""
    try:
        found = {each: os.stat(each, dir_fd=folder, follow_symlinks=False).st_mtime for each in os.listdir(folder)}
    except OSError:
        return
    others = {each: at for each, at in found.items() if name not in each}
    waiting = sorted((each for each in others if each.endswith(".json")), key=lambda each: others[each])
    old = [each for each, at in others.items() if at < time.time() - MAX_DAYS * 86400]
    for each in {*old, *waiting[: max(0, len(waiting) + 1 - MAX_TASKS)]}:
        try:
            os.unlink(each, dir_fd=folder)
        except OSError:
            continue


def _follower_state(folder: int, name: str) -> bytes | None:
    """What a follower says of itself.

    :returns: None if there is none.
    """
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    try:
        return None if acquire(descriptor, Deadline(0)) else os.pread(descriptor, len(_SETTLED), 0)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _past(at: float) -> float:
    """The time, or 0 for one that cannot be.

    One that is later than now is from before the clock went back, and must not win against what is captured now.
    """
    return at if 0 < at <= time.time() else 0.0


def _sound(users: list[Any]) -> tuple[Any, ...]:
    return tuple([key for key in users if isinstance(key, list) and len(key) == 4 and isinstance(key[0], str)])


def _encode(capture: Capture) -> bytes:
    header = {key: value for key, value in capture._asdict().items() if key != "body"}
    return json.dumps(header).encode() + b"\n" + capture.body


def _read(folder: int, name: str) -> Capture | None:
    """A damaged or foreign file counts as none."""
    try:
        data, _changed = read_regular(name, _LIMIT, dir_fd=folder, follow_links=False)
        first, _newline, body = data.partition(b"\n")
        header = parse_json(first)
        capture = Capture(body=body, **header)
        sound = isinstance(capture.task_id, str)
        capture = capture._replace(captured_at=_past(capture.captured_at), users=_sound(capture.users))
    except (OSError, ValueError, TypeError):
        return None
    return capture if sound and body.startswith(b'{"messages":[') and body.endswith(b"]}") else None
