# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Save, verify and remove the conversations of a deployment."""

from __future__ import annotations

import os
import secrets
from typing import Any

from ...archive import files, manifest, scanner, user_rules, wholeness
from ...archive.joined import AnyArchive, JoinedArchive, open_archive
from ...archive.kinds import CHAT, kind_of
from ...archive.processes import useful_helpers
from ...archive.redact import SHORTEST_VALUE, Redactor
from ...archive.redaction_key import key_path, redaction_key
from ...archive.report.pages import INDEXES
from ...archive.search import DATABASE
from ...coder.answers import Malformed
from ...coder.errors import CoderError, as_coder_error, invalid
from ..connection import ConnectionParams, connection_spec, secrets_in
from ..context import Context
from ..spec import Options, Spec
from .accounts import collect_accounts
from .choose import Chosen, choose_conversations
from .collect import Collector
from .outcome import Outcomes
from .proof_options import ProofParams, proof_spec
from .scope import ScopeParams, scope_spec
from .select import ArchiveSelectionParams, archive_selection_spec
from .shard_run import ShardRun, check_shard
from .source import SourceParams, source_spec
from .verify import Evacuation, Verification

# Failures that the message tells in full; the result has some more, the manifest all.
FAILURES_TOLD = 3
AFTER_INTERRUPT = "What was saved stays; the same call goes on from there."
_ATTEMPTS = {
    "present": "save all {noun}",
    "verified": "verify the archive",
    "evacuated": "remove all tasks that are safe to delete",
}
# So few conversations are saved or proven before another process could help.
FEW = 50


class ComparisonParams(ProofParams):
    """The options of how conversations are read and held against an archive."""

    path: str
    scanner: str | None
    concurrency: int
    wait_timeout: float


class ArchiveParams(ConnectionParams, ArchiveSelectionParams, SourceParams, ScopeParams, ComparisonParams):
    """The options of this operation; those that its bases have are shared by every look at an archive."""

    state: str
    accounts: bool
    on_partial: str
    resume_concurrency: int
    fail_on: str
    fail_percent: float | None
    report: str | None


def spec() -> Spec:
    """The operation's options."""
    options = proof_options()
    options.update(
        state={"type": "str", "choices": ["present", "verified", "evacuated"], "default": "present"},
        accounts={"type": "bool", "default": False},
        on_partial={"type": "str", "choices": ["keep", "resume"], "default": "keep"},
        resume_concurrency={"type": "int", "default": 4},
        fail_on={"type": "str", "choices": ["any", "none", "percent"], "default": "any"},
        fail_percent={"type": "float"},
        report={"type": "path"},
    )
    return {
        "argument_spec": options,
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "required_if": [["fail_on", "percent", ["fail_percent"]]],
        "supports_check_mode": True,
    }


def proof_options() -> Options:
    """The options that every look at an archive shares, ``archive_info`` too."""
    return {
        **connection_spec(),
        **archive_selection_spec(),
        **source_spec(),
        **scope_spec(),
        **proof_spec(),
        "path": {"type": "path", "required": True},
        "scanner": {"type": "str", "choices": list(scanner.CHOICES)},
        "concurrency": {"type": "int", "default": 16},
        "wait_timeout": {"type": "duration", "default": "2m"},
    }


def run(context: Context[ArchiveParams]) -> dict[str, Any]:
    """Result: counts, paths and the first failures; what there is of each task stands in the archive and the report.

    :raises CoderError: more failed than ``fail_on`` allows, then its ``result`` is that; or as :func:`look`.
    """
    outcomes, result = look(context)
    return _judged(context.params, outcomes, result)


def look(context: Context[ArchiveParams]) -> tuple[Outcomes, dict[str, Any]]:
    """Do what ``state`` asks for.

    :returns: what became of the tasks, and the result that tells of it, whatever failed.
    :raises CoderError: the archive cannot be read or written any more, then its ``result`` tells how far it went; or
        nothing could be done.
    """
    params = context.params
    _check(params)
    key = key_of(context)
    redactor = redactor_of(context, key)
    unreadable: list[Malformed] = []
    chosen = choose_conversations(context, unreadable.append)
    outcomes = Outcomes(chosen.conversations + len(unreadable), chosen.scope, chosen.noun)
    for problem in unreadable:
        outcomes.fail(problem.label, problem)
    reads_only = context.check_mode or params["state"] == "verified"
    # A proof redacts everything anew, in check mode too; collecting in check mode computes nothing.
    computes = params["state"] != "present" or not context.check_mode
    helpers = useful_helpers() if computes and chosen.conversations > FEW else 0
    check_shard(params)
    with open_archive(params["path"], redactor, read_only=reads_only, helpers=helpers, key=key,
                      upgrades=params["state"] == "present", note_write=context.journal.note) as archive:  # fmt: skip
        run = ShardRun(context, archive, chosen, key)
        try:
            run.begin()
            _work(context, archive, outcomes, chosen)
            searchable = archive.finish()
            run.end(len(outcomes.failures))
        except Exception as caught:  # noqa: BLE001  (what was done before stays, so it is told, whatever this is)
            error = as_coder_error(caught)
            done = _result(archive, redactor, outcomes, chosen, False)
            raise error.but(result={**done, **error.result}) from None
        if not searchable and not reads_only and not isinstance(archive, JoinedArchive):
            context.warn("This Python has no SQLite with FTS5, so the archive has no search index.")
        return outcomes, _result(archive, redactor, outcomes, chosen, searchable)


def _work(context: Context[ArchiveParams], archive: AnyArchive, outcomes: Outcomes, chosen: Chosen) -> None:
    """What ``state`` asks for."""
    # Deleting is never what is left over.
    checks = {"verified": Verification, "evacuated": Evacuation}.get(context.params["state"])
    if checks:
        checks(context, archive, outcomes).check(chosen.tasks, chosen.chats)
        return
    _warn_of_another_writer(context, archive)
    for name in chosen.missing:
        nothing = {"tasks": "task", "chats": "chat", "both": "task and no such chat"}[chosen.source]
        outcomes.fail(name, CoderError(f"there is no such {nothing}", "not_found"))
    Collector(context, archive, outcomes).collect(chosen.tasks, chosen.chats)
    if context.params["accounts"]:
        outcomes.accounts = collect_accounts(context, archive, outcomes)
    outcomes.changed |= archive.upgrade()


def _warn_of_another_writer(context: Context[ArchiveParams], archive: AnyArchive) -> None:
    """Before everything is written anew, or what somebody else has changed is sealed."""
    seal = archive.seal()
    if seal == "broken":
        context.warn(
            f"The archive {archive.path} was changed by somebody who does not have its key since it was last written. "
            "What was changed is not sealed again; state=verified names it."
        )
    if seal == "other_key" or archive.is_written_otherwise:
        context.warn(
            f"The archive {archive.path} was written with another redaction key, so every task is saved anew. If this "
            "was not intended, give 'redaction_key' that key: where each job has a home of its own, none is kept."
        )


def _check(params: ArchiveParams) -> None:
    for name, most in (("concurrency", params["concurrency"]), ("resume_concurrency", params["resume_concurrency"])):
        if most < 1:
            raise invalid(f"{name}={most} would never read a task", "Give 1 or more.")
    if params["fail_percent"] is not None and not 0 <= params["fail_percent"] <= 100:
        raise invalid(f"fail_percent={params['fail_percent']:g} is not a percentage of the tasks", "Give 0 to 100.")
    if not params["path"]:
        raise invalid("'path' is empty", "Give the folder of the archive.")
    check_values(params["redact_values"])


def check_values(values: list[str]) -> None:
    """:raises CoderError: kind invalid, a value is too short to be taken out everywhere."""
    if any(len(value) < SHORTEST_VALUE for value in values):
        raise invalid(f"a value in 'redact_values' has fewer than {SHORTEST_VALUE} characters", "Leave it out.")


def redactor_of(context: Context[ArchiveParams], key: bytes) -> Redactor | None:
    """What takes secrets out, those of this very call among them."""
    params = context.params
    if not params["redact"]:
        return None
    rules = user_rules.load(params["redaction_rules"]) if params["redaction_rules"] else user_rules.UserRules()
    own = {(params["token"] or "").strip(), *secrets_in(params)}
    return Redactor(
        key,
        values=sorted({*params["redact_values"], *rules.values}),
        passing_values=sorted(value for value in own if len(value) >= SHORTEST_VALUE),
        rules=rules.rules,
        allow=rules.allow,
        scanner=_scanner(context),
    )


def _scanner(context: Context[ArchiveParams]) -> scanner.Scanner | None:
    """The scanner that the archive was begun with; another one would leave other secrets in it."""
    path, wanted = context.params["path"], context.params["scanner"]
    begun_with = scanner.of_archive(path)
    if begun_with and wanted and wanted != begun_with:
        context.warn(
            f"The archive {path} was begun with scanner={begun_with} and keeps it. "
            f"To use {wanted}, begin another archive."
        )
    return scanner.load(begun_with or wanted or scanner.NONE)


def key_of(context: Context[ArchiveParams]) -> bytes:
    """The key of the marks and of the seal.

    Only collecting makes one; where there is none, nothing can have been saved with it, and any key says so.
    """
    given = context.params["redaction_key"]
    if given is None and files.lies_in(key_path(), context.params["path"]):
        raise invalid(
            f"the archive {context.params['path']} would hold its own redaction key",
            "Whoever has both can test guesses at the secrets. Give another 'path', or a 'redaction_key'.",
        )
    makes_one = not context.check_mode and context.params["state"] == "present"
    if given is None and not makes_one and not os.path.exists(key_path()):
        return secrets.token_bytes(32)
    return redaction_key(given)


def _result(
    archive: AnyArchive, redactor: Redactor | None, outcomes: Outcomes, chosen: Chosen, searchable: bool
) -> dict[str, Any]:
    entries = archive.entries()
    chats = sum(kind_of(entry) is CHAT for entry in entries)
    names = {"manifest": archive.manifest, "checksums": manifest.SUMS, "index": INDEXES[1]}
    return {
        "changed": outcomes.changed,
        "archive": dict(
            {key: os.path.join(archive.path, name) for key, name in names.items()},
            path=archive.path,
            search=os.path.join(archive.path, DATABASE) if searchable else None,
            tasks=len(entries) - chats,
            chats=chats,
            bytes=sum(entry["bytes"] for entry in entries),
            scanner=redactor.scanner if redactor else None,
            logs=wholeness.count(entries),
        ),
        "source": chosen.source,
        "audit_log": chosen.audit_log,
        "missing_names": chosen.missing,
        **outcomes.result(),
    }


def _judged(params: ArchiveParams, outcomes: Outcomes, result: dict[str, Any]) -> dict[str, Any]:
    """The result, if not too much failed."""
    failed, fail_on = len(outcomes.failures), params["fail_on"]
    allowed = {"none": float("inf"), "any": 0.0}.get(fail_on)
    if allowed is None:
        allowed = (params["fail_percent"] or 0.0) / 100.0 * max(outcomes.selected, failed)
    if failed <= allowed:
        return result
    told = " ".join(f"{failure.label}: {failure.message}" for failure in outcomes.failures[:FAILURES_TOLD])
    error = CoderError(
        f"{failed} of {max(outcomes.selected, failed)} {outcomes.noun} failed. {told}", outcomes.failures[0].kind,
        hint="What could be done is done; the same call again goes on from there.", result=result,
    )
    raise error.but(attempt=_ATTEMPTS[params["state"]].format(noun=outcomes.noun))
