# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several modules return alike has one source, scripts/returns/, and stands in each of them as it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import documents
import pytest
import returns
import yaml

TEXTS = sorted(path.stem for path in (documents.ROOT / returns.FOLDER).glob("*.yml"))
LONGEST_BY_HAND = 90
"""Characters of a description that may stand twice; a longer one has more to say than what the key is."""


@pytest.mark.parametrize("module", returns.modules(), ids=lambda path: path.stem)
def test_shared_return_values_are_up_to_date(module: Path) -> None:
    assert module.read_text() == returns.written(module), "run `make returns`"


@pytest.mark.parametrize("name", TEXTS)
def test_every_shared_text_is_in_several_places(name: str) -> None:
    begins = [path.read_text().count(f"# begin {returns.FOLDER}/{name}.yml") for path in returns.modules()]
    assert sum(begins) > 1, "what stands once needs no text of its own"


def by_hand(keys: dict[str, Any] | None) -> Iterator[str]:
    """Every description of return values, at every depth."""
    for key in (keys or {}).values():
        words = key["description"]
        yield from [words] if isinstance(words, str) else words
        yield from by_hand(key.get("contains"))


def test_no_description_stands_twice_by_hand() -> None:
    places = defaultdict(list)
    for module in documents.module_names():
        own = yaml.safe_load(returns.SHARED.sub("", documents.written(module)["RETURN"]))
        for words in by_hand(own):
            places[words].append(module)
    twice = {words: modules for words, modules in places.items() if len(modules) > 1 and len(words) > LONGEST_BY_HAND}
    assert not twice, f"write it once, in {returns.FOLDER}/"
