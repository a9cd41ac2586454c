# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove that the archive holds what the server holds, and delete from the server only what is proven.

A proof compares two conversations, read one after the other: what the server shows of a task now, redacted as the
archive's was, and the bytes that lie on the disk now. Every message of the first has to be in the second.
"""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Collection
from typing import Any, NamedTuple, cast

from ...archive import chat_log, files
from ...archive.attachments import Fetch, is_missing
from ...archive.conversation import contains
from ...archive.folder import Evidence
from ...archive.joined import AnyArchive
from ...archive.kinds import kind_of
from ...archive.record import ChatRecord, Entry
from ...archive.redact import marks
from ...archive.wholeness import CLASSES, chat_lacks, lacks, lacks_of, word
from ...coder.chats.models import Chat
from ...coder.errors import CoderError, attempting, invalid
from ...coder.tasks.models import Task
from ...coder.waiter import WaitOptions
from ..context import Context
from ..waiting import waiter_for
from .files import file_reader
from .outcome import Outcomes
from .progress import Progress
from .read import Reader, Reading, ReadParams
from .read_chat import read_chats

# Why a verdict is what it is, beside the classes that can be accepted.
_WHY = {
    "seal": "its files were changed by somebody who does not have the archive's key",
    "unsealed": "an older version of this collection saved it; collect again to have it sealed",
    "other_key": "it was saved with another redaction key; give that key, or collect again with this one",
    "other_rules": "it was redacted by other rules or values; give those, or collect again with these",
    "unsupported": "this server keeps no log of a paused task",
}
# What a verdict means that has no reasons.
_MEANS = {
    "missing": "it is not in the archive",
    "damaged": "what was saved of it is damaged",
    "drifted": "not all that it has now was saved",
}
# What an evacuation saves once more, to be proven the next time.
_SAVED_AGAIN = ("missing", "damaged", "drifted")
# What a person has to do about a task that no proof can be had of.
_BY_HAND = ("unreadable", "unprovable")


class VerifyParams(ReadParams):
    """The options that proving and evacuating look at."""

    state: str
    accept: list[str]
    report: str | None


class Verdict(NamedTuple):
    """kind: one of archive_outcome.VERDICTS. reasons: classes that are not accepted, or what stands in the way."""

    kind: str
    reasons: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The reasons in words; empty for what is safe to delete."""
        told = [{**CLASSES, **_WHY}.get(reason, reason) for reason in self.reasons]
        return "; ".join(told) or _MEANS.get(self.kind, "")


SAFE = Verdict("safe_to_delete")


def judge(reading: Reading, entry: Entry, evidence: Evidence, shown: list[dict[str, Any]]) -> Verdict:
    """What a task's log on the server and its files in the archive prove, whatever is accepted.

    evidence: the files, as they were just read. shown: the log's messages, redacted as the archive would.
    """
    if evidence.problem in ("damaged", "tampered"):
        return Verdict("damaged", ("seal",) if evidence.problem == "tampered" else ())
    # What cannot be read may well be there: only the server's own word that there is no log counts as none.
    error = reading.record["error_kind"]
    if error and not reading.is_word_of_none:
        return Verdict("unreadable", (error,))
    if evidence.problem:
        return Verdict("unprovable", (evidence.problem,))
    if not _holds(reading, evidence, shown):
        return Verdict("drifted")
    redacted = entry["redaction"] is not None and bool(marks([evidence.task, evidence.messages]))
    if reading.is_chat:
        return _of_classes(chat_lacks(
            evidence.messages, running=cast(ChatRecord, reading.record)["running"],
            redacted=redacted or entry["redacted"],
            files_missing=any(map(is_missing, evidence.about.get("attachments") or [])),
        ))  # fmt: skip
    return _of_classes([
        *lacks(
            entry["source"], evidence.messages, no_log=False, restarted="restarted" in lacks_of(entry),
            redacted=redacted,
        ),
        # Where the server shows nothing, nothing speaks for what was saved either.
        *(("none",) if reading.is_word_of_none else ()),
        *(("empty",) if not shown and not reading.is_word_of_none else ()),
    ])  # fmt: skip


def verdict_of(archive: AnyArchive, reading: Reading, accept: Collection[str], fetch: Fetch | None) -> Verdict:
    """What was just read of a conversation, held against its files as they lie there now.

    :param accept: classes in which what was saved may be less than what was said.
    :param fetch: gives the files that a chat carries; it is asked for those that count as gone.
    """
    task_id = reading.task["id"]
    entry, evidence = archive.entry(task_id), archive.examine(task_id)
    if entry is None or evidence is None:
        return Verdict("missing")
    verdict = judge(reading, entry, evidence, archive.shown(reading.record))
    if fetch and entry.get("gone") and verdict.kind in ("incomplete", SAFE.kind):
        verdict = _of_gone_files(evidence, fetch) or verdict
    if verdict.kind != "incomplete":
        return verdict
    unaccepted = tuple(name for name in verdict.reasons if name not in accept)
    return Verdict("incomplete", unaccepted) if unaccepted else SAFE


def _of_gone_files(evidence: Evidence, fetch: Fetch) -> Verdict | None:
    """What it means that files count as gone: they are asked for again, for a server may have them back.

    :returns: None where all of them are gone still.
    """
    for file in evidence.about.get("attachments") or []:
        if file.get("gone"):
            try:
                if isinstance(fetch(file["id"]), bytes):
                    return Verdict("drifted")
            except CoderError:
                return Verdict("incomplete", ("files",))
    return None


def _of_classes(classes: list[str]) -> Verdict:
    """What can be bettered speaks against a conversation; of what is gone for good no better copy can ever be had."""
    reasons = tuple(name for name in CLASSES if name in classes)
    return Verdict("incomplete", reasons) if reasons else SAFE


def _holds(reading: Reading, evidence: Evidence, shown: list[dict[str, Any]]) -> bool:
    """Whether the files hold all that the server shows: of a chat also what waits for its turn, and its files.

    A file never changes under its id, so that one that lies there undamaged is the one that the server has.
    """
    if not reading.is_chat:
        return contains(evidence.messages, shown)
    record = cast(ChatRecord, reading.record)
    waiting = {entry.get("id") for entry in evidence.about.get("queue") or []}
    known = {each["id"] for each in evidence.about.get("attachments") or []}
    return (
        chat_log.contains(evidence.messages, shown)
        and all(entry.get("id") in waiting for entry in record["queue"])
        and all(file["id"] in known for file in record["files"])
    )


class Verification:
    """Hashes every file again and reads every task again."""

    verb = "verified"

    def __init__(self, context: Context[VerifyParams], archive: AnyArchive, outcomes: Outcomes) -> None:
        self._context = context
        self._archive = archive
        self._outcomes = outcomes
        self._lines = outcomes.verdict_lines
        self._lock = threading.Lock()

    def check(self, tasks: list[Task], chats: list[Chat]) -> None:
        """Empties the lists. :raises CoderError: the archive cannot be read, or is no longer there."""
        self._check_files()
        self._check_report()
        progress = Progress(self._context, self._archive.path, self._outcomes)
        try:
            Reader(self._context, self._one, settled=True).read(tasks, progress)
            read_chats(self._context, chats, self._outcomes, progress, self._one, self._asks_cost)
        finally:
            progress.close()
            self._lines.sort(key=lambda line: str(line["task"]))
            self._write_report()

    def _asks_cost(self, chat: Chat) -> bool:
        """Nothing is compared with it; only what may be saved again needs it."""
        return False

    def _check_files(self) -> None:
        found = self._archive.verify_files()
        self._outcomes.seal = found.seal
        self._outcomes.files = {
            "intact": found.ok,
            "damaged": sorted(path for paths in found.damaged.values() for path in paths)[:20],
            "top": found.top,
            "stray": found.stray[:20],
        }
        if found.seal == "broken":
            error = CoderError(
                "it was changed by somebody who does not have its key", "io",
                hint="See what was changed, move the folders in question away and collect again.",
            )
            self._outcomes.fail(self._archive.path, error)
        elif not found.ok:
            reason = "files of the archive are damaged, missing or not its own"
            self._outcomes.fail(self._archive.path, CoderError(reason, "io", hint="See 'files'; collect again."))

    def _one(self, reading: Reading) -> None:
        verdict, entry = self._verdict(reading), self._archive.entry(reading.task["id"])
        name = reading.label
        if reading.error:
            self._outcomes.fail(name, reading.error)
        elif verdict.kind == "unprovable":
            error = CoderError(f"nothing can be proven: {verdict.why}", "invalid", hint="Nothing of it is deleted.")
            self._outcomes.fail(name, error)
        self._outcomes.judge(name, verdict.kind, verdict.reasons)
        line = self._line(reading, verdict, entry)
        with self._lock:
            self._lines.append(line)
        line["action"] = self._act(reading, verdict)

    def _verdict(self, reading: Reading) -> Verdict:
        fetch = file_reader(self._context, self._outcomes, reading)
        return verdict_of(self._archive, reading, self._context.params["accept"], fetch)

    def _act(self, reading: Reading, verdict: Verdict) -> str | None:
        """What was done about the task; here nothing."""
        return None

    # The report

    def _line(self, reading: Reading, verdict: Verdict, entry: Entry | None) -> dict[str, Any]:
        """One line of the report."""
        task, name = reading.task, self._archive.redacted(reading.label)
        held = entry and {
            "messages": entry["messages"], "source": entry["source"], "log": word(entry), "lacks": lacks_of(entry),
            "last_time": entry["last_time"], "folder": entry["folder"], "gone": entry.get("gone", []),
        }  # fmt: skip
        by_hand = f"ansible localhost -m coder.tasks.task -a {shlex.quote(f'name={name} state=absent')}"
        return {
            "id": task["id"], "kind": kind_of(reading.record).name, "task": name,
            "scope": self._outcomes.scope, "verdict": verdict.kind,
            "reasons": list(verdict.reasons), "why": reading.error.message if reading.error else verdict.why,
            "action": "failed", "held": held,
            "command": by_hand if verdict.kind in _BY_HAND and not reading.is_chat else None,
            "purge_after": self._purge_after(reading),
        }  # fmt: skip

    def _purge_after(self, reading: Reading) -> str | None:
        """When the server may delete a chat that is archived."""
        return self._context.session.chats.purge_after(cast(Chat, reading.task)) if reading.is_chat else None

    def _check_report(self) -> None:
        """Before anything is done that could not be told. :raises CoderError: it would overwrite the archive."""
        path = self._report
        if not path:
            return
        if files.lies_in(path, self._archive.path):
            raise invalid(
                f"the report {path} would lie in the archive {self._archive.path}",
                "It could take the place of what is saved there. Give 'report' another folder.",
            )
        with files.io_errors("write the report"):
            files.write_new(files.draft_of(path), b"")
            os.unlink(files.draft_of(path))

    def _write_report(self) -> None:
        if self._report:
            with files.io_errors("write the report"):
                files.replace(self._report, files.json_lines(self._lines))

    @property
    def _report(self) -> str | None:
        return None if self._context.check_mode else self._context.params["report"]


class Evacuation(Verification):
    """Deletes each task right after the reading that proved it safe; one that is not as saved is saved again.

    A chat is proven and kept: no server deletes one when it is asked to.
    """

    verb = "evacuated"

    def check(self, tasks: list[Task], chats: list[Chat]) -> None:
        """Empties the lists. :raises CoderError: the archive cannot be read or written, or is no longer there."""
        # A run that was killed may have left on its way to the disk what is now relied on.
        self._archive.settle()
        super().check(tasks, chats)

    def _asks_cost(self, chat: Chat) -> bool:
        return True

    def _act(self, reading: Reading, verdict: Verdict) -> str | None:
        task = reading.task
        if not self._context.check_mode and (verdict == SAFE or verdict.kind in _SAVED_AGAIN):
            self._archive.check_place()
        try:
            if verdict.kind in _SAVED_AGAIN and not self._archive.is_outdated:
                outcome = self._archive.save(
                    reading.record, file_reader(self._context, self._outcomes, reading)
                )
                self._outcomes.save(outcome, task["id"], self._archive.entry(task["id"]))
                return "saved"
            if verdict == SAFE and reading.is_chat:
                self._outcomes.keep()
                return "kept"
            if verdict == SAFE:
                return self._delete(task)
        except CoderError as error:
            if error.kind == "io":
                raise
            if not reading.error:
                self._outcomes.fail(reading.label, error)
            return "failed"
        return None

    def _delete(self, task: Task) -> str:
        if not self._context.check_mode:
            options = WaitOptions(
                self._context.params["wait_timeout"], 0.0, self._context.poll_interval, wait=False
            )
            with attempting(f"delete the task {task['owner_name']}/{task['name']}"):
                self._context.session.tasks.delete(task, waiter_for(self._context, options))
        self._outcomes.delete()
        return "deleted"
