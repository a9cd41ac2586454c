# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask an archive for a proven copy of a chat, right before it is archived on the server, where it ends one day.

The proof is that of ``archive`` with ``state=verified``, of one family of chats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...archive.joined import AnyArchive, open_archive
from ...coder.chats.models import Chat
from ...coder.errors import CoderError
from ..context import Context
from .archive import check_values, key_of, redactor_of
from .files import file_reader
from .outcome import Outcomes
from .read import Reading
from .read_chat import read_family
from .verify import SAFE, Verdict, verdict_of

_TOLD = 5


def require_proof(context: Context[Any], path: str, chat: Chat) -> None:
    """See that a chat and each of its sub-agents has a proven copy of this moment. Writes nothing.

    :param context: with the options of :class:`.proof_options.ProofParams` and of a connection.
    :param path: the archive's folder.
    :raises CoderError: kind conflict, something has none: ``unproven`` in its ``result`` says what and why; or the
        archive cannot be read.
    """
    check_values(context.params["redact_values"])
    params: Mapping[str, Any] = {**context.params, "path": path, "state": "verified", "scanner": None}
    looking = replace(context, params=params)
    key = key_of(looking)
    nobody = Outcomes(0)  # what fails is told by the verdict
    readings = read_family(context.session.chats, chat, lambda _chat: False)
    with open_archive(path, redactor_of(looking, key), read_only=True, key=key) as archive:
        verdicts = [
            (reading, verdict_of(archive, reading, params["accept"], file_reader(looking, nobody, reading)))
            for reading in readings
        ]
        unproven = [_line(archive, reading, verdict) for reading, verdict in verdicts if verdict != SAFE]
        if unproven:
            raise _refusal(path, unproven, len(readings))
        archive.check_place()


def _line(archive: AnyArchive, reading: Reading, verdict: Verdict) -> dict[str, Any]:
    why = reading.error.message if reading.error else verdict.why
    return {
        "chat": archive.redacted(reading.label), "id": reading.task["id"],
        "verdict": verdict.kind, "reasons": list(verdict.reasons), "why": why,
    }  # fmt: skip


def _refusal(path: str, unproven: list[dict[str, Any]], count: int) -> CoderError:
    told = "; ".join(f"{line['id']}: {line['why']}" for line in unproven[:_TOLD])
    more = f"; and {len(unproven) - _TOLD} more" if len(unproven) > _TOLD else ""
    kinds = {line["verdict"] for line in unproven}
    hint = "Save it with coder.tasks.archive, once nothing of it is at work, and call again"
    if "incomplete" in kinds:
        hint += ", or name in 'accept' what its copy may lack"
    return CoderError(
        f"{len(unproven)} of {count} chats that would be archived have no proven copy in {path} ({told}{more})",
        "conflict", hint=f"{hint}.", result={"unproven": unproven},
    )  # fmt: skip
