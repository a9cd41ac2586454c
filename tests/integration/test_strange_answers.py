# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that no Coder server gives: a sentence both ways, no traceback, and no token although the answer holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator
from playbooks import Ansible

CALLS: dict[str, dict[str, Any]] = {
    "task": {"name": "one", "state": "paused"},
    "task_info": {},
    "task_logs_info": {"name": "one"},
    "task_prompts_info": {"build_ids": ["00000000-0000-4000-8000-000000000000"]},
    "task_send": {"task": "one", "input": "x"},
    "template_info": {},
}


@pytest.mark.parametrize("keywords", [{}, {"environment": {"ANYTHING": "1"}}], ids=["in-process", "ordinary"])
def test_the_token_is_not_told(
    emulator: Callable[..., Emulator], tmp_path: Path, keywords: dict[str, Any]
) -> None:
    server = emulator()
    server.create_task("one")
    body = json.dumps({f"a key with {server.token}": [server.token], "tasks": server.token, "logs": server.token})
    server.faults.add("status", path="/(tasks|templates|workspacebuilds)", status=200, body=body, count=None)
    tasks = [
        {"name": module, f"coder.tasks.{module}": arguments, "ignore_errors": True, **keywords}
        for module, arguments in CALLS.items()
    ]
    run = Ansible(tmp_path, {**server.environment, "ANSIBLE_INJECT_INVOCATION": "1"}).playbook(
        [{"tasks": tasks}], "-vvvvv"
    )
    assert run.rc == 0, run.output
    assert server.token not in run.output + json.dumps(run.records)
    for module in CALLS:
        result = run.result(module)
        assert result["failure"]["kind"] in ("internal", "protocol"), result
        assert "Traceback" not in result["msg"]
    assert server.writes == []
