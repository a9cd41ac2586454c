# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that ``make test`` ends with, on a Makefile of the test's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import run_parts

MAKEFILE = """\
good: ; @echo fine
bad: ; @echo "FAILED: ruff check"; exit 1
mute: ; @exit 3
poor: ; @echo "NOT TESTED: shell scripts: sudo apt-get install shellcheck"
broken: ; @echo "NOT TESTED: Python 3.9: pyenv install 3.9"; exit 1
cannot: ; @echo "CANNOT RUN: the oldest core: pyenv install 3.11"; exit 1
pytest: ; @cp results.xml build/results/pytest.xml; echo "FAILED: tests/cut off.py::te..."; exit 1
"""
RESULTS = """\
<testsuites><testsuite>
<testcase classname="tests.unit.test_a" name="test_x[1]"><failure message="no"/></testcase>
<testcase classname="tests.unit.test_a" name="test_y"/>
<testcase classname="tests.unit.test_b" name="test_z"><error message="no"/></testcase>
<testcase classname="tests.unit.test_b" name="test_s"><skipped message="NOT TESTED: ssh: apt-get install x"/></testcase>
<testcase classname="tests.unit.test_b" name="test_t"><skipped message="NOT TESTED: ssh: apt-get install x"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "results.xml").write_text(RESULTS)
    monkeypatch.setattr(run_parts, "ROOT", tmp_path)
    monkeypatch.setattr(run_parts, "RESULTS", tmp_path / "build" / "results")
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def table(project: Path) -> list[str]:
    """The table, its columns parted by one blank."""
    text = (project / "build" / "results" / "summary.txt").read_text()
    return [re.sub(r" +", " ", line) for line in text.splitlines()]


def test_it_goes_on_and_names_what_failed_and_what_was_not_tested(project: Path) -> None:
    assert run_parts.main(["bad", "good", "mute", "poor", "broken", "cannot", "pytest"]) == 1
    assert table(project) == [
        "part result tests seconds",
        "bad FAILED 0",
        " failed: ruff check",
        "good passed 0",
        "mute FAILED 0",
        " failed: make mute exited 2; the end of build/results/mute.log tells why",
        "poor passed 0",
        " not tested: shell scripts: sudo apt-get install shellcheck",
        "broken FAILED 0",
        " failed: make broken exited 2; the end of build/results/broken.log tells why",
        " not tested: Python 3.9: pyenv install 3.9",
        "cannot not tested 0",
        " not tested: the oldest core: pyenv install 3.11",
        "pytest FAILED 5 0",
        " failed: tests/unit/test_a.py::test_x[1]",
        " failed: tests/unit/test_b.py::test_z",
        " not tested: ssh: apt-get install x",
    ]
    assert (project / "build" / "results" / "good.log").read_text() == "fine\n"


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_in_ci_nothing_may_be_left_untested(monkeypatch: pytest.MonkeyPatch, ci: str, code: int) -> None:
    monkeypatch.setenv("CI", ci)
    assert run_parts.main(["good"]) == 0
    assert run_parts.main(["poor"]) == code
    assert run_parts.main(["cannot"]) == code


def test_results_of_an_earlier_run_are_not_taken_for_this_one(project: Path) -> None:
    old = project / "build" / "results" / "good.xml"
    old.parent.mkdir(parents=True)
    old.write_text(RESULTS)
    assert run_parts.main(["good"]) == 0
    assert "failed" not in " ".join(table(project))
