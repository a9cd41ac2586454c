# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible tasks in examples, playbooks and documents, checked without running them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from argument_specs import module_arguments

PREFIX = "coder.tasks."
TASK_LISTS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
TASK_KEYWORDS = {*Handler.fattributes, *Block.fattributes, "action", "args", "local_action"}
RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
# A value for an option that is given as a template, so that its real value is not known here.
STAND_INS: dict[str, Any] = {"int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}}


class Loader(yaml.SafeLoader):
    """Plain YAML, with Ansible's own tags read as what they mark."""


def _scalar(loader: Loader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


Loader.add_constructor("!unsafe", _scalar)
Loader.add_constructor("!vault", _scalar)


def parse(text: str) -> Any:
    return yaml.load(text, Loader=Loader)


def yaml_blocks(path: Path) -> Iterator[str]:
    """The YAML code blocks of a Markdown file."""
    for block in re.finditer(r"^( *)```ya?ml\n(.*?)^\1```", path.read_text(), re.M | re.S):
        yield block.group(2)


def tasks(entries: Any) -> Iterator[dict[str, Any]]:
    """Every task of a list of plays, blocks and tasks, depth first."""
    for entry in entries if isinstance(entries, list) else []:
        inner = [name for name in TASK_LISTS if name in entry]
        for name in inner:
            yield from tasks(entry[name])
        if not inner and not {"hosts", "import_playbook"} & entry.keys():
            yield entry


def action(task: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the one action of a task. Raises AssertionError when there is not exactly one."""
    names = [key for key in task if key not in TASK_KEYWORDS and not key.startswith("with_")]
    assert len(names) == 1, f"one action is wanted, not {names}: {task}"
    return names[0], task[names[0]] or {}


def check_task(task: dict[str, Any]) -> None:
    """Raise AssertionError when a task is not written with full names, or has options that its module would refuse."""
    name, arguments = action(task)
    assert "." in name, f"{name} is not a fully qualified name"
    assert task.get("name"), f"a task of {name} has no name"
    if not name.startswith(PREFIX):
        return
    assert isinstance(arguments, dict), f"{name}: arguments are written as a dictionary"
    others = dict(module_arguments(name.removeprefix(PREFIX)))
    spec = others.pop("argument_spec")
    rules = {rule: others[rule] for rule in RULES if rule in others}
    plain = {key: _plain(value, spec.get(key, {})) for key, value in arguments.items()}
    errors = ModuleArgumentSpecValidator(spec, **rules).validate(plain).error_messages
    assert not errors, f"{task['name']}: {name}: {errors}"


def _plain(value: Any, option: dict[str, Any]) -> Any:
    if not (isinstance(value, str) and "{{" in value):
        return value
    choices = option.get("choices")
    return choices[0] if choices else STAND_INS.get(option.get("type", "str"), "x")
