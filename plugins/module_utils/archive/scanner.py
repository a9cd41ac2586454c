# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret scanner that others keep up to date, asked beside our own rules where it is installed.

Kingfisher, https://github.com/mongodb/kingfisher, as its Python package `kingfisher-secret-scanner`: it runs inside
this process. Only its scanner is used, which opens no connection, never its validation or revocation, which do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from glob import escape, iglob
from itertools import chain
from typing import Any, Protocol

from ..coder.errors import CoderError, invalid
from .manifest import MANIFEST
from .rule import Span

NONE, KINGFISHER = "none", "kingfisher"
CHOICES = (NONE, KINGFISHER)


class Scanner(Protocol):
    """What the redaction needs of a scanner: the name that its marks have, and an identity that tells what it finds."""

    name: str
    version: str
    rules: int

    @property
    def identity(self) -> str:
        """What it finds: changes with its version and rules."""

    def find(self, text: str) -> Iterator[Span]:
        """Where secrets lie; the same for the same text."""


class Kingfisher:
    """Kingfisher's scanner with its own rules. The first start on a machine compiles them, which takes seconds.

    :raises CoderError: `library` where the package is not installed.
    """

    name = KINGFISHER

    def __init__(self) -> None:
        try:
            import kingfisher_sdk
        except ImportError as error:
            raise CoderError(
                "the scanner kingfisher is not installed for this Python", "library",
                hint="Run: pip install kingfisher-secret-scanner (CPython 3.10 or newer). Or use scanner=none.",
            ) from error
        self._scanner: Any = kingfisher_sdk.Scanner(base64=False)
        self.version: str = kingfisher_sdk.__version__
        self.rules = len(self._scanner.rules)

    @property
    def identity(self) -> str:
        """Its name, version and number of rules."""
        return f"{self.name} {self.version}, {self.rules} rules"

    def find(self, text: str) -> Iterator[Span]:
        """Every place of each secret that it finds: it reports one that occurs twice only once."""
        seen = set()
        for finding in self._scanner.scan(text.encode("utf-8", "replace")):
            secret = finding.secret
            if finding.visible and secret and secret not in seen:
                seen.add(secret)
                at = text.find(secret)
                while at >= 0:
                    yield at, at + len(secret)
                    at = text.find(secret, at + len(secret))


def of_archive(path: str) -> str | None:
    """The name of the scanner that an archive was begun with; None where nothing is saved yet.

    By its manifest's first line, or by a task's folder where a run was killed before it wrote the manifest.
    """
    saved = chain([os.path.join(path, MANIFEST)], iglob(os.path.join(escape(path), "tasks", "*", "task.json")))
    for file in saved:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            entry = _entry(file)
            return str(entry["scanner"]["name"]) if entry.get("scanner") else NONE
    return None


def _entry(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.loads(file.readline()) if path.endswith(MANIFEST) else json.load(file)["archive"]


@lru_cache(None)
def load(name: str) -> Scanner | None:
    """The scanner of that name, made once per process; None for `none`.

    :raises CoderError: `library` if it is not installed, `invalid` if there is no such scanner.
    """
    if name not in CHOICES:
        raise invalid(f"there is no scanner {name!r}", f"Valid scanners: {', '.join(CHOICES)}.")
    return Kingfisher() if name == KINGFISHER else None
