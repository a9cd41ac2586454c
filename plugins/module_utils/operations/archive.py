# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Save, verify and remove the conversations of a deployment."""

from __future__ import annotations

import os
import secrets
from typing import Any

from ..archive import manifest, user_rules
from ..archive.processes import useful_helpers
from ..archive.redact import SHORTEST_VALUE, Redactor
from ..archive.redaction_key import key_path, redaction_key
from ..archive.report.pages import INDEXES
from ..archive.search import DATABASE
from ..archive.store import Archive
from ..coder.errors import CoderError, invalid
from .archive_collect import Collector
from .archive_outcome import Outcomes
from .archive_select import archive_selection_spec, select_tasks
from .archive_verify import ACCEPTABLE, Evacuation, Verification
from .connection import connection_spec, secrets_in
from .context import Context

# Failures that the message tells in full; the result has some more, the manifest all.
FAILURES_TOLD = 3
# So few tasks are saved before another process could help.
FEW = 50


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    options = dict(connection_spec(), **archive_selection_spec())
    options.update(
        path={"type": "path", "required": True},
        state={"type": "str", "choices": ["present", "verified", "evacuated"], "default": "present"},
        on_partial={"type": "str", "choices": ["keep", "resume"], "default": "keep"},
        resume_concurrency={"type": "int", "default": 4},
        accept={"type": "list", "elements": "str", "choices": list(ACCEPTABLE), "default": []},
        redact={"type": "bool", "default": True},
        redaction_key={"type": "str", "no_log": True},
        redaction_rules={"type": "path"},
        redact_values={"type": "list", "elements": "str", "no_log": True, "default": []},
        fail_on={"type": "str", "choices": ["any", "none", "percent"], "default": "any"},
        fail_percent={"type": "float"},
        report={"type": "path"},
        concurrency={"type": "int", "default": 16},
        wait_timeout={"type": "float", "default": 120.0},
    )
    return {
        "argument_spec": options,
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "required_if": [["fail_on", "percent", ["fail_percent"]]],
        "supports_check_mode": True,
    }


def run(context: Context) -> dict[str, Any]:
    """Result: counts, paths and the first failures; what there is of each task stands in the archive and the report.

    :raises CoderError: more failed than ``fail_on`` allows, then its ``result`` is that; or nothing could be done.
    """
    params = context.params
    _check(params)
    redactor = _redactor(context)
    tasks, missing = select_tasks(context)
    outcomes = Outcomes(len(tasks))
    reads_only = context.check_mode or params["state"] == "verified"
    helpers = useful_helpers() if params["state"] == "present" and len(tasks) > FEW and not reads_only else 0
    with Archive(params["path"], redactor, read_only=reads_only, helpers=helpers) as archive:
        if params["state"] == "present":
            for name in missing:
                outcomes.fail(name, CoderError("there is no such task", "not_found"))
            Collector(context, archive, outcomes).collect(tasks)
        else:
            kind = Verification if params["state"] == "verified" else Evacuation
            kind(context, archive, outcomes).check(tasks)
        searchable = archive.finish()
        if not searchable and not reads_only:
            context.warn("This Python has no SQLite with FTS5, so the archive has no search index.")
        result = _result(archive, outcomes, missing, searchable)
    return _judged(params, outcomes, result)


def _check(params: dict[str, Any]) -> None:
    for name in ("concurrency", "resume_concurrency"):
        if params[name] < 1:
            raise invalid("%s=%d would never read a task" % (name, params[name]), "Give 1 or more.")
    if params["fail_percent"] is not None and not 0 <= params["fail_percent"] <= 100:
        raise invalid("fail_percent=%g is no share of tasks" % params["fail_percent"], "Give 0 to 100.")
    if not params["path"]:
        raise invalid("'path' is empty", "Give the folder of the archive.")
    if any(len(value) < SHORTEST_VALUE for value in params["redact_values"]):
        raise invalid("a value in 'redact_values' has fewer than %d characters" % SHORTEST_VALUE, "Leave it out.")


def _redactor(context: Context) -> Redactor | None:
    """What takes secrets out, those of this very call among them."""
    params = context.params
    if not params["redact"]:
        return None
    if params["redaction_key"] is None and _lies_in(key_path(), params["path"]):
        raise invalid(
            "the archive %s would hold its own redaction key" % params["path"],
            "Whoever has both can test guesses at the secrets. Give another 'path', or a 'redaction_key'.",
        )
    rules = user_rules.load(params["redaction_rules"]) if params["redaction_rules"] else user_rules.UserRules()
    own = {(params["token"] or "").strip(), *secrets_in(params)}
    return Redactor(
        _key(context),
        values=sorted({*params["redact_values"], *rules.values}),
        passing_values=sorted(value for value in own if len(value) >= SHORTEST_VALUE),
        rules=rules.rules,
        allow=rules.allow,
    )


def _lies_in(file: str, folder: str) -> bool:
    file, folder = os.path.realpath(file), os.path.realpath(folder)
    return os.path.commonpath([file, folder]) == folder


def _key(context: Context) -> bytes:
    given = context.params["redaction_key"]
    if context.check_mode and given is None and not os.path.exists(key_path()):
        return secrets.token_bytes(32)  # nothing can have been saved with a key that is still to be made
    return redaction_key(given)


def _result(archive: Archive, outcomes: Outcomes, missing: list[str], searchable: bool) -> dict[str, Any]:
    entries = archive.entries()
    names = {"manifest": manifest.MANIFEST, "checksums": manifest.SUMS, "index": INDEXES[1]}
    return {
        "changed": outcomes.changed,
        "archive": dict(
            {key: os.path.join(archive.path, name) for key, name in names.items()},
            path=archive.path,
            search=os.path.join(archive.path, DATABASE) if searchable else None,
            tasks=len(entries),
            bytes=sum(entry["bytes"] for entry in entries),
        ),
        "missing_names": missing,
        **outcomes.result(),
    }


def _judged(params: dict[str, Any], outcomes: Outcomes, result: dict[str, Any]) -> dict[str, Any]:
    """The result, if not too much failed."""
    failed, fail_on = len(outcomes.failures), params["fail_on"]
    allowed = {"none": float("inf"), "any": 0.0}.get(fail_on)
    if allowed is None:
        allowed = params["fail_percent"] / 100.0 * max(outcomes.selected, failed)
    if failed <= allowed:
        return result
    told = " ".join("%s: %s" % (failure.label, failure.message) for failure in outcomes.failures[:FAILURES_TOLD])
    error = CoderError(
        "%d of %d tasks failed. %s" % (failed, max(outcomes.selected, failed), told), outcomes.failures[0].kind,
        hint="What could be done is done; the same call again goes on from there.", result=result,
    )
    error.attempt = {"present": "save all tasks", "verified": "verify the archive"}.get(
        params["state"], "remove all tasks that are safe to delete"
    )
    raise error
