# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this checkout can be released: ``release_check.py [TAG]``. Writes the notes to build/release-notes.md.

The version in galaxy.yml must be that of the tag, have release notes, and leave no changelog fragment over. Every
plugin must be in the notes of some version.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
NAMED = ("modules", "lookup", "filter", "inventory")


def main(tag: str | None, root: Path = ROOT) -> int:
    version = str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])
    problems = []
    if tag not in (None, "", version):
        problems.append(f"the tag is {tag}, the version in galaxy.yml {version}")
    fragments = sorted(path.name for path in (root / "changelogs" / "fragments").glob("*.y*ml"))
    if fragments:
        problems.append(f"changelogs/fragments holds {', '.join(fragments)}: make changelog takes them into the notes")
    changelog = (root / "CHANGELOG.md").read_text()
    notes = notes_of(version, changelog)
    if not notes:
        problems.append(f"CHANGELOG.md has no notes of {version}: run make changelog")
    unnamed = [name for name in plugins_of(root) if f"coder.tasks.{name} - " not in changelog.replace("\\", "")]
    if unnamed:
        problems.append(f"CHANGELOG.md names {', '.join(unnamed)} in no version: run make changelog")
    for problem in problems:
        print(f"FAILED: {problem}")
    if problems:
        return 1
    target = root / "build" / "release-notes.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(notes)
    print(f"release-check: {version} can be released; its notes are in build/release-notes.md")
    return 0


def plugins_of(root: Path) -> list[str]:
    """What is told as new by its name: modules, and plugins of the kinds that playbooks and inventories name."""
    files = (path for kind in NAMED for path in (root / "plugins" / kind).glob("*"))
    return sorted({path.stem for path in files if path.suffix in (".py", ".yml") and not path.stem.startswith("_")})


def notes_of(version: str, changelog: str) -> str:
    """The part of CHANGELOG.md under the heading of a version."""
    heading = f"## v{version}".replace(".", "\\.")
    _before, found, after = changelog.partition(f"{heading}\n")
    return after.split('\n<a id="v')[0].strip() + "\n" if found else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
