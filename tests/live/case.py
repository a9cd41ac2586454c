# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a case is made of: its name, what it needs, the steps that it plays, and what their results have to be.

A case fails with an AssertionError whose text is a sentence for the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from returned import check_return

from playbooks import Run

if TYPE_CHECKING:
    from live.deployment import Deployment

Body = Callable[["Deployment"], None]
CHECK = {"check_mode": True}
DIFF = {"diff": True}


class NotApplicable(Exception):
    """This server, or this template, has not what a case is about. Its text says what is missing."""


@dataclass(frozen=True)
class Case:
    """One line of the table. ``needs``: what :meth:`Deployment.lacks` is asked for first."""

    name: str
    needs: tuple[str, ...]
    body: Body


CASES: list[Case] = []


def case(name: str, *needs: str) -> Callable[[Body], Body]:
    """Have a function run as a case, in the order in which cases are written."""

    def add(body: Body) -> Body:
        CASES.append(Case(name, needs, body))
        return body

    return add


def step(name: str, module: str, options: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    """A task of a playbook that calls a module of the collection; its failure is a result like any other."""
    return {"name": name, f"coder.tasks.{module}": options, "ignore_errors": True, **keywords}


class Results:
    """What the steps of a playbook returned.

    :param modules: of the steps, by their names.
    """

    def __init__(self, run: Run, modules: dict[str, str]) -> None:
        self._run = run
        self._results = {record["name"]: record["result"] for record in run.records}
        for name in self._results.keys() & modules.keys():
            # Of `until`, which is Ansible's.
            result = {key: value for key, value in self[name].items() if key != "attempts"}
            check_return(modules[name], result)

    def __getitem__(self, name: str) -> dict[str, Any]:
        end = " ".join(" ".join(self._run.output.strip().splitlines()[-8:]).split())[-600:]
        assert name in self._results, f"The playbook did not come to {name!r}: {end}"
        result: dict[str, Any] = self._results[name]
        return result

    def ok(self, name: str, changed: bool | None = None) -> dict[str, Any]:
        """The result of a step that has to succeed. :param changed: what it has to say of that; None for anything."""
        result = self[name]
        assert not result.get("failed"), f"{name}: {result.get('msg')}"
        said = "that it changed something" if result["changed"] else "that it changed nothing"
        assert changed in (None, result["changed"]), f"{name}: the module says {said}"
        return result

    def refused(self, name: str, *kinds: str) -> str:
        """The message of a step that has to fail with one of these kinds of failure."""
        result = self[name]
        assert result.get("failed"), f"{name}: that should have failed"
        kind, message = result["failure"]["kind"], str(result["msg"])
        assert kind in kinds, f"{name}: the kind of failure is {kind!r}, not {' or '.join(kinds)}: {message}"
        assert message.endswith((".", "!", "?")), f"{name}: this is no sentence: {message}"
        return message
