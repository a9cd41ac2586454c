# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make each mistake of tests/mutants.yml in a copy, run the tests that claim the file, and name those that none finds.

``mutants.py [--only TEXT] [--sample N --seed S]``. A mistake whose text is gone, or stands there twice, is an error:
the code has moved, and the entry has to follow it.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
UTILS = Path("plugins") / "module_utils"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose reason or file holds this text")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    mutants = [each for each in known() if options.only in f"{each['why']} {each['file']}"]
    if options.sample is not None:
        mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    problems = [problem for each in mutants if (problem := misplaced(each))]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copy_of_the_tree(Path(folder))
        survivors = [each for each in mutants if not is_found(tree, each)]
    print(f"{len(mutants)} mistakes, {len(survivors)} that no test finds")
    return 1 if survivors else 0


def known() -> list[dict[str, Any]]:
    """Each mistake: why, file, find, put and tests."""
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests" / "mutants.yml").read_text())
    return [{**each, "find": _lines(each["find"]), "put": _lines(each["put"])} for each in found]


def _lines(text: str) -> str:
    return text.replace("\\n", "\n")


def misplaced(mutant: dict[str, Any]) -> str | None:
    """Why a mistake cannot be made; None if it can."""
    count = (ROOT / UTILS / mutant["file"]).read_text().count(mutant["find"])
    if count == 1:
        return None
    return f"{mutant['file']}: {mutant['find']!r} stands there {count} times, and has to once ({mutant['why']})"


def copy_of_the_tree(folder: Path) -> Path:
    """The checkout, without what is made in it, as Ansible finds it."""
    tree = folder / "ansible_collections" / "coder" / "tasks"
    made = shutil.ignore_patterns(".git", ".venv*", ".build", "build", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=made)
    (tree / ".build" / "ansible_collections" / "coder").mkdir(parents=True)
    (tree / ".build" / "ansible_collections" / "coder" / "tasks").symlink_to(tree)
    (tree / ".venv").symlink_to(ROOT / ".venv")
    return tree


def is_found(tree: Path, mutant: dict[str, Any]) -> bool:
    """Whether a test fails with the mistake. The copy is whole again after it."""
    path = tree / UTILS / mutant["file"]
    right = path.read_text()
    path.write_text(right.replace(mutant["find"], mutant["put"]))
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant["tests"]]
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, timeout=600)
    finally:
        path.write_text(right)
    # Anything but 0 and 1 is no word of the tests: they could not be run.
    if done.returncode not in (0, 1):
        raise SystemExit(f"the tests of {mutant['file']} could not be run:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    verdict, seconds = "found" if done.returncode else "SURVIVED", time.monotonic() - began
    print(f"{verdict:8} {seconds:4.0f} s  {mutant['why']}", flush=True)
    return done.returncode == 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
