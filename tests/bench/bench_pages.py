# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of 10,000 conversations in Chromium: how fast it opens and answers; and what pages cost who collects.

The conversations are of 10 KB: words of a vocabulary of 60,000, as often as Zipf's law says, and one in fifty that
stands nowhere else, as hashes and numbers do. That is more to index than people write.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measure import ROOT, Row, spread, table, write

sys.path[:0] = [str(ROOT / ".build"), str(ROOT / "tests")]

from bench_archive import text as prose
from integration.browser import Browser, chromium
from unit.archive import samples

from ansible_collections.coder.tasks.plugins.module_utils.archive.report import index, pages, words

VOCABULARY, SIZE, UNIQUE = 60_000, 10_000, 50
MARKDOWN = """## Step

The **test** fails, see `app.py`:

```python
assert response.status == 200
```

- one
- two
"""
# What is typed: common, rare, one that stands once, several words, a single letter, nothing that there is.
TYPED = ("the", "w59999", "only4711x", "the of w100", "e", "nowhere")


def conversations(count: int) -> Iterator[str]:
    rng = random.Random(1)
    vocabulary = ["the", "of", "test", *(f"w{number}" for number in range(VOCABULARY))]
    chances = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(vocabulary))))
    for row in range(count):
        said = rng.choices(vocabulary, cum_weights=chances, k=SIZE // 6)
        said[::UNIQUE] = [f"only{row}x{at}" for at in range(len(said[::UNIQUE]))]
        yield " ".join(said)


def opened(browser: Browser, page: Path, rounds: int) -> list[float]:
    """Seconds until the page can be used."""
    taken = []
    for _round in range(rounds):
        browser.open(page)
        taken.append(browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
    return taken


def answered(browser: Browser, page: Path, rounds: int) -> dict[str, list[float]]:
    """Milliseconds from what is typed to the rows, the first in a page that was just opened."""
    taken: dict[str, list[float]] = {f"first: {TYPED[0]}": [], **{text: [] for text in TYPED}}
    for _round in range(rounds):
        browser.open(page)
        for name, text in zip(taken, (TYPED[0], *TYPED)):
            taken[name].append(browser.run("""
              known.clear();
              const started = performance.now();
              $("search").value = arguments[0];
              restart();
              document.body.offsetHeight;
              return performance.now() - started;
            """, text))
    return taken


def cost(messages: Callable[[random.Random], str], tasks: int = 200) -> list[float]:
    """CPU milliseconds of the two transcripts of one conversation of ten messages of 1 KB, in rounds."""
    rng = random.Random(1)
    logs = [[samples.message(at, messages(rng)) for at in range(10)] for _task in range(tasks)]
    records = [samples.record(number, log) for number, log in enumerate(logs)]
    given = [(samples.entry_of(record), record["task"], record["messages"]) for record in records]
    taken = []
    for _round in range(5):
        started = time.process_time()
        for entry, task, log in given:
            pages.transcripts(entry, task, log)
        taken.append((time.process_time() - started) / tasks * 1000)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench_pages.json")
    given = parser.parse_args()
    if not shutil.which("chromedriver"):
        print("NOT MEASURED: chromium and chromedriver are not installed (Debian: chromium, chromium-driver)")
        write([], given.json)
        return 0
    entries: list[dict[str, Any]] = [samples.entry_of(samples.record(number)) for number in range(given.tasks)]
    started = time.process_time()
    for _said in conversations(given.tasks):
        pass
    made = time.process_time()
    said = words.index(conversations(given.tasks))
    indexed = time.process_time() - made - (made - started)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = Path(folder, "index.html")
        page.write_text(index.html(entries, said))
        seconds, answers = opened(browser, page, given.rounds), answered(browser, page, given.rounds)
        size = page.stat().st_size / 1e6
    print(f"{given.tasks} conversations of {SIZE} bytes: {size:.1f} MB, indexed in {indexed:.1f} s")
    for name, values in answers.items():
        print(f"  {name:12} {statistics.median(values):6.1f} ms")
    plain, rich = cost(prose), cost(lambda _rng: MARKDOWN * 10)
    print(f"transcripts of a task: {min(plain):.2f} ms of prose, {min(rich):.2f} ms of Markdown")
    case = f"index of {given.tasks} conversations"
    slowest = max(answers.values(), key=statistics.median)
    rows = [
        Row(case, "opens", statistics.median(seconds), "s", "<=", 2, {"open": spread(seconds)}),
        Row(case, "answers a word, the slowest", statistics.median(slowest), "ms", "<=", 300, {}),
    ]
    print(f"\n{table(rows)}")
    write(rows, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
