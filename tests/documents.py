# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that a module carries: DOCUMENTATION, EXAMPLES and RETURN."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "plugins" / "modules"
NAMES = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def module_names() -> list[str]:
    return sorted(path.stem for path in MODULES.glob("*.py") if path.stem != "__init__")


@functools.cache
def written(module: str) -> dict[str, str]:
    """The documents as they stand in the file, as YAML text by their name."""
    tree = ast.parse((MODULES / f"{module}.py").read_text())
    return {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in NAMES
    }


@functools.cache
def returned(module: str) -> dict[str, Any]:
    """RETURN, parsed."""
    return yaml.safe_load(written(module)["RETURN"]) or {}


@functools.cache
def resolved() -> dict[str, Any]:
    """DOCUMENTATION of every module as ansible-doc shows it, with its doc fragments merged in."""
    ansible_doc = str(Path(sys.executable).with_name("ansible-doc"))
    command = [ansible_doc, "--type", "module", "--json", *(f"coder.tasks.{name}" for name in module_names())]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build")}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return {name.rpartition(".")[2]: entry["doc"] for name, entry in json.loads(answer.stdout).items()}
