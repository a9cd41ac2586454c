# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of `make live`: no module and no state is forgotten, and each has a name of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import documents
import pytest
from argument_specs import module_arguments
from live.run import THEMES, cases

FILES = sorted((documents.ROOT / "tests" / "live").glob("*.py"))
# Modules that bring something into a state, and where their cases are.
STATES = {"archive": "archive.py", "chat": "chats.py", "fleet": "fleet.py", "task": "tasks.py"}
SOURCE = "\n".join(file.read_text() for file in FILES)


def calls() -> Iterator[str]:
    """The modules that steps call, as they stand in the source."""
    for node in ast.walk(ast.parse(SOURCE.replace("from __future__ import annotations", ""))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "step":
            yield from (str(leaf.value) for leaf in ast.walk(node.args[1]) if isinstance(leaf, ast.Constant))


def test_each_module_has_a_case() -> None:
    missing = sorted(set(documents.module_names()) - set(calls()))
    assert not missing, f"tests/live/ has no case for {', '.join(missing)}"


@pytest.mark.parametrize(("module", "file"), STATES.items())
def test_each_state_has_a_case(module: str, file: str) -> None:
    spec = module_arguments(module)["argument_spec"]
    states = spec.get("tasks", {}).get("options", spec)["state"]
    text = (documents.ROOT / "tests" / "live" / file).read_text()
    missing = [state for state in states["choices"] if state != states["default"] and f'"{state}"' not in text]
    assert not missing, f"tests/live/ has no case for {module} with state={', '.join(missing)}"


def test_cases_have_names_of_their_own_and_are_all_run() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names) and all(re.match(r"[A-Z]", name) for name in names)
    with_cases = {file.stem for file in FILES if "\n@case(" in file.read_text()}
    assert with_cases == set(THEMES)
