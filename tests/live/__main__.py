# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every case against the server in CODER_URL, or against emulated ones, and print a table.

Of the environment: CODER_URL, CODER_SESSION_TOKEN, TEMPLATE (to make tasks from), CODER_MEMBER_TOKEN (of a user who is
no owner of the deployment, if there is one).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from live.deployment import Deployment, Settings
from live.emulated import USUAL, dialects, emulated
from live.run import Interrupted, cases, check, interrupt, signals
from playbooks import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m live", description=__doc__)
    known = "names with commas between them, or all"
    parser.add_argument("--emulated", nargs="?", const=USUAL, metavar="DIALECTS", help=f"on emulated servers: {known}")
    parser.add_argument("--cases", default="", metavar="TEXT", help="only cases that have this text in their name")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "live", help="for playbooks and the archive")
    parser.add_argument("--removal", type=float, default=150, metavar="SECONDS", help="the most that removing may take")
    arguments = parser.parse_args()
    chosen = cases(arguments.cases)
    if not chosen:
        parser.error(f"no case has {arguments.cases!r} in its name")
    codes = []
    try:
        with signals(interrupt):
            for settings in servers(arguments.emulated, arguments.folder):
                settings = replace(settings, removal=arguments.removal)
                codes.append(check(Deployment(settings), chosen))
    except Interrupted:
        print("Interrupted before anything was made.", file=sys.stderr)
        return 130
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    return max(codes)


def servers(emulated_dialects: str | None, folder: Path) -> Iterator[Settings]:
    """The server of the environment, or one emulated server after the other."""
    if emulated_dialects is None:
        yield from_environment(folder)
        return
    for dialect in dialects(emulated_dialects):
        print(f"\n== emulated: {dialect}", flush=True)
        with emulated(dialect, folder) as (_server, settings):
            yield settings


def from_environment(folder: Path) -> Settings:
    """:raises SystemExit: a variable is missing."""
    missing = [name for name in ("CODER_URL", "CODER_SESSION_TOKEN") if not os.environ.get(name)]
    if missing:
        raise SystemExit(
            f"{' and '.join(missing)} must be set: they say which server is tried, and as whom. "
            "`make live-emulated` tries an emulated one."
        )
    return Settings(
        url=os.environ["CODER_URL"],
        token=os.environ["CODER_SESSION_TOKEN"],
        template=os.environ.get("TEMPLATE", ""),
        member_token=os.environ.get("CODER_MEMBER_TOKEN", ""),
        folder=folder,
    )


if __name__ == "__main__":
    sys.exit(main())
