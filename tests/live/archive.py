# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations are saved, proven and removed from the server: of the tasks of this run alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from live.case import CHECK, case, step
from live.deployment import Deployment

# All that an archive may be less than the server's: what is deleted here is worth nothing.
ANYTHING = ["snapshot", "cut", "none", "redacted", "restarted", "empty", "gaps"]


def options(deployment: Deployment, *shorts: str, **more: Any) -> dict[str, Any]:
    """Of an archive, and of nothing but these tasks."""
    names = [deployment.name(short) for short in shorts]
    return {"path": str(deployment.archive), "name": names, "redaction_key": f"of the run {deployment.prefix}", **more}


def prepare(deployment: Deployment) -> None:
    """A running task, and a paused one where the server keeps its log."""
    deployment.have("one")
    deployment.have("two", paused=not deployment.lacks("tasks:snapshots"))


@case("Conversations are saved, once, with checksums that hold", "tasks")
def saved(deployment: Deployment) -> None:
    prepare(deployment)
    both = options(deployment, "one", "two")
    elsewhere = deployment.folder / "elsewhere"
    done = deployment.play(
        step("Shown", "archive", {**both, "path": str(elsewhere)}, **CHECK),
        step("Saved", "archive", both),
        step("Saved again", "archive", both),
        step("Asked", "archive_info", both),
    )
    assert done.ok("Shown", changed=True)["summary"]["selected"] == 2, "Check mode sees other tasks"
    assert not elsewhere.exists(), "Check mode wrote an archive"
    result = done.ok("Saved", changed=True)
    assert result["summary"]["created"] == 2 and not result["failures"], "Not both conversations were saved"
    done.ok("Saved again", changed=False)
    assert done.ok("Asked", changed=False)["verification"]["files"]["intact"], "The files are said to be damaged"
    wrong = [line for line in _checksums(deployment.archive) if not _holds(deployment.archive, line)]
    assert not wrong, f"SHA256SUMS does not hold for {wrong}"
    entries = map(json.loads, (deployment.archive / "manifest.jsonl").read_text(encoding="utf-8").splitlines())
    assert {entry["name"] for entry in entries} == set(both["name"]), "The archive holds other tasks"


@case("Shards of two machines become one archive, if none is missing", "tasks")
def joined(deployment: Deployment) -> None:
    prepare(deployment)
    both = options(deployment, "one", "two")
    top = deployment.folder / "shards"
    key = {"path": str(top), "redaction_key": both["redaction_key"]}
    shards = [{**both, "path": str(top / f"of-{index}"), "shard": {"index": index, "count": 2}} for index in (1, 2)]
    done = deployment.play(
        step("First", "archive", shards[0]),
        step("Missing", "archive_join", key, ignore_errors=True),
        step("Second", "archive", shards[1]),
        step("Joined", "archive_join", key),
        step("Joined again", "archive_join", key),
        step("Asked", "archive_info", {**both, "path": str(top)}),
    )
    assert done["Missing"]["objections"] == ["Shard 2 of 2 is missing."], "Half of it passed for all"
    assert done.ok("Joined", changed=True)["archive"]["tasks"] == 2, "Not both conversations are in the archive"
    done.ok("Joined again", changed=False)
    assert done.ok("Asked", changed=False)["verification"]["files"]["intact"], "The files are said to be damaged"


@case("A damaged conversation is found, and its task is not deleted", "tasks")
def damaged(deployment: Deployment) -> None:
    prepare(deployment)
    two = options(deployment, "two", accept=ANYTHING, fail_on="none")
    files = deployment.archive / "tasks" / f"*{deployment.name('two')}*" / "messages.jsonl"
    damage = {"name": "Damage", "ansible.builtin.shell": f"for file in {files}; do echo more >>$file; done"}
    done = deployment.play(
        step("Saved", "archive", options(deployment, "one", "two")),
        damage,
        step("Verified", "archive", {**two, "state": "verified"}),
        step("Evacuated", "archive", {**two, "state": "evacuated"}),
        step("There", "task_info", {"name": two["name"]}),
    )
    done.ok("Saved")
    assert done.ok("Verified")["verification"]["damaged"] == 1, "The damage is not found"
    assert not done.ok("Evacuated")["summary"]["deleted"], "The task was deleted although its conversation is damaged"
    assert done.ok("There")["tasks"], "The task is not there any more"


@case("Only what was named and proven is evacuated", "tasks")
def evacuated(deployment: Deployment) -> None:
    prepare(deployment)
    report = deployment.folder / "report.jsonl"
    two = options(deployment, "two", accept=ANYTHING, fail_on="none")
    names = [deployment.name("one"), deployment.name("two")]
    # An agent that still writes has said more than was saved; then it is saved again, and deleted the next time.
    once = {"when": "proven.summary.selected == 1"}
    until = {"register": "done", "until": "done.summary.deleted | default(0) == 1", "retries": 2, "delay": 1}
    done = deployment.play(
        step("Saved", "archive", options(deployment, "one", "two")),
        step("Proven", "archive", {**two, "state": "verified", "report": str(report)}, register="proven"),
        step("Shown", "archive", {**two, "state": "evacuated"}, **CHECK),
        step("There", "task_info", {"name": names}),
        step("Evacuated", "archive", {**two, "state": "evacuated"}, **until, **once),
        step("Left", "task_info", {"name": names}),
        step("Again", "archive", {**two, "state": "evacuated"}, **once),
    )
    done.ok("Saved")
    assert done.ok("Proven", changed=False)["summary"]["selected"] == 1, "Another task was looked at than was named"
    (line,) = map(json.loads, report.read_text(encoding="utf-8").splitlines())
    assert line["task"].endswith(names[1]), "The report is about another task"
    assert len(done.ok("There")["tasks"]) == 2, "Check mode deleted a task"
    evacuation = done["Evacuated"]
    assert evacuation["summary"]["deleted"] == 1, f"It was not deleted: {' '.join(evacuation['verification']['no_go'])}"
    assert done.ok("Left")["missing"] == names[1:], "Not just the task that was named is gone"
    assert done["Again"]["summary"]["deleted"] == 0, "It was deleted a second time"


@case("What the server has added up of its chats is saved, as far as this user may read it", "chats")
def accounts(deployment: Deployment) -> None:
    folder, elsewhere = deployment.folder / "archive", deployment.folder / "elsewhere"
    # A chat of this name there is not: what is saved are the accounts and nothing else.
    asked = {
        "path": str(folder), "source": "chats", "name": [deployment.chat_name("nobody")], "accounts": True,
        "fail_on": "none", "redaction_key": f"of the run {deployment.prefix}",
    }  # fmt: skip
    done = deployment.play(
        step("Shown", "archive", {**asked, "path": str(elsewhere)}, **CHECK),
        step("Saved", "archive", asked),
    )
    shown, saved = done.ok("Shown")["accounts"], done.ok("Saved")["accounts"]
    assert not elsewhere.exists(), "Check mode wrote an archive"
    assert shown == saved, "Check mode tells of other accounts than are saved"
    failed = [line["name"] for line in saved if line["state"] == "failed"]
    assert not failed, f"Could not be saved: {', '.join(failed)}"
    told = {line["name"] for line in saved if line["state"] == "saved"}
    held = {path.stem for path in (folder / "accounts").glob("*.json")}
    assert held == told, "Other accounts lie there than are told"


@case("A chat is saved, and whether the server deletes it unsaved is told", "chats", "model")
def chats(deployment: Deployment) -> None:
    deployment.have_chat("kept")
    name = deployment.chat_name("kept")
    key = {"redaction_key": f"of the run {deployment.prefix}"}
    kept = {"path": str(deployment.folder / "archive"), "name": [name], "accept": ANYTHING, **key}
    done = deployment.play(
        step("Saved", "archive", {**kept, "source": "chats"}),
        step("Saved again", "archive", {**kept, "source": "chats"}),
        step("Archived", "chat", {"name": name, "state": "archived"}),
        step("Saved as archived", "archive", {**kept, "source": "chats"}),
        step("Retention", "archive_retention", {**kept, "within": "365d"}),
    )
    assert done.ok("Saved", changed=True)["summary"]["selected"] == 1, "Another chat was saved than was named"
    done.ok("Saved again", changed=False)
    done.ok("Archived", changed=True)
    done.ok("Saved as archived")
    retention = done.ok("Retention", changed=False)
    assert (retention["archived"], retention["due"]) == (1, []), f"What is saved is due: {retention['no_go']}"


def _checksums(archive: Path) -> list[str]:
    return (archive / "SHA256SUMS").read_text(encoding="utf-8").splitlines()


def _holds(archive: Path, line: str) -> bool:
    """Whether a line of SHA256SUMS, as sha256sum writes it, is true."""
    digest, _gap, name = line.partition("  ")
    return hashlib.sha256((archive / name).read_bytes()).hexdigest() == digest
