# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of the tasks: counts and the first failures, small however many tasks there are."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, NamedTuple

from ...archive.record import Entry
from ...coder.errors import CoderError

# Failures in the result; every one has its kind in the manifest.
FAILURES_KEPT = 20
# Tasks of each verdict that the result names.
FIRST = 100
SOURCES = ("live", "snapshot", "none")
SAVED = ("created", "changed", "unchanged")
VERDICTS = ("safe_to_delete", "missing", "damaged", "drifted", "incomplete", "unprovable", "unreadable")


_ONE = {"tasks": "task", "chats": "chat", "tasks and chats": "task and no chat"}
# A chat is proven, and no server deletes it.
_SAFE = {"tasks": "safe to delete", "chats": "proven", "tasks and chats": "proven, or safe to delete"}


class Failure(NamedTuple):
    """A task that something went wrong with."""

    label: str
    kind: str
    message: str


class Outcomes:
    """Filled from many threads."""

    def __init__(self, selected: int, scope: str = "unproven", noun: str = "tasks") -> None:
        """Nothing is done yet.

        :param scope: whose tasks these were chosen from, see :mod:`.scope`.
        :param noun: what they are called in a sentence.
        """
        self.selected = selected
        self.scope = scope
        self.noun = noun
        self.done = 0
        self.changed = False
        self.failures: list[Failure] = []
        self.files: dict[str, Any] | None = None
        # One line per account of the server; None where they were not asked for.
        self.accounts: list[dict[str, Any]] | None = None
        self.seal = "absent"
        # One per task that was looked at, as the report has them.
        self.verdict_lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._saved: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}
        self._verdicts: dict[str, list[str]] = {}
        self._reasons: Counter[str] = Counter()
        self._unaccepted: set[str] = set()
        self._deleted = 0
        self._kept = 0

    def see(self, count: int) -> None:
        """So many more conversations have come to light, such as those of sub-agents; fewer if it is below 0."""
        with self._lock:
            self.selected += count

    def fail(self, label: str, error: CoderError) -> None:
        with self._lock:
            self.failures.append(Failure(label, error.kind, error.message))

    def save(self, outcome: str, task_id: str, entry: Entry | None) -> None:
        """A task was saved, or would be. entry: the manifest's line; None in check mode for one that is new."""
        with self._lock:
            self.changed = self.changed or outcome != "unchanged"
            # A task is saved twice when it was resumed in between: what was created stays that.
            if self._saved.get(task_id, "unchanged") == "unchanged":
                self._saved[task_id] = outcome
            if entry is not None:
                self._entries[task_id] = entry

    def judge(self, label: str, verdict: str, reasons: tuple[str, ...]) -> None:
        with self._lock:
            self._verdicts.setdefault(verdict, []).append(label)
            self._reasons.update(reasons)
            if verdict == "incomplete":
                self._unaccepted.update(reasons)

    def keep(self) -> None:
        """A conversation is proven that no server deletes when it is asked to."""
        with self._lock:
            self._kept += 1

    def delete(self) -> None:
        with self._lock:
            self._deleted += 1
            self.changed = True

    def result(self) -> dict[str, Any]:
        """As the module returns it."""
        saved = Counter(self._saved.values())
        entries = self._entries.values()
        sources = Counter(entry["source"] for entry in entries)
        result: dict[str, Any] = {
            "scope": self.scope,
            "summary": {
                "selected": self.selected,
                **{name: saved[name] for name in SAVED},
                "failed": len(self.failures),
                **{name: sources[name] for name in SOURCES},
                "incomplete": sum(not entry["complete"] for entry in entries),
                "gone": sum(len(entry.get("gone", ())) for entry in entries),
                "messages": sum(entry["messages"] for entry in entries),
                "redactions": sum(sum(entry["redactions"].values()) for entry in entries),
                "deleted": self._deleted,
                "kept": self._kept,
            },
            "error_kinds": dict(Counter(failure.kind for failure in self.failures)),
            "failures": [
                {"task": failure.label, "kind": failure.kind, "msg": failure.message}
                for failure in sorted(self.failures)[:FAILURES_KEPT]
            ],
        }
        if self.accounts is not None:
            result["accounts"] = self.accounts
        if self.files is not None:
            objections = self._objections()
            result["verification"] = {
                **{name: len(self._verdicts.get(name, ())) for name in VERDICTS},
                "first": {name: sorted(labels)[:FIRST] for name, labels in sorted(self._verdicts.items())},
                "reasons": dict(sorted(self._reasons.items())),
                "gone": sum(len(line["held"]["gone"]) for line in self.verdict_lines if line["held"]),
                "accept": sorted(self._unaccepted),
                "files": self.files,
                "seal": self.seal,
                "go": not objections,
                "no_go": objections,
            }
        return result

    def _objections(self) -> list[str]:
        """Why not every task of the scope may be deleted, in sentences; empty for GO."""
        unsafe = self.selected - len(self._verdicts.get("safe_to_delete", ()))
        found = []
        if self.scope == "unproven":
            found.append(
                f"Nobody can say whether these are all {self.noun}: the server did not tell what the token may read."
            )
        if not self.selected:
            found.append(f"No {_ONE[self.noun]} was seen, so nothing was proven.")
        if self.seal == "broken":
            found.append("The archive was changed by somebody who does not have its key.")
        elif self.files and not self.files["intact"]:
            found.append("Files of the archive are damaged, missing or not its own.")
        if unsafe:
            found.append(f"{unsafe} of {self.selected} {self.noun} are not {_SAFE[self.noun]}.")
        if self._unaccepted:
            found.append(f"Of these, some would be with accept={','.join(sorted(self._unaccepted))}.")
        return found
