# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every task's result as a line of JSON into the file that RECORDER_FILE names."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorder
type: notification
short_description: Records results for the integration tests
description: Writes every task's result as a line of JSON into the file that RECORDER_FILE names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        # Ansible takes `failed` out of the result that a callback sees.
        self._record(result, failed=True)

    v2_runner_on_unreachable = v2_runner_on_ok

    def _record(self, outcome: Any, **more: Any) -> None:
        # ansible-core before 2.19 has no public names for these.
        result = getattr(outcome, "result", None) or outcome._result
        task = getattr(outcome, "task", None) or outcome._task
        host = getattr(outcome, "host", None) or outcome._host
        line = {"name": task.get_name(), "host": host.get_name(), "result": {**result, **more}}
        with open(os.environ["RECORDER_FILE"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, default=str) + "\n")
