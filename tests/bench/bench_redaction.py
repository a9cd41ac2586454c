# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the redaction of one message may take at worst: a search among texts that are hard for some rule.

Each needle of each rule, and what usually stands around a secret, is repeated, alone and with one other piece behind
it. The hardest short texts are grown to the size that is asked for, and the slowest of these is the row.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, Row, spread, table, write

sys.path.insert(0, str(ROOT / ".build"))
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.rules import RULES

GOAL = 1.0
SHORT = 20_000
# Where names of secrets, values and joints meet: the beginnings and ends that rules look for.
AROUND = (
    "a", "A1", "=", ": ", " ", "\n", "\t", '"', "'", "a" * 41, "a1B2" * 10, "-", "_", "@", "://", "| ", "\\", "\x1b[1m",
    "\u200b", "`", "<b>", "&shy;", "│ ", "\n  ", "{", "[REDACTED:",
)  # fmt: skip


def texts(pairs: int, seed: int) -> Iterator[str]:
    """Pieces to repeat: all alone, and so many pairs, drawn."""
    needles = sorted({needle for rule in RULES for needle in rule.needles if needle})
    pieces = [*needles, *AROUND]
    yield from pieces
    drawn = random.Random(seed)
    for _pair in range(pairs):
        yield drawn.choice(needles) + drawn.choice(AROUND) + drawn.choice(["", drawn.choice(pieces)])


def repeated(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="characters of the text")
    parser.add_argument("--pairs", type=int, default=1000, help="pairs that are drawn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hardest", type=int, default=12, help="of the short texts, how many are grown")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench_redaction.json")
    options = parser.parse_args()
    redactor = Redactor(b"a key for the benchmark only")

    def seconds(text: str) -> float:
        """Processor time: the redaction waits for nothing."""
        begun = time.process_time()
        redactor.redact(text)
        return time.process_time() - begun

    short = {piece: seconds(repeated(piece, SHORT)) for piece in set(texts(options.pairs, options.seed))}
    hardest = sorted(short, key=lambda piece: short[piece])[-options.hardest :]
    found = {piece: [seconds(repeated(piece, options.size)) for _round in range(3)] for piece in hardest}
    for piece in hardest:
        print(f"{min(found[piece]):6.2f} s  {piece!r}", flush=True)
    worst = max(hardest, key=lambda piece: min(found[piece]))
    case = f"redaction of {options.size / 1e6:g} MB, the worst of {len(short)} texts"
    rows = [Row(case, "processor time", min(found[worst]), "s", "<=", GOAL, {repr(worst): spread(found[worst])})]
    print(f"\n{table(rows)}")
    write(rows, options.json)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
