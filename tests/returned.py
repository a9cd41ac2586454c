# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a module's result against what its RETURN promises: ``check_return("task", result)``.

How RETURN is read:

- A key whose ``returned`` is ``always`` or ``success`` is in every result that did not fail, one whose ``returned`` is
  ``failure`` in every one that did; what follows a comma only widens that, as in ``success, and on failure if known``.
  Any other text is a condition that only a person can judge: the key may be missing.
- A key under ``contains`` is there whenever its parent is, unless it has a ``returned`` of its own that is a condition.
- A value is null only where the description of the key, or of one that it lies in, speaks of ``null``.
- A dictionary with ``contains`` has no other keys; one without may have any.
"""

from __future__ import annotations

from typing import Any

import documents

# Keys that Ansible itself gives a meaning, the same in every module.
COMMON = {"changed", "deprecations", "diff", "exception", "failed", "invocation", "msg", "warnings"}
TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float, int),
    "int": (int,),
    "list": (list,),
    "path": (str,),
    "str": (str,),
}


def check_return(module: str, result: dict[str, Any]) -> None:
    """Raise AssertionError with every point in which ``result`` differs from the RETURN of ``module``."""
    problems = differences(documents.returned(module), result)
    assert not problems, f"The result of {module} is not what its RETURN says:\n" + "\n".join(problems)


def differences(promised: dict[str, Any], result: dict[str, Any]) -> list[str]:
    failed = bool(result.get("failed"))
    certain = ("failure",) if failed else ("always", "success")
    missing = [name for name, key in promised.items() if _when(key) in certain and name not in result]
    own = {name: value for name, value in result.items() if name not in COMMON and not name.startswith("_ansible_")}
    return [f"{name} is missing" for name in missing] + _unlike(own, promised, "", nullable=False)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def _when(key: dict[str, Any]) -> str:
    return key.get("returned", "always").partition(",")[0]


def _unlike(value: dict[str, Any], keys: dict[str, Any], where: str, *, nullable: bool) -> list[str]:
    problems = [f"{where}{name} is not documented" for name in value if name not in keys]
    for name, key in keys.items():
        if name in value:
            problems += _unlike_key(value[name], key, f"{where}{name}", nullable=nullable)
        elif where and _when(key) in ("always", "success"):
            problems.append(f"{where}{name} is missing")
    return problems


def _unlike_key(value: Any, key: dict[str, Any], where: str, *, nullable: bool) -> list[str]:
    nullable = nullable or "null" in str(key.get("description")).lower()
    if value is None:
        return [] if nullable else [f"{where} is null, and nothing says that it can be"]
    kind = key["type"]
    if kind not in TYPES:  # raw, any
        return []
    if not _is(value, kind):
        return [f"{where} is {value!r}, not of type {kind}"]
    if kind == "dict" and "contains" in key:
        return _unlike(value, key["contains"], f"{where}.", nullable=nullable)
    if kind == "list":
        element = {**key, "type": key["elements"]}
        return [
            problem
            for index, item in enumerate(value)
            for problem in _unlike_key(item, element, f"{where}[{index}]", nullable=False)
        ]
    return []
