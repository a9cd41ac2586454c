# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/contract.md names recordings that are there, and comments cite only what readers have."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "contract.md").read_text()
CITATION = re.compile(r"\(?contract, sections? [\d.]", re.IGNORECASE)


def rows() -> list[list[str]]:
    lines = [line.strip("| ").split(" | ") for line in DOCUMENT.splitlines() if line.startswith("| ")]
    return [cells for cells in lines if cells[0] != "fact"]


def joined(file: Path) -> str:
    """A file whose comments are one line each."""
    return re.sub(r"\n *# ", " ", file.read_text())


def test_every_line_has_a_proof_that_is_there() -> None:
    assert len(rows()) > 20
    for fact, proof in rows():
        named = re.findall(r"`([\w./-]+\.json)`", proof)
        assert named or "*read*" in proof, fact
        assert not [name for name in named if not (ROOT / "tests" / "recordings" / name).is_file()], fact


def test_no_comment_cites_what_readers_do_not_have() -> None:
    found = []
    for folder in ("plugins", "roles", "scripts", "extensions"):
        for file in (ROOT / folder).rglob("*.py"):
            found += [f"{file.name}: {hit[0]}" for hit in CITATION.finditer(joined(file))]
    assert not found


def test_headings_that_comments_cite_are_there() -> None:
    headings = set(re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE))
    cited = set()
    for file in (ROOT / "plugins").rglob("*.py"):
        cited |= set(re.findall(r"docs/contract\.md, ([A-Z][\w ]+?)[).;]", joined(file)))
    assert cited and cited <= headings
