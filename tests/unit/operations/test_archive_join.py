# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards of one deployment, joined to one archive, and used as one."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call

from emulator import Emulator

KEY = "a key for these tests only"
COUNT = 3


def collect(server: Emulator, top: Path, index: int, count: int = COUNT, **options: Any) -> Call:
    given = {"redaction_key": KEY, "all_owners": True, "wait_timeout": 5.0, **options}
    path = str(top / f"shard-{index}-of-{count}")
    return call("archive", server, path=path, shard={"index": index, "count": count}, **given)


def join(top: Path, **options: Any) -> Call:
    return call("archive_join", **{"path": str(top), "redaction_key": KEY, **options})


def whole(server: Emulator, top: Path, state: str, **options: Any) -> Call:
    given = {"redaction_key": KEY, "all_owners": True, "wait_timeout": 5.0, **options}
    return call("archive", server, path=str(top), state=state, **given)


def names(top: Path) -> list[str]:
    return sorted(line["name"] for path in top.glob("*/manifest.jsonl") for line in map(json.loads, path.open()))


def run_of(top: Path, index: int) -> Path:
    return top / f"shard-{index}-of-{COUNT}" / "last-run.json"


@pytest.fixture
def server(emulator: Callable[..., Emulator]) -> Emulator:
    made = emulator("2.34", chats="chats-2.36")
    for number in range(30):
        made.create_task(f"task-{number}").api.set_messages([{"id": 0, "content": f"word{number}"}])
    for number in range(6):
        made.create_chat(f"Chat {number}")
    return made


@pytest.fixture
def top(server: Emulator, tmp_path: Path) -> Path:
    """The shards, each whole and all of one round."""
    for index in range(1, COUNT + 1):
        done = collect(server, tmp_path / "top", index)
        assert not done.failed and done["summary"]["created"], "each shard has something"
    return tmp_path / "top"


def test_shards_are_one_archive_with_one_index(server: Emulator, top: Path) -> None:
    done = join(top)
    assert done["changed"] and not done.warnings
    assert [(line["index"], line["folder"]) for line in done["shards"]] == [
        (index, f"shard-{index}-of-{COUNT}") for index in range(1, COUNT + 1)
    ]
    assert (done["archive"]["tasks"], done["archive"]["chats"]) == (30, 6)
    seals = [json.loads((top / line["folder"] / "archive.json").read_text())["seal"] for line in done["shards"]]
    assert [line["seal"] for line in done["shards"]] == seals
    rows = list(csv.DictReader((top / "index.csv").open()))
    assert len(rows) == 36 and all((top / row["folder"] / "messages.jsonl").exists() for row in rows)
    page = (top / "index.html").read_text()
    assert "word7" in page and all(f"{row['folder']}/transcript.html" in page for row in rows)
    for folder in (top, *top.glob("shard-*")):
        command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
        assert subprocess.run(command, cwd=folder, check=False, timeout=60).returncode == 0
    assert not join(top)["changed"]


def test_nothing_is_written_in_check_mode(top: Path) -> None:
    assert join(top, check=True)["changed"]
    assert not (top / "shards.jsonl").exists()


def test_the_whole_is_verified_and_evacuated_as_one_archive(server: Emulator, top: Path) -> None:
    join(top)
    proof = whole(server, top, "verified", accept=["restarted"])["verification"]
    assert (proof["safe_to_delete"], proof["missing"], proof["seal"], proof["go"]) == (36, 0, "intact", True)
    late = server.create_task("late")
    late.api.set_messages([{"id": 0, "content": "came later"}])
    assert whole(server, top, "verified", fail_on="none")["verification"]["missing"] == 1
    done = whole(server, top, "evacuated", accept=["restarted"])
    assert (done["summary"]["deleted"], done["summary"]["kept"], done["summary"]["created"]) == (30, 6, 1)
    assert [task.name for task in server.state.visible_tasks()] == ["late"], "it was saved now, and not proven before"
    assert names(top).count("late") == 1
    assert not join(top)["changed"], "the top is about what lies there now"
    again = whole(server, top, "present", accounts=True)
    assert again["summary"]["created"] == 0 and again["archive"]["manifest"].endswith("shards.jsonl")
    proof = whole(server, top, "verified")["verification"]
    assert proof["go"] and proof["files"]["intact"] and names(top).count("late") == 1


def test_a_new_conversation_is_saved_in_its_own_shard(server: Emulator, top: Path) -> None:
    join(top)
    made = [server.create_task(f"new-{number}").name for number in range(6)]
    assert server.state.chats is not None
    roots = list(server.state.chats.all())
    made += [server.create_chat(f"Sub-agent {number}", parent=root).id for number, root in enumerate(roots)]
    whole(server, top, "present")
    for index in range(1, COUNT + 1):
        assert collect(server, top, index)["summary"]["created"] == 0
    assert not [name for name in names(top) if names(top).count(name) > 1] and len(names(top)) == 36 + len(made)


def test_a_changed_shard_is_named_until_it_is_joined_anew(server: Emulator, top: Path) -> None:
    join(top)
    for number in range(6):
        server.create_task(f"new-{number}")
    for index in range(1, COUNT + 1):
        collect(server, top, index)
    proof = whole(server, top, "verified", fail_on="none")["verification"]
    assert not proof["files"]["intact"] and proof["files"]["top"][0].endswith("SHA256SUMS") and not proof["go"]
    assert join(top)["changed"]
    assert whole(server, top, "verified")["verification"]["files"]["intact"]


def test_a_file_that_somebody_changed_is_found_wherever_it_lies(server: Emulator, top: Path) -> None:
    join(top)
    (top / "shards.jsonl").write_text((top / "shards.jsonl").read_text().replace('"bytes":', '"bytes": '))
    assert whole(server, top, "verified", fail_on="none")["verification"]["seal"] == "broken"
    assert join(top)["changed"]
    victim = next(top.glob("*/tasks/*/messages.jsonl"))
    victim.write_text(victim.read_text().replace("word", "sword"))
    files = whole(server, top, "verified", fail_on="none")["verification"]["files"]
    assert files["damaged"] == [str(victim.relative_to(top))]


@pytest.mark.parametrize("text", [
    "", "{", "[]\n", "{}\n", '{"folder": "shard-1-of-3", "index": 1, "count": 3}\n',
    '{"folder": "../shard-1-of-1", "index": 1, "count": 1}\n', '{"folder": "x", "index": "1", "count": 1}\n',
])  # fmt: skip
def test_a_damaged_list_of_shards_is_told(server: Emulator, tmp_path: Path, text: str) -> None:
    (tmp_path / "shards.jsonl").write_text(text)
    done = whole(server, tmp_path, "verified")
    assert done.kind == "invalid" and f"{tmp_path / 'shards.jsonl'} is damaged. Join the shards again." in done.msg


def test_without_one_of_its_shards_nothing_is_done(server: Emulator, top: Path) -> None:
    join(top)
    shutil.move(top / "shard-2-of-3", top.parent / "away")
    for state in ("verified", "present", "evacuated"):
        done = whole(server, top, state)
        assert done.kind == "io" and f"shard shard-2-of-3 of the archive {top} is not there" in done.msg
        assert not done.writes
    shutil.move(top.parent / "away", top / "shard-2-of-3")
    assert not whole(server, top, "present").failed, "the archive is not locked any more"


@pytest.mark.parametrize(("text", "key", "seal"), [
    ("{", KEY, "broken"), ("[]", KEY, "broken"), ('{"seal": 7}', KEY, "broken"),
    (None, "another key for this test", "other_key"),
])  # fmt: skip
def test_what_is_no_seal_of_this_key_is_told(
    server: Emulator, top: Path, text: str | None, key: str, seal: str
) -> None:
    join(top)
    if text is not None:
        (top / "archive.json").write_text(text)
    proof = whole(server, top, "verified", fail_on="none", redaction_key=key)["verification"]
    assert proof["seal"] == seal and not proof["go"]


def test_without_any_key_no_shard_is_read(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(top.parent / "config"))
    done = join(top, redaction_key=None)
    assert done.kind == "invalid" and "no key is given, and none is kept here" in done.msg.lower()
    assert not (top.parent / "config").exists(), "a new key would be of no use"


def refused(top: Path) -> list[str]:
    done = join(top)
    assert done.failed and done.kind == "conflict" and not (top / "shards.jsonl").exists()
    assert all(reason in done.msg for reason in done["objections"])
    return list(done["objections"])


def test_a_missing_shard_is_named(top: Path) -> None:
    shutil.move(top / "shard-2-of-3", top.parent / "away")
    assert refused(top) == ["Shard 2 of 3 is missing."]


def test_overlapping_shards_are_refused(top: Path) -> None:
    shutil.copytree(top / "shard-2-of-3", top / "copy")
    twice, ids = refused(top)
    assert twice == "Shard 2 is there more than once, so that they overlap: copy, shard-2-of-3."
    assert "conversations are in two shards, such as" in ids


def test_shards_of_another_division_are_refused(server: Emulator, top: Path) -> None:
    collect(server, top, 1, count=4)
    assert refused(top) == [
        "They differ in their number of shards: 3 in shard-1-of-3, shard-2-of-3, shard-3-of-3; 4 in shard-1-of-4."
    ]


def test_shards_of_another_server_or_choice_are_refused(
    server: Emulator, top: Path, emulator: Callable[..., Emulator]
) -> None:
    other = emulator("2.34", chats="chats-2.36")
    shutil.rmtree(top / "shard-2-of-3")
    collect(other, top, 2)
    assert f"They differ in their server: {server.url} in shard-1-of-3, shard-3-of-3; {other.url}" in refused(top)[0]
    shutil.rmtree(top / "shard-2-of-3")
    collect(server, top, 2, source="tasks")
    assert "They differ in their choice: " in refused(top)[0]


def test_a_shard_of_another_key_is_refused(server: Emulator, top: Path) -> None:
    shutil.rmtree(top / "shard-2-of-3")
    collect(server, top, 2, redaction_key="another key for this test")
    assert "shard-2-of-3 was sealed with another key" in refused(top)[0]


@pytest.mark.parametrize("name", ["last-run.json", "manifest.jsonl", "archive.json"])
def test_a_shard_that_somebody_changed_is_refused(top: Path, name: str) -> None:
    file = top / "shard-2-of-3" / name
    file.write_text(file.read_text().replace("2", "1"))
    assert any("shard-2-of-3" in reason for reason in refused(top))


def test_a_run_that_did_not_end_is_named(
    server: Emulator, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "ansible_collections.coder.tasks.plugins.module_utils.operations.archive.archive"

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"{module}._work", interrupted)
        with pytest.raises(KeyboardInterrupt):
            collect(server, top, 2)
    (reason,) = refused(top)
    assert reason.startswith("The last run of shard 2 of 3 (shard-2-of-3) began at ") and "has not ended" in reason
    assert not collect(server, top, 2).failed and not join(top).failed


def test_failures_of_a_run_are_told(server: Emulator, top: Path) -> None:
    server.faults.add("status", path="/logs$", status=500, count=None, body='{"message": "Internal error."}')
    failed = collect(server, top, 2, fail_on="none", retries=0)["summary"]["failed"]
    assert failed and join(top).warnings == [
        f"The last run of shard-2-of-3 could not read or save {failed} conversations."
    ]


def test_a_shard_takes_nothing_of_another(server: Emulator, top: Path) -> None:
    path = str(top / "shard-2-of-3")
    for options, asked in (
        ({"shard": {"index": 1, "count": 3}}, "shard 1 of 3"), ({}, "not a shard but all"),
        ({"state": "evacuated"}, "not a shard but all"),
    ):  # fmt: skip
        done = call("archive", server, path=path, redaction_key=KEY, all_owners=True, **options)
        assert done.failed and f"is shard 2 of 3, and {asked} was asked for" in done.msg
    assert not call("archive_info", server, path=path, redaction_key=KEY, all_owners=True).failed


def test_what_is_no_shard_is_named(server: Emulator, top: Path) -> None:
    call("archive", server, path=str(top / "old"), redaction_key=KEY, all_owners=True)
    assert refused(top) == [
        "old does not say which shard it is; collect it again, with its shard_index and shard_count."
    ]


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == ["There is no shard in it."]
    assert "there is no folder" in join(tmp_path / "nowhere").msg.lower()
