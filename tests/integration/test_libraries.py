# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interpreter that lacks a library is named, with the way to another one."""

from __future__ import annotations

import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import Emulator
from playbooks import Ansible

# What requests needs; charset_normalizer is compiled, and this is the same Python.
REQUESTS = ("requests", "urllib3", "certifi", "idna", "charset_normalizer")


def bare_python(folder: Path, *packages: str) -> Path:
    """The Python of a new virtual environment that has these packages only."""
    venv.create(folder, symlinks=True)
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    for package in packages:
        (site_packages / package).symlink_to(Path(sysconfig.get_path("purelib")) / package)
    return folder / "bin" / "python"


@pytest.mark.parametrize(
    ("library", "packages", "arguments"),
    [("requests", (), {}), ("jmespath", REQUESTS, {"select": "status == 'active'"})],
)
def test_the_interpreter_that_lacks_it_is_named(
    emulator: Callable[..., Emulator],
    tmp_path: Path,
    library: str,
    packages: tuple[str, ...],
    arguments: dict[str, str],
) -> None:
    server = emulator()
    python = bare_python(tmp_path / "bare", *packages)
    task = {"name": "info", "coder.tasks.task_info": arguments, "vars": {"ansible_python_interpreter": str(python)}}
    run = Ansible(tmp_path, server.environment).playbook([{"tasks": [task]}])
    result = run.result("info")
    assert result["failure"]["kind"] == "library", run.output
    assert f"The Python library '{library}' is missing from {python}" in result["msg"]
    assert f"`{python} -m pip install {library}`" in result["msg"]
    assert "set ansible_python_interpreter to a Python that has it." in result["msg"]
    assert "Traceback" not in run.output
