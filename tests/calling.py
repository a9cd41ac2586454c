# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an operation in this process as an adapter would, and hold what it returns against the module's RETURN.

``call("task", server, name="x", template="ai")`` gives a :class:`Call`. Options that are not given have the defaults
of the spec, but for the times, which are short enough for tests.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from returned import check_return

from ansible_collections.coder.tasks.plugins.module_utils.operation_module import module_arguments, outcome
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import open_session
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from emulator import Emulator
from emulator.journal import Entry

OPERATIONS = "ansible_collections.coder.tasks.plugins.module_utils.operations"
SHORT = {"stable_idle": 0.05, "wait_timeout": 20.0}


def operation_of(module: str) -> ModuleType:
    """The operation behind a module of the collection; those on an archive lie in a folder of their own."""
    folder = "archive." if module.startswith("archive") else ""
    return importlib.import_module(f"{OPERATIONS}.{folder}{module}")


@dataclass
class Call:
    """What one call of an operation gave. ``writes``: the requests that write, which the server saw meanwhile."""

    result: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)
    requests: list[Entry] = field(default_factory=list)

    def __getitem__(self, key: str) -> Any:
        return self.result[key]

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def msg(self) -> str:
        return str(self.result.get("msg"))

    @property
    def kind(self) -> str | None:
        return self.result["failure"]["kind"] if self.failed else None

    @property
    def writes(self) -> list[str]:
        return [f"{entry.method} {entry.path.rsplit('/', 1)[-1]}" for entry in self.requests if entry.is_write()]


class FakeClock:
    """Time that passes only while somebody sleeps, and a little with every look, so that no loop is endless."""

    def __init__(self, tick: float = 0.001) -> None:
        self.now = 1000.0
        self.tick = tick
        self.slept: list[float] = []

    def monotonic(self) -> float:
        self.now += self.tick
        return self.now

    def time(self) -> float:
        return time.time() + self.now - 1000.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Meanwhile(FakeClock):
    """A fake clock in whose sleeps something happens: one thing per sleep, in this order, until all has."""

    def __init__(self, *happens: Callable[[], Any]) -> None:
        super().__init__()
        self._happens = list(happens)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._happens:
            self._happens.pop(0)()


class ReleasingClock:
    """Real time; whoever waits by it has the builds begin that the server holds."""

    def __init__(self, server: Emulator) -> None:
        self.monotonic, self.time = time.monotonic, time.time
        self._server = server

    def sleep(self, seconds: float) -> None:
        if self._server.state.held:
            self._server.state.release_builds()
        time.sleep(seconds)


def call(
    operation: str,
    server: Emulator | None = None,
    *,
    check: bool = False,
    diff: bool = False,
    user: str = "alice",
    clock: Any = time,
    poll_interval: float = 0.01,
    **options: Any,
) -> Call:
    """Run an operation against a server with a user's token, and check its result. Options as in a playbook."""
    verb = operation_of(operation)
    arguments = module_arguments(verb)
    spec = arguments.pop("argument_spec")
    arguments.pop("supports_check_mode")
    if server is not None:
        options = {"url": server.url, "token": server.tokens[user], **options}
    for name, value in SHORT.items():
        if name in spec:
            options.setdefault(name, value)
    checked = ArgumentSpecValidator(spec, **arguments).validate(options)
    assert not checked.error_messages, checked.error_messages
    made = Call({})
    context = Context(
        params=checked.validated_parameters,
        open_session=open_session,
        check_mode=check,
        diff=diff,
        warn=made.warnings.append,
        progress=made.progress.append,
        clock=clock,
        poll_interval=poll_interval,
    )
    before = len(server.journal) if server else 0
    made.result = json.loads(json.dumps(outcome(verb, context)))
    made.requests = list(server.journal)[before:] if server else []
    if check:
        assert not made.writes, f"check mode wrote: {made.writes}"
    check_return(operation, made.result)
    check_failure(made, options.get("token", ""))
    return made


def check_failure(made: Call, token: str) -> None:
    """What holds for every result: no token in it, and a failure says what, why and which kind."""
    everything = json.dumps(made.result) + "".join(made.warnings + made.progress)
    assert not token or token not in everything
    assert "Traceback" not in everything
    if made.failed:
        assert made.msg[0].isupper() or made.msg[0] in "'\"%/" or made.msg[0].isalnum()
        assert made.msg.endswith((".", "!", "?")), made.msg
        keys = {"kind", "status", "method", "path", "detail", "validations", "attempts"}
        failure = made.result["failure"]
        assert "kind" in failure and set(failure) <= keys
        assert all(failure.values()), f"failure holds what says nothing: {failure}"
