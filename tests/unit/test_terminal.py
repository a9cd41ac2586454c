# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person who waits sees, and an interruption at any moment of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.plugin_utils import in_process
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import Terminal


class Line:
    """Stands in for Ansible's display: whether a line is under way, and what happens in the middle of it."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self.under_way = False
        self.ended_in_it: list[bool] = []

    def display(self, _text: str, **_options: Any) -> None:
        self.under_way = True
        self._meanwhile()
        self.under_way = False

    def end(self, _number: int, _frame: Any) -> None:
        """The handler that would end the worker."""
        self.ended_in_it.append(self.under_way)


@pytest.fixture
def interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def told(line: Line, monkeypatch: pytest.MonkeyPatch, run: Callable[[Terminal], None]) -> None:
    monkeypatch.setattr(in_process, "display", line)
    signal.signal(signal.SIGINT, line.end)
    terminal = Terminal("coder.tasks.task", SimpleNamespace())
    with terminal.told_when_interrupted():
        run(terminal)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("say", [lambda t: t.tell("waits"), lambda t: t.show("row", "good")])
def test_an_interruption_waits_until_the_line_is_away(
    say: Callable[[Terminal], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(lambda: signal.raise_signal(signal.SIGINT))
    told(line, monkeypatch, say)
    assert line.ended_in_it == [False]


@pytest.mark.usefixtures("interrupts")
def test_an_interruption_waits_for_the_line_of_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, interrupted = threading.Event(), threading.Event()

    def meanwhile() -> None:
        begun.set()
        assert interrupted.wait(10)

    line = Line(meanwhile)

    def run(terminal: Terminal) -> None:
        teller = threading.Thread(target=terminal.tell, args=("waits",))
        teller.start()
        assert begun.wait(10)
        signal.raise_signal(signal.SIGINT)
        assert line.ended_in_it == []
        interrupted.set()
        teller.join(10)
        until = time.monotonic() + 10
        while not line.ended_in_it and time.monotonic() < until:
            time.sleep(0.01)

    told(line, monkeypatch, run)
    assert line.ended_in_it == [False]


@pytest.mark.usefixtures("interrupts")
def test_an_interruption_between_lines_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(lambda: None)
    told(line, monkeypatch, lambda terminal: signal.raise_signal(signal.SIGINT))
    assert line.ended_in_it == [False]
