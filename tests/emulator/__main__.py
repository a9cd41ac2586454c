# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an emulated Coder server until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from emulator.chats_dialects import CHAT_DIALECTS
from emulator.dialects import DIALECTS
from emulator.server import Emulator


def _arguments() -> argparse.Namespace:
    read = ", ".join(name for name, dialect in DIALECTS.items() if not dialect.measured)
    dialects = f"one of: {', '.join(DIALECTS)}; read, not measured: {read}"
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--dialect", default="", choices=("", *DIALECTS), metavar="DIALECT", help=dialects)
    chats = f"chats too, one of: {', '.join(CHAT_DIALECTS)}"
    parser.add_argument("--chats", default="", choices=("", *CHAT_DIALECTS), metavar="DIALECT", help=chats)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--time-factor", type=float, default=1.0, help="1.0: builds take as long as on a real server")
    parser.add_argument("--clock-skew", type=float, default=0.0, help="real seconds that its clock is ahead")
    parser.add_argument("--fixtures", type=Path, help="another file of users and templates")
    parser.add_argument("--env-file", type=Path, help="also write CODER_URL and CODER_SESSION_TOKEN into this file")
    parser.add_argument("--busy-time", type=float, default=0.0, help="recorded seconds an agent works on a message")
    parser.add_argument("--report-states", action="store_true", help="agents report working and idle by themselves")
    parser.add_argument("--no-snapshot-at-stop", action="store_true", help="nothing posts a log when a workspace stops")
    parser.add_argument("--real-workspaces", action="store_true", help="workspaces are processes, not only in memory")
    parser.add_argument("--start-script", action="append", default=[], help="what a real workspace runs at its start")
    parser.add_argument("--stop-script", action="append", default=[], help="what a real workspace runs at its stop")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with Emulator(
        arguments.dialect,
        chats=arguments.chats,
        time_factor=arguments.time_factor,
        clock_skew=arguments.clock_skew,
        fixtures=arguments.fixtures,
        port=arguments.port,
        busy_time=arguments.busy_time,
        report_states=arguments.report_states,
        auto_snapshot=not arguments.no_snapshot_at_stop,
        real_workspaces=arguments.real_workspaces,
        start_scripts=arguments.start_script,
        stop_scripts=arguments.stop_script,
    ) as emulator:
        variables = [f"{name}={value}" for name, value in emulator.environment.items()]
        if arguments.env_file:
            arguments.env_file.write_text("".join(f"{variable}\n" for variable in variables))
        print(*variables, flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
