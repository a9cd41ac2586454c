# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: every case after the other, the removal whatever happened, and the table."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import signal
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from live.case import CASES, Case, NotApplicable
from live.deployment import Deployment, OutOfTime
from live.removal import Bystanders, remove, say

THEMES = ("fleet", "reading", "access", "sending", "inventory", "events", "archive", "tasks", "workspaces", "chats")
WIDE = 118
INDENT = " " * 28


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody wants the run to end: Ctrl-C, or another signal."""


def interrupt(number: int, frame: object) -> None:
    """Handle a signal."""
    raise Interrupted


@contextmanager
def signals(handler: Callable[[int, Any], object] | signal.Handlers) -> Iterator[None]:
    """Have the signals that end a program handled in a way."""
    before = [signal.signal(number, handler) for number in SIGNALS]
    try:
        yield
    finally:
        for number, earlier in zip(SIGNALS, before):
            signal.signal(number, earlier)


@dataclass
class Line:
    """A line of the table. ``result``: passed, failed or not applicable; ``why`` where it is not passed."""

    name: str
    result: str
    seconds: float
    why: str = ""

    def short(self, note: str = "") -> str:
        """Without why. :param note: where that is told instead."""
        return f"{f'{self.result} {note}':18}  {self.seconds:4.0f} s  {self.name}"

    def __str__(self) -> str:
        why = textwrap.wrap(self.why, WIDE, initial_indent=INDENT, subsequent_indent=INDENT)
        return "\n".join([self.short(), *why])


def cases(chosen: str = "") -> list[Case]:
    """Every case whose name has a text in it, in the order in which they run."""
    for theme in THEMES:
        importlib.import_module(f"live.{theme}")
    return [case for case in CASES if chosen.lower() in case.name.lower()]


def check(deployment: Deployment, chosen: list[Case]) -> int:
    """Run cases, remove what they made, tell it all. :returns: the exit code."""
    prepare(deployment)
    deployment.root.mkdir(parents=True)
    say(f"All that is made here is called {deployment.prefix}-…")
    bystanders = Bystanders(deployment)
    lines: list[Line] = []
    ended: BaseException | None = None
    try:
        for number, case in enumerate(chosen, 1):
            lines.append(line_of(deployment, case, number))
            say(lines[-1] if lines[-1].result == "failed" else lines[-1].short())
    except BaseException as error:  # whatever it is, what was made is removed
        ended = error
    with signals(signal.SIG_IGN):
        if ended:
            say(f"Interrupted. What was made is removed now, which takes at most {deployment.settings.removal:.0f} s.")
        left = remove(deployment, interrupted=bool(ended))
        lines.append(beside(bystanders))
        code = tell(deployment, lines, left, len(chosen), interrupted=bool(ended))
    if ended and not isinstance(ended, Interrupted):
        raise ended
    return code


def prepare(deployment: Deployment) -> None:
    """Find out what to make tasks from. :raises SystemExit: the deployment cannot be used."""
    settings = deployment.settings
    try:
        lacks = {kind: deployment.lacks(kind) for kind in ("tasks", "chats")}
    except CoderError as error:
        raise SystemExit(error.message) from None
    say(f"Server: {settings.url}, {deployment.session.server.version.text}")
    if all(lacks.values()):
        raise SystemExit("\n".join(filter(None, lacks.values())))
    if lacks["tasks"]:
        return
    if not settings.template:
        offered = deployment.call("template_info").get("templates", [])
        names = ", ".join(template["name"] for template in offered) or "there is none that this token may use"
        raise SystemExit(f"TEMPLATE is not set. It names the template to make tasks from: {names}.")
    found = deployment.call("template_info", name=settings.template)
    if found.get("failed"):
        raise SystemExit(str(found["msg"]))
    presets = found["templates"][0]["presets"]
    default = [preset["name"] for preset in presets if preset["default"]]
    deployment.preset = next(iter([*default, *(preset["name"] for preset in presets)]), None)


def line_of(deployment: Deployment, case: Case, number: int) -> Line:
    """Run one case."""
    settings = deployment.settings
    started = time.monotonic()
    left = settings.total - settings.removal - (started - deployment.started)
    limit = min(settings.case_limit, left)
    result, why = "failed", ""
    try:
        for need in case.needs:
            if why := deployment.lacks(need) or "":
                return Line(case.name, "not applicable", time.monotonic() - started, why)
        slug = re.sub(r"\W+", "-", case.name.lower())[:40].strip("-")
        deployment.begin(deployment.root / f"{number:02}-{slug}", limit)
        case.body(deployment)
        result = "passed"
        shutil.rmtree(deployment.folder)
    except NotApplicable as error:
        result, why = "not applicable", str(error)
    except OutOfTime:
        why = f"Its time limit of {settings.case_limit:.0f} s was hit."
        if limit < settings.case_limit:
            why = f"The time for all cases, {settings.total - settings.removal:.0f} s, was up."
    except AssertionError as error:
        why = str(error)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
    for secret in settings.secrets:
        why = why.replace(secret, "(a token)")
    return Line(case.name, result, time.monotonic() - started, why)


def beside(bystanders: Bystanders) -> Line:
    """The last line: whether everything else is as it was."""
    started = time.monotonic()
    try:
        told = bystanders.differences()
    except Exception as error:
        told = [f"It could not be looked at: {error}"]
    name = f"The user's {len(bystanders)} other tasks and chats are as they were"
    return Line(name, "failed" if told else "passed", time.monotonic() - started, " ".join(told))


def table(lines: list[Line]) -> list[str]:
    """One line per case; a reason why one is not applicable is told once, under a number."""
    reasons = list(dict.fromkeys(line.why for line in lines if line.result == "not applicable"))
    told = [f"{'result':18}  {'time':>6}  case"]
    told += [str(line) if line.result == "failed" else line.short(_note(line, reasons)) for line in lines]
    for number, reason in enumerate(reasons, 1):
        told += textwrap.wrap(reason, WIDE, initial_indent=f"({number}) ", subsequent_indent=" " * 4)
    return told


def _note(line: Line, reasons: list[str]) -> str:
    return f"({reasons.index(line.why) + 1})" if line.why in reasons else ""


def tell(deployment: Deployment, lines: list[Line], left: list[str], expected: int, interrupted: bool) -> int:
    """The table, and what is left. :returns: the exit code."""
    counts = {result: sum(line.result == result for line in lines) for result in ("passed", "failed", "not applicable")}
    say(f"\n{deployment.settings.url}, {deployment.session.server.version.text}")
    say(*table(lines))
    took = round(time.monotonic() - deployment.started)
    summary = ", ".join(f"{count} {result}" for result, count in counts.items())
    say(f"{summary}; {took // 60} min {took % 60} s")
    if interrupted:
        say(f"Interrupted: {expected + 1 - len(lines)} cases were not begun or not ended.")
    if left:
        say("NOT REMOVED. Each of these commands removes one:", *(f"    {command}" for command in left))
    elif deployment.tasks or deployment.workspaces or deployment.chats:
        archived = " Chats are archived; the server deletes them after its retention." if deployment.chats else ""
        say(f"All that was made is removed.{archived}")
    if any((deployment.root / name).is_dir() for name in os.listdir(deployment.root) if name != "archive"):
        say(f"What the failed cases printed is in {deployment.root}.")
    else:
        shutil.rmtree(deployment.root)
    if interrupted:
        return 130
    only_beside = counts["passed"] <= 1
    if only_beside:
        say("No case could run here, so nothing is proven.")
    return 1 if counts["failed"] or left or only_beside else 0
