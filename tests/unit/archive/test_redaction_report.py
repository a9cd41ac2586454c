# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The goals of the redaction, held against random values of documented formats; `make redaction-report` tells more."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "redaction_report.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("redaction_report", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a NamedTuple looks for its annotations
    spec.loader.exec_module(module)
    return module


report = _load()
redactor = report.Redactor(report.KEY)
CLASSES = sorted({definition.group for definition in report.documented()})


@pytest.mark.slow
@pytest.mark.parametrize("group", CLASSES)
def test_secrets_of_documented_formats_are_found(group: str) -> None:
    definitions = [definition for definition in report.documented() if definition.group == group]
    samples = [each for one in definitions for each in report.samples(one, 2, random.Random(1))]
    missed = [each for each in samples if report.is_left(each.secret, redactor.redact(each.text).text)]
    assert len(samples) >= 2 * len(definitions)
    assert len(missed) <= 0.05 * len(samples), [(each.name, each.place, each.text) for each in missed]


@pytest.mark.slow
def test_texts_without_a_secret_stay() -> None:
    rows = report.lines("innocent.tsv")
    texts = [match[0] for _group, pattern in rows for match in report._matches(pattern, 3)]
    assert len(texts) > len(rows)
    changed = [text for text in texts if redactor.redact(text).text != text]
    assert len(changed) <= 0.02 * len(texts), changed


def test_a_secret_is_left_when_eight_characters_of_it_are() -> None:
    assert report.is_left("abcdefghij", "xx bcdefghi yy")
    assert report.is_left("abcdefghij", "xx bcde\x1b[0mf\ngh\u200bi yy")
    assert not report.is_left("abcdefghij", "xx bcdefgh yy abc")


def test_tokens_with_a_checksum_have_one() -> None:
    token = "gh" + "p_" + "a1" * 18
    assert report._checksummed(token)[:-6] == token[:-6] and report._checksummed(token) != token
    assert report._checksummed(report._checksummed(token)) == report._checksummed(token)


@pytest.mark.slow
def test_real_source_is_left_alone() -> None:
    """At most one false hit per 100,000 lines of the standard library and the installed packages."""
    source = report.source_hits(redactor)
    assert source.lines > 100_000
    assert source.per_100_000 <= 1, source.false
