# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides of the docsite, and the code blocks in them.

A block with a caption is a file of that name. A block of ``sh`` is run by a test, where the files lie; what a test
cannot run, because it needs a container engine, say, is a block of ``console`` with a prompt.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from documents import ROOT

FOLDER = ROOT / "docs" / "docsite" / "rst"
PAGES = sorted(FOLDER.glob("*.rst"))
_CONTENTS = yaml.safe_load((FOLDER.parent / "extra-docs.yml").read_text())["sections"]
_NAMES = next(section["toctree"] for section in _CONTENTS if section["title"] == "Guides")
GUIDES = [FOLDER / f"{name}.rst" for name in _NAMES]
LANGUAGES = {"sh", "console", "yaml", "text"}

_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\w+)\n"
    r"(?P<options>(?:(?P=indent) +:[\w-]+:.*\n)*)"
    r"\n(?P<text>(?:(?P=indent) +.*\n|\s*\n)+)",
    re.M,
)


@dataclass
class Block:
    language: str
    caption: str | None
    text: str


def blocks(page: Path, section: str = "") -> Iterator[Block]:
    """The code blocks of a page or of one section of it, in order.

    :raises AssertionError: a block cannot be read, or there is no such section.
    """
    source = _section(page, section) if section else page.read_text()
    found = [match.groupdict() for match in _BLOCK.finditer(source)]
    assert len(found) == source.count(".. code-block::"), f"a code block of {page.name} cannot be read"
    for block in found:
        assert block["language"] in LANGUAGES, f"{page.name}: {block['language']}"
        caption = re.search(r":caption: (\S+)", block["options"])
        yield Block(block["language"], caption[1] if caption else None, textwrap.dedent(block["text"]).strip() + "\n")


def _section(page: Path, title: str) -> str:
    _before, *parts = re.split(r"^(\S.*)\n-{2,}\n", page.read_text(), flags=re.M)
    sections = dict(zip(parts[::2], parts[1::2]))
    assert title in sections, f"{page.name} has no section {title}"
    return sections[title]


def files(page: Path) -> dict[str, str]:
    """What each captioned block holds, by its caption."""
    return {block.caption: block.text for block in blocks(page) if block.caption}
