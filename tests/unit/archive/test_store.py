# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive import files
from ansible_collections.coder.tasks.plugins.module_utils.archive.files import json_lines, parse_lines
from ansible_collections.coder.tasks.plugins.module_utils.archive.record import Record, folder_name
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.rules import pattern_rule
from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError

from . import samples
from .samples import fleet, message, record

TOKEN = "gh" + "p_" + "a1B2" * 9
REPOSITORY = Path(__file__).parents[3]


def save(path: Path, *records: Record, redactor: Redactor | None = None) -> list[str]:
    with Archive(str(path), redactor) as archive:
        outcomes = [archive.save(each) for each in records]
        archive.finish()
    return outcomes


def tree(path: Path, derived: bool = False) -> dict[str, bytes]:
    found = {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    return {name: data for name, data in found.items() if derived or name not in ("index.sqlite", ".lock")}


def assert_sound(path: Path) -> None:
    """By our own check and by coreutils."""
    with Archive(str(path), None) as archive:
        check = archive.verify_files()
    assert check.ok, check
    sums = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=path, capture_output=True,
                          text=True, check=False)
    assert (sums.returncode, sums.stdout, sums.stderr) == (0, "", "")
    listed = {line.split("  ", 1)[1] for line in (path / "SHA256SUMS").read_text().splitlines()}
    assert listed == set(tree(path)) - {"SHA256SUMS"}


def manifest(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (path / "manifest.jsonl").read_text().splitlines()]


def test_a_task_is_created_then_unchanged_then_changed(tmp_path: Path) -> None:
    assert save(tmp_path, record()) == ["created"]
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    assert save(tmp_path, record()) == ["unchanged"]
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before
    assert save(tmp_path, record(messages=[message(1, "the first one is missing")])) == ["changed"]
    assert manifest(tmp_path)[0]["complete"] is False
    assert_sound(tmp_path)


def test_what_was_saved_is_read_back_untouched(tmp_path: Path) -> None:
    odd = message(1, "漢字 \ud800 \0 \u2028 \r\n" + samples.HOSTILE)
    given = record(messages=[odd, {**message(2, ""), "extra": [1.5, None]}])
    save(tmp_path, given)
    with Archive(str(tmp_path), None) as archive:
        saved = archive.read(given["task"]["id"])
        assert saved is not None
        assert (saved.task, saved.messages) == (given["task"], given["messages"])
        assert archive.read("no such id") is None
    assert_sound(tmp_path)


def test_the_manifest_says_what_was_found(tmp_path: Path) -> None:
    save(tmp_path, record(), record(2, [], source="none", error_kind="conflict"))
    first, second = manifest(tmp_path)
    assert (first["owner"], first["name"], first["messages"], first["error_kind"]) == ("bob", "task-1", 2, None)
    assert (first["first_time"], first["last_time"]) == ("2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z")
    assert sorted(first["files"]) == ["messages.jsonl", "task.json", "transcript.html", "transcript.md"]  # type: ignore[call-overload]
    assert (second["source"], second["messages"], second["error_kind"]) == ("none", 0, "conflict")


def test_what_a_manifest_names_is_on_the_disk_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync, replace = files.sync, files.replace
    monkeypatch.setattr(files, "sync", lambda path: (synced.append(str(path)), sync(path)))
    monkeypatch.setattr(files, "replace", lambda path, data: (synced.append(f"put {path}"), replace(path, data)))
    save(tmp_path, record())
    (manifest_at,) = [index for index, name in enumerate(synced) if name == f"put {tmp_path / 'manifest.jsonl'}"]
    (folder,) = [entry["folder"] for entry in manifest(tmp_path)]
    before = synced[:manifest_at]
    for name in ("messages.jsonl", "task.json"):
        assert str(tmp_path / "tasks" / str(folder) / name) in before


def test_a_folder_that_cannot_be_replaced_stays_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, record(messages=[message(0, "first")]))
    before = tree(tmp_path / "tasks")
    rename, put_aside = os.rename, []

    def full(source: str, target: str) -> None:
        # The disk is full from the moment at which the old folder was put aside.
        if put_aside and str(source) != put_aside[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)
        if Path(target).name.startswith(".old-"):
            put_aside.append(str(target))

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(CoderError) as caught:
        save(tmp_path, record(messages=[message(0, "first"), message(1, "second")]))
    assert caught.value.kind == "io" and put_aside
    assert tree(tmp_path / "tasks") == before


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ENOSPC, errno.EXDEV])
def test_a_rename_that_fails_puts_nothing_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Only a folder that stands in the way is put aside for the new one."""
    save(tmp_path, record(messages=[message(0, "first")]))
    before, tried = tree(tmp_path / "tasks"), list[str]()

    def broken(source: str, target: str) -> None:
        tried.append(Path(target).name)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, pytest.raises(CoderError, match=os.strerror(number)) as caught:
        patch.setattr(os, "rename", broken)
        save(tmp_path, record(messages=[message(0, "first"), message(1, "second")]))
    assert caught.value.kind == "io" and len(tried) == 1 and not tried[0].startswith(".old-")
    assert tree(tmp_path / "tasks") == before
    assert save(tmp_path, record(messages=[message(0, "first"), message(1, "second")])) == ["changed"]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        save(tmp_path / "archive", record())
    finally:
        os.umask(old)
    for path in [tmp_path / "archive", *(tmp_path / "archive").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_growing_log_needs_no_earlier_version(tmp_path: Path) -> None:
    log = [message(1, "a"), message(2, "b")]
    assert save(tmp_path, record(messages=log[:1])) + save(tmp_path, record(messages=log)) == ["created", "changed"]
    assert manifest(tmp_path)[0]["earlier"] == 0


def test_changed_messages_are_kept(tmp_path: Path) -> None:
    first, second = [message(1, "a"), message(2, "b")], [message(1, "a"), message(2, "B")]
    versions = [first, second, second[1:], [*second[1:], message(3, "c")]]
    for version in versions:
        save(tmp_path, record(messages=version))
    folder = next((tmp_path / "tasks").iterdir())
    assert parse_lines((folder / "messages.1.jsonl").read_bytes()) == versions[0]
    assert parse_lines((folder / "messages.2.jsonl").read_bytes()) == versions[1]
    assert not (folder / "messages.3.jsonl").exists()
    assert "messages.1.jsonl to messages.2.jsonl" in (folder / "transcript.html").read_text()
    assert_sound(tmp_path)


def test_a_lost_earlier_version_does_not_stop_the_next(tmp_path: Path) -> None:
    for content in ("a", "b", "c"):
        save(tmp_path, record(messages=[message(1, content)]))
    folder = next((tmp_path / "tasks").iterdir())
    (folder / "messages.1.jsonl").write_text("{broken")
    assert save(tmp_path, record(messages=[message(1, "d")])) == ["changed"]
    assert [parse_lines((folder / f"messages.{n}.jsonl").read_bytes())[0]["content"] for n in (1, 2)] == ["b", "c"]
    assert_sound(tmp_path)


def test_a_failed_read_never_replaces_a_log(tmp_path: Path) -> None:
    failed = record(messages=[], source="none", error_kind="unavailable")
    redactor = Redactor(samples.KEY)
    save(tmp_path, record(messages=[message(1, f"x {TOKEN}")]), redactor=redactor)
    before = manifest(tmp_path)[0]
    assert [save(tmp_path, failed, redactor=redactor) for _run in range(2)] == [["changed"], ["unchanged"]]
    after = manifest(tmp_path)[0]
    assert (after["messages"], after["source"], after["error_kind"], after["earlier"]) == (1, "live", "unavailable", 0)
    assert (after["lacks"], after["redactions"]) == (before["lacks"], before["redactions"])


def test_a_renamed_task_keeps_its_folder(tmp_path: Path) -> None:
    save(tmp_path, record())
    save(tmp_path, record(task_changes={"name": "another"}))
    assert len(list((tmp_path / "tasks").iterdir())) == 1
    assert manifest(tmp_path)[0]["name"] == "another"


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    redactor = Redactor(samples.KEY)
    given = record(messages=[message(1, f"the token {TOKEN}")], task_changes={"initial_prompt": f"use {TOKEN}"})
    save(tmp_path, given, redactor=redactor)
    assert not [name for name, data in tree(tmp_path, derived=True).items() if TOKEN.encode() in data]
    entry = manifest(tmp_path)[0]
    assert entry["redactions"] == {"github-token": 2}
    assert entry["redaction_key"] == redactor.fingerprint
    assert str(entry["record_digest"]).startswith("hmac-sha256:")
    assert samples.KEY not in b"".join(tree(tmp_path, derived=True).values())


def test_a_new_rule_cleans_what_was_saved_before(tmp_path: Path) -> None:
    for content in ("the word is swordfish", "the word is not swordfish"):
        save(tmp_path, record(messages=[message(1, content)]))
    save(tmp_path, record(messages=[message(1, "fish")]), redactor=Redactor(samples.KEY, values=["swordfish"]))
    assert manifest(tmp_path)[0]["earlier"] == 2
    assert not [name for name, data in tree(tmp_path, derived=True).items() if b"swordfish" in data]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = ['.build', 'tests/unit'];"
        "from archive.samples import KEY, fleet;"
        "from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive;"
        "from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor;"
        "archive = Archive(sys.argv[1], Redactor(KEY)); records = fleet(40);"
        "[archive.save(each) for each in (records if sys.argv[2] == '0' else records[::-1])]; archive.finish()"
    )
    for number, (seed, zone, locale) in enumerate((("0", "UTC", "C"), ("123", "Asia/Tokyo", "C.UTF-8"))):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        subprocess.run([sys.executable, "-c", script, str(tmp_path / str(number)), str(number)], check=True, timeout=60,
                       cwd=REPOSITORY, env=environment)
    assert tree(tmp_path / "0") == tree(tmp_path / "1")


def test_what_a_killed_run_left_beside_the_new_folder_goes(tmp_path: Path) -> None:
    """It was killed when the new folder was in its place, and the old one not yet removed."""
    save(tmp_path, record())
    (folder,) = (tmp_path / "tasks").iterdir()
    shutil.copytree(folder, folder.with_name(f".old-{folder.name}"))
    before = tree(tmp_path)
    assert save(tmp_path, record()) == ["unchanged"]
    assert list((tmp_path / "tasks").iterdir()) == [folder] and tree(tmp_path).items() <= before.items()
    assert_sound(tmp_path)


@pytest.mark.parametrize("file", ["messages.jsonl", "transcript.html", "task.json", "transcript.md"])
@pytest.mark.parametrize("damage", ["change", "remove"])
def test_damage_is_found_and_mended(tmp_path: Path, file: str, damage: str) -> None:
    save(tmp_path, record(1), record(2))
    path = next((tmp_path / "tasks").glob("bob*")) / file
    if damage == "change":
        path.write_bytes(path.read_bytes().replace(b"e", b"x", 1))
    else:
        path.unlink()
    with Archive(str(tmp_path), None) as archive:
        check = archive.verify_files()
    assert check.damaged == {record(1)["task"]["id"]: [str(path.relative_to(tmp_path))]}
    assert save(tmp_path, record(1), record(2)) == ["changed", "unchanged"]
    assert manifest(tmp_path)[1]["earlier"] == 0
    assert_sound(tmp_path)


def test_damage_is_never_taken_for_the_truth(tmp_path: Path) -> None:
    save(tmp_path, record())
    log = next((tmp_path / "tasks").glob("bob*")) / "messages.jsonl"
    log.write_bytes(log.read_bytes().replace(b"login", b"nigol"))
    with pytest.raises(CoderError, match="is damaged, and the server has no other") as error:
        save(tmp_path, record(messages=[], source="none", error_kind="unavailable"))
    assert error.value.kind == "conflict"
    with Archive(str(tmp_path), None) as archive:
        assert archive.verify_files().damaged == {record()["task"]["id"]: [str(log.relative_to(tmp_path))]}


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"task": {}}', b'{"task": {}, "archive": 7}'])
def test_a_folder_that_says_nothing_of_its_task_is_damaged_whatever_the_checksums_say(
    tmp_path: Path, text: bytes
) -> None:
    save(tmp_path, record())
    about = next((tmp_path / "tasks").iterdir()) / "task.json"
    old, new = (files.sha256(data) for data in (about.read_bytes(), text))
    about.write_bytes(text)
    lines, sums = tmp_path / "manifest.jsonl", tmp_path / "SHA256SUMS"
    before = files.sha256(lines.read_bytes())
    lines.write_text(lines.read_text().replace(old, new))
    sums.write_text(sums.read_text().replace(old, new).replace(before, files.sha256(lines.read_bytes())))
    with Archive(str(tmp_path), None, read_only=True) as archive:
        (entry,) = archive.entries()
        evidence = archive.examine(entry["id"])
        assert evidence is not None and evidence.problem == "damaged" and evidence.messages == []
        assert text != b"[]" or archive.said(entry) is None


def test_damage_at_the_top_and_strays_are_found(tmp_path: Path) -> None:
    save(tmp_path, record())
    (tmp_path / "index.csv").write_text("")
    stray = next((tmp_path / "tasks").iterdir()) / "stray"
    stray.write_text("")
    with Archive(str(tmp_path), None) as archive:
        check = archive.verify_files()
    assert (check.top, check.stray) == (["index.csv"], [str(stray.relative_to(tmp_path))])
    assert not check.ok


def test_a_damaged_manifest_is_rebuilt_from_the_folders(tmp_path: Path) -> None:
    save(tmp_path, *fleet(5))
    before = tree(tmp_path)
    (tmp_path / "manifest.jsonl").write_text('{"broken')
    save(tmp_path)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("text", ["", "first line only"])
def test_a_shortened_manifest_loses_nothing(tmp_path: Path, text: str) -> None:
    """It is valid JSON Lines, so only its checksum tells."""
    save(tmp_path, record(1), record(2))
    before = tree(tmp_path)
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "manifest.jsonl").write_text(lines[0] if text else "")
    nothing = {"messages": [], "source": "none", "complete": False, "error_kind": "no_log"}
    assert save(tmp_path, record(1, **nothing), record(2, **nothing)) == ["changed", "changed"]
    assert [entry["messages"] for entry in manifest(tmp_path)] == [2, 2]
    save(tmp_path, record(1), record(2))
    assert tree(tmp_path) == before


def test_what_a_folder_without_account_holds_is_not_overwritten(tmp_path: Path) -> None:
    save(tmp_path, record(messages=[message(1, "old"), message(2, "words")]), record(messages=[message(1, "new")]))
    folder = next((tmp_path / "tasks").iterdir())
    log = (folder / "messages.jsonl").read_bytes()
    (folder / "task.json").write_text("{")
    (tmp_path / "manifest.jsonl").unlink()
    with pytest.raises(CoderError, match="is damaged, and the server has no other"):
        save(tmp_path, record(messages=[], source="none", error_kind="no_log"))
    assert (folder / "messages.jsonl").read_bytes() == log
    assert save(tmp_path, record(messages=[message(1, "other")])) == ["created"]
    contents = [[line["content"] for line in parse_lines((folder / name).read_bytes())]
                for name in ("messages.1.jsonl", "messages.2.jsonl", "messages.jsonl")]  # fmt: skip
    assert contents == [["old", "words"], ["new"], ["other"]]
    assert_sound(tmp_path)


@pytest.mark.parametrize(("goes_on", "lacks"), [(True, []), (False, ["restarted"])])
def test_a_log_without_account_shows_whether_an_agent_remembers(
    tmp_path: Path, goes_on: bool, lacks: list[str]
) -> None:
    said = [message(0, "Fix it", "input"), message(1, "I do")]
    save(tmp_path, record(messages=said))
    (next((tmp_path / "tasks").iterdir()) / "task.json").unlink()
    (tmp_path / "manifest.jsonl").unlink()
    more = [*said, message(2, "Done")] if goes_on else [message(0, "Hello")]
    save(tmp_path, record(messages=more, task_changes={"workspace_build_number": 3}))
    assert manifest(tmp_path)[0]["lacks"] == lacks


@pytest.mark.parametrize("name", ["index.html", "index.csv", "manifest.jsonl", "SHA256SUMS"])
@pytest.mark.parametrize("text", ["", "garbage\n"])
def test_damage_at_the_top_is_mended_by_the_next_run(tmp_path: Path, name: str, text: str) -> None:
    save(tmp_path, *fleet(5))
    before = tree(tmp_path)
    (tmp_path / name).write_text(text)
    assert set(save(tmp_path, *fleet(5))) == {"unchanged"}
    assert tree(tmp_path) == before


def test_damage_that_cannot_be_mended_stops_nothing_else(tmp_path: Path) -> None:
    save(tmp_path, record(1), record(2))
    folder = tmp_path / "tasks" / str(manifest(tmp_path)[0]["folder"])
    (folder / "messages.jsonl").write_text("{")
    (folder / "task.json").write_text("{")
    assert save(tmp_path, record(3)) == ["created"]
    with Archive(str(tmp_path), None) as archive:
        assert len(archive.verify_files().damaged) == 1


def test_foreign_things_among_the_tasks_are_strays(tmp_path: Path) -> None:
    save(tmp_path, record(1), record(2))
    (tmp_path / "tasks" / ".DS_Store").write_text("")
    folder = tmp_path / "tasks" / str(manifest(tmp_path)[0]["folder"])
    shutil.rmtree(folder)
    folder.write_text("a file in its place")
    with Archive(str(tmp_path), None) as archive:
        check = archive.verify_files()
    assert len(check.damaged) == 1
    assert check.stray == ["tasks/.DS_Store", f"tasks/{folder.name}"]
    (tmp_path / "manifest.jsonl").unlink()
    assert sorted(save(tmp_path, record(1), record(2))) == ["created", "unchanged"]
    assert not [path for path in (tmp_path / "tasks").iterdir() if path.name.startswith((".new", ".old"))]


def test_a_chat_among_the_tasks_is_no_task(tmp_path: Path) -> None:
    save(tmp_path, record())
    about = next((tmp_path / "tasks").iterdir()) / "task.json"
    about.write_text(about.read_text().replace('"archive": {', '"archive": {"kind": "chat",'))
    (tmp_path / "manifest.jsonl").unlink()
    with Archive(str(tmp_path), None, read_only=True) as archive:
        assert archive.entries() == []


def test_a_place_without_an_archive_is_told_before_anything_relies_on_it(tmp_path: Path) -> None:
    with Archive(str(tmp_path / "nowhere"), None, read_only=True) as archive:
        with pytest.raises(CoderError, match=r"here is no archive at .*nowhere") as error:
            archive.check_place()
        assert error.value.kind == "io"


def test_other_peoples_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("my home page")
    with pytest.raises(CoderError, match="is not empty and is not an archive") as error:
        Archive(str(tmp_path), None)
    assert error.value.kind == "invalid"
    assert list(tmp_path.iterdir()) == [tmp_path / "index.html"]


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o1777, 0o2775])
def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    for name in (".git", "lost+found"):
        (tmp_path / name).mkdir()
    save(tmp_path, record())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode
    assert (tmp_path / "tasks").stat().st_mode & 0o777 == 0o700
    (tmp_path / ".lock").unlink()  # as git leaves it out
    (tmp_path / "README.md").write_text("Ours")
    assert save(tmp_path, record()) == ["unchanged"]


@pytest.mark.parametrize("mode", [0o755, 0o1777, 0o2775])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path: Path, mode: int, read_only: bool) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    tmp_path.chmod(mode)
    with pytest.raises(CoderError, match="is not empty and is not an archive"):
        Archive(str(tmp_path), None, read_only=read_only)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_file_is_no_archive(tmp_path: Path) -> None:
    file = tmp_path / "hostname"
    file.write_text("here")
    with pytest.raises(CoderError, match="hostname is not a folder") as error:
        Archive(str(file), None)
    assert error.value.kind == "invalid"


def test_ids_are_no_secrets_whatever_a_rule_says(tmp_path: Path) -> None:
    rule = pattern_rule("heroku", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "")
    redactor = Redactor(samples.KEY, rules=[rule])
    secret = "0123abcd-0123-0123-0123-0123456789ab"
    for outcome in ("created", "unchanged"):
        assert save(tmp_path, record(1, [message(1, secret)]), record(2), redactor=redactor) == [outcome] * 2
    first = manifest(tmp_path)[0]
    assert (first["id"], first["owner_id"]) == (record(1)["task"]["id"], record(1)["task"]["owner_id"])
    assert first["redactions"]["heroku"] >= 1
    assert secret not in "".join(map(bytes.decode, tree(tmp_path).values()))


def test_marks_of_another_key_do_not_hide_that_a_snapshot_goes_on(tmp_path: Path) -> None:
    log = [message(number, f"part {number} {TOKEN}") for number in range(4)]
    save(tmp_path, record(1, log[:3]), redactor=Redactor(samples.KEY))
    snapshot = record(1, log[2:], source="snapshot")
    save(tmp_path, snapshot, redactor=Redactor(b"another key of the tests"))
    entry = manifest(tmp_path)[0]
    assert (entry["messages"], entry["earlier"], entry["complete"]) == (4, 0, True)


def test_secrets_that_grow_older_stay_counted_and_change_nothing(tmp_path: Path) -> None:
    redactor = Redactor(samples.KEY)
    log = [message(number, f"part {number} {TOKEN}" if number in (1, 12) else f"part {number}") for number in range(15)]
    for end in (3, 8, 15):
        save(tmp_path, record(1, log[:end]), redactor=redactor)
        assert manifest(tmp_path)[0]["earlier"] == 0
    save(tmp_path, record(1, log[5:], source="snapshot"), redactor=redactor)
    entry = manifest(tmp_path)[0]
    assert (entry["source"], entry["messages"], entry["earlier"]) == ("live", 15, 0)
    assert entry["redactions"] == {"github-token": 2} and entry["redacted"]
    before = tree(tmp_path)
    save(tmp_path, record(1, [], source="none", error_kind="no_log"), redactor=redactor)
    kept = next((tmp_path / "tasks").iterdir()) / "messages.jsonl"
    assert kept.read_bytes() == before[str(kept.relative_to(tmp_path))]


def test_what_is_taken_out_later_is_told_too(tmp_path: Path) -> None:
    log = [message(number, f"part {number} {TOKEN}" if not number else f"part {number}") for number in range(15)]
    save(tmp_path, record(1, log))
    assert not manifest(tmp_path)[0]["redacted"]
    save(tmp_path, record(1, log[5:], source="snapshot"), redactor=Redactor(samples.KEY))
    entry = manifest(tmp_path)[0]
    assert (entry["messages"], entry["redacted"], entry["redactions"]) == (15, True, {"github-token": 1})


def test_two_runs_cannot_write_at_once(tmp_path: Path) -> None:
    with Archive(str(tmp_path), None), pytest.raises(CoderError, match="Another run is writing") as error:
        Archive(str(tmp_path), None)
    assert error.value.kind == "busy"
    save(tmp_path, record())


def test_threads_may_save_different_tasks(tmp_path: Path) -> None:
    with Archive(str(tmp_path), Redactor(samples.KEY)) as archive, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(archive.save, fleet(60))) == {"created"}
        archive.finish()
    assert_sound(tmp_path)


_SAVER = """
import sys; sys.path[:0] = [".build", "tests/unit"]
from archive.samples import KEY, fleet
from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.rules import pattern_rule
for seed in range(int(sys.argv[2]), 1000):
    with Archive(sys.argv[1], Redactor(KEY), helpers=2) as archive:
        for each in fleet(30, seed):
            archive.save(each)
            print(seed, flush=True)
        archive.finish()
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_is_whole_and_goes_on(tmp_path: Path) -> None:
    rng = random.Random(5)
    seed = 0
    for _kill in range(20):
        command = [sys.executable, "-c", _SAVER, str(tmp_path), str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
            assert process.stdout is not None
            watchdog = threading.Timer(30, process.kill)
            watchdog.start()
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().split()
            watchdog.cancel()
        seed = int(lines[-1]) if lines else seed
        with Archive(str(tmp_path), Redactor(samples.KEY)) as archive:
            for entry in archive.entries():
                for name, file in entry["files"].items():
                    path = tmp_path / "tasks" / entry["folder"] / name
                    assert path.stat().st_size == file["bytes"], path
    records = fleet(30, 7)
    save(tmp_path, *records, redactor=Redactor(samples.KEY))
    assert_sound(tmp_path)
    redactor = Redactor(samples.KEY)
    with Archive(str(tmp_path), redactor) as archive:
        for each in records:
            saved = archive.read(each["task"]["id"])
            assert saved is not None
            if each["messages"]:
                assert saved.messages == each["messages"]


def test_a_full_disk_is_told_and_leaves_nothing_broken(tmp_path: Path) -> None:
    save(tmp_path, record(1), record(2))
    before = tree(tmp_path)
    script = (
        "import resource, sys; sys.path[:0] = ['.build', 'tests/unit']; import signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from archive.samples import message, record\n"
        "from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive\n"
        "from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError\n"
        "archive = Archive(sys.argv[1], None)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "try: archive.save(record(1, [message(1, 'x' * 50000)]))\n"
        "except CoderError as error: print(error.kind, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True,
                          check=True, timeout=60)
    assert done.stdout.startswith("io Could not save the task task-1: ") and "Check the free space" in done.stdout
    with Archive(str(tmp_path), None) as archive:
        archive.finish()
    assert tree(tmp_path) == before
    assert_sound(tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CoderError, match="Could not open the archive") as error:
        Archive(str(tmp_path / "file" / "archive"), None)
    assert error.value.kind == "io"


_ODD = ["", "..", "/etc/passwd", "CON", "a\0b", "-rf", ".git", "名前", "A" * 300]
_names = st.one_of(st.text(max_size=80), st.sampled_from(_ODD))


@given(_names, _names, st.one_of(st.uuids().map(str), _names))
def test_folder_names_are_safe_everywhere(owner: str, name: str, task_id: str) -> None:
    folder = folder_name({"id": task_id, "owner_name": owner, "name": name})
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(folder) <= 120 and folder[0] not in "-_"
    assert not folder.startswith("_") and folder.count("_") == 2


@given(st.lists(st.text(max_size=6), min_size=2, max_size=12, unique=True))
def test_folder_names_never_collide(ids: list[str]) -> None:
    assert len({folder_name({"id": each, "owner_name": "a", "name": "b"}) for each in ids}) == len(ids)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(_json, max_size=4))
def test_json_lines_survive_a_round_trip(values: list[object]) -> None:
    data = json_lines(values)
    assert data.count(b"\n") == len(values)
    assert parse_lines(data) == values


def test_a_fleet_can_be_removed_and_made_again(tmp_path: Path) -> None:
    save(tmp_path, *fleet(20))
    before = tree(tmp_path)
    shutil.rmtree(tmp_path / "tasks")
    (tmp_path / ".unfinished").write_text("")
    save(tmp_path, *fleet(20))
    assert tree(tmp_path) == before
