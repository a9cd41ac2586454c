# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that collect and evacuate, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator
from playbooks import ROOT, Ansible, Run

Servers = Callable[..., Emulator]
SECRET = "gh" + "p_" + "a1B2" * 9


def says(*contents: str) -> list[dict[str, Any]]:
    return [{"id": number, "content": content} for number, content in enumerate(contents)]


def names(archive: Path) -> set[str]:
    return {json.loads(line)["name"] for line in (archive / "manifest.jsonl").read_text().splitlines()}


def assert_sound(archive: Path) -> None:
    command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=archive, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def play(server: Emulator, folder: Path, playbook: str, *options: str) -> Run:
    done = Ansible(folder, server.environment).run("ansible-playbook", f"coder.tasks.{playbook}", *options)
    assert server.token not in done.output and SECRET not in done.output
    return done


@pytest.fixture
def server(emulator: Servers) -> Emulator:
    made = emulator(auto_snapshot=False)
    made.create_task("live").api.set_messages(says("hello", "hi"))
    made.create_task("paused", state="paused").set_snapshot(says("what", "that"))
    made.create_task("silent", state="paused")
    made.create_task("secret", owner="bob").api.set_messages(says(f"use {SECRET}"))
    return made


@pytest.mark.parametrize("way", ["in-process", "ordinary"])
def test_collect(server: Emulator, tmp_path: Path, way: str) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    options = ["-e", f"ansible_python_interpreter={python}"] if way == "ordinary" else []
    first = play(server, tmp_path, "collect", *options)
    assert first.rc == 0, first.output
    text = " ".join(first.output.split())
    assert "4 new, 0 changed, 0 unchanged. Logs in the archive: 3 complete, 0 partial, 1 empty, 0 unreadable." in text
    assert first.result("Save every conversation")["changed"]
    archive = tmp_path / "coder-archive"
    assert names(archive) == {"live", "paused", "silent", "secret"}
    assert_sound(archive)
    assert not (archive / "progress.json").exists()
    for file in filter(Path.is_file, archive.rglob("*")):
        assert not [secret for secret in (SECRET, server.token) if secret.encode() in file.read_bytes()]
    again = play(server, tmp_path, "collect", *options)
    assert not again.result("Save every conversation")["changed"]


def test_collect_in_check_mode(server: Emulator, tmp_path: Path) -> None:
    done = play(server, tmp_path, "collect", "--check", "-e", "archive=elsewhere", "-e", "template=ai")
    assert done.rc == 0 and "4 new" in done.output
    assert not (tmp_path / "elsewhere").exists()


def test_collect_through_ansible_runner_in_two_shards(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    expected = {f"task-{number}" for number in range(12)}
    for name in expected:
        server.create_task(name)

    def run(index: int) -> None:
        folder = tmp_path / f"runner-{index}"
        (folder / "project").mkdir(parents=True)
        (folder / "env").mkdir()
        (folder / "project" / "collect.yml").write_text((ROOT / "playbooks" / "collect.yml").read_text())
        variables = {"archive": str(tmp_path / f"archive-{index}"), "shard_index": index, "shard_count": 2}
        (folder / "env" / "extravars").write_text(json.dumps(variables))
        environment = {
            **server.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "HOME": str(tmp_path),
            "ANSIBLE_HOME": str(folder / ".ansible"),
        }  # fmt: skip
        (folder / "env" / "envvars").write_text(json.dumps(environment))
        runner = Path(sys.executable).with_name("ansible-runner")
        done = subprocess.run(
            [str(runner), "run", str(folder), "-p", "collect.yml"], capture_output=True, text=True, timeout=120,
            check=False, env={"PATH": f"{runner.parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (1, 2)))
    parts = [names(tmp_path / f"archive-{index}") for index in (1, 2)]
    assert all(parts) and not parts[0] & parts[1] and parts[0] | parts[1] == expected
    for index in (1, 2):
        assert_sound(tmp_path / f"archive-{index}")


def test_evacuate_reports_first_and_deletes_when_told(server: Emulator, tmp_path: Path) -> None:
    report = play(server, tmp_path, "evacuate")
    assert report.rc == 0, report.output
    for line in ("safe to delete  1", "incomplete      3  (none: 1, redacted: 1, snapshot: 1)", "files intact    yes",
                 "scope           deployment", "seal            intact",
                 "NO GO for 3 of 4 tasks; only the others are deleted with confirm=yes.",
                 "To delete incomplete ones knowingly, add: -e accept=none,redacted,snapshot"):
        assert line in report.output
    assert not server.writes
    options = ("accept=snapshot,redacted", "confirm=yes", "report=x.jsonl")
    done = play(server, tmp_path, "evacuate", *(word for option in options for word in ("-e", option)))
    assert done.rc == 2, done.output
    assert "3 deleted, 1 left, 0 of them saved once more." in done.output
    why = "NO GO: 1 tasks are left. 1 of 4 tasks are not safe to delete. Of these, some would be with accept=none."
    assert why in " ".join(done.output.split())
    assert {task.name for task in server.state.visible_tasks()} == {"silent"}
    assert len(server.writes) == 3
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert {line["task"]: line["action"] for line in lines} == {
        "alice/live": "deleted", "alice/paused": "deleted", "bob/secret": "deleted", "alice/silent": None,
    }
    assert names(tmp_path / "coder-archive") == {"live", "paused", "silent", "secret"}
    assert_sound(tmp_path / "coder-archive")


def test_evacuate_goes_when_all_is_safe(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("live").api.set_messages(says("hello"))
    done = play(server, tmp_path, "evacuate", "-e", "confirm=yes", "--check")
    assert done.rc == 0, done.output
    assert not server.writes and not (tmp_path / "coder-archive").exists()
    assert "NO GO for 1 of 1 tasks" in done.output, "check mode saves nothing, so nothing is proven"
    done = play(server, tmp_path, "evacuate", "-e", "confirm=yes")
    assert done.rc == 0 and "\"GO: every task is safe to delete." in done.output and len(server.writes) == 1
    done = play(server, tmp_path, "evacuate", "-e", "confirm=yes")
    assert done.rc == 2 and "No task was seen" in done.output, "no GO on nothing"


def test_evacuate_deletes_nothing_while_files_are_damaged(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("live").api.set_messages(says("hello"))
    play(server, tmp_path, "collect")
    (tmp_path / "coder-archive" / "tasks" / "notes.txt").write_text("mine")
    done = play(server, tmp_path, "evacuate", "-e", "confirm=yes")
    assert done.rc == 2 and "NO GO, nothing was deleted." in done.output
    assert "NO GO: files of the archive are damaged or not its own" in done.output and "tasks/notes.txt" in done.output
    assert [task.name for task in server.state.visible_tasks()] == ["live"]
    (tmp_path / "coder-archive" / "tasks" / "notes.txt").unlink()
    (tmp_path / "coder-archive" / "index.html").write_text("damaged")
    assert "GO: every task is safe to delete." in play(server, tmp_path, "evacuate", "-e", "confirm=yes").output
    assert not list(server.state.visible_tasks())


@pytest.mark.parametrize("playbook", ["collect", "evacuate"])
def test_a_members_token_is_refused_for_a_whole_deployment(emulator: Servers, tmp_path: Path, playbook: str) -> None:
    server = emulator()
    for owner in ("alice", "bob"):
        server.create_task(f"of-{owner}", owner=owner).api.set_messages(says("hello"))
    environment = {**server.environment, "CODER_SESSION_TOKEN": server.tokens["bob"]}
    ansible = Ansible(tmp_path, environment)
    refused = ansible.run("ansible-playbook", f"coder.tasks.{playbook}", "-e", "confirm=yes")
    assert refused.rc == 2 and "the tasks of everybody were expected" in refused.output, refused.output
    assert not (tmp_path / "coder-archive").exists() and not server.writes
    done = ansible.run("ansible-playbook", f"coder.tasks.{playbook}", "-e", "expect_scope=own")
    assert done.rc == 0 and names(tmp_path / "coder-archive") == {"of-bob"}
    assert "scope: own" in done.output or "scope           own, so there may be other tasks" in done.output


def test_jobs_with_homes_of_their_own_share_a_given_key(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("live").api.set_messages(says("hello"))
    key = ("-e", "redaction_key=one-key-for-all-jobs")
    for job, playbook in (("a", "collect"), ("b", "evacuate")):
        environment = {**server.environment, "XDG_CONFIG_HOME": str(tmp_path / job)}
        done = Ansible(tmp_path, environment).run("ansible-playbook", f"coder.tasks.{playbook}", *key)
        assert done.rc == 0 and "another redaction key" not in done.output, done.output
        assert "one-key-for-all-jobs" not in done.output and not (tmp_path / job).exists()
    assert "seal            intact" in done.output and "GO: every task is safe to delete." in done.output


@pytest.fixture
def both(emulator: Servers) -> Emulator:
    """A server that has tasks and chats of two people."""
    server = emulator("2.34", chats="chats-2.36", auto_snapshot=False)
    server.create_task("live").api.set_messages(says("hello"))
    server.create_chat("Mine", labels={"coder.tasks/name": "mine"})
    server.create_chat("Of bob", owner="bob")
    return server


def test_chats_are_collected_and_proven_and_never_deleted(both: Emulator, tmp_path: Path) -> None:
    done = play(both, tmp_path, "collect")
    assert done.rc == 0, done.output
    text = " ".join(done.output.split())
    assert "3 tasks and chats seen (scope: deployment): 3 new" in text
    assert "The audit log named 2 chats; 0 are gone." in text
    assert names(tmp_path / "coder-archive") == {"live", "mine", "Of bob"}
    report = play(both, tmp_path, "evacuate")
    assert report.rc == 0 and "GO: every one of these tasks and chats is proven." in report.output, report.output
    assert not both.writes
    text = " ".join(report.output.split())
    assert "accounts this server has none: pull-requests" in text.replace('", "', " ").replace('"', ""), text
    assert "saved: usage-limits, usage-limit-of-me, cost-of-me, cost-users, cost-of-" in text
    done = play(both, tmp_path, "evacuate", "-e", "confirm=yes")
    assert done.rc == 0, done.output
    assert "1 deleted, 0 left, 0 of them saved once more. 2 chats are proven and stay" in " ".join(done.output.split())
    assert both.state.chats is not None and len(both.state.chats.chats) == 2
    assert_sound(tmp_path / "coder-archive")


def test_source_says_what_is_collected(both: Emulator, tmp_path: Path) -> None:
    done = play(both, tmp_path, "collect", "-e", "source=chats")
    assert done.rc == 0 and "2 chats seen" in " ".join(done.output.split()), done.output
    assert names(tmp_path / "coder-archive") == {"mine", "Of bob"}
    done = play(both, tmp_path, "collect", "-e", "source=tasks", "-e", "archive=other")
    assert done.rc == 0 and names(tmp_path / "other") == {"live"}


def test_retention_guards_archived_chats(both: Emulator, tmp_path: Path) -> None:
    world = both.state.chats
    assert world is not None
    chat = both.create_chat("Old", archived=True)
    world.age(chat, days=29)
    done = play(both, tmp_path, "retention")
    assert done.rc == 2 and "NO GO: 1 archived chats are purged soon" in " ".join(done.output.split()), done.output
    assert not both.writes
    held = play(both, tmp_path, "retention", "-e", "hold=yes")
    assert held.rc == 0 and "Held by the label coder.tasks/held: alice/Old." in " ".join(held.output.split())
    assert set(chat.labels) == {"coder.tasks/held"}
    world.age(chat, days=29)
    assert play(both, tmp_path, "collect").rc == 0
    assert play(both, tmp_path, "retention").rc == 0, "what is saved may go"
    world.delete(chat)
    gone = play(both, tmp_path, "retention")
    assert gone.rc == 0 and "Purged since the last run: alice/Old." in " ".join(gone.output.split())
