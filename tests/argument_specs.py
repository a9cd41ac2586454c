# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module really tells Ansible to accept: the arguments with which it makes its AnsibleModule."""

from __future__ import annotations

import functools
import importlib
from typing import Any
from unittest import mock

from ansible.module_utils.basic import AnsibleModule


class _Made(BaseException):
    """Carries the arguments out of main(); no handler of ordinary exceptions sees it."""


@functools.cache
def module_arguments(module: str) -> dict[str, Any]:
    """Keyword arguments of AnsibleModule: argument_spec, supports_check_mode, mutually_exclusive, ..."""

    def capture(self: AnsibleModule, argument_spec: dict[str, Any], **others: Any) -> None:
        raise _Made({"argument_spec": argument_spec, **others})

    main = importlib.import_module(f"ansible_collections.coder.tasks.plugins.modules.{module}").main
    with mock.patch.object(AnsibleModule, "__init__", capture):
        try:
            main()
        except _Made as made:
            return made.args[0]
    raise AssertionError(f"main() of {module} made no AnsibleModule")


def environment_fallbacks(option: dict[str, Any]) -> list[str]:
    """Names of the environment variables that stand in for an option."""
    _function, names = (*option.get("fallback", (None, [])), [])[:2]
    return list(names)
