# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add up pytest's result files: ``summary.py FOLDER``. Fails on a failure, on no tests, and in CI on a skipped test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from xml.etree import ElementTree


def main(folder: str) -> int:
    count = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for file in sorted(Path(folder).glob("*.xml")):
        for suite in ElementTree.parse(file).iter("testsuite"):
            for key in count:
                count[key] += int(suite.get(key, 0))
    failed = count["failures"] + count["errors"]
    passed = count["tests"] - failed - count["skipped"]
    print(f"{passed} passed, {failed} failed, {count['skipped']} skipped")
    if count["skipped"] and os.environ.get("CI") == "true":
        print("A skipped test is a failure when CI=true.")
        return 1
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
