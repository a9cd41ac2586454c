# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw mistakes that nobody chose, make each in a copy, run the tests that claim the file, and name the survivors.

``mutants_drawn.py [--count N] [--seed S] [--skip N] [--minutes M]``. The mistakes are cosmic-ray's;
tests/mutants_drawn.yml says from which files, and how often. Drawn are a file by its weight, a place in it, and one of
the mistakes that can be made there. A run that takes over a minute is too slow: the tests may not end, or not be done.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cosmic_ray.plugins
import yaml
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from mutants import ROOT, UTILS, copy_of_the_tree, judge

LIMIT = 60.0
Position = tuple[int, int]
Span = tuple[Position, Position]


@dataclass(frozen=True)
class Mistake:
    """The occurrence of an operator in a file; positions are lines from 1 and columns from 0."""

    file: str
    operator: str
    occurrence: int
    span: Span

    def text(self, source: str) -> str:
        """The source with the mistake."""
        made: str | None = mutate_code(source, cosmic_ray.plugins.get_operator(self.operator)(), self.occurrence)
        assert made is not None
        return made


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="go on after so many of the seed's")
    parser.add_argument("--minutes", type=float, default=600, help="begin no other mistake after so many")
    options = parser.parse_args(arguments)
    until, verdicts, survivors = time.monotonic() + 60 * options.minutes, Counter[str](), []
    drawn = draw(random.Random(options.seed), options.skip + options.count)[options.skip :]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copy_of_the_tree(Path(folder))
        for number, (mistake, tests) in enumerate(drawn, options.skip + 1):
            if time.monotonic() > until:
                break
            source = (ROOT / UTILS / mistake.file).read_text()
            began, text = time.monotonic(), mistake.text(source)
            verdict = judge(tree, mistake.file, text, tests, LIMIT)
            verdicts[verdict] += 1
            seconds = time.monotonic() - began
            where = f"{mistake.file}:{mistake.span[0][0]} {mistake.operator}"
            print(f"{number:3} {verdict:8} {seconds:3.0f} s  {where}", flush=True)
            if verdict == "SURVIVED":
                survivors.append(mistake)
                print(_difference(source, text), flush=True)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    print(f"{date.today()}, seed {options.seed}: {sum(verdicts.values())} mistakes, {counted}")
    return 1 if survivors else 0


def draw(chance: random.Random, count: int) -> list[tuple[Mistake, list[str]]]:
    """So many different mistakes, each with the tests that claim its file."""
    groups = yaml.safe_load((ROOT / "tests" / "mutants_drawn.yml").read_text())
    files = {file: group for group in groups for file in group["files"]}
    places = {file: _places(file) for file in files}
    weights = [group["weight"] for group in files.values()]
    drawn: list[tuple[Mistake, list[str]]] = []
    while len(drawn) < count:
        [file] = chance.choices(list(files), weights)
        if places[file]:
            here = places[file].pop(chance.randrange(len(places[file])))
            drawn.append((chance.choice(here), files[file]["tests"]))
    return drawn


def _places(file: str) -> list[list[Mistake]]:
    """The mistakes that can be made in a file, by place; none in annotations, which nothing evaluates."""
    source = (ROOT / UTILS / file).read_text()
    nodes, annotations = list(ast_nodes(get_ast(source))), list(_annotations(source))
    places: dict[Span, list[Mistake]] = {}
    for name in sorted(cosmic_ray.plugins.operator_names()):
        operator = cosmic_ray.plugins.get_operator(name)
        if operator.arguments() or name.endswith("/NoOp"):
            continue
        spans = (span for node in nodes for span in operator().mutation_positions(node))
        for occurrence, span in enumerate(spans):
            if not any(begin <= span[0] < end for begin, end in annotations):
                places.setdefault(span, []).append(Mistake(file, name, occurrence, span))
    return [places[span] for span in sorted(places)]


def _annotations(source: str) -> Iterator[Span]:
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            found = getattr(node, name, None)
            if isinstance(found, ast.expr):
                assert found.end_lineno is not None and found.end_col_offset is not None
                yield (found.lineno, found.col_offset), (found.end_lineno, found.end_col_offset)


def _difference(source: str, text: str) -> str:
    lines = difflib.unified_diff(source.splitlines(), text.splitlines(), "right", "wrong", n=2, lineterm="")
    return "\n".join(f"      {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
