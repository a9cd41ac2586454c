# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""last-run.json: of which shard an archive is, and whether the last run that filled it has ended.

It tells of a run and not of what was saved, so it is in no checksum and has a seal of its own. An archive that is no
shard has none: the same input gives the same bytes.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TypedDict

from . import files
from .seal import Seal

LAST_RUN = "last-run.json"
# ISO 8601 in UTC, which sorts as it reads.
TIME = "%Y-%m-%dT%H:%M:%SZ"
_NEEDED: dict[str, type] = {"index": int, "count": int, "server": str, "chosen": str, "begun": str}


class LastRun(TypedDict):
    """A run that fills a shard.

    :param server: its address. :param chosen: scope, source and the options that choose, in words.
    :param begun: by the server's clock. :param ended: None while it has not.
    :param failed: what could not be read or saved; None while it has not ended.
    """

    index: int
    count: int
    server: str
    chosen: str
    begun: str
    ended: str | None
    failed: int | None


def read(path: str, seal: Seal | None = None) -> LastRun | None:
    """What the archive at `path` tells of its last run; None where it tells nothing, or not with this seal.

    :param seal: None believes what stands there.
    :raises OSError: it cannot be read.
    """
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, AttributeError):
        found = json.loads(files.read(os.path.join(path, LAST_RUN)))
        made = found.pop("seal", None)
        whole = all(isinstance(found.get(name), kind) for name, kind in _NEEDED.items())
        if whole and (seal is None or seal.fits(made, found)):
            run: LastRun = found
            return run
    return None


def write(path: str, run: LastRun, seal: Seal) -> None:
    """:raises OSError: it cannot be written."""
    files.replace(os.path.join(path, LAST_RUN), files.json_pretty({**run, "seal": seal.of(run)}))
