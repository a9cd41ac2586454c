# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide "Where archives go", followed: an archive is collected, copied, and what came back is proven."""

from __future__ import annotations

from pathlib import Path

from guides import FOLDER, blocks

from emulator import Emulator
from playbooks import Ansible, Run

PAGE = FOLDER / "guide_archive_copies.rst"
PROOF = "Prove what came back"


def fill(server: Emulator) -> None:
    """Conversations of both kinds, with names and a file outside of ASCII, and a task without its live log."""
    server.create_task("fix-login")
    server.create_task("write-docs", state="paused")
    chat = server.create_chat("Wie groß ist 日本?", owner="bob", answer="Größer.")
    assert server.state.chats is not None
    chat.attach(server.state.chats.create_file(chat.owner, "Größe 日本.txt", "größer\n".encode()))


def collect(ansible: Ansible, path: str = "coder-archive", **options: str) -> Run:
    """Save everything into an archive in the folder."""
    task = {"path": str(ansible.folder / path), "all_owners": True, **options}
    done = ansible.playbook([{"tasks": [{"name": "Collect", "coder.tasks.archive": task}]}])
    assert done.rc == 0, done.output
    return done


def follow(ansible: Ansible, section: str) -> Run:
    """Do what one section of the page says; the result of its last commands."""
    done = None
    for block in blocks(PAGE, section):
        if block.caption:
            (ansible.folder / block.caption).write_text(block.text)
        elif block.language == "sh":
            done = ansible.shell(block.text)
            assert done.rc == 0, f"{block.text}\n{done.output}"
    assert done, f"the section {section} has no commands"
    return done


def held(archive: Path) -> dict[str, bytes]:
    """The files of an archive that its proof is about, with what they hold."""
    top = {"manifest.jsonl", "archive.json", "SHA256SUMS", "index.html", "index.md", "index.csv"}
    files = [path for path in archive.rglob("*") if path.is_file() and ".git" not in path.parts]
    kept = [path for path in files if path.parent != archive or path.name in top]
    return {str(path.relative_to(archive)): path.read_bytes() for path in kept}


def check(ansible: Ansible, section: str) -> None:
    """A recipe brings an archive back that is proven, private, the same, and goes on as an archive."""
    collect(ansible)
    follow(ansible, section)
    original, copy = ansible.folder / "coder-archive", ansible.folder / "came-back"
    proven = follow(ansible, PROOF)
    assert '"seal": "intact"' in proven.stdout and '"intact": true' in proven.stdout
    assert held(copy) == held(original)
    open_to_others = [path for path in copy.rglob("*") if ".git" not in path.parts and path.stat().st_mode & 0o077]
    assert not open_to_others and not copy.stat().st_mode & 0o077
    again = collect(ansible, "came-back").result("Collect")
    assert again["summary"]["unchanged"] == again["summary"]["selected"] > 0
    log = next(copy.glob("tasks/*/messages.jsonl"))
    log.write_bytes(log.read_bytes() + b"\n")
    (block,) = blocks(PAGE, PROOF)
    for command in block.text.splitlines():
        assert ansible.shell(command).rc != 0, f"a changed file is not noticed by {command}"
