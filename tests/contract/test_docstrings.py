# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docstrings tell of parameters and errors in one form, and of none that is not there. ruff holds the rest."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "plugins/module_utils",
    "plugins/plugin_utils",
    "plugins/filter",
    "plugins/inventory",
    "extensions",
    "scripts",
)
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_PARAM = re.compile(r":param (\w+):")
_PROSE = re.compile(r"\bRaises? [A-Z]\w+|^ *\w+ +-- ", re.MULTILINE)


def documented(path: Path) -> Iterator[tuple[Documented, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Documented):
            yield node, ast.get_docstring(node) or ""


def parameters(node: Documented) -> set[str]:
    """Of a function its own; of a class those of its __init__, and the fields from which one is made."""
    if not isinstance(node, ast.ClassDef):
        given = node.args
        rest = [each for each in (given.vararg, given.kwarg) if each is not None]
        return {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest)}
    names = {
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    makers = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    return names.union(*map(parameters, makers))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_tells_of_parameters_that_are_there(path: Path) -> None:
    found = [(node.name, set(_PARAM.findall(text)) - parameters(node)) for node, text in documented(path)]
    assert [(name, unknown) for name, unknown in found if unknown] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_parameters_and_errors_are_fields_and_not_prose(path: Path) -> None:
    """`:param name:` and `:raises Error:`, which an editor shows and the test above holds."""
    assert [node.name for node, text in documented(path) if _PROSE.search(text)] == []


def test_there_are_docstrings_with_fields() -> None:
    found = [text for path in FILES for _node, text in documented(path)]
    assert sum(":param " in text for text in found) > 50 < sum(":raises " in text for text in found)
