# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each recipe of "Where archives go", with the tools it names; what is not tried here says so."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from missing import missing

from emulator import Emulator
from playbooks import ROOT, Ansible

from .copies import check, collect, fill, follow, held

Start = Callable[..., Emulator]
TOOLS = ROOT / ".venvs" / "recipes" / "bin"
KEYS = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example-secret", "AWS_REGION": "us-east-1"}


@pytest.fixture
def server(emulator: Start) -> Emulator:
    server = emulator("2.34", chats="chats-2.35")
    fill(server)
    return server


def needs(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            missing(f"the recipe with {program}", f"sudo apt-get install {program}")


@pytest.mark.parametrize("name", ["rsync", "restic", "git"])
def test_recipe(name: str, server: Emulator, tmp_path: Path) -> None:
    needs(name)
    check(Ansible(tmp_path, server.environment), name)


def test_recipe_with_a_bucket(server: Emulator, tmp_path: Path) -> None:
    if not (TOOLS / "aws").exists() or not (TOOLS / "versitygw").exists():
        missing("the recipe with S3, whose server is built with Go", "make recipes")
    with bucket_server(tmp_path) as url:
        environment = {**server.environment, **KEYS, "AWS_URL": url, "AWS_ENDPOINT_URL": url}
        check(Ansible(tmp_path, environment, TOOLS / "python"), "S3")


def test_a_bucket_forgets_what_the_archive_no_longer_has(server: Emulator, tmp_path: Path) -> None:
    if not (TOOLS / "aws").exists() or not (TOOLS / "versitygw").exists():
        missing("the recipe with S3, whose server is built with Go", "make recipes")
    with bucket_server(tmp_path) as url:
        environment = {**server.environment, **KEYS, "AWS_URL": url, "AWS_ENDPOINT_URL": url}
        ansible = Ansible(tmp_path, environment, TOOLS / "python")
        collect(ansible)
        extra = next((tmp_path / "coder-archive" / "tasks").iterdir()) / "extra"
        extra.write_text("what an older version left\n")
        follow(ansible, "S3")
        assert (tmp_path / "came-back" / extra.relative_to(tmp_path / "coder-archive")).exists()
        extra.unlink()
        shutil.rmtree(tmp_path / "came-back")
        follow(ansible, "S3")
        assert held(tmp_path / "came-back") == held(tmp_path / "coder-archive")


@contextmanager
def bucket_server(folder: Path) -> Iterator[str]:
    """An S3 server that keeps its objects in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("objects", "attributes"):
        (folder / name).mkdir()
    command = [str(TOOLS / "versitygw"), "--port", f"127.0.0.1:{port}", "--access", KEYS["AWS_ACCESS_KEY_ID"],
               "--secret", KEYS["AWS_SECRET_ACCESS_KEY"], "--quiet",
               "posix", "--sidecar", str(folder / "attributes"), str(folder / "objects")]  # fmt: skip
    with (folder / "s3.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _await(port, process, folder / "s3.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ends_at = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < ends_at:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the S3 server did not start:\n{log.read_text()}")
