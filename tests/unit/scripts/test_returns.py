# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared return values are written between their marks, as often as one likes, and a wrong mark is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import returns
import yaml

BOX = """\
# A header.
---
size:
  description: Its size, in $unit.
  returned: always
"""
LORRY = """\
# A header.
---
lorry:
  description: What it carries.
  contains:
    # begin scripts/returns/box.yml {unit: $unit}
    # end scripts/returns/box.yml
"""


PRICE = """\
---
price:
  sample: 3 $, or 4 $$
"""


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with three texts, and one module that wants one of them."""
    monkeypatch.setattr(returns, "ROOT", tmp_path)
    for name, text in {
        "scripts/returns/box.yml": BOX,
        "scripts/returns/lorry.yml": LORRY,
        "scripts/returns/price.yml": PRICE,
        "plugins/modules/ship.py": module(marked("box", "{unit: metres}", "  ")),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def marked(name: str, values: str, indent: str = "", body: str = "") -> str:
    return f"{indent}# begin scripts/returns/{name}.yml {values}\n{body}{indent}# end scripts/returns/{name}.yml\n"


def module(text: str) -> str:
    return f'RETURN = r"""\nhold:\n{text}"""\n'


def test_a_text_stands_between_its_marks_indented_as_they_are() -> None:
    assert returns.expanded(marked("box", "{unit: metres}", "  ")) == marked(
        "box", "{unit: metres}", "  ", "  size:\n    description: Its size, in metres.\n    returned: always\n"
    )


def test_what_stood_there_before_goes_and_what_stands_around_stays() -> None:
    old = marked("box", "{unit: feet}", body="size: old\n")
    text = returns.expanded(f"first: 1\n{old}\nlast: 2\n")
    assert text == f"first: 1\n{returns.expanded(old)}\nlast: 2\n"
    assert "old" not in text and "in feet." in text


def test_the_same_text_twice_has_the_values_of_each_place() -> None:
    text = returns.expanded(marked("box", "{unit: feet}") + "own: 1\n" + marked("box", '{unit: "feet, or so"}'))
    assert text.count("in feet.") == text.count("in feet, or so.") == text.count("own: 1") == 1


def test_a_text_may_hold_another_and_hands_its_values_on() -> None:
    text = returns.expanded(marked("lorry", "{unit: tons}"))
    assert yaml.safe_load(text)["lorry"]["contains"]["size"]["description"] == "Its size, in tons."


def test_a_doubled_dollar_sign_is_one(tree: Path) -> None:
    (tree / "scripts/returns/price.yml").write_text(PRICE.replace("3 $,", "3 $$,"))
    assert "sample: 3 $, or 4 $\n" in returns.expanded(marked("price", "{}"))


@pytest.mark.parametrize("name", ["box", "lorry"])
def test_writing_twice_changes_nothing_more(name: str) -> None:
    once = returns.expanded(marked(name, "{unit: metres}", "    "))
    assert returns.expanded(once) == once


def test_main_writes_what_check_called_stale(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ship = tree / "plugins/modules/ship.py"
    before = ship.read_text()
    assert returns.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "plugins/modules/ship.py" in said and "make returns" in said
    assert ship.read_text() == before
    assert returns.main([]) == 0
    assert "in metres." in ship.read_text()
    assert returns.main(["--check"]) == 0
    assert "ship" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (marked("crate", "{}"), "there is no scripts/returns/crate.yml: choose one of box, lorry, price"),
        (marked("box", "{}"), "has the values {unit: ...}, and the mark gives {}"),
        (marked("box", "{unit: feet, colour: red}"), "has the values {unit: ...}, and the mark gives {unit: feet, col"),
        (marked("box", "{unit: [}"), "the values of a mark are texts by name"),
        (marked("box", "{unit: 3}"), "the values of a mark are texts by name"),
        (marked("box", "metres"), "the values of a mark are texts by name"),
        (marked("price", "{}"), "scripts/returns/price.yml has a dollar sign without a name behind it: write it as $$"),
        ("# begin scripts/returns/box.yml {unit: m}\nown: 1\n", "`# begin scripts/returns/box.yml {unit: m}` has"),
        ("own: 1\n  # end scripts/returns/box.yml\n", "`# end scripts/returns/box.yml` has no other end"),
        ("# begin scripts/returns/box.yml {unit: m}\n  # end scripts/returns/box.yml\n", "that is indented alike"),
        ("# begin scripts/returns/box.yml {unit: m}\n# end scripts/returns/lorry.yml\n", "and names the same"),
        ("# begin scripts/returns/box.yml {unit: m}\nown: 1\n" + marked("box", "{unit: m}"), "has no other end"),
    ],
)
def test_a_wrong_mark_is_told_and_nothing_written(
    tree: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    ship = tree / "plugins/modules/ship.py"
    ship.write_text(module(text))
    assert returns.main([]) == 1
    said = capsys.readouterr().err
    assert said.startswith("returns: plugins/modules/ship.py: ") and told in said
    assert ship.read_text() == module(text)
