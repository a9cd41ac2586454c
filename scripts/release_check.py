# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this checkout can be released: ``release_check.py [TAG]``. Writes the notes to build/release-notes.md.

The version in galaxy.yml must be that of the tag, have release notes, and leave no changelog fragment over.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def main(tag: str | None, root: Path = ROOT) -> int:
    version = str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])
    problems = []
    if tag not in (None, "", version):
        problems.append(f"the tag is {tag}, the version in galaxy.yml {version}")
    fragments = sorted(path.name for path in (root / "changelogs" / "fragments").glob("*.y*ml"))
    if fragments:
        problems.append(f"changelogs/fragments holds {', '.join(fragments)}: make changelog takes them into the notes")
    notes = notes_of(version, (root / "CHANGELOG.md").read_text())
    if not notes:
        problems.append(f"CHANGELOG.md has no notes of {version}: run make changelog")
    for problem in problems:
        print(f"FAILED: {problem}")
    if problems:
        return 1
    target = root / "build" / "release-notes.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(notes)
    print(f"release-check: {version} can be released; its notes are in build/release-notes.md")
    return 0


def notes_of(version: str, changelog: str) -> str:
    """The part of CHANGELOG.md under the heading of a version."""
    heading = f"## v{version}".replace(".", "\\.")
    _before, found, after = changelog.partition(f"{heading}\n")
    return after.split('\n<a id="v')[0].strip() + "\n" if found else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
