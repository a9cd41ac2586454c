# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say which archived chats the server deletes soon without a proven copy, which it has deleted, and hold them.

A server deletes each archived chat by itself, some days after its last change. What it had the last time is known from
the report of that time; an archive tells what was saved of it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from ...archive import files
from ...coder.chats.models import Chat
from ...coder.errors import CoderError, attempting, invalid
from ..connection import ConnectionParams
from ..context import Context
from ..spec import Spec, defaults
from . import archive
from .archive import ArchiveParams, ComparisonParams
from .scope import ScopeParams
from .select import Shard
from .source import CHATS

SAFE = "safe_to_delete"


class RetentionParams(ConnectionParams, ScopeParams, ComparisonParams):
    """The options of this operation."""

    name: list[str] | None
    all_owners: bool
    organization: str | None
    older_than: str | None
    shard: Shard | None
    within: float
    hold: bool
    report: str | None


def spec() -> Spec:
    """The operation's options."""
    options = archive.proof_options()
    # What only tasks can be chosen by.
    for name in ("source", "owner", "status", "select", "template"):
        del options[name]
    options.update(
        name={"type": "list", "elements": "str", "aliases": ["chat", "chats"]},
        within={"type": "duration", "default": "7d"},
        hold={"type": "bool", "default": False},
        report={"type": "path"},
    )
    return {
        "argument_spec": options,
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "supports_check_mode": True,
    }


def run(context: Context[RetentionParams]) -> dict[str, Any]:
    """Result: ``due``, ``purged``, ``held``, and whether all is well (``go``), or why not (``no_go``).

    :raises CoderError: as :func:`.archive_info.run`; or the report cannot be read or written.
    """
    report = context.params["report"]
    if report and files.lies_in(report, context.params["path"]):
        raise invalid(f"the report {report} would lie in the archive", "Give 'report' another folder.")
    before = _read(report)
    outcomes, result = archive.look(replace(cast("Context[Any]", context), params=_as_proof(context.params)))
    lines = [_line(line) for line in outcomes.verdict_lines]
    due = [line for line in lines if _is_due(line, context) and line["verdict"] != SAFE]
    purged = _purged(before, lines, context)
    held = [line for line in due if _hold(context, line)] if context.params["hold"] else []
    _write(context, report, [line for line in lines if line["purge_after"]])
    objections = _objections([line for line in due if line not in held], purged)
    return {
        "changed": bool(held), "archive": result["archive"], "scope": result["scope"],
        "source": result["source"], "audit_log": result["audit_log"], "missing_names": result["missing_names"],
        "archived": sum(line["purge_after"] is not None for line in lines),
        "due": due, "purged": purged, "held": [line["chat"] for line in held],
        "go": not objections, "no_go": objections,
    }  # fmt: skip


def _as_proof(params: RetentionParams) -> ArchiveParams:
    """The options of a proof of these chats; it writes nothing."""
    unset = defaults(archive.spec()["argument_spec"])
    return cast(ArchiveParams, {**unset, **params, "state": "verified", "source": CHATS, "report": None})


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """What is told of a chat."""
    return {"chat": line["task"], **{name: line[name] for name in ("id", "purge_after", "verdict", "reasons", "why")}}


def _is_due(line: dict[str, Any], context: Context[RetentionParams]) -> bool:
    """Whether a chat is purged within the time that is looked at."""
    if line["purge_after"] is None:
        return False
    limit = datetime.fromtimestamp(context.session.chats.now(), timezone.utc) + _term(context.params["within"])
    return datetime.fromisoformat(line["purge_after"].replace("Z", "+00:00")) <= limit


def _term(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, timedelta(days=36525).total_seconds()))


def _purged(
    before: list[dict[str, Any]], lines: list[dict[str, Any]], context: Context[RetentionParams]
) -> list[dict[str, Any]]:
    """What was archived the last time, and is gone. A chat that this call did not choose is asked for."""
    seen = {line["id"] for line in lines}
    with attempting("ask for the chats of the last report"):
        return [line for line in before if line["id"] not in seen and not context.session.chats.by_id(line["id"])]


def _hold(context: Context[RetentionParams], line: dict[str, Any]) -> bool:
    if context.check_mode:
        return True
    with attempting(f"hold the chat {line['chat']}"):
        return context.session.chats.hold(cast(Chat, {"id": line["id"]}))


def _objections(due: list[dict[str, Any]], purged: list[dict[str, Any]]) -> list[str]:
    """Why not all is well, in sentences."""
    lost = [line["chat"] for line in purged if line["verdict"] != SAFE]
    found = []
    if due:
        names = ", ".join(line["chat"] for line in due[:5])
        found.append(f"{len(due)} archived chats are purged soon and have no proven copy, such as {names}.")
    if lost:
        found.append(f"{len(lost)} chats were purged and had no proven copy, such as {', '.join(lost[:5])}.")
    return found


def _read(report: str | None) -> list[dict[str, Any]]:
    """The lines of the last report; none where there is none. :raises CoderError: it cannot be read."""
    if report is None:
        return []
    with files.io_errors("read the last report"), suppress(FileNotFoundError):
        try:
            lines = files.parse_lines(files.read(report))
            return [{name: line[name] for name in ("chat", "id", "purge_after", "verdict")} for line in lines]
        except (ValueError, KeyError, TypeError):
            raise CoderError(
                f"{report} is no report of an earlier run", "invalid", hint="Give 'report' another file."
            ) from None
    return []


def _write(context: Context[RetentionParams], report: str | None, lines: list[dict[str, Any]]) -> None:
    if report and not context.check_mode:
        with files.io_errors("write the report"):
            files.replace(report, files.json_lines(lines))
