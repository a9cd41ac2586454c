# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run an operation inside the worker that would have started a module for it.

An ordinary module costs a quarter of a second before it does anything. Where the task would run on the controller
itself, nothing is gained by that, so the operation runs here and keeps its connection for the next loop item.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.session import Sessions

# Imported while the plugin is loaded, in the parent process: each worker that is forked has it already.
from ansible_collections.coder.tasks.plugins.module_utils.operation_module import (
    bad_arguments,
    failed,
    module_arguments,
    outcome,
)
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import kept_session, secrets_in
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.module_utils.operations.spec import Option, Options

display = Display()

# The user's, kept while the plugin is loaded in the parent process: that of a worker may lead nowhere, and what it has
# Ansible display comes too late once the run was interrupted.
try:
    _STANDARD_ERROR = os.dup(2)
except OSError:  # it is closed
    _STANDARD_ERROR = -1

# The settings of the colours that lines for a person have, where there is a terminal.
_COLOURS = {"good": "COLOR_OK", "bad": "COLOR_ERROR", "quiet": "COLOR_SKIP"}

# One worker runs a whole loop: sessions live as long as it does, there is no hook at a loop's end.
_sessions = Sessions()


def plain(value: Any) -> Any:
    """The value without Ansible's tags and subclasses, which JSON and HTTP libraries do not expect."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    # A date of YAML, and before ansible-core 2.19 an inline vault, are no str; a module would get their text.
    return None if value is None else str(value)


class OperationAction(ActionBase):
    """Base of the action plugins that share a module's name; a subclass names its ``operation``."""

    operation: Any = None
    # Without this an async task is refused instead of being handed over.
    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        super().run(tmp, task_vars)
        try:
            arguments = self._with_local_files(self.operation.spec()["argument_spec"], self._task.args)
        except CoderError as error:
            return failed(error)
        reason = self._why_not_here(task_vars)
        if reason:
            display.vvv(f"{self._task.action}: {reason}, so the ordinary module runs")
            return self._execute_module(
                module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
            )
        display.vvv(f"{self._task.action}: runs in the worker's own process")
        return self._run_here(plain(arguments), task_vars)

    # Files

    def _with_local_files(self, options: Options, arguments: dict[str, Any]) -> dict[str, Any]:
        """Paths are the playbook's, whichever way the operation runs, and the user's files are read here.

        :param options: the operation's, or those of one of its options. :param arguments: as they were given for them.
        """
        local = dict(arguments)
        for name, option in options.items():
            for given in (name, *option.get("aliases", ())):
                if given in local:
                    self._make_local(option, given, local)
        return local

    def _make_local(self, option: Option, name: str, arguments: dict[str, Any]) -> None:
        value, inner = arguments[name], option.get("options")
        if "read_as" in option:
            self._read_file(name, option["read_as"], arguments)
        elif option.get("type") == "path":
            arguments[name] = self._beside_the_playbook(value)
        elif option.get("elements") == "path" and isinstance(value, (str, list)):
            paths = value.split(",") if isinstance(value, str) else value
            arguments[name] = [self._beside_the_playbook(path) for path in paths]
        elif inner and isinstance(value, dict):
            arguments[name] = self._with_local_files(inner, value)
        elif inner and isinstance(value, list):
            arguments[name] = [
                self._with_local_files(inner, item) if isinstance(item, dict) else item for item in value
            ]

    def _beside_the_playbook(self, path: Any) -> Any:
        if path and isinstance(path, str) and not os.path.isabs(os.path.expanduser(path)):
            return self._loader.path_dwim(path)
        return path

    def _read_file(self, name: str, read_as: str, arguments: dict[str, Any]) -> None:
        """Replace an option that names a file by the one that has its content."""
        if not arguments[name]:
            return
        named = str(arguments[name])
        if os.path.isdir(self._loader.path_dwim(named)):
            raise CoderError(f"{named!r} in {name!r} is a folder", "io", hint="Name a file.")
        if arguments.get(read_as) is not None:
            return  # The argument spec refuses the pair, with the same words on both ways.
        try:
            # Searched like the source of a copy task, and decrypted if it is a vault.
            path = self._loader.get_real_file(self._find_needle("files", named))
            try:
                with open(path, "rb") as stream:
                    arguments[read_as] = stream.read().decode("utf-8")
            finally:
                # A worker does not clean up at its end: the decrypted copy would stay until the whole run is over.
                self._loader.cleanup_tmp_file(path)
        except UnicodeDecodeError:
            raise CoderError(
                f"the file {named} in {name!r} is not UTF-8 text", "io", hint="Save it as UTF-8."
            ) from None
        except AnsibleFileNotFound:
            raise CoderError(
                f"there is no file {named} as {name!r} names it", "io",
                hint="It is looked for on the controller, beside the playbook and under its files/.",
            ) from None
        except (AnsibleError, OSError) as error:
            text = str(error).splitlines()[0]
            raise CoderError(f"the file {named} in {name!r} could not be read: {text}", "io") from None
        del arguments[name]

    # Where to run

    def _why_not_here(self, task_vars: dict[str, Any]) -> str | None:
        """Why the operation cannot run in this process; None if it can."""
        if self._connection.transport != "local":
            return f"the connection is {self._connection.transport}, not local"
        # Read from the connection: a host variable can set become without the task or the play knowing.
        if self._connection.become or self._play_context.become:
            return "become is set"
        if self._task.async_val:
            return "the task is asynchronous"
        if any(self._task.environment or []):
            return "an environment is set"
        interpreter = self._interpreter(task_vars)
        if interpreter and _place(interpreter) != _place(sys.executable):
            return f"ansible_python_interpreter is {interpreter}"
        return None

    def _interpreter(self, task_vars: dict[str, Any]) -> str | None:
        """The interpreter that was asked for; None where Ansible would look for one itself."""
        variables = task_vars
        if self._task.delegate_to:
            variables = task_vars.get("ansible_delegated_vars", {}).get(self._task.delegate_to, task_vars)
        value = variables.get("ansible_python_interpreter")
        if value is None:
            value = C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        value = str(self._templar.template(value)) if value else ""
        if not value or value.startswith("auto"):
            return None
        return value

    # Running here

    def _run_here(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        arguments_of = module_arguments(self.operation)
        spec = arguments_of.pop("argument_spec")
        arguments_of.pop("supports_check_mode", None)
        checked = ArgumentSpecValidator(spec, **arguments_of).validate(arguments)
        params = plain(checked.validated_parameters)
        hidden = set(checked._no_log_values) | secrets_in(params)
        warnings: list[str] = []
        terminal = Terminal(self._task.action, self.operation)
        if checked.error_messages:
            text = checked.errors.msg
            if isinstance(checked.errors[0], UnsupportedError):
                text = f"Unsupported parameters for ({self._task.action}) module: {text}"
            result: dict[str, Any] = {"failed": True, "changed": False, "msg": text, **bad_arguments(text)}
        else:
            with terminal.told_when_interrupted():
                result = outcome(self.operation, self._context(params, warnings, terminal))
        if warnings:
            result["warnings"] = warnings
        if _shows_invocation(task_vars):
            result["invocation"] = {"module_args": params}
        return remove_values(result, {value for value in hidden if value})

    def _context(self, params: dict[str, Any], warnings: list[str], terminal: Terminal) -> Context[dict[str, Any]]:
        return Context(
            params=params,
            open_session=lambda context: kept_session(context, _sessions),
            check_mode=self._task.check_mode,
            diff=self._task.diff,
            warn=warnings.append,
            progress=terminal.tell,
            show=terminal.show,
        )


class Terminal:
    """What the person who waits sees: progress on standard error, so that the output stays what it is; an interruption.

    Lines travel to the parent process by a queue with a lock. A worker that ends while it holds the lock leaves the
    parent waiting for it without end, so an interruption that comes meanwhile has to wait until the line is away.
    """

    def __init__(self, action: str, operation: Any) -> None:
        self._action = action
        self._advice: str = getattr(operation, "AFTER_INTERRUPT", "")
        self._last = ""
        self._displaying = threading.Lock()
        self._interrupted = False

    def tell(self, text: str) -> None:
        """Say how far it is."""
        self._last = text
        self._display(f"{self._action}: {text}", stderr=True)

    def show(self, text: str, tone: str) -> None:
        """Show a part of the answer; tone: good, bad or quiet."""
        self._display(text, color=getattr(C, _COLOURS.get(tone, ""), None))

    def _display(self, text: str, **options: Any) -> None:
        with self._displaying:
            display.display(text, **options)
        if self._interrupted:
            os.kill(os.getpid(), signal.SIGINT)

    @contextmanager
    def told_when_interrupted(self) -> Iterator[None]:
        """Ctrl-C says how far it was and how to go on, and then does what it would have done."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda number, frame: self._interrupt(before, number, frame))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, before: Any, number: int, frame: Any) -> None:
        self._interrupted = True
        if self._displaying.locked():
            return  # whoever displays sends it again
        how_far = f" Last seen: {self._last}." if self._last else ""
        with suppress(OSError):
            os.write(_STANDARD_ERROR, f"{self._action}: interrupted.{how_far} {self._advice}\n".encode())
        signal.signal(number, before)
        if callable(before):
            before(number, frame)
        else:
            os.kill(os.getpid(), number)


def _place(interpreter: str) -> tuple[str, str]:
    """Two names of one interpreter are the same; two virtual environments of one Python are not."""
    return os.path.realpath(os.path.dirname(interpreter)), os.path.realpath(interpreter)


def _shows_invocation(task_vars: dict[str, Any]) -> bool:
    """Whether a module would return its arguments: before ansible-core had the setting, each did."""
    try:
        return bool(C.config.get_config_value("INJECT_INVOCATION", variables=task_vars))
    except AnsibleError:
        return True
