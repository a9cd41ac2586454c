# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules' documents say is what the modules do."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import documents
import pytest
import returned
import tasks_in_text
import yaml
from argument_specs import environment_fallbacks, module_arguments
from calling import operation_of

MODULES = documents.module_names()
every_module = pytest.mark.parametrize("module", MODULES)
# Attributes that each module states, whether it has them or not.
ATTRIBUTES = {"action_group", "check_mode", "diff_mode", "idempotent"}
# Ansible gives these keys of a result a meaning of its own.
RESERVED = {"ansible_facts", "dest", "failed", "path", "results", "skipped", "unreachable"}


def documented_option(option: dict[str, Any]) -> dict[str, Any]:
    return comparable(option, option.get("suboptions"), documented_option)


def accepted_option(option: dict[str, Any]) -> dict[str, Any]:
    return comparable(option, option.get("options"), accepted_option)


def comparable(option: dict[str, Any], inner: dict[str, Any] | None, of_inner: Any) -> dict[str, Any]:
    """An option, from either side, with what may be left out filled in."""
    return {
        "type": option.get("type", "str"),
        "default": option.get("default"),
        "choices": list(option.get("choices") or []),
        "elements": option.get("elements"),
        "aliases": sorted(option.get("aliases") or []),
        "required": option.get("required", False),
        "inner": {name: of_inner(value) for name, value in inner.items()} if inner else None,
    }


@every_module
def test_documented_options_are_the_accepted_ones(module: str) -> None:
    options = documents.resolved()[module].get("options") or {}
    spec = module_arguments(module)["argument_spec"]
    documented = {name: documented_option(option) for name, option in options.items()}
    assert documented == {name: accepted_option(option) for name, option in spec.items()}


def test_no_option_stands_twice_by_hand() -> None:
    places = defaultdict(list)
    for module in MODULES:
        for name, option in (yaml.safe_load(documents.written(module)["DOCUMENTATION"]).get("options") or {}).items():
            places[yaml.safe_dump({name: option})].append(module)
    assert not {option: modules for option, modules in places.items() if len(modules) > 1}, "make it a doc fragment"


@every_module
def test_environment_variables_are_documented(module: str) -> None:
    options = documents.resolved()[module].get("options") or {}
    for name, option in module_arguments(module)["argument_spec"].items():
        for variable in environment_fallbacks(option):
            assert f"E({variable})" in str(options[name]["description"]), f"{name} is read from {variable}"


@every_module
def test_secrets_are_marked(module: str) -> None:
    spec = module_arguments(module)["argument_spec"]
    for name in {"token", "password", "secret"} & spec.keys():
        assert spec[name].get("no_log") is True, name


@every_module
def test_operation_spec_is_plain_data(module: str) -> None:
    """So that the same spec serves the module, the action plugin and these tests."""
    spec = operation_of(module).spec()
    assert json.loads(json.dumps(spec)) == spec


@every_module
def test_attributes_are_stated_and_true(module: str) -> None:
    attributes = documents.resolved()[module]["attributes"]
    assert attributes.keys() >= ATTRIBUTES
    for name, attribute in attributes.items():
        assert attribute["support"] in ("full", "partial", "none", "N/A"), name
        assert attribute["support"] != "partial" or attribute.get("details"), f"{name} is partial without details"
    checks = module_arguments(module).get("supports_check_mode", False)
    assert checks == (attributes["check_mode"]["support"] in ("full", "partial"))


@every_module
def test_document_has_the_usual_parts(module: str) -> None:
    document = documents.resolved()[module]
    assert document["short_description"][0].isupper()
    assert not document["short_description"].endswith(".")
    assert document["author"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["version_added"])


def examples() -> list[Any]:
    return [
        pytest.param(task, id=f"{module}-{index}")
        for module in MODULES
        for index, task in enumerate(tasks_in_text.tasks(tasks_in_text.parse(documents.written(module)["EXAMPLES"])))
    ]


@pytest.mark.parametrize("task", examples())
def test_example_would_be_accepted(task: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODER_URL", "https://coder.example.com")
    monkeypatch.setenv("CODER_SESSION_TOKEN", "example")
    tasks_in_text.check_task(task)


@every_module
def test_examples_use_the_module(module: str) -> None:
    used = [
        tasks_in_text.action(task)[0]
        for task in tasks_in_text.tasks(tasks_in_text.parse(documents.written(module)["EXAMPLES"]))
    ]
    assert f"coder.tasks.{module}" in used


def incomplete(keys: dict[str, Any], where: str = "") -> list[str]:
    """What is missing from the documents of returned keys."""
    problems = []
    for name, key in keys.items():
        if not key.get("description"):
            problems.append(f"{where}{name} has no description")
        if key.get("type") not in {*returned.TYPES, "raw", "any"}:
            problems.append(f"{where}{name} has type {key.get('type')}")
        if key.get("type") == "list" and key.get("elements") not in {*returned.TYPES, "raw", "any"}:
            problems.append(f"{where}{name} has no elements")
        problems += incomplete(key.get("contains") or {}, f"{where}{name}.")
    return problems


@every_module
def test_returned_keys_are_documented_whole(module: str) -> None:
    keys = documents.returned(module)
    assert not RESERVED & keys.keys()
    assert not incomplete(keys)
    for name, key in keys.items():
        assert key.get("returned"), f"{name} does not say when it is returned"
        assert "sample" in key or "contains" in key, f"{name} shows no sample"


@every_module
def test_samples_are_what_they_stand_for(module: str) -> None:
    keys = {name: key for name, key in documents.returned(module).items() if "sample" in key}
    sample = {name: key["sample"] for name, key in keys.items()}
    assert not returned.differences({name: {**key, "returned": "sometimes"} for name, key in keys.items()}, sample)
