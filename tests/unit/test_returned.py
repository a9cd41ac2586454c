# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of results against RETURN finds what it should."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from returned import differences

PROMISED = yaml.safe_load(
    """
    task:
      description: The task; what the server does not know is null.
      returned: success
      type: dict
      contains:
        id: {description: Its id., type: str}
        count: {description: A number., type: int}
        state: {description: A state., type: dict, contains: {uri: {description: A link., type: str}}}
        again: {description: Only sometimes., type: str, returned: when asked for}
    names:
      description: Names.
      returned: success, and on failure where they are known
      type: list
      elements: str
    summary:
      description: Anything.
      returned: when there are many
      type: dict
    failure:
      description: Why.
      returned: failure
      type: dict
    """
)
TASK: dict[str, Any] = {"id": "a", "count": 1, "state": {"uri": "x"}}
GOOD: dict[str, Any] = {"changed": False, "task": TASK, "names": ["a"]}


@pytest.mark.parametrize(
    "result",
    [
        GOOD,
        {**GOOD, "summary": {"any": {"thing": 1}}},
        {**GOOD, "task": {**TASK, "again": "b", "state": None}},
        {**GOOD, "warnings": ["careful"], "_ansible_no_log": False},
        {"failed": True, "msg": "No.", "failure": {}},
        {"failed": True, "msg": "No.", "failure": {}, "task": TASK, "names": ["a"]},
    ],
)
def test_what_was_promised_passes(result: dict[str, Any]) -> None:
    assert differences(PROMISED, result) == []


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ({"names": []}, "task is missing"),
        ({"task": TASK}, "names is missing"),
        ({"failed": True}, "failure is missing"),
        ({**GOOD, "extra": 1}, "extra is not documented"),
        ({**GOOD, "task": {**TASK, "extra": 1}}, "task.extra is not documented"),
        ({**GOOD, "task": {"id": "a", "count": 1}}, "task.state is missing"),
        ({**GOOD, "task": {**TASK, "state": {}}}, "task.state.uri is missing"),
        ({**GOOD, "task": {**TASK, "count": True}}, "task.count is True, not of type int"),
        ({**GOOD, "task": {**TASK, "count": "1"}}, "task.count is '1', not of type int"),
        ({**GOOD, "names": None}, "names is null, and nothing says that it can be"),
        ({**GOOD, "names": "a"}, "names is 'a', not of type list"),
        ({**GOOD, "names": ["a", 2]}, "names[1] is 2, not of type str"),
        ({**GOOD, "names": [None]}, "names[0] is null, and nothing says that it can be"),
    ],
)
def test_what_differs_is_named(result: dict[str, Any], problem: str) -> None:
    assert differences(PROMISED, result) == [problem]
