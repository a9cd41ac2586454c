# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for get-pip.py, with a wheel that only prints how it was called."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pip_bootstrap
import pytest

OURS_BEFORE = '"""Stand-in for the pip bootstrap script (written by coder.tasks scripts/sanity)."""\nimport ensurepip\n'


def wheel(code: str = "import sys; print(sys.argv[1:])") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("pip/__main__.py", code)
    return stream.getvalue()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pip_bootstrap, "wanted_versions", lambda: ["25.2"])
    monkeypatch.setattr(pip_bootstrap, "fetch_wheel", lambda version: (f"pip-{version}-py3-none-any.whl", wheel()))
    return tmp_path / "cache"


def test_it_runs_the_pip_that_it_carries(cache: Path) -> None:
    """With an interpreter that has neither ensurepip nor a pip of its own, as in a virtual environment of Debian."""
    assert pip_bootstrap.lay_stand_ins(cache) == []
    without = "import sys, runpy; sys.modules['ensurepip'] = sys.modules['pip'] = None; "
    without += f"sys.argv = ['x', 'pip==25.2', '--no-wheel']; runpy.run_path({str(cache / 'get_pip_25_2.py')!r})"
    command = [sys.executable, "-I", "-S", "-c", without]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['install', 'pip==25.2']\n", "")


def test_its_exit_code_is_pip_s(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_bootstrap, "fetch_wheel", lambda _version: ("pip-1.whl", wheel("raise SystemExit(3)")))
    pip_bootstrap.lay_stand_ins(cache)
    assert subprocess.run([sys.executable, cache / "get_pip_25_2.py"], check=False, timeout=60).returncode == 3


@pytest.mark.parametrize(("there", "stays"), [("# the real get-pip.py\n", True), (OURS_BEFORE, False)])
def test_only_what_this_project_wrote_is_replaced(cache: Path, there: str, stays: bool) -> None:
    cache.mkdir()
    script = cache / "get_pip_25_2.py"
    script.write_text(there)
    pip_bootstrap.lay_stand_ins(cache)
    assert (script.read_text() == there) == stays
    written = script.stat().st_mtime_ns
    pip_bootstrap.lay_stand_ins(cache)
    assert script.stat().st_mtime_ns == written, "what is good is not written again"


def test_what_cannot_be_fetched_leaves_nothing_behind(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_version: str) -> tuple[str, bytes]:
        raise subprocess.CalledProcessError(1, "pip", stderr="ERROR: no\nERROR: No matching distribution")

    cache.mkdir()
    (cache / "get_pip_25_2.py").write_text(OURS_BEFORE)
    monkeypatch.setattr(pip_bootstrap, "fetch_wheel", refuse)
    (problem,) = pip_bootstrap.lay_stand_ins(cache)
    assert problem == "pip 25.2 could not be fetched from the package index: ERROR: No matching distribution"
    assert list(cache.iterdir()) == []
