# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mistake of mistakes.yml, made against a server: what it says, and that nothing was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from calling import call

from emulator import Emulator

PAGE = yaml.safe_load(Path(__file__).with_name("mistakes.yml").read_text(encoding="utf-8"))
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OF_A_ROW = {"kind", "says", "fault"}


def mistakes() -> list[Any]:
    return [pytest.param(row, id=f"{number}-{_module(row)}") for number, row in enumerate(PAGE, 1)]


def _module(row: dict[str, Any]) -> str:
    return str(*(row.keys() - OF_A_ROW))


@pytest.fixture
def server(emulator: Callable[..., Emulator]) -> Emulator:
    started = emulator()
    started.create_task("running")
    started.create_task("paused", state="paused")
    started.create_task("broken", state="error")
    started.create_task("theirs", owner="bob")
    return started


def test_there_are_sixty() -> None:
    assert len(PAGE) >= 60
    assert all(len(row["says"].split()) < 80 for row in PAGE)


@pytest.mark.parametrize("row", mistakes())
def test_a_mistake_is_told(server: Emulator, tmp_path: Path, row: dict[str, Any]) -> None:
    for fault in row.get("fault", []):
        server.faults.add(count=None, **fault)
    module = _module(row)
    options = {name: _filled(value, server, tmp_path) for name, value in row[module].items()}
    made = call(module, server, **options)
    assert (made.kind, UUID.sub("{id}", made.msg)) == (row["kind"], _filled(row["says"], server, tmp_path))
    assert not made["changed"]


def _filled(value: Any, server: Emulator, tmp_path: Path) -> Any:
    """The value with what differs from run to run."""
    if not isinstance(value, str):
        return value
    for name, text in (("url", server.url), ("host", urlsplit(server.url).netloc), ("tmp", str(tmp_path))):
        value = value.replace(f"{{{name}}}", text)
    return value
