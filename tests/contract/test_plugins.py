# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the plugins lie together: thin modules, their action plugins, action groups."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import documents
import pytest
import yaml
from argument_specs import module_arguments

MODULES = documents.module_names()
PLUGINS = documents.ROOT / "plugins"
GROUPS: dict[str, list[str]] = yaml.safe_load((documents.ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
MOST_CODE_LINES = 40
# What Galaxy takes as the name of a plugin or of a shared module (CONTENT_NAME_REGEXP in galaxy-importer).
GALAXY_NAME = re.compile(r"(?!.*__)[a-z_][0-9a-z_]*")
HTTP = re.compile(r"\b(GET|HEAD|POST|PUT|PATCH|DELETE)\b|https?://|/api/")

every_module = pytest.mark.parametrize("module", MODULES)


def code_lines(module: str) -> list[str]:
    """The lines of a module that are neither documents nor comments nor blank."""
    path = documents.MODULES / f"{module}.py"
    lines = path.read_text().splitlines()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in documents.NAMES:
            for number in range(node.lineno - 1, node.end_lineno or 0):
                lines[number] = ""
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@every_module
def test_module_is_thin(module: str) -> None:
    code = code_lines(module)
    assert len(code) <= MOST_CODE_LINES
    assert not [line for line in code if HTTP.search(line)]


def action_plugins() -> set[str]:
    return {path.stem for path in (PLUGINS / "action").glob("*.py") if path.stem != "__init__"}


def test_every_api_module_has_an_action_plugin_and_no_other() -> None:
    assert action_plugins() == set(GROUPS["api"])


def test_groups_name_existing_modules_once_and_in_order() -> None:
    members = [name for group in GROUPS.values() for name in group]
    assert sorted(members) == MODULES
    assert all(group == sorted(group) for group in GROUPS.values())
    assert GROUPS.keys() <= {"api", "archive", "workspace"}


@every_module
def test_group_follows_from_the_token(module: str) -> None:
    """A user's token belongs to the controller: what takes one is in `api`, what runs elsewhere takes none."""
    options = module_arguments(module)["argument_spec"].keys()
    takes_token = bool({"url", "token"} & options)
    assert (module in GROUPS["api"]) == takes_token


@every_module
def test_what_is_hidden_is_a_secret(module: str) -> None:
    """Ansible takes the value of a ``no_log`` option out of each message: a path there could not be named in one."""
    options = module_arguments(module)["argument_spec"]
    hidden = {name for name, option in options.items() if option.get("no_log")}
    assert hidden == {"token", "redaction_key", "redact_values"} & options.keys()


@every_module
def test_group_is_documented(module: str) -> None:
    membership = documents.resolved()[module]["attributes"]["action_group"]["membership"]
    assert membership == [f"coder.tasks.{name}" for name, group in GROUPS.items() if module in group]


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_plugin_neither_asserts_nor_prints(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"assert in line {node.lineno}"
        assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"), f"line {node.lineno}"


def test_galaxy_takes_every_name() -> None:
    names = [path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py"]
    assert not [str(path) for path in names if not GALAXY_NAME.fullmatch(path.stem)]


@every_module
def test_module_is_named_in_a_test(module: str) -> None:
    name = re.compile(rf"coder\.tasks\.{module}\b|[\"']{module}[\"']|operations(\.| import ){module}\b")
    folders = [documents.ROOT / "tests" / kind for kind in ("unit", "integration")]
    tests = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".yml")]
    assert any(name.search(path.read_text()) for path in tests)
