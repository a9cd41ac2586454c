# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a checkout can be released."""

from __future__ import annotations

from pathlib import Path

import pytest
import release_check

CHANGELOG = """\
# Release Notes

**Topics**

- <a href="#v1-10-0">v1\\.10\\.0</a>

<a id="v1-10-0"></a>
## v1\\.10\\.0

New\\.

<a id="v1-1-0"></a>
## v1\\.1\\.0

Old\\.
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "galaxy.yml").write_text("version: 1.10.0\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("tag", [None, "", "1.10.0"])
def test_what_is_ready_leaves_its_notes(checkout: Path, tag: str | None) -> None:
    assert release_check.main(tag, checkout) == 0
    assert (checkout / "build" / "release-notes.md").read_text() == "New\\.\n"


def test_a_plugin_that_no_version_names_is_told(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, file in (("modules", "new_thing.py"), ("modules", "old_thing.py"), ("filter", "fit.yml")):
        (checkout / "plugins" / kind).mkdir(parents=True, exist_ok=True)
        (checkout / "plugins" / kind / file).write_text("")
    (checkout / "CHANGELOG.md").write_text(f"{CHANGELOG}\n* coder\\.tasks\\.old\\_thing \\- Old\\.\n")
    assert release_check.main(None, checkout) == 1
    expected = "FAILED: CHANGELOG.md names fit, new_thing in no version: run make changelog\n"
    assert capsys.readouterr().out == expected


def test_everything_that_is_wrong_is_told(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "galaxy.yml").write_text("version: 1.11.0\n")
    (checkout / "changelogs" / "fragments" / "fix.yml").write_text("bugfixes: []\n")
    assert release_check.main("1.10.0", checkout) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAILED: the tag is 1.10.0, the version in galaxy.yml 1.11.0",
        "FAILED: changelogs/fragments holds fix.yml: make changelog takes them into the notes",
        "FAILED: CHANGELOG.md has no notes of 1.11.0: run make changelog",
    ]
    assert not (checkout / "build").exists()
