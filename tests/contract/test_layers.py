# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of ARCHITECTURE.md: who may know whom, and what is known below the seam only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import documents
import pytest
from calling import operation_of

from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import OperationAction

UTILS = documents.ROOT / "plugins" / "module_utils"
# What of each package may be imported in another one; nothing else.
MAY_KNOW = {
    "snapshot": (),
    "coder": ("snapshot.marks", "version"),
    "archive": ("snapshot", "coder.errors", "coder.tasks.wholeness", "version"),
    "operations": (
        "snapshot", "archive", "agentapi", "version", "coder.answers", "coder.backend", "coder.builds", "coder.clock",
        "coder.connection", "coder.durations", "coder.errors", "coder.listed", "coder.login", "coder.names",
        "coder.models", "coder.parameters", "coder.server", "coder.session", "coder.templates", "coder.waiter",
        "coder.tasks.backend", "coder.tasks.health", "coder.tasks.listed", "coder.tasks.models",
        "coder.workspaces.backend", "coder.workspaces.models",
        "coder.chats.backend", "coder.chats.lifecycle", "coder.chats.listed", "coder.chats.messages",
        "coder.chats.model_list", "coder.chats.models", "coder.chats.new", "coder.chats.uploads", "coder.chats.wait",
    ),
}  # fmt: skip
# What only the layers below the seam know: the server's words, HTTP, addresses and versions.
BELOW = re.compile(r"server_message|\bdialect\b|/api/|\bstatus (==|!=|>=) \d|\bstatus in \(\d|\bstatus=\d")
MODULES = sorted(path.stem for path in (documents.ROOT / "plugins" / "modules").glob("*.py"))
ACTIONS = sorted(path.stem for path in (documents.ROOT / "plugins" / "action").glob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    """Modules of module_utils that a file imports, as dotted names below it."""
    package = path.relative_to(UTILS).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
        for alias in node.names:
            inner = UTILS / Path(*base) / alias.name
            is_module = inner.with_suffix(".py").exists() or inner.is_dir()
            yield ".".join([*base, alias.name] if is_module else base)


@pytest.mark.parametrize("package", MAY_KNOW)
def test_a_package_knows_the_ones_below_it_only(package: str) -> None:
    strangers = set()
    for path in (UTILS / package).rglob("*.py"):
        for name in imports_of(path):
            known = any(name == each or name.startswith(f"{each}.") for each in (package, *MAY_KNOW[package]))
            if not known:
                strangers.add(f"{path.relative_to(UTILS)}: {name}")
    assert not strangers


@pytest.mark.parametrize("path", sorted((UTILS / "operations").rglob("*.py")), ids=lambda path: path.name)
def test_an_operation_knows_no_http_no_version_and_no_words_of_a_server(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert not [line for line in lines if BELOW.search(line)]


@pytest.mark.parametrize("module", MODULES)
def test_the_typed_options_are_those_of_the_spec(module: str) -> None:
    operation = operation_of(module)
    hints = get_type_hints(operation.run)["context"]
    assert hints.__origin__ is Context
    params = hints.__args__[0]
    assert set(get_type_hints(params)) == set(operation.spec()["argument_spec"])


class Loader:
    """Says where a relative path lies."""

    def path_dwim(self, path: str) -> str:
        return f"/playbook/{path}"


def paths(options: dict[str, Any]) -> Iterator[str]:
    """Names of the options that are paths and are not read, those of options of their own as ``outer.inner``."""
    for name, option in options.items():
        if option.get("type") == "path" and "read_as" not in option:
            yield name
        if option.get("elements") == "path":
            yield f"{name}[]"
        for inner in paths(option.get("options", {})):
            yield f"{name}.{inner}"


# What a list of paths can be given as.
LISTS: list[tuple[Any, Any]] = [
    (["x", "/y"], ["/playbook/x", "/y"]),
    ("x,/y", ["/playbook/x", "/y"]),
    (None, None),
]


@pytest.mark.parametrize("module", ACTIONS)
def test_every_path_is_looked_for_beside_the_playbook(module: str) -> None:
    options = operation_of(module).spec()["argument_spec"]
    action = OperationAction.__new__(OperationAction)
    action._loader = Loader()  # type: ignore[assignment]
    found = list(paths(options))
    assert "ca_path" in found
    for path in found:
        outer, _dot, inner = path.removesuffix("[]").rpartition(".")
        for value, local_value in LISTS if path.endswith("[]") else [("x", "/playbook/x")]:
            given: dict[str, Any] = {outer: [{inner: value}]} if outer else {inner: value}
            local = action._with_local_files(options, given)
            assert (local[outer][0] if outer else local)[inner] == local_value


def test_every_file_that_is_read_names_an_option_for_its_content() -> None:
    for module in MODULES:
        options = operation_of(module).spec()["argument_spec"]
        for level in (options, *(option["options"] for option in options.values() if "options" in option)):
            for name, option in level.items():
                assert option.get("read_as", name) in level, f"{module}: {name}"
            assert "read_as" in level.get("input_file", {"read_as": ""}), module


def test_reading_logs_loads_no_rules_of_redaction() -> None:
    operations = "ansible_collections.coder.tasks.plugins.module_utils.operations"
    script = f"import sys, {operations}.task_logs_info; print([name for name in sys.modules if '.archive' in name])"
    told = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(documents.ROOT / ".build")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "[]"


MISSPELT = {
    "coder/tasks/wait.py": ('["workspace_agent_health"]', '["workspace_agent_helth"]'),
    "operations/archive/collect.py": ('["on_partial"]', '["on_partail"]'),
    "operations/archive/verify.py": ('["accept"]', '["acept"]'),
    "operations/task.py": ('["on_input_change"]', '["on_inputchange"]'),
}


@pytest.mark.slow
def test_a_misspelt_key_or_option_is_found_by_the_type_checker(tmp_path: Path) -> None:
    tree = tmp_path / "ansible_collections" / "coder" / "tasks"
    tree.parent.mkdir(parents=True)
    copy = ["git", "clone", "-q", "--no-hardlinks", str(documents.ROOT), str(tree)]
    subprocess.run(copy, check=True)
    subprocess.run(["cp", "-r", str(documents.ROOT / "plugins"), str(tree)], check=True)
    for name, (right, wrong) in MISSPELT.items():
        path = tree / "plugins" / "module_utils" / name
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(documents.ROOT / "pyproject.toml"), "--package",
         "ansible_collections.coder.tasks.plugins.module_utils.operations"],
        cwd=tmp_path, env={"MYPYPATH": str(tmp_path), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    for name, (_right, wrong) in MISSPELT.items():
        assert re.search(rf"{re.escape(name)}:\d+: error: .*{wrong[2:-2]}", told.stdout), told.stdout[-2000:]


# What of an error is set where it is made; ``result`` may be added to on its way.
_ATTRIBUTES = "kind|reason|hint|detail|attempt|result|label|status"
_SET = re.compile(rf"\b(error|refusal|problem|lost|caught|found)\.({_ATTRIBUTES}) = ")


def test_an_error_is_made_once_and_not_rewritten_on_its_way() -> None:
    rewritten = []
    for path in UTILS.rglob("*.py"):
        if path != UTILS / "coder" / "errors.py":
            rewritten += [line for line in path.read_text().splitlines() if _SET.search(line)]
    assert not rewritten
