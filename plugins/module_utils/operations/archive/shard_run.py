# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have an archive that is a shard say so, and whether the last run that filled it has ended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ...archive import files, last_run
from ...archive.joined import AnyArchive, JoinedArchive
from ...archive.last_run import LastRun
from ...archive.seal import Seal
from ...coder.errors import invalid
from ..context import Context
from .choose import Chosen
from .select import Shard

# The options that choose conversations; shards that were chosen by different ones are no parts of one whole.
_CHOOSE = ("name", "owner", "all_owners", "organization", "status", "select", "template", "older_than")


def check_shard(params: Any) -> None:
    """See that a shard is not filled with what is another one's.

    :raises CoderError: kind invalid, the archive is another shard, or all was asked for.
    """
    if params["state"] == "verified":
        return
    with files.io_errors("open the archive"):
        known = last_run.read(params["path"])
    given: Shard | None = params["shard"]
    if known is None or (given and (given["index"], given["count"]) == (known["index"], known["count"])):
        return
    asked = f"shard {given['index']} of {given['count']}" if given else "not a shard but all"
    raise invalid(
        f"the archive {params['path']} is shard {known['index']} of {known['count']}, and {asked} was asked for",
        f"Give shard={{index: {known['index']}, count: {known['count']}}} or another 'path'; shards become one archive "
        "when they are joined.",
    )


class ShardRun:
    """A run that collects into an archive, if that is to be a shard; else nothing."""

    def __init__(self, context: Context[Any], archive: AnyArchive, chosen: Chosen, key: bytes) -> None:
        params = context.params
        self._context = context
        self._path = archive.path
        self._chosen = chosen
        self._seal = Seal(key)
        self._run: LastRun | None = None
        self._fills = (
            params["state"] == "present" and params["shard"] is not None and not context.check_mode
            and not isinstance(archive, JoinedArchive)
        )  # fmt: skip

    def begin(self) -> None:
        """:raises CoderError: it cannot be written."""
        if self._fills:
            shard: Shard = self._context.params["shard"]
            self._run = {
                "index": shard["index"], "count": shard["count"],
                "server": self._context.session.server.transport.base_url, "chosen": self._choice(),
                "begun": self._now(), "ended": None, "failed": None,
            }  # fmt: skip
            self._write(self._run)

    def end(self, failed: int) -> None:
        """:param failed: what could not be read or saved. :raises CoderError: it cannot be written."""
        if self._run:
            self._write({**self._run, "ended": self._now(), "failed": failed})

    def _write(self, run: LastRun) -> None:
        with files.io_errors("note of which shard the archive is"):
            last_run.write(self._path, run, self._seal)

    def _choice(self) -> str:
        params = self._context.params
        given = [f"{name}={params[name]}" for name in _CHOOSE if params.get(name) not in (None, False, "")]
        return ", ".join([f"scope={self._chosen.scope}", f"source={self._chosen.source}", *given])

    def _now(self) -> str:
        return f"{datetime.fromtimestamp(self._context.session.server.now(), timezone.utc):{last_run.TIME}}"
