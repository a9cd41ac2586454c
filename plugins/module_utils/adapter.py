# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both ways of running an operation share: specs, errors, results. The module's way is :func:`run_module`."""

from __future__ import annotations

import copy
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from .coder.errors import CoderError
from .operations.connection import open_session, secrets_in
from .operations.context import Context


def module_arguments(operation: Any) -> dict[str, Any]:
    """An operation's spec as keyword arguments of AnsibleModule."""
    spec = copy.deepcopy(operation.spec())
    for option in spec["argument_spec"].values():
        variable = option.pop("env", None)
        if variable:
            option["fallback"] = (env_fallback, [variable])
    return spec


def outcome(operation: Any, context: Context) -> dict[str, Any]:
    """Run the operation; a failure becomes a result too, so that no exception's text can slip past the scrubbing."""
    try:
        result = operation.run(context)
    except CoderError as error:
        result = dict(error.result, failed=True, msg=error.message, failure=error.failure())
    result.setdefault("changed", False)
    return result


def run_module(operation: Any) -> None:
    """The whole main of a module."""
    module = AnsibleModule(**module_arguments(operation))
    module.no_log_values.update(secrets_in(module.params))
    context = Context(
        params=module.params,
        open_session=open_session,
        check_mode=module.check_mode,
        diff=module._diff,
        warn=module.warn,
        # The operation names the version. pylint: disable-next=collection-invalid-deprecated-version
        deprecate=lambda text, version: module.deprecate(text, version=version, collection_name="coder.tasks"),
    )
    result = outcome(operation, context)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
