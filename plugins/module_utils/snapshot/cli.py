# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: which command, which options, which exit code. Not argparse, which takes longer to import."""

from __future__ import annotations

import os
from collections import namedtuple

from . import fit
from .reporter import Reporter
from .settings import Settings, SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OK, LOST, USAGE = 0, 1, 2

# convert: a function for a value, or what an option without one means.
_Option = namedtuple("_Option", "attribute convert metavar help")


class _UsageError(Exception):
    pass


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise ValueError
    return number


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def _size(text: str) -> int:
    if not 1024 <= _count(text) <= fit.MAX_BYTES:
        raise ValueError
    return int(text)


_DEADLINE = {"--deadline": _Option("deadline", _positive, "SECONDS", "end after so long, whatever hangs (default 8)")}
_FIT = {
    "--max-messages": _Option("max_messages", _count, "N", "keep the last N messages (default 10); 0: all that fit"),
    "--max-bytes": _Option("max_bytes", _size, "N", "largest body, 1024 to 65536 (default 65536, Coder's limit)"),
    "--partial": _Option("partial", True, "", "keep the tail of the first message that does not fit whole (default)"),
    "--no-partial": _Option("partial", False, "", "keep whole messages only, but for the newest"),
}
_INTERVAL = {
    "--min-interval": _Option("min_interval", _positive, "SECONDS", "between posts while the agent works (default 30)")
}

_COMMANDS = {
    "capture": (
        "Save the task's conversation now and stop AgentAPI if asked to; this is the shutdown hook.",
        {**_DEADLINE, **_FIT},
        "0: delivered, spooled for the next start, or rightly skipped; 1: the conversation is lost",
    ),
    "follow": (
        "Save the task's conversation whenever it changes, until a signal comes.",
        {**_INTERVAL, **_FIT},
        "0: ended by a signal, or there is nothing to follow; 1: a setting is missing",
    ),
    "flush": (
        "Deliver what earlier stops could only spool.",
        {**_DEADLINE},
        "0: nothing is left in the spool; 1: something is",
    ),
    "status": (
        "Tell whether the hook would work here; changes nothing.",
        {**_DEADLINE},
        "0: it would work; 1: it would not, or only the template's scripts know the task",
    ),
}

_ENVIRONMENT = """Environment:
  ARG_TASK_ID                     the task; without it there is nothing to do
  ARG_TASK_LOG_SNAPSHOT           true (default), or anything else to do nothing
  ARG_AGENTAPI_PORT               AgentAPI's port on this host (default 3284)
  CODER_AGENT_URL                 Coder's URL
  CODER_AGENT_TOKEN[_FILE]        the agent's token, or the file that holds it
  CODER_AGENT_HEADER[_COMMAND]    more headers, as for the Coder agent
  ARG_PID_FILE_PATH               stop the AgentAPI whose pid is there after the capture
  ARG_ENABLE_STATE_PERSISTENCE    true: have AgentAPI save its state (SIGUSR1) before
  AGENTAPI_STATE_FILE             AgentAPI's state file, read when AgentAPI is gone
  ARG_MODULE_DIR_NAME             folder of the registry's module in the home, for both files where they are not given
  XDG_STATE_HOME, HOME, TMPDIR    where the spool is
  http_proxy, https_proxy, all_proxy, no_proxy, SSL_CERT_FILE, CURL_CA_BUNDLE
"""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command in the arguments (capture when there is none) and return the exit code."""
    report = Reporter(as_json="--json" in arguments)
    if not arguments or arguments[0].startswith("-"):
        arguments = arguments if _wants_help(arguments) else ["capture", *arguments]
    command = arguments[0]
    if _wants_help(arguments):
        _print(_help(command if command in _COMMANDS else None))
        return OK
    if command not in _COMMANDS:
        report.error("usage", f"There is no command {command!r}: choose one of {', '.join(_COMMANDS)}")
        return USAGE
    try:
        settings = Settings(environ)
    except SettingsError as error:
        report.error("settings", str(error))
        return LOST
    try:
        _apply(settings, command, arguments[1:])
    except _UsageError as error:
        report.error("usage", str(error))
        return USAGE
    try:
        return _run(command, settings, report)
    except KeyboardInterrupt:
        report.error("interrupted", f"{command} was interrupted")
        return LOST
    except Exception as error:  # noqa: BLE001 - whatever it is, a stop shows a line, never a traceback
        report.error("unexpected", f"{command} failed: {type(error).__name__}: {error}")
        return LOST


def _run(command: str, settings: Settings, report: Reporter) -> int:
    if command == "capture":
        from .capture import capture
        from .watchdog import Watchdog

        with Watchdog(settings.deadline) as watchdog:
            return capture(settings, report, watchdog)
    if command == "follow":
        from .follow import follow

        return follow(settings, report)
    from .watchdog import Watchdog

    with Watchdog(settings.deadline + 1.0):
        if command == "flush":
            from .flush import flush

            return flush(settings, report)
        from .status import status

        return status(settings, report)


def _apply(settings: Settings, command: str, arguments: Sequence[str]) -> None:
    options = _COMMANDS[command][1]
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--json" and not equals:
            continue
        option = options.get(name)
        if option is None:
            raise _UsageError(f"{command} has no option {name!r}: choose one of {', '.join([*options, '--json'])}")
        if isinstance(option.convert, bool):
            if equals:
                raise _UsageError(f"{name} takes no value")
            setattr(settings, option.attribute, option.convert)
            continue
        if not equals and not rest:
            raise _UsageError(f"{name} needs a value ({option.metavar})")
        value = value if equals else rest.pop(0)
        _set(settings, name, option.attribute, option.convert, value)


def _set(settings: Settings, name: str, attribute: str, convert: Callable[[str], float], value: str) -> None:
    try:
        setattr(settings, attribute, convert(value))
    except ValueError:
        raise _UsageError(f"{name} cannot be {value!r}") from None


def _wants_help(arguments: Sequence[str]) -> bool:
    return "--help" in arguments or "-h" in arguments


def _help(command: str | None) -> str:
    name = "python3 .../snapshot/main.py"
    if command is None:
        lines = [f"Usage: {name} COMMAND [OPTION...]", "", "Keeps the conversation of a Coder task.", "", "Commands:"]
        lines += [f"  {each:9} {about}" for each, (about, _options, _codes) in _COMMANDS.items()]
        return "\n".join([*lines, "", "Each has --help. Without a command: capture.", "", _ENVIRONMENT])
    about, options, codes = _COMMANDS[command]
    lines = [f"Usage: {name} {command} [OPTION...]", "", about, "", "Options:"]
    for option, (_attribute, _convert, metavar, text) in options.items():
        lines.append(f"  {f'{option} {metavar}':24} {text}")
    lines += [f"  {'--json':24} one JSON object per event, on stdout", f"  {'--help':24} show this"]
    return "\n".join([*lines, "", f"Exit codes: {codes}; 2: wrong usage.", "", _ENVIRONMENT])


def _print(text: str) -> None:
    os.write(1, text.encode())
