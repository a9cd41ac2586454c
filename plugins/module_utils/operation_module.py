# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation's spec, errors and result as Ansible wants them, whichever way it runs; and the way of a module.

Knows no API client, so that a module for a workspace needs nothing there beside Python.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule, env_fallback

from .coder.errors import CoderError, as_coder_error, invalid
from .operations.context import Context, no_session
from .operations.durations import with_seconds
from .operations.spec import DURATION


def module_arguments(operation: Any) -> dict[str, Any]:
    """An operation's spec as keyword arguments of AnsibleModule."""
    spec = copy.deepcopy(operation.spec())
    for option in spec["argument_spec"].values():
        _for_ansible(option)
    return spec


def _for_ansible(option: dict[str, Any]) -> None:
    """Turn what this collection adds to an option (see :class:`.operations.spec.Option`) into what Ansible knows."""
    if option.get("type") == DURATION:
        option["type"] = "str"
    variable = option.pop("env", None)
    if variable:
        option["fallback"] = (env_fallback, [variable])
    option.pop("read_as", None)
    for inner in option.get("options", {}).values():
        _for_ansible(inner)


def outcome(operation: Any, context: Context[Any]) -> dict[str, Any]:
    """Run the operation; a failure becomes a result too, so that no exception's text can slip past the scrubbing."""
    try:
        context.params = with_seconds(operation.spec()["argument_spec"], context.params)
        result = operation.run(context)
    except Exception as error:  # noqa: BLE001  (an answer of a shape that nobody foresaw, or a mistake of ours)
        result = {**getattr(operation, "IF_FAILED", {}), **failed(as_coder_error(error), context.journal.wrote)}
    result.setdefault("changed", False)
    return result


def failed(error: CoderError, wrote: bool = False) -> dict[str, Any]:
    """The result that tells of an error. What was written before it stays, so that is a change."""
    changed = wrote or bool(error.result.get("changed"))
    return dict(error.result, failed=True, changed=changed, msg=error.message, failure=error.failure())


def bad_arguments(text: str) -> dict[str, Any]:
    """What an argument error has beside its text, which is Ansible's own."""
    return {"failure": invalid(text).failure()}


class OperationModule(AnsibleModule):
    """Hides the secrets that no option of their own marks, before anything is logged or returned."""

    def __init__(self, secrets_in: Callable[[dict[str, Any]], set[str]], **arguments: Any) -> None:
        self._secrets_in = secrets_in
        super().__init__(**arguments)

    def hide_secrets(self) -> None:
        self.no_log_values.update(self._secrets_in(self.params))

    def _log_invocation(self) -> None:
        self.hide_secrets()
        super()._log_invocation()

    def fail_json(self, msg: str, **details: Any) -> NoReturn:
        self.hide_secrets()
        super().fail_json(msg, **{**bad_arguments(msg), **details})


def no_secrets(params: dict[str, Any]) -> set[str]:
    """Of an operation whose secrets are all in options that are marked ``no_log``, or that has none."""
    return set()


def run_operation(
    operation: Any,
    open_session: Callable[[Context[Any]], Any] = no_session,
    secrets_in: Callable[[dict[str, Any]], set[str]] = no_secrets,
) -> None:
    """The whole main of a module.

    :param open_session: makes the operation's session with the service that it works on, when it first needs it.
    :param secrets_in: values of the parameters to scrub beside those of options marked ``no_log``.
    """
    module = OperationModule(secrets_in, **module_arguments(operation))
    module.hide_secrets()
    context = Context(
        params=module.params,
        open_session=open_session,
        check_mode=module.check_mode,
        diff=module._diff,
        warn=module.warn,
    )
    result = outcome(operation, context)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
