# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make each mistake of tests/mutants.yml in a copy, run the tests that claim the file, and name those that none finds.

``mutants.py [--only TEXT] [--sample N --seed S] [--seconds N]``. A mistake whose text is gone, or stands there
twice, is an error: the code has moved, and the entry has to follow it.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
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
    parser.add_argument("--seconds", type=float, default=86400, help="begin no other mistake after so many")
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
        until, found = time.monotonic() + options.seconds, []
        for each in mutants:
            if time.monotonic() < until:
                found.append(is_found(tree, each))
    survivors = found.count(False)
    print(f"{len(found)} mistakes, {survivors} that no test finds")
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
    """Whether a test fails with the mistake; prints so."""
    began = time.monotonic()
    text = (tree / UTILS / mutant["file"]).read_text().replace(mutant["find"], mutant["put"])
    verdict = judge(tree, mutant["file"], text, mutant["tests"])
    print(f"{verdict:8} {time.monotonic() - began:4.0f} s  {mutant['why']}", flush=True)
    return verdict == "found"


def judge(tree: Path, file: str, text: str, tests: list[str], seconds: float = 600) -> str:
    """What the tests say of another text of a file: ``found``, ``SURVIVED``, or ``too slow`` for so many seconds.

    The copy is whole again afterwards.

    :raises SystemExit: The tests could not be run, which is no word of theirs.
    """
    path = tree / UTILS / file
    right = path.read_text()
    path.write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    # A group of its own: what tests have started ends with them.
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    try:
        with subprocess.Popen(command, cwd=tree, start_new_session=True, **piped) as process:
            try:
                said, _nothing = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return "too slow"
    finally:
        path.write_text(right)
    # 2: a module that cannot even be imported.
    if process.returncode not in (0, 1, 2):
        raise SystemExit(f"the tests of {file} could not be run:\n{said[-3000:]}")
    return "found" if process.returncode else "SURVIVED"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
