# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call a function in processes beside this one, so that its computing does not wait for Python's one interpreter."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from queue import LifoQueue
from typing import Any, Callable

_MOST = 4
_LEAVES_SECONDS = 5.0


def useful_helpers() -> int:
    """How many helpers are of use here: none with one processor, nor where a fork is unsafe (threads, macOS)."""
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        return 0
    if multiprocessing.current_process().daemon:  # which may have no children
        return 0
    processors = len(os.sched_getaffinity(0))
    return min(_MOST, processors - 1)  # one for the process that reads and writes


class Helpers:
    """Calls a function in whichever forked process is free, or in the caller's own if there is none.

    What fails in a helper, by an exception or by its death, is done again in this process, which then raises the
    exception itself; so the function must not write. A helper ends with this process, however that ends. Calls may come
    from many threads.

    Make it before any thread, and before opening what a helper must not keep open, such as a lock.

    :param function: its arguments and result are pickled.
    :param count: how many processes to fork.
    """

    def __init__(self, function: Callable[..., Any], count: int) -> None:
        self._function = function
        self._free: LifoQueue[Connection] = LifoQueue()
        self._connections: list[Connection] = []
        self._processes: list[Any] = []
        context = multiprocessing.get_context("fork")
        for _number in range(count):
            ours, theirs = multiprocessing.Pipe()
            others = [*self._connections, ours]
            process = context.Process(target=_serve, args=(function, theirs, others), daemon=True)
            with theirs:
                try:
                    process.start()
                except OSError:  # no more processes, or no memory for one
                    ours.close()
                    break
            self._connections.append(ours)
            self._processes.append(process)
            self._free.put(ours)

    def __call__(self, *arguments: Any) -> Any:
        if self._connections:
            connection = self._free.get()
            try:
                connection.send(arguments)
                done, result = connection.recv()
            except (OSError, EOFError):
                done, result = False, None
            finally:
                self._free.put(connection)
            if done:
                return result
        return self._function(*arguments)

    def close(self) -> None:
        """Let the helpers go. No call may be under way."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(_LEAVES_SECONDS)
        self._connections, self._processes = [], []


def _serve(function: Callable[..., Any], ours: Connection, others: list[Connection]) -> None:
    """A helper's life: it ends when the other end is closed, so this end must not keep that open."""
    for connection in others:
        connection.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the user's Ctrl-C reaches us too, but is for the process beside
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        while True:
            arguments = ours.recv()
            try:
                answer = (True, function(*arguments))
            except Exception:  # noqa: BLE001 - whatever it is, the caller meets it again
                answer = (False, None)
            ours.send(answer)
    except (OSError, EOFError):
        return
